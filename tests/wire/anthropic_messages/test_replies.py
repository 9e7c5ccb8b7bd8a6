"""Whole replies on the lane, a stream's order of blocks, counts of tokens: what is checked and what is refused."""

import json
from typing import Any

import pytest

from fairlead.domain.content import ToolCall
from fairlead.domain.errors import GarbledError, TruncatedError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    FinishReason,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.domain.usage import Usage
from fairlead.wire.anthropic_messages import BACK, DOOR
from fairlead.wire.anthropic_messages.reply_writing import write_reply
from fairlead.wire.anthropic_messages.stream_writing import MessageWriter
from fairlead.wire.anthropic_messages.token_counts import read_count, read_count_request
from fairlead.wire.anthropic_messages.usage import write_usage

ASKED = DOOR.read_request(b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}')
REPLY: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "model": "claude",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


def encoded(**members: Any) -> bytes:
    return json.dumps({**REPLY, **members}).encode()


def test_a_whole_reply_goes_on_as_it_came() -> None:
    body = encoded(x_new=[1.50])
    read = ASKED.lane_reply(body, "sent")
    assert (read.body, read.served, read.usage) == (body, "claude", Usage(3, output_tokens=2))


def test_a_reply_that_names_no_model_gets_the_one_that_we_sent() -> None:
    read = ASKED.lane_reply(encoded(model=None), "sent")
    assert json.loads(read.body) == {**REPLY, "model": "sent"}
    assert read.served == "sent"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", GarbledError),
        (b"<html>", GarbledError),
        (b"[]", GarbledError),
        (b"{}", GarbledError),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', GarbledError),
        (encoded(error={"message": "m"}), GarbledError),
        (encoded(content=None), GarbledError),
        (encoded(content="hi"), GarbledError),
        (encoded(stop_reason=None), TruncatedError),
        (encoded(stop_reason=""), TruncatedError),
        (b'{"content":' + b"[" * 100_000, GarbledError),
        (b'{"model":"\xff","content":[],"stop_reason":"end_turn"}', GarbledError),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_finished_reply_is_refused_on_the_lane_and_off_it(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ASKED.lane_reply(body, "sent")
    with pytest.raises(error):
        BACK.read_reply(body)


@pytest.mark.parametrize(
    ("arguments", "finish", "expected"),
    [
        ('{"x": "ab', "length", {}),
        ('{"x": "ab', "content_filter", {}),
        ('{"x": 1}', "length", {"x": 1}),
        ('{"x": "ab', "tool_calls", {"input": '{"x": "ab'}),
    ],
)
def test_a_call_that_was_cut_has_no_invented_parameter(
    arguments: str, finish: FinishReason, expected: dict[str, Any]
) -> None:
    reply = Reply("r", "m", (ReplyChoice((ToolCall("t", "f", arguments),), finish),))
    written = json.loads(write_reply(reply, reply_id="msg_1", wants_thinking=True))
    assert written["content"][0]["input"] == expected
    assert written["stop_reason"] == {"length": "max_tokens", "content_filter": "refusal"}.get(finish, "tool_use")


@pytest.mark.parametrize("content", [[1], [{"text": "no type"}], [{"type": "text", "text": 5}]])
def test_blocks_of_another_shape_are_garbled(content: Any) -> None:
    with pytest.raises(GarbledError):
        BACK.read_reply(encoded(content=content))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, None),
        ({"input_tokens": 5}, Usage(5)),
        (
            {"input_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}},
            Usage(5, cache_write_tokens=5, cache_write_1h_tokens=3),
        ),
        (
            {"input_tokens": -5, "output_tokens": 3, "output_tokens_details": {"thinking_tokens": 9}},
            Usage(0, 0, 0, 3, 3),
        ),
        ({"input_tokens": 10**30, "output_tokens": 0}, Usage(10**30)),
    ],
)
def test_usage_is_read_by_its_classes(usage: Any, expected: Usage | None) -> None:
    assert BACK.read_reply(encoded(usage=usage)).usage == expected
    if expected is not None:
        assert BACK.read_reply(encoded(usage=write_usage(expected))).usage == expected


def data_of_events(events: list[Event], *, wants_thinking: bool = True) -> list[Any]:
    writer = MessageWriter(reply_id="msg_1", wants_thinking=wants_thinking)
    said = b"".join(map(writer.write, events)) + writer.finish(b"")
    return [json.loads(line[6:]) for line in said.split(b"\n") if line.startswith(b"data: ")]


