"""Chat upstreams as they answer: content in chunks, calls without ids, names and indices as servers give them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.content import Part, Reasoning, Text, ToolCall
from fairlead.domain.events import ArgumentsDelta, Event, ReasoningDelta, ReplyFailed, TextDelta, ToolCallBegan
from fairlead.domain.reply import fold
from fairlead.wire.openai_chat import BACK
from fairlead.wire.openai_chat.stream_reading import ChatReader
from tests.wire.strategies import json_values

THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "T1"}, {"type": "text", "text": "T2"}]}
CHUNKS: list[Any] = [
    THOUGHT,
    {"type": "reference", "reference_ids": [1]},
    {"type": "text", "text": "ans"},
    {"type": "thinking", "thinking": "more"},
    {"type": "text", "text": {"odd": 1}},
    "odd",
    {"type": "text", "text": "wer"},
    {"type": "refusal", "refusal": "no"},
]


def whole(finish: str = "stop", **message: Any) -> tuple[Part, ...]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return BACK.read_reply(json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode()).choices[0].parts


def events(*deltas: dict[str, Any], finish: str = "stop") -> list[Event]:
    reader = ChatReader()
    told: list[Event] = []
    for delta, reason in (*((delta, None) for delta in deltas), ({}, finish)):
        chunk = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        told += reader.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    return told + reader.feed(b"data: [DONE]\n\n") + reader.end()


def streamed(*deltas: dict[str, Any]) -> tuple[Part, ...]:
    return fold(events(*deltas)).choices[0].parts


def delta(name: str | None = None, arguments: str | None = None, **call: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"tool_calls": [{"function": function, **call}]}


def test_content_in_chunks_is_thoughts_and_words_and_unknown_chunks_are_passed_over() -> None:
    assert whole(content=CHUNKS) == (
        Reasoning("T1T2"),
        Text("ans"),
        Reasoning("more"),
        Text("wer"),
        Text("no", is_refusal=True),
    )
    assert whole(content=[]) == ()


def test_a_stream_tells_content_in_chunks_as_it_tells_texts() -> None:
    told = events({"role": "assistant", "content": [THOUGHT]}, {"content": [CHUNKS[2]]}, {"content": "wer"})
    assert told[1:4] == [ReasoningDelta("T1T2"), TextDelta("ans"), TextDelta("wer")]
    assert streamed(*({"content": [chunk]} for chunk in CHUNKS)) == whole(content=CHUNKS)


@given(st.lists(json_values(), max_size=4))
def test_no_chunks_make_a_reader_raise(chunks: list[Any]) -> None:
    whole(content=chunks)
    assert not any(isinstance(event, ReplyFailed) for event in events({"content": chunks}))


def test_calls_without_ids_are_told_without_them() -> None:
    calls = [{"function": {"name": "a", "arguments": "{}"}}, {"id": "", "function": {"name": "b", "arguments": ""}}]
    assert whole("tool_calls", content=None, tool_calls=calls) == (ToolCall("", "a", "{}"), ToolCall("", "b", ""))
    assert whole(function_call={"name": "f", "arguments": "{}"}) == (ToolCall("", "f", "{}"),)
    assert streamed(delta("a", "{}", index=0), delta("b", "{}", index=1)) == (
        ToolCall("", "a", "{}"),
        ToolCall("", "b", "{}"),
    )


@pytest.mark.parametrize("index", [{"index": 0}, {}])
@pytest.mark.parametrize("call_id", [{"id": ""}, {"id": None}, {}])
@pytest.mark.parametrize("second", ["a", "b"])
def test_parallel_calls_without_ids_are_told_apart_by_their_names_and_whole_arguments(
    index: dict[str, Any], call_id: dict[str, Any], second: str
) -> None:
    expected = (ToolCall("", "a", '{"x":1}'), ToolCall("", second, '{"y":2}'))
    one, two = delta("a", '{"x":1}', **index, **call_id), delta(second, '{"y":2}', **index, **call_id)
    assert streamed(one, two) == expected
    assert streamed({"tool_calls": one["tool_calls"] + two["tool_calls"]}) == expected
    in_pieces = (delta(second, '{"y"', **index, **call_id), delta(None, ":2}", **index))
    assert streamed(delta("a", '{"x"', **index, **call_id), delta(None, ":1}", **index), *in_pieces) == expected


@pytest.mark.parametrize("call_id", [{"id": "t"}, {"id": ""}, {}])
def test_a_name_that_is_said_again_in_each_delta_begins_nothing(call_id: dict[str, Any]) -> None:
    pieces = ['{"x":', '{"in":"}', '{"}', "}", " ", ""]
    told = streamed(*(delta("a", piece, index=0, **call_id) for piece in pieces))
    assert told == (ToolCall(call_id.get("id", ""), "a", "".join(pieces)),)


def test_the_rest_of_a_name_is_no_call_where_ids_are_given() -> None:
    told = streamed(delta("get_", "", index=0, id="t"), delta("weather", "", index=0), delta(None, "{}", index=0))
    assert told == (ToolCall("t", "get_", "{}"),)


def test_an_id_that_comes_after_the_name_begins_nothing() -> None:
    told = streamed(delta("a", "", index=0), delta(None, "{}", index=0, id="t"))
    assert told == (ToolCall("", "a", "{}"),)


def test_a_call_is_told_when_its_name_is_there() -> None:
    told = events(
        delta(None, '{"x"', index=0, id="t"),
        delta("b", "{}", index=1, id="u"),
        delta("late", ":", index=0),
        delta(None, "1}", index=0),
    )
    assert told[1:-1] == [
        ToolCallBegan(0, "u", "b"),
        ArgumentsDelta(0, "{}"),
        ToolCallBegan(1, "t", "late"),
        ArgumentsDelta(1, '{"x":'),
        ArgumentsDelta(1, "1}"),
    ]
    custom = streamed(
        {"tool_calls": [{"index": 0, "id": "t", "custom": {"input": "ls"}}]},
        {"tool_calls": [{"index": 0, "custom": {"name": "run", "input": " -l"}}]},
    )
    assert custom == (ToolCall("t", "run", "ls -l", "custom"),)


def test_a_call_whose_name_never_comes_is_not_lost() -> None:
    assert streamed(delta(None, "{}", index=0, id="t")) == (ToolCall("t", "", "{}"),)
    assert streamed(delta(None, "{}", index=0, id="t"), delta("b", "{}", index=0, id="u")) == (
        ToolCall("t", "", "{}"),
        ToolCall("u", "b", "{}"),
    )


_DELTAS = st.builds(
    delta,
    st.sampled_from([None, "", "a", "b"]),
    st.sampled_from([None, "", "{}", '{"x"', ":1}"]),
    index=st.sampled_from([None, 0, 1]),
    id=st.sampled_from([None, "", "t", "u"]),
)


@given(st.lists(_DELTAS, max_size=8))
def test_whatever_deltas_come_each_call_begins_once_and_no_argument_is_lost(deltas: list[dict[str, Any]]) -> None:
    told = events(*deltas)
    begun = [event.call for event in told if isinstance(event, ToolCallBegan)]
    assert begun == list(range(len(begun)))
    given_text = sorted("".join(each["tool_calls"][0]["function"].get("arguments", "") for each in deltas))
    assert sorted("".join(event.text for event in told if isinstance(event, ArgumentsDelta))) == given_text
    for place, event in enumerate(told):
        if isinstance(event, ArgumentsDelta):
            assert any(isinstance(each, ToolCallBegan) and each.call == event.call for each in told[:place])
