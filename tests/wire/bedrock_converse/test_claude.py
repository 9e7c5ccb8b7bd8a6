"""Requests for Claude at Bedrock: what it refuses is mended or said to be lost, as in Anthropic's own format."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.domain.content import Reasoning, Text, Tool, ToolCall, ToolChoice, ToolResult, Turn
from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest, ReasoningWish, Sampling
from fairlead.wire.bedrock_converse import BACK
from fairlead.wire.claude_habits import habits_of
from tests.wire.back_requests import chats
from tests.wire.bedrock_converse.writing import (
    CLAUDE,
    CLAUDES,
    EITHER,
    HI,
    LLAMA,
    MYTHOS,
    NEWER,
    OLD,
    PROFILE,
    RESTING,
    written,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(chats, st.sampled_from(CLAUDES))
def test_no_claude_gets_what_it_refuses(chat: ChatRequest, sent: SentModel) -> None:
    body = json.loads(BACK.write_request(chat, sent).body)
    habits, inference = habits_of(sent), body.get("inferenceConfig", {})
    fields = body.get("additionalModelRequestFields", {})
    thinking = fields.get("thinking", {"type": "disabled"})
    sampled = {"temperature", "topP", "top_k"} & ({*inference} | {*fields})
    assert not sampled or (habits.takes_sampling and thinking["type"] == "disabled")
    assert habits.takes_both_sampling or not {"temperature", "topP"} <= sampled
    assert thinking["type"] != "adaptive" or habits.is_adaptive
    assert habits.takes_budget or "display" not in thinking or thinking["type"] == "adaptive"
    if thinking["type"] == "enabled":
        assert habits.thinks and habits.takes_budget
        assert 1_024 <= thinking["budget_tokens"] < inference["maxTokens"]
    if thinking["type"] != "disabled":
        assert not {"any", "tool"} & set(body.get("toolConfig", {}).get("toolChoice", {}))
    assert all(stop.strip() for stop in inference.get("stopSequences", []))


@pytest.mark.parametrize(
    ("sent", "wish", "fields", "losses"),
    [
        (CLAUDE, ReasoningWish("low"), {"thinking": {"type": "enabled", "budget_tokens": 6_400}}, []),
        (CLAUDE, ReasoningWish(), {"thinking": {"type": "enabled", "budget_tokens": 16_000}}, []),
        (CLAUDE, ReasoningWish(None, 3_000), {"thinking": {"type": "enabled", "budget_tokens": 3_000}}, []),
        (CLAUDE, ReasoningWish("none"), None, []),
        (CLAUDE, ReasoningWish(None, 3_000, wants_text=True),
         {"thinking": {"type": "enabled", "budget_tokens": 3_000}}, []),
        (CLAUDE, ReasoningWish(None, 3_000, wants_text=False),
         {"thinking": {"type": "enabled", "budget_tokens": 3_000}}, ["thinking.display"]),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", ReasoningWish(None, 3_000),
         {"thinking": {"type": "enabled", "budget_tokens": 3_000}}, []),
        ("anthropic.claude-sonnet-4-20250514-v1:0", ReasoningWish(None, 3_000),
         {"thinking": {"type": "enabled", "budget_tokens": 3_000}}, []),
        (OLD, ReasoningWish("high"), None, ["reasoning"]),
        (OLD, ReasoningWish("none"), None, []),
        (EITHER, ReasoningWish("xhigh"),
         {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, ["reasoning effort xhigh"]),
        (EITHER, ReasoningWish(None, 3_000), {"thinking": {"type": "enabled", "budget_tokens": 3_000}}, []),
        (NEWER, ReasoningWish("high"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, []),
        (NEWER, ReasoningWish("xhigh"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, []),
        (NEWER, ReasoningWish(None, 3_000), {"thinking": {"type": "adaptive"}}, ["reasoning budget"]),
        (NEWER, ReasoningWish(), {"thinking": {"type": "adaptive"}}, []),
        (NEWER, ReasoningWish(wants_text=True), {"thinking": {"type": "adaptive", "display": "summarized"}}, []),
        (NEWER, ReasoningWish("none"), None, []),
        (PROFILE, ReasoningWish("low"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, []),
        (RESTING, ReasoningWish("none"), {"thinking": {"type": "disabled"}}, []),
        (MYTHOS, ReasoningWish("none"), {"output_config": {"effort": "low"}}, ["reasoning"]),
    ],
)  # fmt: skip
def test_thinking_as_each_claude_takes_it(sent: str, wish: ReasoningWish, fields: object, losses: list[str]) -> None:
    body, lost = written(reasoning=wish, sent=SentModel(sent))
    assert body.get("additionalModelRequestFields") == fields and lost == losses


@pytest.mark.parametrize(("most", "budget"), [(2_000, 1_024), (4_096, 2_048), (None, 16_000)])
def test_a_budget_leaves_room_for_an_answer(most: int | None, budget: int) -> None:
    body, losses = written(reasoning=ReasoningWish("medium"), sent=CLAUDE, max_output_tokens=most)
    assert body["additionalModelRequestFields"]["thinking"]["budget_tokens"] == budget and losses == []
    assert body["inferenceConfig"] == {"maxTokens": most or 32_000}


def test_where_there_is_no_room_for_thoughts_there_are_none() -> None:
    body, losses = written(reasoning=ReasoningWish("high"), sent=CLAUDE, max_output_tokens=500)
    assert "additionalModelRequestFields" not in body and losses == ["reasoning"]


@pytest.mark.parametrize("sent", [CLAUDE, NEWER])
@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("one", "f")])
def test_a_claude_whose_tool_is_forced_does_not_think(sent: SentModel, choice: ToolChoice) -> None:
    body, losses = written(reasoning=ReasoningWish("high"), sent=sent, tools=(Tool("f"),), tool_choice=choice)
    assert "additionalModelRequestFields" not in body and losses == ["reasoning"]
    assert {"any", "tool"} & set(body["toolConfig"]["toolChoice"])


@pytest.mark.parametrize(
    ("sent", "thought", "thinks", "lost"),
    [
        (CLAUDE, None, False, ["reasoning"]),
        (CLAUDE, Reasoning("", "sig", "anthropic_messages"), False, ["reasoning signature", "reasoning"]),
        (CLAUDE, Reasoning("hm", "sig", "bedrock_converse"), True, []),
        (NEWER, None, True, []),
    ],
)
def test_an_older_claude_thinks_in_a_tool_loop_with_signed_thoughts_alone(
    sent: SentModel, thought: Reasoning | None, thinks: bool, lost: list[str]
) -> None:
    call = ToolCall("c", "f", "{}")
    said = (call,) if thought is None else (thought, call)
    turns = (HI, Turn("assistant", said), Turn("user", (ToolResult("c", (Text("r"),)),)))
    body, losses = written(*turns, sent=sent, reasoning=ReasoningWish("high"), tools=(Tool("f"),))
    assert ("thinking" in body.get("additionalModelRequestFields", {})) == thinks and losses == lost


@pytest.mark.parametrize(
    ("sent", "wish", "inference", "fields", "lost"),
    [
        (CLAUDE, None, {"temperature": 0.5}, {"top_k": 3}, ["top_p"]),
        (OLD, None, {"temperature": 0.5, "topP": 0.9}, {"top_k": 3}, []),
        (CLAUDE, ReasoningWish(None, 2_000), {"maxTokens": 32_000}, {"thinking": {"type": "enabled",
         "budget_tokens": 2_000}}, ["temperature", "top_p", "top_k"]),
        (NEWER, None, {}, {}, ["temperature", "top_p", "top_k"]),
        (MYTHOS, None, {}, {}, ["temperature", "top_p", "top_k"]),
        (PROFILE, None, {}, {}, ["temperature", "top_p", "top_k"]),
        (LLAMA, None, {"temperature": 0.5, "topP": 0.9}, {}, ["top_k"]),
    ],
)  # fmt: skip
def test_sampling_is_what_the_model_takes(
    sent: str, wish: ReasoningWish | None, inference: Any, fields: Any, lost: list[str]
) -> None:
    body, losses = written(reasoning=wish, sent=SentModel(sent), sampling=Sampling(0.5, 0.9, 3))
    assert body.get("inferenceConfig", {}) == inference
    assert body.get("additionalModelRequestFields", {}) == fields
    assert losses == lost
