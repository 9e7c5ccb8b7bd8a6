"""A decision as JSON: its keys are a promise."""

import json
from typing import Any

from fairlead.domain.decision import (
    Arm,
    Candidate,
    Decision,
    Estimate,
    Flip,
    Ineligible,
    PromptTraits,
    Reason,
    SessionEffect,
)
from fairlead.domain.names import AskedModel, ModelId, ProviderName, SentModel, UpstreamName
from fairlead.wire.decision_json import decision_value, write_decision

GOLDEN_KEYS = """
asked
candidates[].chance
candidates[].cost_usd
candidates[].delay_basis
candidates[].input_tokens
candidates[].local
candidates[].model
candidates[].output_tokens
candidates[].provider
candidates[].quality.basis
candidates[].quality.high
candidates[].quality.low
candidates[].quality.mean
candidates[].sent_model
candidates[].simulated
candidates[].total_s
candidates[].ttft_s
candidates[].upstream
candidates[].utility
chosen.local
chosen.model
chosen.provider
chosen.sent_model
chosen.simulated
chosen.upstream
flips[].change
flips[].to
flips[].upstream
ineligible[].code
ineligible[].local
ineligible[].model
ineligible[].provider
ineligible[].sent_model
ineligible[].simulated
ineligible[].upstream
ineligible[].why
policy
prompt.difficulty
prompt.kinds.code
prompt.language
prompt.output_tokens
reason.code
reason.text
schema
session.anchor.local
session.anchor.model
session.anchor.provider
session.anchor.sent_model
session.anchor.simulated
session.anchor.upstream
session.code
session.saving_usd
session.without.local
session.without.model
session.without.provider
session.without.sent_model
session.without.simulated
session.without.upstream
session.without_usd
"""


def arm(model: str) -> Arm:
    return Arm(ModelId(model), UpstreamName("up"), ProviderName("who"), SentModel("sent"))


def decision(*, has_candidates: bool = True, cost_usd: float | None = 0.0012345678912) -> Decision:
    estimate = Estimate(0.81234567, 0.7, 0.9, "published", 100, 200, cost_usd, 0.51239, 3.2, "prior")
    return Decision(
        asked=AskedModel("auto"),
        policy="auto",
        traits=PromptTraits((("code", 1.0),), 0.5, 200, "en"),
        candidates=(Candidate(arm("lab/a"), estimate, 0.5),) if has_candidates else (),
        ineligible=(Ineligible(arm("lab/b"), "no_tools", "it is not known to call tools"),),
        reason=Reason("only_candidate", "…"),
        flips=(Flip(ModelId("lab/b"), UpstreamName("up"), "if …"),),
        session=SessionEffect("kept_for_cache", arm("lab/a"), arm("lab/b"), 0.001, None) if has_candidates else None,
    )


def keys(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return set().union(*(keys(inner, f"{path}.{name}" if path else name) for name, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(keys(inner, f"{path}[]") for inner in value))
    return {path}


def test_the_set_of_keys_is_pinned() -> None:
    assert sorted(keys(json.loads(write_decision(decision())))) == GOLDEN_KEYS.split()


def test_the_schema_is_named() -> None:
    assert json.loads(write_decision(decision()))["schema"] == "fairlead.decision/1"


def test_an_unknown_price_is_null() -> None:
    assert decision_value(decision(cost_usd=None))["candidates"][0]["cost_usd"] is None


def test_nobody_chosen_is_null() -> None:
    value = decision_value(decision(has_candidates=False))
    assert (value["chosen"], value["candidates"]) == (None, [])


def test_numbers_are_rounded_to_what_they_are_worth() -> None:
    candidate = decision_value(decision())["candidates"][0]
    assert candidate["cost_usd"] == 0.001234568
    assert candidate["quality"]["mean"] == 0.8123
    assert candidate["ttft_s"] == 0.512
