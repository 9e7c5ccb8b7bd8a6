"""An upstream's Messages stream: its events in the hub's words, and nothing but a ReplyFailed for what is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.content import Reasoning, Text, ToolCall
from fairlead.domain.errors import GarbledError, TruncatedError, UpstreamError
from fairlead.domain.events import ArgumentsDelta, ChoiceFinished, Event, ReplyFailed, UsageReported
from fairlead.domain.reply import fold
from fairlead.domain.usage import Usage
from fairlead.wire.anthropic_messages import BACK


def event(kind: str, **members: Any) -> bytes:
    data = json.dumps({"type": kind, **members}).encode()
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    said = [event("content_block_delta", index=index, delta=delta) for delta in deltas]
    start = event("content_block_start", index=index, content_block=content)
    return start + b"".join(said) + event("content_block_stop", index=index)


def text(index: int, *words: str) -> bytes:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": word} for word in words))


START_USAGE = {
    "input_tokens": 25,
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 60},
    "output_tokens": 2,
}
START = event("message_start", message={"id": "msg_1", "model": "claude", "content": [], "usage": START_USAGE})
END = event(
    "message_delta",
    delta={"stop_reason": "tool_use", "stop_sequence": None},
    usage={"output_tokens": 90, "output_tokens_details": {"thinking_tokens": 30}},
) + event("message_stop")

# As documented at platform.claude.com/docs/en/build-with-claude/streaming, with a hosted tool and citations between.
RECORDED = (
    START
    + block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Let me "},
        {"type": "thinking_delta", "thinking": "see."},
        {"type": "signature_delta", "signature": "EqQB"},
    )
    + block(1, {"type": "redacted_thinking", "data": "EmwKAhgB"})
    + event("ping")
    + block(
        2,
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"query":"w"}'},
    )
    + block(3, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "x"}]})
    + text(4, "It ", "is ")
    + block(
        5,
        {"type": "text", "text": "", "citations": []},
        {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "y"}},
        {"type": "text_delta", "text": "fine."},
    )
    + block(
        6,
        {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": '{"city": "Sã'},
        {"type": "input_json_delta", "partial_json": 'o"}'},
    )
    + block(7, {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}})
    + END
)
WHOLE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EmwKAhgB"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "w"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "x"}]},
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "fine.", "citations": [{"type": "char_location", "cited_text": "y"}]},
        {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"city": "São"}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {**START_USAGE, "output_tokens": 90, "output_tokens_details": {"thinking_tokens": 30}},
}


def read(*pieces: bytes) -> list[Event]:
    reader = BACK.reader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


def test_a_recorded_reply_is_the_same_streamed_and_whole() -> None:
    reply = fold(read(RECORDED))
    assert reply == BACK.read_reply(json.dumps(WHOLE, ensure_ascii=False).encode())
    assert reply.choices[0].parts == (
        Reasoning("Let me see.", "EqQB", "anthropic_messages"),
        Reasoning("", "EmwKAhgB", "anthropic_messages", is_redacted=True),
        Text("It is fine."),
        ToolCall("toolu_1", "find", '{"city": "São"}'),
        ToolCall("toolu_2", "now", "{}"),
    )
    assert reply.choices[0].finish == "tool_calls"
    assert reply.usage == Usage(25, 50, 100, 90, 30, cache_write_1h_tokens=60)


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "content_filter"),
        ("from_the_future", "stop"),
    ],
)
def test_every_stop_reason_has_its_word(stop_reason: str, finish: str) -> None:
    sequence = "END" if stop_reason == "stop_sequence" else None
    last = event("message_delta", delta={"stop_reason": stop_reason, "stop_sequence": sequence}, usage={})
    events = read(START + text(0, "x") + last + event("message_stop"))
    assert ChoiceFinished(finish, stop_sequence=sequence) in events  # type: ignore[arg-type]
    assert BACK.read_reply(json.dumps({**WHOLE, "stop_reason": stop_reason}).encode()).choices[0].finish == finish


def test_arguments_that_come_with_the_beginning_of_a_block_are_not_lost() -> None:
    call = block(0, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}})
    assert ArgumentsDelta(0, '{"x": 1}') in read(START + call + END)
    unclosed = event("content_block_start", index=0, content_block={"type": "tool_use", "id": "a", "name": "f"})
    assert ArgumentsDelta(0, "{}") in read(START + unclosed + END)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", TruncatedError),
        (START + text(0, "x"), TruncatedError),
        (START + text(0, "x") + event("message_stop"), TruncatedError),
        (START + event("error", error={"type": "overloaded_error", "message": "m"}), UpstreamError),
        (START + b'data: {"error":{"message":"m"}}\n\n', UpstreamError),
        (START + b"data: <html>\n\n", GarbledError),
        (START + b"data: " + b"[" * 100_000 + b"\n\n", GarbledError),
        (START + event("content_block_delta", index=5, delta={"partial_json": "{"}), GarbledError),
        (START + END.partition(b"event: message_stop")[0] + text(1, "late"), GarbledError),
        (b"<html>not found</html>", TruncatedError),
        (b'{"type":"error","error":{"type":"api_error","message":"m"}}', TruncatedError),
        (b"data: " + b"x" * (17 << 20), GarbledError),
    ],
)
def test_a_failure_is_the_last_event_and_nothing_comes_after_it(data: bytes, error: type[UpstreamError]) -> None:
    reader = BACK.reader()
    events = reader.feed(data) + reader.end()
    assert isinstance(events[-1], ReplyFailed)
    assert type(events[-1].error) is error
    assert sum(isinstance(event, ReplyFailed) for event in events) == 1
    assert reader.feed(text(0, "more") + END) == []
    assert reader.end() == []
    assert not reader.is_done


def test_usage_is_told_once_and_after_the_finish() -> None:
    events = read(RECORDED)
    assert isinstance(events[-2], ChoiceFinished)
    assert isinstance(events[-1], UsageReported)
    assert sum(isinstance(event, UsageReported) for event in events) == 1


@given(st.lists(st.sampled_from([b"data: ", b"{", b'"type":', b'"content_block_delta"', b"\n\n", b"1e999", b"\xff"])))
def test_no_bytes_at_all_raise(pieces: list[bytes]) -> None:
    events = read(START, *pieces)
    assert isinstance(events[-1], ReplyFailed)


@given(st.binary(max_size=300))
def test_no_bytes_at_all_are_taken_for_a_reply(data: bytes) -> None:
    for read_whole in (BACK.read_reply,):
        with pytest.raises((GarbledError, TruncatedError)):
            read_whole(data)
