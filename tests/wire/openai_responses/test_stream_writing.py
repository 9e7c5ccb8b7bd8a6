"""A stream for a client: items in their order, nothing finished that was not, and an end that clients raise on."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import SilentError, TruncatedError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.usage import Usage
from fairlead.wire.format import ReplyWriter
from fairlead.wire.openai_responses.requests import read_request
from fairlead.wire.openai_responses.stream_writing import ResponseWriter
from fairlead.wire.sse import EventSplitter, data_of
from tests.wire.openai_responses.strategies import events_of, replies

BEGAN = ReplyBegan("chatcmpl-1", "served")


def writer(**members: Any) -> ResponseWriter:
    asked = read_request(json.dumps({"model": "auto", "input": "x", **members}).encode())
    asked.chat()
    made = asked.writer()
    assert isinstance(made, ResponseWriter)
    return made


def told(data: bytes) -> list[dict[str, Any]]:
    splitter = EventSplitter()
    events = [json.loads(data_of(event)) for event in splitter.feed(data) if data_of(event)]
    assert splitter.rest() == b""
    return events


def all_of(w: ReplyWriter, *events: Event) -> bytes:
    return b"".join([w.write(event) for event in events])


def write(*events: Event, **members: Any) -> list[dict[str, Any]]:
    w = writer(**members)
    return told(all_of(w, *events) + w.finish(b""))


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_thoughts_are_a_summary_where_one_was_asked_for() -> None:
    events = write(BEGAN, ReasoningDelta("hm"), ReasoningSigned("S", "anthropic_messages"), ChoiceFinished("stop"),
                   reasoning={"summary": "auto"})  # fmt: skip
    assert kinds(events)[2:-1] == [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
    ]  # fmt: skip
    item = events[-1]["response"]["output"][0]
    assert item["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert item["encrypted_content"].endswith("~S")


def test_thoughts_are_told_as_they_are_where_none_was_asked_for() -> None:
    events = write(BEGAN, ReasoningDelta("hm"), TextDelta("x"), ChoiceFinished("stop"))
    assert kinds(events)[2:8] == [
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done", "content_part.done",
        "output_item.done",
    ]  # fmt: skip
    item = events[-1]["response"]["output"][0]
    assert (item["summary"], item["content"]) == ([], [{"type": "reasoning_text", "text": "hm"}])
    assert "encrypted_content" not in item


def test_redacted_thoughts_are_an_item_of_their_own() -> None:
    redacted = ReasoningSigned("D", "anthropic_messages", is_redacted=True)
    output = write(BEGAN, ReasoningDelta("hm"), redacted, ChoiceFinished("stop"))[-1]["response"]["output"]
    assert [item.get("encrypted_content") for item in output] == [None, "fl1~anthropic_messages~r~~D"]


def test_calls_whose_arguments_come_in_turns_stay_open_until_the_finish() -> None:
    events = write(
        BEGAN,
        ToolCallBegan(0, "a", "f"),
        ToolCallBegan(1, "b", "g"),
        ArgumentsDelta(1, "{}"),
        ArgumentsDelta(0, "{"),
        ArgumentsDelta(0, "}"),
        ChoiceFinished("tool_calls"),
        UsageReported(Usage(1, 0, 0, 2, 0)),
    )
    assert [(event["type"], event["output_index"]) for event in events if "output_item" in event["type"]] == [
        ("response.output_item.added", 0),
        ("response.output_item.added", 1),
        ("response.output_item.done", 0),
        ("response.output_item.done", 1),
    ]
    output = events[-1]["response"]["output"]
    assert [(item["call_id"], item["name"], item["arguments"]) for item in output] == [
        ("a", "f", "{}"),
        ("b", "g", "{}"),
    ]
    assert events[-1]["response"]["usage"]["output_tokens"] == 2


def test_a_call_of_a_tool_in_a_namespace_is_told_with_it() -> None:
    group = {"type": "namespace", "name": "hub", "tools": [{"type": "function", "name": "find"}]}
    more = {"type": "additional_tools", "role": "developer", "tools": [group]}
    for members in ({"tools": [group]}, {"input": [more, {"role": "user", "content": "x"}]}):
        events = write(BEGAN, ToolCallBegan(0, "a", "hub__find"), ChoiceFinished("tool_calls"), **members)
        item = events[-1]["response"]["output"][0]
        assert (item["namespace"], item["name"]) == ("hub", "find")


@given(replies(), st.integers(1, 9))
def test_every_item_is_added_once_and_done_once_and_stands_in_the_whole(reply: Any, n_pieces: int) -> None:
    w = writer()
    events = told(b"".join(map(w.write, events_of(reply, n_pieces))) + w.finish(b""))
    added = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    done = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    assert added == sorted(done) == list(range(len(added)))
    assert [done[place] for place in added] == events[-1]["response"]["output"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_the_last_event_is_held_back_and_our_comment_stands_before_it() -> None:
    w = writer()
    before = all_of(w, BEGAN, TextDelta("x"), ChoiceFinished("stop"))
    assert b"response.completed" not in before
    last = w.finish(b": cost\n\n")
    assert last.startswith(b": cost\n\nevent: response.completed\n")


def test_without_a_finish_there_is_no_completed() -> None:
    events = write(BEGAN, TextDelta("Half"))
    assert kinds(events)[-2:] == ["error", "failed"]
    assert not any(event["type"] in ("response.completed", "response.incomplete") for event in events)


def test_a_failure_tells_what_was_done_and_begins_the_reply_if_nothing_had() -> None:
    w = writer()
    begun = told(all_of(w, BEGAN, ReasoningDelta("hm"), TextDelta("Half")))
    events = begun + told(w.fail(SilentError("The upstream was silent.")))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["reasoning"]
    assert events[-1]["response"]["error"] == {"code": "server_error", "message": "The upstream was silent."}
    assert events[-2]["error"]["code"] == "upstream_timeout"
    assert kinds(told(writer().fail(TruncatedError("x")))) == ["created", "in_progress", "error", "failed"]


def test_every_event_is_one_line_of_data_whatever_the_client_wrote() -> None:
    asked = read_request(b'{"model":"auto","input":"x",\n"metadata":{\r\n"a":"b"\n}}')
    w = asked.writer()
    odd = b'[{"token":"x",\n"logprob":-1}]'
    data = all_of(w, BEGAN, TextDelta("a\nb\r\u2028", logprobs=odd), ChoiceFinished("stop")) + w.finish(b"")
    assert b"\r" not in data
    events = told(data)
    assert events[0]["response"]["metadata"] == {"a": "b"}
    assert [event["delta"] for event in events if event["type"] == "response.output_text.delta"] == ["a\nb\r\u2028"]


def test_an_upstreams_id_becomes_ours_of_harmless_letters() -> None:
    events = write(ReplyBegan('a"b\n/é~1', "served"), TextDelta("x"), ChoiceFinished("stop"))
    assert events[-1]["response"]["id"] == "resp_ab1"
    assert events[-1]["response"]["output"][0]["id"] == "msg_ab1_0"
    assert write(ReplyBegan("", ""), ChoiceFinished("stop"))[-1]["response"]["model"] == "auto"
