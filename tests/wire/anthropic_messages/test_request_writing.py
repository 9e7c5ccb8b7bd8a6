"""A request for Anthropic: what it refuses is mended or said to be lost, and nothing else is touched."""

import json
from hashlib import sha256
from typing import Any

import pytest

from fairlead.domain.content import (
    Media,
    Opaque,
    OutputShape,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest, ReasoningWish, Sampling
from fairlead.wire.anthropic_messages import BACK
from fairlead.wire.anthropic_messages.ids import spelled, unspelled

HELLO = (Turn("user", (Text("hello"),)),)


def written(chat: ChatRequest, sent: str = "claude-sonnet-4-5") -> tuple[Any, list[str]]:
    carried = BACK.write_request(chat, SentModel(sent))
    return json.loads(carried.body), [loss.what for loss in carried.losses]


def blocks(*parts: Part, role: Any = "user") -> tuple[Any, list[str]]:
    body, lost = written(ChatRequest((*HELLO, Turn("assistant", (Text("so"),)), Turn(role, parts))))
    return body["messages"][-1]["content"], lost


def test_the_least_request_is_the_model_its_messages_and_the_most_tokens_that_the_format_requires() -> None:
    body, lost = written(ChatRequest(HELLO))
    assert body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 32_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
    }
    assert lost == []


@pytest.mark.parametrize(
    ("sent", "most"),
    [
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-sonnet-20241022", 8_192),
        ("claude-3-7-sonnet-latest", 32_000),
        ("anthropic.claude-opus-4-20250514-v1:0", 32_000),
        ("claude-opus-4-8", 32_000),
        ("claude-fable", 32_000),
        ("deepseek-chat", 8_192),
    ],
)
def test_the_most_tokens_are_what_the_model_allows(sent: str, most: int) -> None:
    assert written(ChatRequest(HELLO), sent)[0]["max_tokens"] == most


def test_system_turns_go_in_front_and_a_later_one_loses_its_place() -> None:
    turns = (Turn("system", (Text("a", "1h"),)), *HELLO, Turn("system", (Text("b"),)), Turn("user", (Text("x"),), "Al"))
    body, lost = written(ChatRequest(turns))
    assert body["system"] == [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "b"},
    ]
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert lost == ["place of a system message", "messages.name"]


def test_a_system_turn_alone_is_put_as_the_users() -> None:
    body, lost = written(ChatRequest((Turn("system", (Text("a"),)),)))
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "a"}]}]
    assert lost == ["role of the system message"]


def test_the_results_of_parallel_calls_are_one_turn_and_stand_first() -> None:
    calls = (ToolCall("call:1", "f", '{"a": 1.0}'), ToolCall("b", "g", ""))
    turns = (
        *HELLO,
        Turn("assistant", calls),
        Turn("user", (Text("by the way"), ToolResult("call:1", (Text("1"),), name="f"))),
        Turn("user", (ToolResult("b", (Text("2"), Media("image", url="u")), is_error=True, cache="5m"),)),
    )
    body, lost = written(ChatRequest(turns, tools=(Tool("f"),)))
    assert lost == []
    used, results = (message["content"] for message in body["messages"][1:])
    assert used == [
        {"type": "tool_use", "id": spelled("call:1"), "name": "f", "input": {"a": 1.0}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {}},
    ]
    assert results == [
        {"type": "tool_result", "tool_use_id": spelled("call:1"), "content": "1"},
        {
            "type": "tool_result",
            "tool_use_id": "b",
            "content": [{"type": "text", "text": "2"}, {"type": "image", "source": {"type": "url", "url": "u"}}],
            "is_error": True,
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "text", "text": "by the way"},
    ]


