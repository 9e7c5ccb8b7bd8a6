"""A stream of an upstream, read: everything is told once, in its order, and nothing that was not said."""

import json
from typing import Any

import pytest

from fairlead.domain.content import Text, ToolCall
from fairlead.domain.errors import GarbledError, TruncatedError, UpstreamError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.reply import fold
from fairlead.domain.usage import Usage
from fairlead.wire.openai_responses.replies import read_reply
from fairlead.wire.openai_responses.stream_reading import ResponseReader

BEGAN = ReplyBegan("resp_1", "served")


def event(kind: str, **members: Any) -> bytes:
    return b"event: x\ndata: " + json.dumps({"type": kind, "sequence_number": 0, **members}).encode() + b"\n\n"


def response(status: str, *output: Any, **members: Any) -> dict[str, Any]:
    return {"id": "resp_1", "model": "served", "status": status, "output": list(output), **members}


def completed(*output: Any, **members: Any) -> bytes:
    return event("response.completed", response=response("completed", *output, **members))


def delta(kind: str, text: str, place: int = 0, **members: Any) -> bytes:
    return event(f"response.{kind}.delta", output_index=place, delta=text, **members)


def item(step: str, place: int, type: str, **members: Any) -> bytes:
    return event(f"response.output_item.{step}", output_index=place, item={"type": type, **members})


CREATED = event("response.created", response=response("in_progress"))


def read(*pieces: bytes) -> list[Event]:
    reader = ResponseReader()
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.end()
    assert reader.feed(CREATED) == [], "nothing comes after the end"
    assert reader.end() == []
    return events


def failure(events: list[Event]) -> UpstreamError:
    last = events[-1]
    assert isinstance(last, ReplyFailed)
    assert not any(isinstance(each, ChoiceFinished) for each in events), "no finish is invented"
    return last.error


def test_words_refusals_and_usage() -> None:
    counted = {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 2}
    assert read(
        CREATED,
        event("response.in_progress", response=response("in_progress")),
        item("added", 0, "message", id="msg_1", content=[]),
        delta("output_text", "Hé", logprobs=[]),
        delta("output_text", "llo", logprobs=[{"token": "llo", "logprob": -1}]),
        delta("refusal", "no"),
        item("done", 0, "message", id="msg_1", content=[{"type": "output_text", "text": "Héllo"}]),
        completed({"type": "message", "id": "msg_1", "content": [{"text": "Héllo"}]}, usage=counted),
    ) == [
        BEGAN,
        TextDelta("Hé"),
        TextDelta("llo", logprobs=b'[{"token": "llo", "logprob": -1}]'),
        TextDelta("no", is_refusal=True),
        ChoiceFinished("stop"),
        UsageReported(Usage(5, 4, 0, 2, 0)),
    ]


def test_parallel_calls_of_both_kinds_whatever_their_deltas_do() -> None:
    assert read(
        CREATED,
        item("added", 0, "function_call", id="fc_1", call_id="c1", name="f", arguments=""),
        item("added", 1, "custom_tool_call", id="ct_1", call_id="c2", name="sh", input=""),
        delta("custom_tool_call_input", "l", 1),
        delta("function_call_arguments", '{"a"', 0),
        delta("custom_tool_call_input", "s", 1),
        delta("function_call_arguments", ":1}", 0),
        item("done", 0, "function_call", id="fc_1", call_id="c1", name="f", arguments='{"a":1}'),
        completed(),
    ) == [
        BEGAN,
        ToolCallBegan(0, "c1", "f"),
        ToolCallBegan(1, "c2", "sh", kind="custom"),
        ArgumentsDelta(1, "l"),
        ArgumentsDelta(0, '{"a"'),
        ArgumentsDelta(1, "s"),
        ArgumentsDelta(0, ":1}"),
        ChoiceFinished("tool_calls"),
    ]


CALL: dict[str, Any] = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}
SAID: dict[str, Any] = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Hi"}]}
THOUGHT: dict[str, Any] = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"text": "a"}, {"text": "b"}],
    "encrypted_content": "E",
}


@pytest.mark.parametrize(
    "events",
    [
        [CREATED, completed(THOUGHT, SAID, CALL)],
        [completed(THOUGHT, SAID, CALL)],
        [CREATED, *[item("done", place, **each) for place, each in enumerate((THOUGHT, SAID, CALL))], completed()],
        [CREATED, item("added", 0, **THOUGHT), item("added", 1, **SAID), completed(THOUGHT, SAID, CALL)],
        [CREATED, item("done", 0, **THOUGHT), completed(THOUGHT, SAID, CALL)],
    ],
)  # fmt: skip
def test_what_is_told_only_at_the_end_is_told_then_and_once(events: list[bytes]) -> None:
    assert fold(read(*events)) == read_reply(json.dumps(response("completed", THOUGHT, SAID, CALL)).encode())


