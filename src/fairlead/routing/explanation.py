"""Explanation: a choice in arrays -> a Decision for people: who could serve, who not, why, and what would flip it."""

import math
from typing import Final

from fairlead.domain.decision import Candidate, Decision, Estimate, Flip, Ineligible, Reason
from fairlead.domain.errors import NoEligibleModelError
from fairlead.domain.names import AskedModel
from fairlead.routing.pool import Pool
from fairlead.routing.predictors.predictor import Forecast
from fairlead.routing.preferences import CHEAPEST_USD, COST_WORTH, DELAY_WORTH, SHORTEST_S
from fairlead.routing.router import Choice

_MAX_FLIPS: Final = 4
_SMALLEST: Final = 1e-9


def explain(pool: Pool, choice: Choice, model: AskedModel) -> Decision:
    """The whole decision. Off the hot path."""
    forecast = pool.forecaster.forecast(choice.outline)
    candidates = tuple(
        Candidate(pool.specs[i].arm, _estimate(pool, choice, forecast, i), float(choice.utility[i]))
        for i in choice.order
    )
    return Decision(
        asked=model,
        policy=choice.asked.policy,
        traits=pool.forecaster.traits(choice.outline),
        candidates=candidates,
        ineligible=_ineligible(pool, choice),
        reason=_reason(pool, choice),
        flips=_flips(pool, choice),
    )


def nobody(pool: Pool, choice: Choice) -> NoEligibleModelError:
    """The error for a choice that left nobody, with the grounds and how many each excluded."""
    counts: dict[str, int] = {}
    for refused in _ineligible(pool, choice):
        counts[refused.code] = counts.get(refused.code, 0) + 1
    if not counts:
        return NoEligibleModelError(
            "There is no model to choose from: no upstream is configured for 'auto'. Run 'fairlead doctor'."
        )
    grounds = ", ".join(f"{code} ({n})" for code, n in sorted(counts.items(), key=lambda item: -item[1]))
    return NoEligibleModelError(
        f"No model may serve this request. Excluded by: {grounds}. POST the same body to /v1/route to see each."
    )


def _estimate(pool: Pool, choice: Choice, forecast: Forecast, i: int) -> Estimate:
    expected = choice.expected
    card = int(pool.card_of[i])
    return Estimate(
        quality=float(expected.quality[i]),
        quality_low=float(forecast.quality_low[card]),
        quality_high=float(forecast.quality_high[card]),
        quality_basis=pool.basis_of(i),
        input_tokens=round(expected.input_tokens),
        output_tokens=round(float(expected.output_tokens[i])),
        cost_usd=float(expected.cost_usd[i]) if pool.is_priced[i] else None,
        ttft_s=float(expected.ttft_s[i]),
        total_s=float(expected.total_s[i]),
        delay_basis=pool.specs[i].delay_basis,
    )


def _ineligible(pool: Pool, choice: Choice) -> tuple[Ineligible, ...]:
    """Each arm in question that failed, with the first check it failed on."""
    found = []
    for i in range(pool.n_arms):
        if not choice.asked.members[i]:
            continue
        for check in choice.checks:
            if check.fails[i]:
                found.append(Ineligible(pool.specs[i].arm, check.code, check.why(i)))
                break
    return tuple(found)


def _reason(pool: Pool, choice: Choice) -> Reason:
    order = choice.order
    if not order:
        return Reason("nobody_eligible", str(nobody(pool, choice)))
    best = pool.specs[order[0]].arm
    if choice.asked.is_concrete and len(choice.asked.ranks) <= 1:
        return Reason("asked_by_name", f"{best.model} was asked for by name; no other model may serve.")
    if choice.asked.is_concrete:
        return Reason("first_in_list", f"{best.model} is the first of the listed models that may serve.")
    if choice.wishes.sort is not None:
        return Reason("sorted", f"{best.model} is first by {choice.wishes.sort}, as provider.sort asks.")
    if choice.wishes.provider_order:
        return Reason(
            "provider_order", f"{best.model} is the best at the first provider of provider.order that may serve."
        )
    rival = _rival(pool, choice)
    if rival is None:
        return Reason("only_candidate", f"{best.model} is the only model that may serve this request.")
    parts = _difference(choice, order[0], rival)
    lead = sum(parts.values())
    shares = ", ".join(f"{name} {value:+.3f}" for name, value in sorted(parts.items(), key=lambda item: -abs(item[1])))
    return Reason(
        "highest_utility",
        f"{best.model} has the highest utility, {lead:.3f} above {pool.specs[rival].arm.model}: {shares}.",
    )


