"""Custom tools: functions with one text for whoever has no others, and the text taken out again, however it is cut."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.content import Text, Tool, ToolCall, ToolResult, Turn
from fairlead.domain.errors import TruncatedError
from fairlead.domain.events import ArgumentsDelta, ChoiceFinished, Event, ReplyBegan, ReplyFailed, ToolCallBegan
from fairlead.domain.reply import fold
from fairlead.domain.request import ChatRequest
from fairlead.wire.custom_tools import CustomisedReader, custom_names, customised, text_of, with_functions

GRAMMAR = json.dumps({"type": "grammar", "syntax": "lark", "definition": "start: begin_patch"}).encode()
CUSTOM = Tool("apply_patch", "Edits files.", kind="custom", grammar=GRAMMAR)
NAMES = frozenset(["apply_patch"])


class Said:
    """A reader that was given its events beforehand, one list a feed."""

    is_done = False

    def __init__(self, *events: list[Event]) -> None:
        self._left = list(events)

    def feed(self, data: bytes) -> list[Event]:
        return self._left.pop(0)

    def end(self) -> list[Event]:
        return self._left.pop(0)


def test_a_custom_tool_becomes_a_function_with_one_text_and_says_its_grammar() -> None:
    calls = Turn("assistant", (ToolCall("c1", "apply_patch", '{"a": 1}', "custom"), Text("and")))
    results = Turn("user", (ToolResult("c1", (Text("done"),), kind="custom"),))
    chat = ChatRequest(turns=(calls, results), tools=(CUSTOM, Tool("ls", schema=b"{}")))
    assert custom_names(chat) == NAMES
    told = with_functions(chat)
    tool, other = told.tools
    assert other == Tool("ls", schema=b"{}")
    assert tool.kind == "function"
    assert tool.grammar is None
    assert tool.description == "Edits files.\n\n`input` follows this lark grammar:\nstart: begin_patch"
    assert json.loads(tool.schema or b"")["required"] == ["input"]
    call = told.turns[0].parts[0]
    assert isinstance(call, ToolCall)
    assert (call.kind, json.loads(call.arguments)) == ("function", {"input": '{"a": 1}'})
    assert told.turns[1].parts[0] == ToolResult("c1", (Text("done"),))
    assert [loss.what for loss in told.losses] == ["tools[apply_patch]"]


@pytest.mark.parametrize("arguments", ["", "{", "[]", '{"input": 1}', '{"inputs": "x"}', "*** Begin"])
def test_arguments_of_another_shape_are_the_text(arguments: str) -> None:
    assert text_of(arguments) == arguments


@given(text=st.text(), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_a_streamed_call_is_custom_again_however_its_arguments_are_cut(text: str, cuts: list[int]) -> None:
    arguments = json.dumps({"input": text})
    places = sorted({0, len(arguments), *[cut for cut in cuts if cut < len(arguments)]})
    pieces: list[Event] = [ArgumentsDelta(0, arguments[a:b]) for a, b in pairwise(places)]
    began: list[Event] = [ReplyBegan("r", "m"), ToolCallBegan(0, "c1", "apply_patch"), ToolCallBegan(1, "c2", "ls")]
    other: list[Event] = [ArgumentsDelta(1, "{}"), ChoiceFinished("tool_calls")]
    reader = CustomisedReader(Said(began, pieces, other), NAMES)
    events = reader.feed(b"1") + reader.feed(b"2") + reader.end()
    parts = fold(events).choices[0].parts
    assert parts == (ToolCall("c1", "apply_patch", text, "custom"), ToolCall("c2", "ls", "{}"))
    plain = fold([*began, *pieces, *other])
    assert customised(plain, NAMES).choices[0].parts == parts


def test_a_call_that_was_cut_is_not_told_as_whole() -> None:
    failed = ReplyFailed(TruncatedError("cut"))
    reader = CustomisedReader(
        Said([ToolCallBegan(0, "c1", "apply_patch"), ArgumentsDelta(0, '{"input": "ab')], [failed]), NAMES
    )
    assert reader.feed(b"1") == [ToolCallBegan(0, "c1", "apply_patch", kind="custom")]
    assert reader.end() == [failed]