@pytest.mark.parametrize("call_id", ["", "call:1", "a b", "é", "fl1id-", "fl1id-YQ", "toolu_1", "x" * 200, "a\n"])
def test_a_calls_name_travels_spelled_and_comes_back(call_id: str) -> None:
    there = spelled(call_id)
    assert there.replace("_", "").replace("-", "").isalnum()
    assert there.isascii()
    assert unspelled(there) == call_id
    assert (there == call_id) == (call_id in ("toolu_1", "x" * 200))


@pytest.mark.parametrize("foreign", ["fl1id-%", "fl1id-A", "fl1id-_w", "fl1id-dG9vbHVfMQ"])
def test_a_name_that_only_looks_spelled_stays_as_it_came(foreign: str) -> None:
    assert unspelled(foreign) == foreign


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "1", "x", '{"a":1}}', "[" * 100_000])
def test_arguments_that_are_no_object_are_kept_as_text_and_said_to_be(arguments: str) -> None:
    content, lost = blocks(ToolCall("a", "f", arguments), role="assistant")
    assert content[-1]["input"] == {"input": arguments}
    assert lost == ["tool call"]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            Media("image", "image/jpg", "AA"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AA"}},
        ),
        (Media("image", url="u", detail="auto"), {"type": "image", "source": {"type": "url", "url": "u"}}),
        (
            Media("image", file_id="f", origin="anthropic_messages"),
            {"type": "image", "source": {"type": "file", "file_id": "f"}},
        ),
        (
            Media("file", "application/pdf", "AA", name="n", cache="5m"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
                "title": "n",
                "cache_control": {"type": "ephemeral"},
            },
        ),
        (Media("file", url="u"), {"type": "document", "source": {"type": "url", "url": "u"}}),
        (
            Media("file", "text/csv", "YSxi"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a,b"}},
        ),
        (
            Media("file", "text/plain", text="w"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "w"}},
        ),
    ],
)
def test_images_and_documents_have_blocks_of_their_own(part: Media, block: Any) -> None:
    assert blocks(part) == ([block], [])


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (Media("audio", "audio/wav", "AA"), "audio"),
        (Media("image", "image/tiff", "AA"), "image of image/tiff"),
        (Media("image", None, "AA"), "image of None"),
        (Media("image", file_id="f", origin="openai_chat"), "file_id"),
        (Media("file", "application/zip", "AA"), "file of application/zip"),
        (Media("file", "text/plain", "/w=="), "file of text/plain"),
        (Media("file", "text/html", url="u"), "file of text/html"),
        (Reasoning("hm"), "reasoning"),
        (Reasoning("hm", "x", "gemini_generate"), "reasoning signature"),
        (Opaque("openai_responses", "compaction", b"{}"), "compaction"),
        (Text("  "), "blank text"),
    ],
)
def test_what_anthropic_has_no_block_for_is_lost_by_its_name(part: Part, what: str) -> None:
    content, lost = blocks(Text("x"), part)
    assert content == [{"type": "text", "text": "x"}]
    assert lost == [what]


def test_its_own_opaque_items_go_back_as_they_came() -> None:
    raw = b'{"type":"server_tool_use","id":"s"}'
    hosted = Opaque("anthropic_messages", "web_search_20250305", b'{"type":"web_search_20250305","name":"w"}')
    turns = (*HELLO, Turn("assistant", (Opaque("anthropic_messages", "server_tool_use", raw),)))
    body, lost = written(ChatRequest(turns, hosted_tools=(hosted, Opaque("openai_responses", "file_search", b"{}"))))
    assert body["messages"][1]["content"] == [json.loads(raw)]
    assert body["tools"] == [json.loads(hosted.raw)]
    assert lost == ["tools[file_search]"]


