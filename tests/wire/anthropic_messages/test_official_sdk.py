"""Anthropic's own SDK, over a real socket, reads what we write; and what it sends, we read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, MessageCreateParams
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fairlead.domain.content import Reasoning, Text, Tool, ToolCall, ToolResult, Turn
from fairlead.domain.errors import (
    BodyTooLargeError,
    DeadlineError,
    FairleadError,
    ForbiddenError,
    InvalidOptionError,
    RejectedError,
    UnauthenticatedError,
    UnavailableError,
    UnknownModelError,
)
from fairlead.domain.events import ChoiceFinished, Event, ReasoningDelta, ReplyBegan, TextDelta, ToolCallBegan
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.domain.request import ChatRequest
from fairlead.wire.anthropic_messages import BACK, DOOR
from fairlead.wire.anthropic_messages.model_list import ListedModel, write_models
from fairlead.wire.anthropic_messages.reply_writing import write_reply
from fairlead.wire.anthropic_messages.stream_writing import MessageWriter
from fairlead.wire.anthropic_messages.token_counts import read_count_request, write_count
from tests.peers.canned_server import Canned, serving_canned
from tests.wire.strategies import chat_requests, events_of, replies

JSON = "application/json"
EVENTS = "text/event-stream"
ASKED: Any = {"model": "auto", "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}


@contextmanager
def sdk(*answers: Canned) -> Iterator[tuple[anthropic.Anthropic, list[tuple[str, bytes]]]]:
    with serving_canned(*answers) as server:
        http = anthropic.DefaultHttpxClient(trust_env=False)
        with anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0, http_client=http) as client:
            yield client, server.asked


def stream_of(events: list[Event]) -> bytes:
    writer = MessageWriter(reply_id="msg_1", wants_thinking=True)
    said = b"".join(writer.write(event) + writer.ping() for event in events)
    return said + writer.finish(b": x-fairlead-cost-usd=0.1\n\n")


def test_the_sdk_reads_every_reply_and_stream_alike() -> None:
    answers: list[Canned] = []
    told: list[Reply] = []

    @given(st.data(), replies())
    def collect(data: st.DataObject, reply: Reply) -> None:
        stream = stream_of(data.draw(events_of(reply, mixes_calls=True)))
        told.append(reply)
        answers.append(Canned(200, JSON, write_reply(reply, reply_id="msg_1", wants_thinking=True)))
        answers.append(Canned(200, EVENTS, stream))

    collect()
    assert len(told) > 30
    with sdk(*answers) as (client, _):
        for reply in told:
            whole = client.messages.create(**ASKED)
            with client.messages.stream(**ASKED) as stream:
                streamed = stream.get_final_message()
            # Judged by the SDK's own types: nothing required is missing, nothing has another type.
            Message.model_validate(whole.model_dump())
            Message.model_validate(streamed.model_dump())
            assert [block.model_dump() for block in streamed.content] == [block.model_dump() for block in whole.content]
            assert streamed.stop_reason == whole.stop_reason
            assert streamed.usage.output_tokens == (reply.usage.output_tokens if reply.usage else 0)
            assert streamed.usage.input_tokens == (reply.usage.input_tokens if reply.usage else 0)
            calls = [block for block in whole.content if block.type == "tool_use"]
            asked = [part for part in reply.choices[0].parts if isinstance(part, ToolCall)]
            assert [(call.name, call.input) for call in calls] == [
                (call.name, json.loads(call.arguments)) for call in asked
            ]


def test_what_the_sdk_sends_is_read_and_its_tool_loop_closes() -> None:
    call = ToolCall("call:1/π", "find", '{"q":"x"}')
    thoughts = Reasoning("hm", "blob", "openai_responses")
    reply = Reply("r", "gpt", (ReplyChoice((thoughts, Text("so"), call), "tool_calls"),))
    first = Canned(200, JSON, write_reply(reply, reply_id="msg_1", wants_thinking=True))
    with sdk(first, first) as (client, asked):
        message = client.messages.create(**ASKED)
        used = next(block for block in message.content if block.type == "tool_use")
        result: Any = {"type": "tool_result", "tool_use_id": used.id, "content": "42"}
        messages: list[Any] = [
            *ASKED["messages"],
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ]
        client.messages.create(**{**ASKED, "messages": messages}, thinking={"type": "adaptive"})
    path, body = asked[1]
    assert path == "/v1/messages"
    request = DOOR.read_request(body)
    assert request.outline.in_tool_loop
    turns = request.chat().turns
    assert turns[1].parts == reply.choices[0].parts
    assert turns[2].parts == (ToolResult("call:1/π", (Text("42"),), name="find"),)


def test_a_stream_that_fails_makes_the_sdk_raise() -> None:
    writer = MessageWriter(reply_id="msg_1", wants_thinking=True)
    begun: list[Event] = [ReplyBegan("r", "m"), TextDelta("Hel")]
    said = b"".join(map(writer.write, begun)) + writer.fail(UnavailableError("All upstreams are down."))
    with sdk(Canned(200, EVENTS, said)) as (client, _):
        words = []
        with pytest.raises(anthropic.APIStatusError) as caught, client.messages.stream(**ASKED) as stream:
            words += list(stream.text_stream)
    assert caught.value.type == "overloaded_error"
    assert "All upstreams are down." in str(caught.value)


def test_a_reply_without_thoughts_asked_for_begins_with_its_words() -> None:
    writer = MessageWriter(reply_id="msg_1", wants_thinking=False)
    events: list[Event] = [ReplyBegan("r", "m"), ReasoningDelta("hm"), TextDelta("Hello"), ChoiceFinished("stop")]
    said = b"".join(map(writer.write, events)) + writer.finish(b"")
    with sdk(Canned(200, EVENTS, said)) as (client, _), client.messages.stream(**ASKED) as stream:
        first = stream.get_final_message().content[0]
    assert first.type == "text"
    assert first.text == "Hello"


def test_calls_beside_a_plain_stop_are_calls_to_be_run() -> None:
    events: list[Event] = [ReplyBegan("r", "m"), ToolCallBegan(0, "a", "f"), ChoiceFinished("stop")]
    with sdk(Canned(200, EVENTS, stream_of(events))) as (client, _), client.messages.stream(**ASKED) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert message.content[0].type == "tool_use"
    assert message.content[0].input == {}


def rejected(status: int) -> RejectedError:
    return RejectedError("The upstream refused.", upstream="u", upstream_status=status, is_retryable=False)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidOptionError("bad", param="top_k"), 400, "invalid_request_error"),
        (UnauthenticatedError("who?"), 401, "authentication_error"),
        (ForbiddenError("no"), 403, "permission_error"),
        (UnknownModelError("what?"), 404, "not_found_error"),
        (BodyTooLargeError("big"), 413, "request_too_large"),
        (rejected(422), 422, "invalid_request_error"),
        (rejected(429), 429, "rate_limit_error"),
        (rejected(401), 502, "api_error"),
        (rejected(500), 502, "api_error"),
        (rejected(529), 529, "overloaded_error"),
        (UnavailableError("down"), 503, "overloaded_error"),
        (DeadlineError("late"), 504, "timeout_error"),
        (FairleadError("bug"), 500, "api_error"),
    ],
)
def test_the_sdk_knows_each_error_by_its_type_and_code(error: FairleadError, status: int, kind: str) -> None:
    written_status, body = DOOR.write_failure(error)
    with sdk(Canned(written_status, JSON, body)) as (client, _), pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**ASKED)
    assert caught.value.status_code == status
    assert caught.value.type == kind
    assert caught.value.error_code == error.code
    assert error.message in str(caught.value)


def test_the_sdk_counts_tokens_and_lists_models() -> None:
    models = write_models([ListedModel("auto", "Auto"), ListedModel("openai/gpt-5", "GPT-5", 1_754_000_000)])
    with sdk(Canned(200, JSON, write_count(14)), Canned(200, JSON, models)) as (client, asked):
        counted = client.messages.count_tokens(model="auto", messages=ASKED["messages"], system="s")
        listed = list(client.models.list())
    assert counted.input_tokens == 14
    assert [(model.id, model.display_name, model.created_at.year) for model in listed] == [
        ("auto", "Auto", 1970),
        ("openai/gpt-5", "GPT-5", 2025),
    ]
    assert asked[0][0] == "/v1/messages/count_tokens"
    request = read_count_request(asked[0][1])
    assert not request.is_streaming
    assert json.loads(request.body_for(SentModel("claude"))) == {
        "model": "claude",
        "messages": ASKED["messages"],
        "system": "s",
    }


PARAMS: TypeAdapter[Any] = TypeAdapter(MessageCreateParams)


@given(chat_requests())
def test_every_request_that_we_write_fits_the_sdks_types(chat: ChatRequest) -> None:
    body = json.loads(BACK.write_request(chat, SentModel("claude-opus-4-8")).body)
    PARAMS.validate_python(body, strict=False)


def test_the_sdks_types_would_notice_a_wrong_request() -> None:
    chat = ChatRequest((Turn("user", (Text("x"),)),), tools=(Tool("f"),))
    body = json.loads(BACK.write_request(chat, SentModel("claude-opus-4-8")).body)
    with pytest.raises(ValidationError):
        PARAMS.validate_python({**body, "tool_choice": {"type": "required"}})
