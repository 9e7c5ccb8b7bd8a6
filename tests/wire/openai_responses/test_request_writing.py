"""A request for an upstream of this format: what it cannot carry is named, and nothing is kept there."""

import json
from hashlib import sha256
from typing import Any

import pytest

from fairlead.domain.content import Media, Opaque, OutputShape, Part, Reasoning, Text, Tool, ToolCall, ToolResult, Turn
from fairlead.domain.names import SentModel
from fairlead.domain.request import Carried, ChatRequest, ReasoningWish, Sampling
from fairlead.wire.openai_responses.item_writing import MAX_CALL_ID_CHARS
from fairlead.wire.openai_responses.request_writing import MIN_OUTPUT_TOKENS, write_request

HELLO = Turn("user", (Text("hello"),))


def write(*turns: Turn, **members: Any) -> Carried:
    return write_request(ChatRequest(turns or (HELLO,), **members), SentModel("sent"))


def body(carried: Carried) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(carried.body)
    return found


def lost(carried: Carried) -> set[str]:
    return {loss.what for loss in carried.losses}


def test_a_plain_request_is_told_whole_and_kept_nowhere() -> None:
    assert body(write()) == {"model": "sent", "input": [{"role": "user", "content": "hello"}], "store": False}


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"stop": ("END",)}, "stop"),
        ({"n_choices": 2}, "n"),
        ({"sampling": Sampling(top_k=5)}, "top_k"),
        ({"sampling": Sampling(min_p=0.1)}, "min_p"),
        ({"sampling": Sampling(frequency_penalty=1.0)}, "frequency_penalty"),
        ({"sampling": Sampling(presence_penalty=1.0)}, "presence_penalty"),
        ({"sampling": Sampling(seed=1)}, "seed"),
        ({"sampling": Sampling(logit_bias=b"{}")}, "logit_bias"),
        ({"service_tier": "standard_only"}, "service_tier"),
        ({"max_output_tokens": 1}, "max_output_tokens"),
        ({"reasoning": ReasoningWish(budget_tokens=5000)}, "reasoning budget"),
        ({"hosted_tools": (Opaque("anthropic_messages", "web_search_20250305", b"{}"),)}, "tools[web_search_20250305]"),
        ({"tools": (Tool("f", cache="5m"),)}, "cache_control"),
    ],
)
def test_a_member_that_this_format_has_no_word_for_is_a_loss(members: dict[str, Any], what: str) -> None:
    carried = write(**members)
    assert lost(carried) == {what}
    assert not {"stop", "n", "top_k", "seed", "service_tier"} & body(carried).keys()


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (Reasoning("thoughts of somebody"), "reasoning"),
        (Reasoning("t", "SIG", "anthropic_messages"), "reasoning signature"),
        (Opaque("anthropic_messages", "server_tool_use", b"{}"), "server_tool_use"),
        (Media("image", "image/png", "QQ"), "assistant image"),
        (Text("x", cache="1h"), "cache_control"),
    ],
)
def test_a_part_of_a_reply_that_this_format_cannot_carry_is_a_loss(part: Part, what: str) -> None:
    assert lost(write(HELLO, Turn("assistant", (part,)))) == {what}


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (Media("audio", "audio/wav", "QQ"), "audio"),
        (Media("file", file_id="f", origin="anthropic_messages"), "file_id"),
        (Media("file", text="words", name="Title"), "document name"),
        (ToolResult("c", (Text("x"),), is_error=True), "is_error"),
    ],
)
def test_a_part_of_a_question_that_this_format_cannot_carry_is_a_loss(part: Part, what: str) -> None:
    assert lost(write(Turn("user", (part, Text("hello"))))) == {what}


def test_an_end_users_long_name_is_told_by_its_digest() -> None:
    for user in ("u" * 64, "u" * 65, "ü" * 300):
        carried = write(user=user)
        digest = sha256(user.encode()).hexdigest()
        assert (body(carried)["user"], lost(carried)) == (user if len(user) <= 64 else digest, set())