def test_tools_have_the_schema_that_anthropic_requires() -> None:
    tools = (
        Tool("a"),
        Tool("b", "d", b'{"properties":{}}', True, cache="1h"),
        Tool("c", kind="custom", grammar=b"{}"),
    )
    body, lost = written(ChatRequest(HELLO, tools=tools, parallel_tool_calls=False))
    assert body["tools"] == [
        {"name": "a", "input_schema": {"type": "object", "properties": {}}},
        {
            "name": "b",
            "description": "d",
            "input_schema": {"type": "object", "properties": {}},
            "strict": True,
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
        {
            "name": "c",
            "input_schema": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
        },
    ]
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert lost == ["tools[c]"]


@pytest.mark.parametrize(
    ("choice", "wish"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("none"), {"type": "none"}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("one", "a"), {"type": "tool", "name": "a"}),
    ],
)
def test_choices_of_tools_have_their_words(choice: ToolChoice, wish: Any) -> None:
    assert written(ChatRequest(HELLO, tools=(Tool("a"),), tool_choice=choice))[0]["tool_choice"] == wish
    body, lost = written(ChatRequest(HELLO, tool_choice=choice))
    assert "tool_choice" not in body
    assert lost == (["tool_choice"] if choice.mode in ("required", "one") else [])


ADAPTIVE = "claude-opus-4-8"
EITHER = "claude-opus-4-6"
BUDGETED = "claude-haiku-4-5"


@pytest.mark.parametrize(
    ("sent", "wish", "most", "members", "lost"),
    [
        (ADAPTIVE, ReasoningWish("high"), 9_000, {"thinking": {"type": "adaptive"}, "effort": "high"}, []),
        (ADAPTIVE, ReasoningWish(), 9_000, {"thinking": {"type": "adaptive"}}, []),
        (ADAPTIVE, ReasoningWish(None, 4_000), 9_000, {"thinking": {"type": "adaptive"}}, ["reasoning budget"]),
        (
            *(ADAPTIVE, ReasoningWish("minimal"), 9_000),
            *({"thinking": {"type": "adaptive"}, "effort": "low"}, ["reasoning effort minimal"]),
        ),
        (ADAPTIVE, ReasoningWish("none"), 9_000, {"thinking": {"type": "disabled"}}, []),
        (EITHER, ReasoningWish("low"), 9_000, {"thinking": {"type": "adaptive"}, "effort": "low"}, []),
        (EITHER, ReasoningWish(None, 4_000), 9_000, {"thinking": {"type": "enabled", "budget_tokens": 4_000}}, []),
        (ADAPTIVE, ReasoningWish("xhigh"), 9_000, {"thinking": {"type": "adaptive"}, "effort": "xhigh"}, []),
        (
            *(EITHER, ReasoningWish("xhigh"), 9_000),
            *({"thinking": {"type": "adaptive"}, "effort": "high"}, ["reasoning effort xhigh"]),
        ),
        ("claude-opus-5", ReasoningWish("none"), 9_000, {"thinking": {"type": "disabled"}}, []),
        ("claude-opus-5-5", ReasoningWish("none"), 9_000, {"effort": "low"}, ["reasoning"]),
        ("claude-fable-5", ReasoningWish("none"), 9_000, {"effort": "low"}, ["reasoning"]),
        ("claude-3-5-sonnet-20241022", ReasoningWish("high"), 8_000, {}, ["reasoning"]),
        ("claude-3-5-sonnet-20241022", ReasoningWish("none"), 8_000, {}, []),
        (BUDGETED, ReasoningWish("high"), 10_000, {"thinking": {"type": "enabled", "budget_tokens": 8_000}}, []),
        (BUDGETED, ReasoningWish("minimal"), 5_000, {"thinking": {"type": "enabled", "budget_tokens": 1_024}}, []),
        (
            *(BUDGETED, ReasoningWish(None, 9_000, wants_text=True), 5_000),
            *(
                {"thinking": {"type": "enabled", "budget_tokens": 4_999, "display": "summarized"}},
                ["reasoning budget"],
            ),
        ),
        (BUDGETED, ReasoningWish("high"), 1_024, {}, ["reasoning"]),
        ("glm-5", ReasoningWish(None, 2_000), 9_000, {"thinking": {"type": "enabled", "budget_tokens": 2_000}}, []),
    ],
)
def test_a_wish_for_reasoning_is_put_as_the_model_takes_it(
    sent: str, wish: ReasoningWish, most: int, members: Any, lost: list[str]
) -> None:
    body, losses = written(ChatRequest(HELLO, reasoning=wish, max_output_tokens=most), sent)
    assert body.get("thinking") == members.get("thinking")
    assert body.get("output_config", {}).get("effort") == members.get("effort")
    assert losses == lost