def test_an_item_that_was_told_under_another_place_is_not_told_again() -> None:
    wrong_places = [item("done", 0, **SAID), item("done", 5, **CALL)]
    parts = fold(read(CREATED, *wrong_places, completed(SAID, CALL))).choices[0].parts
    assert parts == (Text("Hi"), ToolCall("c1", "f", "{}"))


def test_thoughts_their_parts_and_their_signature() -> None:
    thoughts = {"type": "reasoning", "id": "rs_1", "encrypted_content": "E"}
    assert read(
        CREATED,
        item("added", 0, "reasoning", id="rs_1", summary=[]),
        event("response.reasoning_summary_part.added", output_index=0, summary_index=0),
        delta("reasoning_summary_text", "a", summary_index=0),
        event("response.reasoning_summary_part.added", output_index=0, summary_index=1),
        delta("reasoning_summary_text", "b", summary_index=1),
        item("done", 0, **thoughts),
        item("done", 1, "reasoning", id="rs_2", summary=[], encrypted_content="F"),
        delta("reasoning_text", "open", 2),
        item("done", 2, "reasoning", id="rs_3", summary=[]),
        completed(),
    ) == [
        BEGAN,
        ReasoningDelta("a", is_summary=True),
        ReasoningDelta("\n\n", is_summary=True),
        ReasoningDelta("b", is_summary=True),
        ReasoningSigned("E", "openai_responses", item_id="rs_1"),
        ReasoningSigned("F", "openai_responses", is_redacted=True, item_id="rs_2"),
        ReasoningDelta("open"),
        ChoiceFinished("stop"),
    ]


def test_events_that_mean_nothing_here_are_skipped() -> None:
    assert read(
        b": comment\n\n",
        CREATED,
        event("response.web_search_call.searching", output_index=0),
        event("response.audio.delta", delta={"of": "another shape"}),
        event("response.new_thing", item=5, response=[1]),
        item("added", 0, "image_generation_call", summary="not a list"),
        event("keepalive"),
        completed(),
    ) == [BEGAN, ChoiceFinished("stop")]


@pytest.mark.parametrize(("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")])
def test_an_incomplete_reply_ends_for_its_reason(reason: str, finish: Any) -> None:
    last = event("response.incomplete", response=response("incomplete", incomplete_details={"reason": reason}))
    assert read(CREATED, delta("output_text", "x"), last)[-1] == ChoiceFinished(finish)


@pytest.mark.parametrize(
    ("last", "error", "code"),
    [
        (b"", TruncatedError, "upstream_truncated"),
        (b"data: [DONE]\n\n", TruncatedError, "upstream_truncated"),
        (b'data: {"type":"response.comp', TruncatedError, "upstream_truncated"),
        (event("response.incomplete", response=response("incomplete")), TruncatedError, "upstream_truncated"),
        (event("response.completed", response=response("in_progress")), TruncatedError, "upstream_truncated"),
        (event("response.failed", response=response("failed")), UpstreamError, "upstream_error_in_stream"),
        (event("error", message="m"), UpstreamError, "upstream_error_in_stream"),
        (b'data: {"error":{"message":"m"}}\n\n', UpstreamError, "upstream_error_in_stream"),
        (b"data: <html>\n\n", GarbledError, "upstream_garbled"),
        (b'data: {"object":"chat.completion.chunk"}\n\n', GarbledError, "upstream_garbled"),
        (event("response.output_text.delta", delta=5), GarbledError, "upstream_garbled"),
        (event("response.function_call_arguments.delta", delta="{}"), GarbledError, "upstream_garbled"),
        (b'data: {"type":"response.output_text.delta","delta":"\xff"}\n\n', GarbledError, "upstream_garbled"),
        (b"data: " + b"[" * 100_000 + b"\n\n", GarbledError, "upstream_garbled"),
    ],
)
def test_a_stream_that_breaks_off_fails_and_keeps_what_came_before(
    last: bytes, error: type[Exception], code: str
) -> None:
    events = read(CREATED, delta("output_text", "Half"), last)
    assert events[:2] == [BEGAN, TextDelta("Half")]
    failed = failure(events)
    assert type(failed) is error
    assert failed.code == code


def test_the_last_event_makes_the_reader_done_and_one_without_its_blank_line_is_whole() -> None:
    reader = ResponseReader()
    assert reader.feed(CREATED + completed()[:-1]) == [BEGAN]
    assert not reader.is_done
    assert reader.end() == [ChoiceFinished("stop")]
    assert reader.is_done


def test_a_cut_at_any_byte_is_a_failure() -> None:
    whole = CREATED + item("added", 0, **CALL) + delta("function_call_arguments", "{}") + completed(CALL)
    for place in range(len(whole) - 2):
        failure(read(whole[:place]))
    assert not isinstance(read(whole)[-1], ReplyFailed)
