"""A request in no vendor's words: every item and member is there, or is named as a loss."""

import json
from typing import Any

import pytest

from fairlead.domain.content import (
    Media,
    Opaque,
    OutputShape,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from fairlead.domain.envelope import Envelope, seal
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.request import ChatRequest, ReasoningWish
from fairlead.wire.openai_responses.requests import read_request


def chat(*items: Any, **members: Any) -> ChatRequest:
    body = {"model": "auto", "input": list(items) or "hello", **members}
    return read_request(json.dumps(body).encode()).chat()


def lost(request: ChatRequest) -> set[str]:
    return {loss.what for loss in request.losses}


def test_instructions_and_a_text_are_two_turns() -> None:
    request = chat(instructions="Be terse.")
    assert request.turns == (Turn("system", (Text("Be terse."),)), Turn("user", (Text("hello"),)))
    assert request.losses == ()


def test_messages_of_every_role_and_shape() -> None:
    request = chat(
        {"role": "developer", "content": "Rules."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "status": "completed",
            "content": [{"type": "output_text", "text": "b", "annotations": []}, {"type": "refusal", "refusal": "no"}],
        },
        {"role": "assistant", "content": "c"},
    )
    assert request.turns == (
        Turn("system", (Text("Rules."),)),
        Turn("user", (Text("a"),)),
        Turn("assistant", (Text("b"), Text("no", is_refusal=True), Text("c"))),
    )


def test_media_of_every_kind() -> None:
    parts = [
        {"type": "input_image", "image_url": "data:image/jpeg;base64,QUJD", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "QUJD"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "file_id": "file_2"},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
        {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_text", "text": "y", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
    ]
    assert chat({"role": "user", "content": parts}).turns[0].parts == (
        Media("image", "image/jpeg", "QUJD", detail="low"),
        Media("image", url="https://example.com/a.png"),
        Media("image", file_id="file_1", origin="openai_responses"),
        Media("file", "application/pdf", "QUJD", name="a.pdf"),
        Media("file", None, "QUJD"),
        Media("file", url="https://example.com/a.pdf"),
        Media("file", file_id="file_2", origin="openai_responses"),
        Media("audio", "audio/mp3", "QUJD"),
        Text("x", "5m"),
        Text("y", "1h"),
    )


def test_thoughts_calls_and_results_are_grouped_into_turns() -> None:
    request = chat(
        {"role": "user", "content": "go"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "E",
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": "ls"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {
            "type": "custom_tool_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "two"},
                {"type": "input_image", "image_url": "data:image/png;base64,QQ"},
            ],
        },
        {"role": "user", "content": "and?"},
    )
    assert request.turns[1:] == (
        Turn(
            "assistant",
            (
                Reasoning("Hm.", "E", "openai_responses", is_summary=True, item_id="rs_1"),
                ToolCall("c1", "f", '{"a": 1}'),
                ToolCall("c2", "sh", "ls", "custom"),
            ),
        ),
        Turn(
            "user",
            (
                ToolResult("c1", (Text("one"),), name="f"),
                ToolResult("c2", (Text("two"), Media("image", "image/png", "QQ")), name="sh", kind="custom"),
            ),
        ),
        Turn("user", (Text("and?"),)),
    )


@pytest.mark.parametrize(
    ("item", "part"),
    [
        ({"summary": [], "encrypted_content": "E"}, Reasoning("", "E", "openai_responses", True, False, "rs_1")),
        ({"summary": [{"text": "a"}, {"text": "b"}]}, Reasoning("a\n\nb", is_summary=True)),
        ({"summary": [], "content": [{"type": "reasoning_text", "text": "t"}]}, Reasoning("t")),
        (
            {"summary": [{"text": "t"}], "encrypted_content": seal(Envelope("anthropic_messages", "S~G", "id"))},
            Reasoning("t", "S~G", "anthropic_messages", item_id="id"),
        ),
        (
            {"summary": [], "encrypted_content": seal(Envelope("anthropic_messages", "D", None, is_redacted=True))},
            Reasoning("", "D", "anthropic_messages", is_redacted=True),
        ),
    ],
)
def test_thoughts_keep_their_text_and_go_back_to_their_maker(item: dict[str, Any], part: Reasoning) -> None:
    request = chat({"role": "user", "content": "x"}, {"type": "reasoning", "id": "rs_1"} | item)
    assert request.turns[1].parts == (part,)


def test_thoughts_without_text_or_blob_are_nothing() -> None:
    request = chat({"role": "user", "content": "x"}, {"type": "reasoning", "id": "rs_1", "summary": []})
    assert len(request.turns) == 1


def test_items_of_hosted_tools_stay_opaque_on_the_side_that_made_them() -> None:
    call = {"type": "computer_call", "call_id": "c", "action": {"type": "click"}}
    output = {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}}
    request = chat({"role": "user", "content": "x"}, call, output, {"type": "compaction", "encrypted_content": "E"})
    assert [
        (turn.role, [part.kind for part in turn.parts if isinstance(part, Opaque)]) for turn in request.turns[1:]
    ] == [
        ("assistant", ["computer_call"]),
        ("user", ["computer_call_output"]),
        ("assistant", ["compaction"]),
    ]
    raw = request.turns[1].parts[0]
    assert isinstance(raw, Opaque)
    assert json.loads(raw.raw) == call


