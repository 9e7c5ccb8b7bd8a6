"""Judging a router: whether it is better than the best that could replace it without looking at the query.

At each of a few cost weights w the router serves the highest left-out quality - w * relative cost, steadied, and is
held against every single model a in turn:

    route at w  iff  for every a:  lower bound of mean(worth of the routed - worth of a) > 0,  worth = score - w * cost

Each bound alone has the trial's full confidence: whichever model is truly the best, the router must beat that one, so
taking all of them costs no confidence (an intersection-union test, Berger 1982) and nobody has to choose a best single
model by peeking. No blind mix is worth more than its best member, so what passes beats the zero router at its own mean
cost by at least that bound too. The trials share the error by Bonferroni: half of it goes to quality alone.

With a few hundred queries hardly any router passes that for quality alone: a gain of one point is half its own standard
error. "Not proven" is then not "refuted", and the router is served for quality alone where the gain is *likely*:

    1. foresight: the slope of actual on foretold differences to the best single model is above 0 with 99 % confidence;
       every cell speaks, not only those where the choice differs, so that it shows in 300 queries
    2. the gain seen is above 0, and gain seen + gain foretold are at least 1.645 standard errors of the former
    3. the gain foretold is not refuted by the gain seen: not above it with 99 % confidence

The verdict still says that nothing is proven. Where labels are shuffled or models tied 1 fails.

Compared are left-out predictions on the queries where both models were measured. Texts of one group count as one.
"""

from dataclasses import replace
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.mean_bounds import lower_bound
from fairlead.learning.metrics.cost_curve import hull
from fairlead.learning.outcomes import Floats
from fairlead.routing.policies.steady import steadied
from fairlead.routing.policies.verdict import Trial, Verdict

CONFIDENCE: Final = 0.95
COST_WEIGHTS: Final = (0.03, 0.1, 0.3, 1.0)
"""Quality given up for the mean cost of the dearest model: from "nearly regardless" to "one whole point"."""
QUALITY_SHARE: Final = 0.5
"""Of the allowed error, for the trial of quality alone where costs are known."""
FORESIGHT_CONFIDENCE: Final = 0.99
LIKELY_ERRORS: Final = 1.645
"""A one-sided 95 %. Raised from 1 after a look at fold val of bfcl, which led to the bound on refuted gains as well."""
REFUTED_ERRORS: Final = NormalDist().inv_cdf(FORESIGHT_CONFIDENCE)
"""With 1.645 in its place one of two routers of 1,000 queries that gain three points (llmrouter9) was refused."""
LEAST_DIFFER: Final = 5
"""Groups of queries on which another model than the best single one was right or wrong, to speak of a gain at all."""
MIN_OVERLAP: Final = 30
"""Queries on which both models were measured, below which nothing is compared."""
PRIOR_WEIGHT: Final = 10.0
"""A model's mean score is drawn to that of all as by so many outcomes: the best of many may be so by luck."""


class _Panel(NamedTuple):
    """Shapes: all (n, n_arms) but groups (n,), mean (n_arms,). relative_cost: 1 is the dearest model's mean."""

    left_out: Floats
    scores: Floats
    relative_cost: Floats | None
    groups: NDArray[np.int64]
    mean: Floats
    arms: tuple[str, ...]
    cost_scale_usd: float | None


def judge(
    left_out: Floats,
    scores: Floats,
    cost_usd: Floats | None,
    groups: NDArray[np.int64],
    seed: int,
    arms: tuple[str, ...],
) -> Verdict:
    """Route or don't.

    Shapes: left_out (n, n_arms), quality foretold of queries that were left out of the fit; scores (n, n_arms), NaN =
    hole; cost_usd (n, n_arms), what is expected of each call, left aside unless all of it is known; groups (n,), equal
    for texts that ask the same.
    """
    panel = _panel(left_out, scores, cost_usd, groups, arms)
    hindrance = _hindrance(panel)
    if hindrance is not None:
        return _verdict(panel, (), hindrance)
    weights = (0.0,) if panel.relative_cost is None else (0.0, *COST_WEIGHTS)
    trials = tuple(_trial(panel, weight, len(weights), seed) for weight in weights)
    return _verdict(panel, trials, _reason(trials))


