"""A Messages request in the hub: every block has its part, and what has none is a loss by its name."""

import json
from typing import Any

import pytest

from fairlead.domain.content import Media, Opaque, OutputShape, Reasoning, Text, Tool, ToolCall, ToolChoice, ToolResult
from fairlead.domain.request import ChatRequest, ReasoningWish, Sampling
from fairlead.wire.anthropic_messages import DOOR


def chat(*blocks: Any, role: str = "user", **members: Any) -> ChatRequest:
    said = [{"role": role, "content": list(blocks) or "hello"}]
    body = {"model": "auto", "max_tokens": 64, "messages": said, **members}
    return DOOR.read_request(json.dumps(body).encode()).chat()


def parts(*blocks: Any, role: str = "user") -> Any:
    return chat(*blocks, role=role).turns[0].parts


def lost(read: ChatRequest) -> list[str]:
    return [loss.what for loss in read.losses]


CACHED: Any = {"cache_control": {"type": "ephemeral"}}
HOUR: Any = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def test_images_and_documents_of_every_source() -> None:
    sources: list[tuple[dict[str, Any], Media]] = [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}, **CACHED},
            Media("image", "image/png", "AAAA", cache="5m"),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://e.com/a"}}, Media("image", url="https://e.com/a")),
        (
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
            Media("image", file_id="file_1", origin="anthropic_messages"),
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
                "title": "t",
            },
            Media("file", "application/pdf", "AA", name="t"),
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            Media("file", "text/plain", text="words"),
        ),
        ({"type": "document", "source": {"type": "content", "content": "w"}}, Media("file", "text/plain", text="w")),
    ]
    assert parts(*(block for block, _ in sources)) == tuple(media for _, media in sources)


def test_tool_calls_and_their_results_keep_ids_names_arguments_images_and_errors() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"b": 1, "a": [1.50]}}
    image = {"type": "image", "source": {"type": "url", "url": "u"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "is_error": True,
        "content": [{"type": "text", "text": "no"}, image],
        **HOUR,
    }
    plain = {"type": "tool_result", "tool_use_id": "toolu_2", "content": "42"}
    bare = {"type": "tool_result", "tool_use_id": "toolu_3"}
    body = (
        b'{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[%b]},{"role":"user","content":%b}]}'
        % (json.dumps(call).encode(), json.dumps([result, plain, bare]).encode())
    )
    turns = DOOR.read_request(body).chat().turns
    assert turns[0].parts == (ToolCall("toolu_1", "find", '{"b": 1, "a": [1.5]}'),)
    assert turns[1].parts == (
        ToolResult("toolu_1", (Text("no"), Media("image", url="u")), True, "find", cache="1h"),
        ToolResult("toolu_2", (Text("42"),)),
        ToolResult("toolu_3", ()),
    )


def test_thoughts_keep_their_signatures_and_those_of_others_come_back_to_their_maker() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "thinking", "thinking": "so", "signature": "fl1~openai_responses~~rs_1~blob"},
        {"type": "redacted_thinking", "data": "fl1~gemini_generate~r~~blob~with~waves"},
        {"type": "thinking", "thinking": "loud", "signature": "fl1~anthropic_messages~~~"},
        {"type": "thinking", "thinking": "bare", "signature": ""},
    ]
    assert parts(*blocks, role="assistant") == (
        Reasoning("hm", "EqQB", "anthropic_messages"),
        Reasoning("", "EmwK", "anthropic_messages", is_redacted=True),
        Reasoning("so", "blob", "openai_responses", item_id="rs_1"),
        Reasoning("", "blob~with~waves", "gemini_generate", is_redacted=True),
        Reasoning("loud"),
        Reasoning("bare"),
    )


def test_hosted_tools_and_their_blocks_stay_what_they_are() -> None:
    block = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    read = chat(block, role="assistant", tools=[tool])
    assert read.turns[0].parts == (Opaque("anthropic_messages", "server_tool_use", json.dumps(block).encode()),)
    assert read.hosted_tools == (Opaque("anthropic_messages", "web_search_20250305", json.dumps(tool).encode()),)
    assert read.tools == ()
    assert read.losses == ()