def test_tools_of_every_kind() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    request = chat(
        tools=[
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
            {"type": "function", "name": "g", "parameters": None, "defer_loading": True, "output_schema": {}},
            {"type": "custom", "name": "sh", "format": grammar},
            {"type": "web_search", "external_web_access": False},
        ]
    )
    assert request.tools == (
        Tool("f", "d", b'{"type": "object"}', True),
        Tool("g"),
        Tool("sh", kind="custom", grammar=json.dumps(grammar).encode()),
    )
    assert request.hosted_tools == (
        Opaque("openai_responses", "web_search", b'{"type": "web_search", "external_web_access": false}'),
    )
    assert lost(request) == {"tools[].defer_loading", "tools[].output_schema"}


def test_tools_in_a_namespace_get_flat_names_in_declarations_and_history_alike() -> None:
    group = {
        "type": "namespace",
        "name": "mcp__hub__",
        "description": "d",
        "tools": [{"type": "function", "name": "find"}],
    }
    call = {"type": "function_call", "call_id": "c", "namespace": "mcp__hub__", "name": "find", "arguments": "{}"}
    request = chat({"role": "user", "content": "x"}, call, tools=[group])
    assert [tool.name for tool in request.tools] == ["mcp__hub__find"]
    assert request.turns[1].parts == (ToolCall("c", "mcp__hub__find", "{}"),)
    choice = {"type": "function", "namespace": "mcp__hub__", "name": "find"}
    assert chat(tools=[group], tool_choice=choice).tool_choice == ToolChoice("one", "mcp__hub__find")


def test_a_tool_whose_flat_name_is_taken_is_a_loss() -> None:
    group = {"type": "namespace", "name": "a", "tools": [{"type": "function", "name": "b"}]}
    request = chat(tools=[{"type": "function", "name": "a__b"}, group])
    assert len(request.tools) == 1
    assert lost(request) == {"tools[a.b]"}


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("one", "f")),
        ({"type": "custom", "name": "sh"}, ToolChoice("one", "sh")),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("required"),
        ),
        ({"type": "web_search_preview"}, None),
        (None, None),
    ],
)
def test_every_tool_choice(choice: Any, meant: ToolChoice | None) -> None:
    tools = [{"type": "function", "name": "f"}, {"type": "custom", "name": "sh"}]
    request = chat(tools=tools, tool_choice=choice)
    assert request.tool_choice == meant
    is_list = isinstance(choice, dict) and choice["type"] == "allowed_tools"
    assert [tool.name for tool in request.tools] == (["f"] if is_list else ["f", "sh"])
    is_hosted = isinstance(choice, dict) and choice["type"] == "web_search_preview"
    assert lost(request) == ({"tool_choice[web_search_preview]"} if is_hosted else set())


def test_every_plain_member() -> None:
    schema = {"type": "object", "properties": {}}
    shape = {"type": "json_schema", "name": "S", "schema": schema, "strict": True, "description": "d"}
    request = chat(
        text={"format": shape, "verbosity": "low"},
        reasoning={"effort": "high", "summary": "auto"},
        include=["reasoning.encrypted_content", "message.output_text.logprobs"],
        max_output_tokens=100,
        temperature=0,
        top_p=0.5,
        top_logprobs=3,
        parallel_tool_calls=False,
        metadata={"a": "b"},
        safety_identifier="someone",
        prompt_cache_key="key",
        service_tier="flex",
        stream=True,
        stream_options={"include_obfuscation": False},
        store=False,
        truncation="disabled",
    )
    assert request.output == OutputShape("schema", json.dumps(schema).encode(), "S", "d", True)
    assert request.reasoning == ReasoningWish("high", None, True, "auto")
    assert (request.wants_logprobs, request.top_logprobs, request.max_output_tokens) == (True, 3, 100)
    assert (request.sampling.temperature, request.sampling.top_p) == (0.0, 0.5)
    assert (request.parallel_tool_calls, request.metadata, request.user) == (False, b'{"a": "b"}', "someone")
    assert (request.cache_key, request.service_tier, request.verbosity) == ("key", "flex", "low")
    assert request.is_streaming
    assert request.losses == ()


def test_what_no_other_format_has_a_word_for_is_named() -> None:
    request = chat(
        {"role": "assistant", "content": "x", "phase": "commentary"},
        store=True,
        truncation="auto",
        include=["file_search_call.results"],
        max_tool_calls=3,
        client_metadata={"a": "b"},
        prompt_cache_options={"mode": "explicit"},
        context_management=[{"type": "compaction"}],
        reasoning={"effort": "low", "context": "all_turns", "mode": "pro"},
        something_new=1,
        nothing_new=None,
        user="a",
        safety_identifier="b",
    )
    assert lost(request) == {
        "input[].phase", "store", "truncation", "include[file_search_call.results]", "max_tool_calls",
        "client_metadata", "prompt_cache_options", "context_management", "reasoning.context", "reasoning.mode",
        "something_new", "user",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": {"a": 1}}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "filename": "x"}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0]"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": 5}]}, "input[0].output"),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "huh"}]}]},
            "input[0].output[0].type",
        ),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [5]}, "tools[0]"),
        ({"tool_choice": "often"}, "tool_choice"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"metadata": {"a": 1}}, "metadata[...]"),
        ({"include": "all"}, "include"),
    ],
)
def test_a_value_that_means_nothing_is_refused_with_its_place(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidOptionError) as raised:
        chat(**members)
    assert raised.value.param == param