def _panel(
    left_out: Floats, scores: Floats, cost_usd: Floats | None, groups: NDArray[np.int64], arms: tuple[str, ...]
) -> _Panel:
    if not left_out.shape == scores.shape == (len(groups), len(arms)):
        raise ValueError(
            f"predictions {left_out.shape}, scores {scores.shape}, {len(groups)} groups and {len(arms)} arms differ"
        )
    n_seen = np.isfinite(scores).sum(axis=0)
    filled = _filled(scores, left_out).mean(axis=0) if len(scores) else np.zeros(len(arms))
    overall = float((n_seen * filled).sum() / max(n_seen.sum(), 1))
    mean = (n_seen * filled + PRIOR_WEIGHT * overall) / (n_seen + PRIOR_WEIGHT)
    relative, scale = None, None
    if cost_usd is not None and cost_usd.size and np.isfinite(cost_usd).all():
        scale = float(cost_usd.mean(axis=0).max())
        relative = cost_usd / scale if scale > 0 else None
    return _Panel(left_out, scores, relative, groups, mean, arms, scale if relative is not None else None)


def _filled(scores: Floats, left_out: Floats) -> Floats:
    """Scores, and what is foretold where nothing was measured: else who answered easy queries alone is the best."""
    return np.where(np.isfinite(scores), scores, left_out)


def _hindrance(panel: _Panel) -> str | None:
    """Why there is nothing to try."""
    if not panel.arms:
        return "there is no model to choose from"
    known = panel.scores[np.isfinite(panel.scores)]
    if len(panel.arms) == 1:
        return f"there is one model only, {panel.arms[0]}"
    if not len(known):
        return "not one score is known"
    if known.max() - known.min() < 1e-12:
        return f"every score is {known[0]:g}: there is nothing to tell the models apart by"
    return None


def _trial(panel: _Panel, weight: float, n_trials: int, seed: int) -> Trial:
    cost = np.zeros_like(panel.scores) if panel.relative_cost is None else panel.relative_cost
    best = int((panel.mean - weight * cost.mean(axis=0)).argmax())
    foretold = panel.left_out - weight * cost
    # Without a weight what is foretold is steadied already.
    picks = (steadied(foretold, panel.mean - weight * cost) if weight else foretold).argmax(axis=1)
    worth = panel.scores - weight * cost
    differences = worth[np.arange(len(worth)), picks][:, None] - worth
    both = np.isfinite(differences)
    confidence = 1.0 - (1.0 - CONFIDENCE) * _share(weight, n_trials)
    trial = Trial(weight, False, panel.arms[best], int(both[:, best].sum()), confidence)
    if trial.n_queries < MIN_OVERLAP:
        return trial
    largest = 1.0 + weight * float((cost.max(axis=1) - cost.min(axis=1)).max())
    gain_low = min(
        lower_bound(differences[both[:, arm], arm], panel.groups[both[:, arm]], largest, confidence, seed)
        for arm in range(len(panel.arms))
        if both[:, arm].sum() >= MIN_OVERLAP
    )
    here = np.flatnonzero(both[:, best])
    score = float(panel.scores[here, picks[here]].mean())
    foresight_low = _foresight(panel, best) if weight == 0 else None
    is_likely = (
        foresight_low is not None
        and foresight_low > 0
        and gain_low <= 0
        and _is_likely(
            differences[here, best], panel.left_out[here, picks[here]] - panel.left_out[here, best], panel.groups[here]
        )
    )
    trial = replace(
        trial,
        is_route=gain_low > 0,
        is_likely=is_likely,
        foresight_low=foresight_low,
        routed_score=score,
        best_single_score=float(panel.scores[here, best].mean()),
        gain=float(differences[here, best].mean()),
        gain_low=gain_low,
    )
    if panel.cost_scale_usd is None:
        return trial
    mean_cost = panel.cost_scale_usd * cost[here].mean(axis=0)
    routed_cost = panel.cost_scale_usd * float(cost[here, picks[here]].mean())
    return replace(
        trial, routed_cost_usd=routed_cost, gain_over_mix=score - _mix_score(panel, here, mean_cost, routed_cost)
    )


def _foresight(panel: _Panel, best: int) -> float | None:
    """Lower bound of the slope of actual on foretold differences to the best single model, pair means taken off."""
    gap = panel.scores - panel.scores[:, best : best + 1]
    both = np.isfinite(gap)
    foretold = np.where(both, panel.left_out - panel.left_out[:, best : best + 1], 0.0)
    actual, counts = np.where(both, gap, 0.0), np.maximum(both.sum(axis=0), 1)
    foretold = np.where(both, foretold - foretold.sum(axis=0) / counts, 0.0)
    actual = np.where(both, actual - actual.sum(axis=0) / counts, 0.0)
    spread = float((foretold**2).sum())
    if spread <= 0.0:
        return None
    slope = float((foretold * actual).sum()) / spread
    misses = (foretold * (actual - slope * foretold)).sum(axis=1)
    _, number = np.unique(panel.groups, return_inverse=True)
    error = float(np.sqrt((np.bincount(number.reshape(-1), weights=misses) ** 2).sum())) / spread
    return slope - NormalDist().inv_cdf(FORESIGHT_CONFIDENCE) * error