def test_tools_and_choices() -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    tool = {"name": "find", "description": "d", "input_schema": schema, "strict": True, **HOUR}
    read = chat(
        tools=[tool, {"type": "custom", "name": "g", "defer_loading": True}],
        tool_choice={"type": "tool", "name": "find", "disable_parallel_tool_use": True},
    )
    assert read.tools == (Tool("find", "d", json.dumps(schema).encode(), True, cache="1h"), Tool("g"))
    assert read.tool_choice == ToolChoice("one", "find")
    assert read.parallel_tool_calls is False
    assert lost(read) == ["tools.defer_loading"]
    modes = {"any": "required", "auto": "auto", "none": "none"}
    for kind, mode in modes.items():
        read = chat(tool_choice={"type": kind})
        assert read.tool_choice == ToolChoice(mode)  # type: ignore[arg-type]
        assert read.parallel_tool_calls is None


@pytest.mark.parametrize(
    ("members", "wish"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, ReasoningWish(None, 2048)),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
            ReasoningWish("max", None, False),
        ),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, ReasoningWish(wants_text=True)),
        ({"thinking": {"type": "disabled"}}, ReasoningWish("none")),
        ({"output_config": {"effort": "low"}}, ReasoningWish("low")),
        ({}, None),
    ],
    ids=str,
)
def test_wishes_for_reasoning(members: Any, wish: ReasoningWish | None) -> None:
    assert chat(**members).reasoning == wish


def test_the_rest_of_the_members() -> None:
    read = chat(
        system=[{"type": "text", "text": "s", **HOUR}],
        output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
        stop_sequences=["END"],
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        metadata={"user_id": "u"},
        service_tier="standard_only",
        stream=True,
    )
    assert read.turns[0].parts == (Text("s", "1h"),)
    assert read.output == OutputShape("schema", b'{"type": "object"}')
    assert read.stop == ("END",)
    assert read.sampling == Sampling(0.5, 0.9, 40)
    assert read.user == "u"
    assert read.service_tier == "default"
    assert read.is_streaming
    assert read.max_output_tokens == 64
    assert read.losses == ()


def test_a_requests_own_cache_control_marks_its_last_part() -> None:
    read = chat({"type": "text", "text": "a"}, {"type": "text", "text": "b"}, **HOUR)
    assert read.turns[0].parts == (Text("a"), Text("b", "1h"))
    assert read.losses == ()


def test_what_has_no_word_in_the_hub_is_a_loss_by_its_name() -> None:
    cited = {"type": "text", "text": "a", "citations": [{"type": "char_location"}]}
    document = {
        "type": "document",
        "source": {"type": "content", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
        "context": "x",
        "citations": {"enabled": True},
    }
    found = {"type": "search_result", "title": "t", "source": "s", "content": [{"type": "text", "text": "d"}]}
    reference = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference", "tool_name": "x"}]}
    image = {"type": "image", "source": {"type": "url", "url": "u"}, "transformations": {"oversized_image": "error"}}
    read = chat(
        *(cited, document, found, reference, image),
        container="c",
        context_management={"edits": [1]},
        mcp_servers=[],
        inference_geo=None,
        thinking={"type": "between_tools"},
        metadata={"user_id": "u", "team": "t"},
        output_config={"task_budget": {"type": "tokens", "total": 50_000}, "effort": "low", "other": None},
    )
    assert sorted(lost(read)) == sorted(
        [
            *(
                "container",
                "context_management",
                "thinking.type",
                "metadata.team",
                "text.citations",
                "output_config.task_budget",
            ),
            *("document.citations", "document.context", "document.source.content", "search_result"),
            *("tool_result[tool_reference]", "image.transformations"),
        ]
    )
    assert read.turns[0].parts[:3] == (Text("a"), Media("file", "text/plain", text="b\nc"), Text("t\ns\nd"))
