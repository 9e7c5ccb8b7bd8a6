"""Explanation: a choice in arrays -> a Decision for people: who could serve, who not, why, and what would flip it."""

from typing import Final

from fairlead.domain.decision import Basis, Candidate, Decision, Estimate, Flip, Ineligible, Reason, SessionEffect
from fairlead.domain.errors import NoEligibleModelError
from fairlead.domain.names import AskedModel
from fairlead.routing.flips import PARTS, Standing, flips_of, shares_of, terms_of
from fairlead.routing.pool import Floats, Pool
from fairlead.routing.predictors.predictor import Forecast
from fairlead.routing.router import Choice

_MAX_FLIPS: Final = 4
KEEPING: Final = frozenset(("kept_for_cache", "kept_in_tool_loop", "kept_for_signature"))
"""Codes of a conversation that kept its model against the plain choice."""


def explain(pool: Pool, choice: Choice, model: AskedModel) -> Decision:
    """The whole decision. Off the hot path."""
    forecast = choice.expected.forecast
    chances = dict(zip(choice.order, choice.chances, strict=False))
    candidates = tuple(
        Candidate(
            pool.specs[i].arm, _estimate(pool, choice, forecast, i), float(choice.utility[i]), chances.get(i, 0.0)
        )
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
        session=_session(pool, choice),
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
        cost_usd=expected.cost_of(i) if pool.is_priced[i] else None,
        ttft_s=float(expected.ttft_s[i]),
        total_s=float(expected.total_s[i]),
        delay_basis=_delay_basis(pool, choice, i),
    )


def _delay_basis(pool: Pool, choice: Choice, i: int) -> Basis:
    is_measured = choice.conduct is not None and bool(choice.conduct.is_measured[i])
    return "measured" if is_measured else pool.specs[i].delay_basis


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


def reason_code(pool: Pool, choice: Choice) -> str:
    """What decided, as `explain` says it, without the sentence."""
    if not choice.order:
        return "nobody_eligible"
    if choice.asked.is_concrete:
        return "asked_by_name" if len(choice.asked.ranks) <= 1 else "first_in_list"
    if choice.wishes.sort is not None:
        return "sorted"
    if choice.wishes.provider_order:
        return "provider_order"
    if choice.drawn is not None and choice.is_explored:
        return "explored"
    kept = choice.kept
    if kept is not None and kept.code in KEEPING and kept.anchor != kept.plain:
        return kept.code
    return "only_candidate" if _rival(pool, choice) is None else "highest_utility"


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
    if choice.is_explored:
        return _explored(pool, choice)
    kept = _kept(pool, choice)
    if kept is not None:
        return kept
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


def _explored(pool: Pool, choice: Choice) -> Reason:
    drawn, first = choice.drawn, choice.order[0]
    assert drawn is not None
    arm, plain = pool.specs[first].arm, pool.specs[drawn.plain].arm
    other = plain.model if plain.model != arm.model else f"{plain.model} at '{plain.upstream}'"
    return Reason(
        "explored",
        f"{arm.model} was drawn by exploration, with a chance of {drawn.chances[0]:.2%}, so that the log can tell of "
        f"it; {other} has the highest utility, {float(choice.utility[drawn.plain] - choice.utility[first]):.3f} above.",
    )


def _session(pool: Pool, choice: Choice) -> SessionEffect | None:
    kept = choice.kept
    if kept is None:
        return None
    anchor, plain = pool.specs[kept.anchor].arm, pool.specs[kept.plain].arm
    return SessionEffect(kept.code, anchor, plain, kept.saving_usd, kept.plain_usd)


def _kept(pool: Pool, choice: Choice) -> Reason | None:
    """What the running conversation decided; None when it did not turn the choice."""
    kept = choice.kept
    if kept is None or kept.code not in KEEPING or kept.anchor == kept.plain:
        return None
    arm, plain = pool.specs[kept.anchor].arm, pool.specs[kept.plain].arm
    other = plain.model if plain.model != arm.model else f"{plain.model} at '{plain.upstream}'"
    if kept.code == "kept_in_tool_loop":
        why = "it is in the middle of a tool loop"
    elif kept.code == "kept_for_signature":
        why = "it holds reasoning that this model has signed"
    else:
        why = f"its warm prompt cache saves ${kept.saving_usd:.6f} on this turn"
    cost = f", about ${kept.plain_usd:.6f}" if kept.plain_usd is not None else ""
    return Reason(
        kept.code, f"{arm.model} keeps the conversation: {why}. Without it {other} would have been chosen{cost}."
    )


def _rival(pool: Pool, choice: Choice) -> int | None:
    """The best arm of another model than the chosen one."""
    specs, order = pool.specs, choice.order
    chosen = specs[order[0]].arm.model
    for i in order:  # a loop: this is on the hot path, where a generator costs more than all the rest
        if specs[i].arm.model != chosen:
            return i
    return None


def _difference(choice: Choice, a: int, b: int) -> dict[str, float]:
    """Utility of arm a less that of arm b, by what it comes from; the parts sum to the difference."""
    first, other = _terms(choice, [a, b])
    return dict(zip(PARTS, (shares_of(choice.weights) * (first - other)).tolist(), strict=True))


def _terms(choice: Choice, arms: list[int]) -> Floats:
    expected = choice.expected
    return terms_of(expected.sure_quality[arms], expected.cost_usd[arms], expected.total_s[arms])


def _flips(pool: Pool, choice: Choice) -> tuple[Flip, ...]:
    """Single changes that would have led elsewhere, nearest rival first."""
    free = not choice.asked.is_concrete and choice.wishes.sort is None and not choice.wishes.provider_order
    free = free and (choice.kept is None or choice.kept.code not in KEEPING) and not choice.is_explored
    if not choice.order or not free:
        return ()
    flips = [*_constraint_flips(pool, choice), *_figure_flips(pool, choice)]
    return tuple(flips[:_MAX_FLIPS])


def _figure_flips(pool: Pool, choice: Choice) -> tuple[Flip, ...]:
    arms, expected = list(choice.order), choice.expected
    return flips_of(
        Standing(
            [(pool.specs[i].arm.model, pool.specs[i].arm.upstream) for i in arms],
            expected.quality[arms],
            expected.cost_usd[arms],
            expected.total_s[arms],
            _terms(choice, arms),
            shares_of(choice.weights),
        )
    )


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
