"""A chat request as clients send them: tools of every kind, old calls without ids, spoken answers, marks of caches."""

import json
from typing import Any

import pytest

from fairlead.domain.content import Text, Tool, ToolCall, ToolChoice, ToolResult, Turn
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest
from fairlead.wire.custom_tools import with_functions
from fairlead.wire.openai_chat import BACK
from fairlead.wire.openai_chat.requests import read_request

ASK = {"role": "user", "content": "x"}
FLAT = {"type": "grammar", "syntax": "lark", "definition": 's: "a"'}
NESTED = {"type": "grammar", "grammar": {"syntax": "lark", "definition": 's: "a"'}}


def read(*messages: dict[str, Any], **members: Any) -> ChatRequest:
    said = list(messages) or [ASK]
    return read_request(json.dumps({"model": "auto", "messages": said, **members}).encode()).chat()


def lost(chat: ChatRequest) -> list[str]:
    return [loss.what for loss in chat.losses]


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def custom(name: str, **members: Any) -> dict[str, Any]:
    return {"type": "custom", "custom": {"name": name, **members}}


def test_a_tool_that_a_provider_runs_is_a_loss_by_name() -> None:
    chat = read(tools=[{"type": "web_search"}, function("a"), {"type": "m" * 200}])
    assert [tool.name for tool in chat.tools] == ["a"]
    assert lost(chat) == ["tools[web_search]", f"tools[{'m' * 74}"]


@pytest.mark.parametrize("kind", ["function", "custom"])
def test_a_tool_that_does_not_say_what_it_is_called_is_refused(kind: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        read(tools=[function("a"), {"type": kind, "name": "flat"}])
    assert caught.value.param == f"tools[1].{kind}"


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_list_of_allowed_tools_is_kept_by_leaving_the_others_out(mode: str) -> None:
    allowed = {"mode": mode, "tools": [function("a"), custom("p"), {"type": "web_search"}]}
    chat = read(
        tools=[function("a"), function("b"), custom("p")],
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
    )
    assert [tool.name for tool in chat.tools] == ["a", "p"]
    assert chat.tool_choice == ToolChoice(mode)  # type: ignore[arg-type]


def test_allowed_tools_of_another_mode_are_refused_by_name() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        read(tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "never", "tools": []}})
    assert caught.value.param == "tool_choice.allowed_tools.mode"


def test_a_grammar_is_flat_in_the_hub_nested_in_this_format_and_said_in_words_to_others() -> None:
    chat = read(tools=[custom("p", description="D", format=NESTED), custom("q", format={"type": "text"})])
    assert json.loads(chat.tools[0].grammar or b"") == FLAT
    assert json.loads(chat.tools[1].grammar or b"") == {"type": "text"}
    written = json.loads(BACK.write_request(chat, SentModel("m")).body)["tools"]
    assert [tool["custom"]["format"] for tool in written] == [NESTED, {"type": "text"}]
    assert with_functions(chat).tools[0].description == 'D\n\n`input` follows this lark grammar:\ns: "a"'


@pytest.mark.parametrize("odd", [7, "x", {"type": "grammar"}, {"type": "grammar", "grammar": None}, FLAT, {}])
def test_a_format_of_another_shape_is_left_to_who_reads_it(odd: Any) -> None:
    chat = read(tools=[custom("p", format=odd)])
    assert json.loads(chat.tools[0].grammar or b"") == odd


def test_the_result_of_a_custom_call_is_one_of_a_custom_tool() -> None:
    call = {"id": "c1", "type": "custom", "custom": {"name": "p", "input": "z"}}
    result = {"role": "tool", "tool_call_id": "c1", "content": "ok"}
    chat = read(ASK, {"role": "assistant", "content": None, "tool_calls": [call]}, result)
    assert chat.turns[2].parts == (ToolResult("c1", (Text("ok"),), name="p", kind="custom"),)


def old_call(name: str) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "function_call": {"name": name, "arguments": "{}"}}


def old_result(name: str, text: str) -> dict[str, Any]:
    return {"role": "function", "name": name, "content": text}


def test_old_calls_of_one_function_are_told_apart_and_each_result_answers_its_own() -> None:
    new = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_b", **function("c")}]}
    chat = read(
        ASK, new, old_call("a"), old_result("a", "1"), old_call("b"), old_call("a"), old_result("b", "2"),
        old_result("a", "3"), old_call("a_2"), old_result("a_2", "4"),
    )  # fmt: skip
    calls = [part for turn in chat.turns for part in turn.parts if isinstance(part, ToolCall)]
    results = [part for turn in chat.turns for part in turn.parts if isinstance(part, ToolResult)]
    ids = {call.call_id for call in calls}
    assert len(ids) == len(calls) == 5
    names = {call.call_id: call.name for call in calls}
    assert [(names[result.call_id], result.parts) for result in results] == [
        ("a", (Text("1"),)), ("b", (Text("2"),)), ("a", (Text("3"),)), ("a_2", (Text("4"),))
    ]  # fmt: skip
    assert results[0].call_id != results[2].call_id


def test_ten_thousand_old_calls_of_one_function_are_read_at_once() -> None:
    chat = read(*[old_call("a") for _ in range(10_000)])
    assert chat.turns[-1].parts == (ToolCall("call_a_10000", "a", "{}"),)


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"audio": {"id": "a"}}, (Text("[a spoken answer]"),)),
        ({"audio": {"id": "a", "transcript": "hello"}, "content": None}, (Text("hello"),)),
        ({"audio": {"id": "a"}, "content": "hi"}, (Text("hi"),)),
    ],
)
def test_a_spoken_answer_is_a_loss_and_its_turn_stays(message: dict[str, Any], parts: Any) -> None:
    chat = read(ASK, {"role": "assistant", **message}, ASK)
    assert chat.turns[1] == Turn("assistant", parts)
    assert lost(chat) == ["messages[audio]"]


def test_no_audio_is_no_loss() -> None:
    chat = read(ASK, {"role": "assistant", "content": "hi", "audio": None}, modalities=["text"])
    assert lost(chat) == []


def test_a_wish_to_be_answered_in_sound_is_a_loss() -> None:
    assert lost(read(modalities=["text", "audio"])) == ["modalities"]


def test_a_cache_marks_ttl_may_be_null() -> None:
    mark = {"type": "ephemeral", "ttl": None}
    part = {"type": "text", "text": "x", "cache_control": mark}
    chat = read({"role": "user", "content": [part]}, tools=[function("a") | {"cache_control": mark}])
    assert chat.turns[0].parts == (Text("x", "5m"),)
    assert chat.tools == (Tool("a", cache="5m"),)
