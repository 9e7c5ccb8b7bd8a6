"""A Decision as JSON with stable keys: what POST /v1/route and `fairlead route --json` print.

The keys are a promise (docs/reference/decision.md): new ones may be added, none renamed. Unknown is null.
"""

from typing import Any, Final

import msgspec

from fairlead.domain.decision import Arm, Candidate, Decision, SessionEffect

SCHEMA: Final = "fairlead.decision/1"
_ENCODER: Final = msgspec.json.Encoder()


def write_decision(decision: Decision) -> bytes:
    """One JSON object."""
    return _ENCODER.encode(decision_value(decision))


def decision_value(decision: Decision) -> dict[str, Any]:
    """The same as plain values."""
    traits = decision.traits
    return {
        "schema": SCHEMA,
        "asked": decision.asked,
        "policy": decision.policy,
        "chosen": _arm(decision.chosen.arm) if decision.chosen else None,
        "reason": {"code": decision.reason.code, "text": decision.reason.text},
        "flips": [{"to": flip.to, "upstream": flip.upstream, "change": flip.change} for flip in decision.flips],
        "prompt": {
            "kinds": {kind: round(share, 4) for kind, share in traits.kinds},
            "difficulty": round(traits.difficulty, 4),
            "output_tokens": traits.output_tokens,
            "language": traits.language,
        },
        "candidates": [_candidate(candidate) for candidate in decision.candidates],
        "ineligible": [{**_arm(each.arm), "code": each.code, "why": each.why} for each in decision.ineligible],
        "session": _session(decision.session),
    }


def _session(effect: SessionEffect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    return {
        "code": effect.code,
        "anchor": _arm(effect.anchor),
        "without": _arm(effect.without),
        "saving_usd": round(effect.saving_usd, 9),
        "without_usd": None if effect.without_usd is None else round(effect.without_usd, 9),
    }


def _arm(arm: Arm) -> dict[str, Any]:
    return {
        "model": arm.model,
        "upstream": arm.upstream,
        "provider": arm.provider,
        "sent_model": arm.sent_model,
        "local": arm.is_local,
        "simulated": arm.is_simulated,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    estimate = candidate.estimate
    return {
        **_arm(candidate.arm),
        "utility": round(candidate.utility, 6),
        "chance": None if candidate.chance is None else round(candidate.chance, 6),
        "quality": {
            "mean": round(estimate.quality, 4),
            "low": round(estimate.quality_low, 4),
            "high": round(estimate.quality_high, 4),
            "basis": estimate.quality_basis,
        },
        "input_tokens": estimate.input_tokens,
        "output_tokens": estimate.output_tokens,
        "cost_usd": None if estimate.cost_usd is None else round(estimate.cost_usd, 9),
        "ttft_s": round(estimate.ttft_s, 3),
        "total_s": round(estimate.total_s, 3),
        "delay_basis": estimate.delay_basis,
    }