def _rival(pool: Pool, choice: Choice) -> int | None:
    """The best arm of another model than the chosen one."""
    chosen = pool.specs[choice.order[0]].arm.model
    return next((i for i in choice.order[1:] if pool.specs[i].arm.model != chosen), None)


def _difference(choice: Choice, a: int, b: int) -> dict[str, float]:
    """Utility of arm a less that of arm b, by what it comes from; the parts sum to the difference."""
    weights, expected = choice.weights, choice.expected
    scale = 1.0 / (weights.quality + weights.cost + weights.speed)
    return {
        "quality": weights.quality * scale * float(expected.sure_quality[a] - expected.sure_quality[b]),
        "cost": -weights.cost * scale * COST_WORTH * _decades(expected.cost_usd[a], expected.cost_usd[b], CHEAPEST_USD),
        "speed": -weights.speed * scale * DELAY_WORTH * _decades(expected.total_s[a], expected.total_s[b], SHORTEST_S),
    }


def _decades(a: float, b: float, least: float) -> float:
    return math.log10(max(float(a), least)) - math.log10(max(float(b), least))


def _flips(pool: Pool, choice: Choice) -> tuple[Flip, ...]:
    """Single changes that would have led elsewhere, nearest rival first."""
    free = not choice.asked.is_concrete and choice.wishes.sort is None and not choice.wishes.provider_order
    if not choice.order or not free:
        return ()
    flips = [*_rival_flips(pool, choice), *_constraint_flips(pool, choice)]
    return tuple(flips[:_MAX_FLIPS])


def _rival_flips(pool: Pool, choice: Choice) -> list[Flip]:
    rival = _rival(pool, choice)
    if rival is None:
        return []
    parts = _difference(choice, choice.order[0], rival)
    lead = sum(parts.values())
    weights = choice.weights
    scale = 1.0 / (weights.quality + weights.cost + weights.speed)
    arm = pool.specs[rival].arm
    flips = []
    if weights.quality > 0:
        needed = lead / (weights.quality * scale)
        if choice.expected.quality[rival] + needed <= 1.0:
            flips.append(Flip(arm.model, arm.upstream, f"if its expected quality were {needed:.3f} higher"))
    if weights.cost > 0 and choice.expected.cost_usd[rival] > CHEAPEST_USD:
        factor = 10 ** (-lead / (weights.cost * scale * COST_WORTH))
        if factor * float(choice.expected.cost_usd[rival]) >= CHEAPEST_USD:
            flips.append(Flip(arm.model, arm.upstream, f"if its cost were {factor:.2f} times what it is"))
    for name, weight in (("quality", weights.quality), ("cost", weights.cost), ("speed", weights.speed)):
        turning = _turning_weight(parts, name, weight * scale)
        if turning is not None:
            flips.append(
                Flip(
                    arm.model,
                    arm.upstream,
                    f"if the weight of {name} were {turning:.2f} instead of {weight * scale:.2f}",
                )
            )
    return flips


def _turning_weight(parts: dict[str, float], name: str, share: float) -> float | None:
    """The weight of one part at which the two arms are level, the other two unchanged; None when there is none."""
    if share <= 0 or abs(parts[name]) < _SMALLEST:
        return None
    others = sum(value for part, value in parts.items() if part != name)
    turning = -others / (parts[name] / share)
    return turning if 0 <= turning <= 10 else None


def _constraint_flips(pool: Pool, choice: Choice) -> list[Flip]:
    """Arms that would have won but for one wish."""
    best = float(choice.utility[choice.order[0]])
    flips = []
    for refused in _ineligible(pool, choice):
        i = pool.specs.index(next(s for s in pool.specs if s.arm == refused.arm))
        failed = [check.code for check in choice.checks if check.fails[i]]
        if len(set(failed)) == 1 and float(choice.utility[i]) > best:
            flips.append(
                (
                    float(choice.utility[i]),
                    Flip(refused.arm.model, refused.arm.upstream, f"if not for {refused.code}: {refused.why}"),
                )
            )
    return [flip for _, flip in sorted(flips, key=lambda item: -item[0])[:2]]