def test_deltas_of_a_later_call_wait_until_the_earlier_one_is_whole() -> None:
    writer = MessageWriter(reply_id="msg_1", wants_thinking=True)
    writer.write(ToolCallBegan(0, "a", "f"))
    assert b"partial_json" in writer.write(ArgumentsDelta(0, '{"x":"}'))
    assert writer.write(ToolCallBegan(1, "b", "g")) == b""
    assert writer.write(ArgumentsDelta(1, '{"y":')) == b""
    assert writer.write(TextDelta("then")) == b""
    assert b"content_block_stop" not in writer.write(ArgumentsDelta(0, '\\"}{"'))
    closing = writer.write(ArgumentsDelta(0, "}"))
    assert closing.count(b"event: content_block_stop") == 1
    assert b'"id":"b"' in closing
    assert b"then" not in closing
    assert b"then" in writer.write(ArgumentsDelta(1, "1}"))
    assert writer.write(ArgumentsDelta(0, " ")) == b""


def test_whatever_still_waits_is_said_in_order_when_the_choice_has_finished() -> None:
    events: list[Event] = [
        *(ToolCallBegan(number, str(number), "f") for number in range(3)),
        *(ArgumentsDelta(number, "{") for number in (2, 1, 0)),
        TextDelta("end"),
        ChoiceFinished("length"),
    ]
    told = data_of_events(events)
    kinds = [(event["type"], event.get("index")) for event in told]
    expected: list[tuple[str, int | None]] = [("message_start", None)]
    for index in range(4):
        expected += [
            ("content_block_start", index),
            ("content_block_delta", index),
            ("content_block_stop", index),
        ]
    assert kinds == [*expected, ("message_delta", None), ("message_stop", None)]
    assert told[-2]["delta"]["stop_reason"] == "max_tokens"
    assert told[-2]["usage"] == {"output_tokens": 0}


def test_a_custom_tools_text_stands_under_input() -> None:
    events: list[Event] = [
        ToolCallBegan(0, "a", "patch", kind="custom"),
        ArgumentsDelta(0, 'say "'),
        ArgumentsDelta(0, 'x"'),
        ChoiceFinished("tool_calls"),
        UsageReported(Usage(1, 2, 3, 4, 1)),
    ]
    told = data_of_events(events)
    deltas = [event["delta"]["partial_json"] for event in told if event["type"] == "content_block_delta"]
    assert json.loads("".join(deltas)) == {"input": 'say "x"'}
    assert told[-2]["usage"] == {
        "input_tokens": 1,
        "cache_read_input_tokens": 2,
        "cache_creation_input_tokens": 3,
        "output_tokens": 4,
        "output_tokens_details": {"thinking_tokens": 1},
    }


def test_of_several_choices_the_first_is_written() -> None:
    events: list[Event] = [TextDelta("a"), TextDelta("b", 1), ChoiceFinished("stop", 1), ChoiceFinished("length")]
    told = data_of_events(events)
    assert [event["delta"]["text"] for event in told if event["type"] == "content_block_delta"] == ["a"]
    assert told[-2]["delta"]["stop_reason"] == "max_tokens"


def test_a_refusal_and_a_stop_sequence_have_their_own_reason() -> None:
    refusal: list[Event] = [TextDelta("no", is_refusal=True), ChoiceFinished("stop")]
    assert data_of_events(refusal)[-2]["delta"]["stop_reason"] == "refusal"
    stopped: list[Event] = [TextDelta("x"), ChoiceFinished("stop", stop_sequence="END")]
    assert data_of_events(stopped)[-2]["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}


def test_counting_needs_no_limit_and_is_never_a_stream() -> None:
    asked = read_count_request(b'{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}')
    assert not asked.is_streaming
    assert json.loads(asked.body_for(SentModel("c"))) == {
        "model": "c",
        "messages": [{"role": "user", "content": "x"}],
    }
    assert read_count(b'{"input_tokens":7}') == 7
    for body in (b"", b"{}", b'{"input_tokens":-1}', b'{"input_tokens":"7"}', b"[" * 100_000):
        with pytest.raises(GarbledError):
            read_count(body)
