"""Odd counts: a reply is delivered whatever its usage looks like, and a whole number is read in any spelling."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.domain.errors import GarbledError
from fairlead.domain.events import UsageReported
from fairlead.domain.usage import Usage
from fairlead.wire import anthropic_messages, bedrock_converse, gemini_generate, openai_chat, openai_responses
from fairlead.wire.anthropic_messages.replies import check_reply
from fairlead.wire.anthropic_messages.stream import MessageWatch
from fairlead.wire.format import Back, ReplyStream
from fairlead.wire.openai_chat.replies import read_embeddings, read_reply
from fairlead.wire.openai_chat.stream import StreamWatch
from fairlead.wire.openai_responses.replies import lane_reply
from fairlead.wire.openai_responses.stream import ResponseWatch
from tests.wire.bedrock_converse.event_streams import stream as converse_stream
from tests.wire.reading import failure, told

CHAT = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}], "model": "m"}
CHUNK = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}], "model": "m"}
RESPONSE = {"id": "r", "status": "completed", "output": [], "model": "m"}
MESSAGE = {"type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "model": "m"}
GEMINI = {"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}
CONVERSE = {"output": {"message": {"content": [{"text": "hi"}]}}, "stopReason": "end_turn"}
NAMES = {
    "openai_chat": ("prompt_tokens", "completion_tokens"),
    "openai_responses": ("input_tokens", "output_tokens"),
    "anthropic_messages": ("input_tokens", "output_tokens"),
    "gemini_generate": ("promptTokenCount", "candidatesTokenCount"),
    "bedrock_converse": ("inputTokens", "outputTokens"),
}
ODD: list[tuple[Any, Any, Usage | None]] = [
    (10.0, 5, Usage(input_tokens=10, output_tokens=5)),
    ("10", "5.0", Usage(input_tokens=10, output_tokens=5)),
    (1e300, 5, Usage(output_tokens=5)),
    (10.5, "ten", None),
    (True, [1], None),
]


def counts(name: str, n_in: Any, n_out: Any) -> dict[str, Any]:
    first, second = NAMES[name]
    return {first: n_in, second: n_out}


def sse(*values: object) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def whole(name: str, usage: object) -> bytes:
    bodies: dict[str, dict[str, Any]] = {
        "openai_chat": CHAT,
        "openai_responses": RESPONSE,
        "anthropic_messages": MESSAGE,
        "gemini_generate": GEMINI,
        "bedrock_converse": CONVERSE,
    }
    member = "usageMetadata" if name == "gemini_generate" else "usage"
    return json.dumps(bodies[name] | {member: usage}).encode()


def streamed(name: str, usage: dict[str, Any]) -> bytes:
    if name == "openai_chat":
        return sse(CHUNK, {"choices": [], "usage": usage}) + b"data: [DONE]\n\n"
    if name == "openai_responses":
        text = {"type": "response.output_text.delta", "delta": "hi"}
        return sse(text, {"type": "response.completed", "response": RESPONSE | {"usage": usage}})
    if name == "anthropic_messages":
        return sse(
            {"type": "message_start", "message": {"model": "m", "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
            {"type": "message_stop"},
        )
    if name == "gemini_generate":
        return sse(GEMINI | {"usageMetadata": usage})
    return converse_stream(
        [
            ("contentBlockDelta", {"delta": {"text": "hi"}, "contentBlockIndex": 0}),
            ("messageStop", {"stopReason": "end_turn"}),
            ("metadata", {"usage": usage}),
        ]
    )


BACKS = (
    openai_chat.BACK,
    openai_responses.BACK,
    anthropic_messages.BACK,
    gemini_generate.BACK,
    bedrock_converse.BACK,
)
every_back = pytest.mark.parametrize("back", BACKS, ids=lambda back: back.name)
every_odd = pytest.mark.parametrize(("n_in", "n_out", "usage"), ODD, ids=repr)


@every_back
@every_odd
def test_a_whole_reply_is_read_whatever_its_counts(back: Back, n_in: Any, n_out: Any, usage: Usage | None) -> None:
    assert back.read_reply(whole(back.name, counts(back.name, n_in, n_out))).usage == usage


@every_back
@every_odd
def test_a_stream_is_read_whatever_its_counts(back: Back, n_in: Any, n_out: Any, usage: Usage | None) -> None:
    events = told(back.reader, [streamed(back.name, counts(back.name, n_in, n_out))])
    assert failure(events) is None
    assert [event.usage for event in events if isinstance(event, UsageReported)] == ([usage] if usage else [])


@every_back
def test_a_usage_that_is_none_is_unknown(back: Back) -> None:
    assert back.read_reply(whole(back.name, [1])).usage is None


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (read_reply, "openai_chat"),
        (lane_reply, "openai_responses"),
        (check_reply, "anthropic_messages"),
    ],
)
@every_odd
def test_a_reply_on_the_lane_goes_on_as_it_came(
    read: Callable[..., Any], name: str, n_in: Any, n_out: Any, usage: Usage | None
) -> None:
    body = whole(name, counts(name, n_in, n_out))
    reply = read(body, "m")
    assert (reply.body, reply.usage) == (body, usage)


@pytest.mark.parametrize(
    ("watch", "name"),
    [
        (lambda: StreamWatch(hides_usage=False), "openai_chat"),
        (ResponseWatch, "openai_responses"),
        (MessageWatch, "anthropic_messages"),
    ],
)
@every_odd
def test_a_stream_on_the_lane_goes_on_as_it_came(
    watch: Callable[[], ReplyStream], name: str, n_in: Any, n_out: Any, usage: Usage | None
) -> None:
    one = watch()
    one.feed(streamed(name, counts(name, n_in, n_out)))
    assert one.failure is None
    assert one.usage == usage


def test_embeddings_are_read_whatever_their_counts() -> None:
    body = b'{"data":[],"model":"m","usage":{"prompt_tokens":3.0,"total_tokens":3}}'
    assert read_embeddings(body, "m").usage == Usage(input_tokens=3)


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":3,"usage":{"prompt_tokens":10.0}}',
        b'{"choices":[],"model":"\xff","usage":{"prompt_tokens":10.0}}',
        b'{"usage":{"prompt_tokens":10.0}',
        b'{"usage":{"prompt_tokens":10.0},"message":' + b"[" * 100_000,
    ],
    ids=["another fault", "not UTF-8", "cut", "too deep"],
)
def test_what_is_wrong_otherwise_is_still_wrong(body: bytes) -> None:
    with pytest.raises(GarbledError):
        read_reply(body, "m")