def _is_likely(gains: Floats, foretold: Floats, groups: NDArray[np.int64]) -> bool:
    """Whether the gain is above 0, by enough together with what was foretold of it, which it does not refute."""
    _, number = np.unique(groups, return_inverse=True)
    number = number.reshape(-1)
    gain = float(gains.mean())
    misses = np.bincount(number, weights=gains - gain)
    error = float(np.sqrt((misses**2).sum())) / len(gains)
    n_differ = int((np.bincount(number, weights=np.abs(gains) > 1e-12) > 0).sum())
    promised = float(foretold.mean())
    is_enough = gain > 0.0 and gain + promised >= LIKELY_ERRORS * error
    return n_differ >= LEAST_DIFFER and is_enough and promised - gain <= REFUTED_ERRORS * error


def _mix_score(panel: _Panel, here: NDArray[np.int64], mean_cost: Floats, cost_usd: float) -> float:
    """Mean score of the best blind mix of that mean cost or less, on these queries."""
    corners = hull(mean_cost, _filled(panel.scores[here], panel.left_out[here]).mean(axis=0))
    return float(np.interp(cost_usd, corners[:, 0], corners[:, 1]))


def _share(weight: float, n_trials: int) -> float:
    """Of the allowed error, what one trial may spend."""
    if n_trials == 1:
        return 1.0
    return QUALITY_SHARE if weight == 0 else (1.0 - QUALITY_SHARE) / (n_trials - 1)


def _verdict(panel: _Panel, trials: tuple[Trial, ...], reason: str) -> Verdict:
    seen = np.atleast_1d(np.isfinite(panel.scores).any(axis=0))
    mean_score = tuple(float(mean) if known else None for mean, known in zip(panel.mean, seen.tolist(), strict=True))
    costs = None
    if panel.relative_cost is not None and panel.cost_scale_usd is not None:
        costs = tuple((panel.relative_cost.mean(axis=0) * panel.cost_scale_usd).tolist())
    return Verdict(
        is_route=any(trial.is_route for trial in trials),
        reason=reason,
        arms=panel.arms,
        best_single=panel.arms[int(panel.mean.argmax())] if panel.arms else None,
        n_queries=len(panel.groups),
        confidence=CONFIDENCE,
        mean_score=mean_score,
        mean_cost_usd=costs,
        cost_scale_usd=panel.cost_scale_usd,
        trials=trials,
    )


def _reason(trials: tuple[Trial, ...]) -> str:
    """The verdict in a sentence: quality alone if it passes, else the cost weight that passes most clearly."""
    quality = trials[0]
    passed = [trial for trial in trials[1:] if trial.is_route]
    if quality.n_queries < MIN_OVERLAP and not passed:
        return (
            f"not enough overlap: {quality.n_queries} queries have a score of both the chosen model and "
            f"{quality.best_single}, the best single one; {MIN_OVERLAP} are needed"
        )
    if quality.is_route or not passed:
        return _sentence(quality) + _standing(quality)
    clearest = max(passed, key=lambda trial: trial.gain_low or 0.0)
    return (
        f"{_sentence(clearest)}; at the routed cost of {clearest.routed_cost_usd:.3g} USD a call it scores "
        f"{clearest.gain_over_mix:+.3f} against the best blind mix"
    )


def _standing(trial: Trial) -> str:
    if trial.is_likely:
        return ": not proven, but the texts tell the models apart, so it is likely, and is served"
    return "" if trial.is_route else ": not shown to be better"


def _sentence(trial: Trial) -> str:
    worth = "" if trial.cost_weight == 0 else f", and in score less {trial.cost_weight:g} x relative cost"
    if trial.gain == 0 and trial.gain_low is not None and trial.routed_score == trial.best_single_score:
        return f"on {trial.n_queries} left-out queries routing does as well as always {trial.best_single}{worth}"
    return (
        f"on {trial.n_queries} left-out queries routing scores {trial.routed_score:.3f}, always {trial.best_single} "
        f"{trial.best_single_score:.3f}{worth}: gain {trial.gain:+.3f}, with {trial.confidence:.1%} confidence at "
        f"least {trial.gain_low:+.3f} over every single model"
    )