def test_a_forced_tool_comes_before_thinking() -> None:
    chat = ChatRequest(HELLO, tools=(Tool("a"),), tool_choice=ToolChoice("required"), reasoning=ReasoningWish("high"))
    body, lost = written(chat, ADAPTIVE)
    assert "thinking" not in body
    assert lost == ["reasoning"]


@pytest.mark.parametrize(
    ("sent", "sampling", "wish", "members", "lost"),
    [
        ("claude-3-opus-20240229", Sampling(0.2, 0.9, 5), None, {"temperature": 0.2, "top_p": 0.9, "top_k": 5}, []),
        (BUDGETED, Sampling(0.2, 0.9, 5), None, {"temperature": 0.2, "top_k": 5}, ["top_p"]),
        (BUDGETED, Sampling(1.7), None, {"temperature": 1.0}, ["temperature"]),
        (BUDGETED, Sampling(0.2), ReasoningWish("high"), {}, ["temperature"]),
        (ADAPTIVE, Sampling(0.2, 0.9, 5), None, {}, ["temperature", "top_p", "top_k"]),
        ("glm-5", Sampling(0.2, 0.9), None, {"temperature": 0.2, "top_p": 0.9}, []),
    ],
)
def test_sampling_is_what_the_model_takes(
    sent: str, sampling: Sampling, wish: ReasoningWish | None, members: Any, lost: list[str]
) -> None:
    body, losses = written(ChatRequest(HELLO, sampling=sampling, reasoning=wish), sent)
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == members
    assert losses == lost


def test_a_schema_for_the_reply_is_carried_and_json_of_any_shape_is_lost() -> None:
    shape = OutputShape("schema", b'{"type":"object"}', "answer", is_strict=True)
    body, lost = written(ChatRequest(HELLO, output=shape))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert lost == []
    body, lost = written(ChatRequest(HELLO, output=OutputShape("json")))
    assert "output_config" not in body
    assert lost == ["response_format"]
    assert written(ChatRequest(HELLO, output=shape._replace(description="d")))[1] == ["response_format.description"]


def test_the_rest_is_carried_or_lost_by_its_name() -> None:
    chat = ChatRequest(
        HELLO,
        stop=("END", " \n"),
        sampling=Sampling(min_p=0.1, frequency_penalty=0.5, presence_penalty=0.0, seed=0, logit_bias=b"{}"),
        n_choices=2,
        wants_logprobs=True,
        top_logprobs=3,
        is_streaming=True,
        user="u",
        service_tier="default",
        cache_key="k",
        metadata=b"{}",
        verbosity="low",
        reasoning=ReasoningWish("none", summary="auto"),
    )
    body, lost = written(chat)
    assert body["stop_sequences"] == ["END"]
    assert body["stream"] is True
    assert body["metadata"] == {"user_id": "u"}
    assert body["service_tier"] == "standard_only"
    assert lost == [
        *("stop", "n", "logprobs", "top_logprobs", "min_p", "frequency_penalty", "seed", "logit_bias"),
        *("prompt_cache_key", "metadata", "verbosity", "reasoning.summary"),
    ]
    body, lost = written(ChatRequest(HELLO, service_tier="flex", user="u" * 300))
    assert lost == ["service_tier"]
    assert body["metadata"]["user_id"] == sha256(b"u" * 300).hexdigest()