def test_a_speakers_name_is_a_loss() -> None:
    assert lost(write(HELLO._replace(name="Ann"))) == {"name"}


def test_a_document_of_plain_text_is_told_as_text() -> None:
    said = body(write(Turn("user", (Media("file", text="words"), Text("sum up")))))["input"][0]["content"]
    assert said == [{"type": "input_text", "text": "words"}, {"type": "input_text", "text": "sum up"}]


def test_results_and_words_of_one_turn_stand_in_their_order() -> None:
    parts: tuple[Part, ...] = (
        ToolResult("c1", (Text("a"),)),
        ToolResult("c2", (Text("b"),), kind="custom"),
        Text("now?"),
    )
    assert body(write(HELLO, Turn("user", parts)))["input"][1:] == [
        {"type": "function_call_output", "call_id": "c1", "output": "a"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "b"},
        {"role": "user", "content": "now?"},
    ]


def test_a_result_of_nothing_is_an_empty_text() -> None:
    assert body(write(Turn("user", (ToolResult("c", ()),))))["input"][0]["output"] == ""


@pytest.mark.parametrize("call_id", ["", "x" * 65, "é" * 200])
def test_an_id_that_is_not_allowed_here_is_replaced_alike_in_call_and_result(call_id: str) -> None:
    items = body(write(Turn("assistant", (ToolCall(call_id, "f", "{}"),)), Turn("user", (ToolResult(call_id, ()),))))[
        "input"
    ]
    assert items[0]["call_id"] == items[1]["call_id"]
    assert 0 < len(items[0]["call_id"]) <= MAX_CALL_ID_CHARS


def test_two_long_ids_stay_two() -> None:
    calls = tuple(ToolCall("x" * 80 + end, "f", "{}") for end in "ab")
    items = body(write(Turn("assistant", calls)))["input"]
    assert items[0]["call_id"] != items[1]["call_id"]


def test_a_function_is_strict_only_if_it_was_said_to_be() -> None:
    tools = body(write(tools=(Tool("f", schema=b"{}"), Tool("g", schema=b"{}", is_strict=True), Tool("h"))))["tools"]
    assert [tool["strict"] for tool in tools] == [False, True, False]
    assert tools[2]["parameters"] is None


@pytest.mark.parametrize(("budget", "effort"), [(1024, "low"), (2048, "medium"), (2049, "high"), (32_000, "high")])
def test_a_thinking_budget_is_told_as_an_effort(budget: int, effort: str) -> None:
    said = body(write(reasoning=ReasoningWish(budget_tokens=budget, wants_text=True)))
    assert said["reasoning"] == {"effort": effort, "summary": "auto"}


@pytest.mark.parametrize(
    ("reasoning", "parts", "is_asked"),
    [
        (None, (Text("x"),), False),
        (ReasoningWish("none"), (Text("x"),), False),
        (ReasoningWish("low"), (Text("x"),), True),
        (None, (Reasoning("", "E", "openai_responses", is_redacted=True),), True),
    ],
)
def test_the_blob_of_thoughts_is_asked_of_models_that_think(
    reasoning: ReasoningWish | None, parts: tuple[Part, ...], is_asked: bool
) -> None:
    said = body(write(HELLO, Turn("assistant", parts), reasoning=reasoning))
    assert ("reasoning.encrypted_content" in said.get("include", [])) is is_asked


def test_too_few_output_tokens_are_raised_to_the_least_allowed() -> None:
    assert body(write(max_output_tokens=1))["max_output_tokens"] == MIN_OUTPUT_TOKENS


def test_a_shape_without_a_name_gets_one() -> None:
    said = body(write(output=OutputShape("schema", b'{"type":"object"}')))["text"]["format"]
    assert said == {"type": "json_schema", "name": "output", "schema": {"type": "object"}}
