"""A comparison: every method on the same test queries, each figure with its interval, routers against baselines.

All figures of a comparison come from the same resamples of the queries, so that differences are paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.baselines import BEST_SINGLE, Baselines, Contender, Kind, column_means, contender_of
from fairlead.learning.method_figures import NAMES, Ground, ground_of, group_of, reason_for
from fairlead.learning.metrics.bootstrap import (
    N_DRAWS,
    Figure,
    Resamples,
    Sampled,
    difference_of,
    figure_of,
    sampled,
)
from fairlead.learning.metrics.calibration import interval_coverage
from fairlead.learning.metrics.cost_curve import hull
from fairlead.learning.metrics.robustness import robustness
from fairlead.learning.outcomes import Floats, Outcomes
from fairlead.learning.prediction import Prediction

DIFFERENCES: Final = (
    "score",
    "auc",
    "brier",
    "calibration_error",
    "apgr",
    "qnc97",
    "qnc99",
    "area",
    "aiq",
    "hypervolume",
)
"""Figures whose difference from every baseline is stated for every router."""


@dataclass(frozen=True, slots=True)
class Point:
    """A mean cost with the mean score that it buys."""

    cost_usd: float
    score: float


@dataclass(frozen=True, slots=True)
class SingleModel:
    """One arm alone, on the queries of the comparison. None where not known."""

    arm: str
    score: float | None
    cost_usd: float | None
    latency_s: float | None


@dataclass(frozen=True, slots=True)
class Method:
    """One method with its figures by name, and its curve on the priced queries (empty where there are none)."""

    name: str
    kind: Kind
    figures: Mapping[str, Figure]
    curve: tuple[Point, ...] = ()
    """One point a setting, by rising cost."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A router's figure less a baseline's, paired."""

    method: str
    rival: str
    metric: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Comparison:
    """Methods side by side on one pool of models."""

    pool: str
    arms: tuple[str, ...]
    n_queries: int
    n_scored: int
    """Queries with a score for every arm: the others are left out of routing figures."""
    n_priced: int
    """Of those, queries with a cost for every arm."""
    n_timed: int
    """Of those, queries with a delay for every arm."""
    n_draws: int
    seed: int
    singles: tuple[SingleModel, ...]
    methods: tuple[Method, ...]
    differences: tuple[Difference, ...]
    zero_hull: tuple[Point, ...]
    """Corners of the hull of the single models on these very queries: the best blind mix in hindsight."""
    notes: tuple[str, ...] = ()

    def method(self, name: str) -> Method:
        """The method of that name. Raises: KeyError."""
        for one in self.methods:
            if one.name == name:
                return one
        raise KeyError(name)


def compare(
    test: Outcomes,
    predicted: Mapping[str, Prediction],
    baselines: Baselines,
    *,
    reworded: Mapping[str, Sequence[Prediction]] | None = None,
    pool: str = "",
    seed: int = 0,
    n_draws: int = N_DRAWS,
) -> Comparison:
    """Routers, by name, beside the baselines. `reworded`: a router's predictions for rewordings of the test queries.

    Raises: ValueError if a prediction does not fit the test outcomes, or a router bears the name of a baseline.
    """
    contenders = [
        *(
            contender_of(name, one, baselines.mean_cost_usd, baselines.mean_latency_s)
            for name, one in predicted.items()
        ),
        *baselines.contenders,
    ]
    _check(test, contenders)
    reference = next(one for one in contenders if one.name == BEST_SINGLE)
    ground = ground_of(test, reference.policy)
    resamples = Resamples(len(test.queries), n_draws, seed)
    samples = {one.name: sampled(group_of(one, ground), resamples) for one in contenders}
    rewordings = reworded or {}
    return Comparison(
        pool=pool,
        arms=test.arms,
        n_queries=len(test.queries),
        n_scored=len(ground.scored),
        n_priced=len(ground.priced),
        n_timed=len(ground.timed),
        n_draws=n_draws,
        seed=seed,
        singles=_singles(ground),
        methods=tuple(
            _method(one, samples[one.name], ground, rewordings.get(one.name, ()), resamples) for one in contenders
        ),
        differences=_differences(contenders, samples),
        zero_hull=_zero_hull(ground),
        notes=_notes(ground, baselines),
    )


def _check(test: Outcomes, contenders: Sequence[Contender]) -> None:
    names = [one.name for one in contenders]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two methods are called {twice[0]!r}: give the router another name")
    if BEST_SINGLE not in names:
        raise ValueError(f"the baselines lack {BEST_SINGLE!r}, which gains and cost shares refer to")
    for one in contenders:
        if one.prediction is not None and one.prediction.quality.shape != test.score.shape:
            raise ValueError(f"{one.name} predicts {one.prediction.quality.shape}, the outcomes are {test.score.shape}")


def _method(
    contender: Contender,
    samples: Mapping[str, Sampled],
    ground: Ground,
    reworded: Sequence[Prediction],
    resamples: Resamples,
) -> Method:
    figures = {}
    for name in NAMES:
        reason = reason_for(name, contender, ground)
        figures[name] = figure_of(samples[name], reason) if name in samples else Figure(None, reason=reason)
    prediction = contender.prediction
    if prediction is not None and prediction.quality_low is not None and prediction.quality_high is not None:
        figures |= _coverage(prediction.quality, prediction.quality_low, prediction.quality_high, ground)
    if prediction is not None and reworded and len(ground.scored):
        figures |= _stability(prediction, reworded, ground, resamples)
    return Method(contender.name, contender.kind, figures, _curve(contender, ground))


def _coverage(quality: Floats, low: Floats, high: Floats, ground: Ground) -> dict[str, Figure]:
    found = interval_coverage(quality, low, high, ground.test.score)
    reason = None if found.n_cells else "no model has 50 outcomes in a tenth of its predictions"
    return {
        "interval_coverage": Figure(found.covered_share, reason=reason),
        "interval_coverage_without_chance": Figure(found.covered_share_without_chance, reason=reason),
    }


def _stability(
    prediction: Prediction, reworded: Sequence[Prediction], ground: Ground, resamples: Resamples
) -> dict[str, Figure]:
    rows = ground.scored
    others = np.stack([one.quality[rows].argmax(axis=1) for one in reworded], axis=1)
    found = robustness(
        prediction.quality[rows].argmax(axis=1),
        others,
        ground.test.score[rows],
        seed=resamples.seed,
        n_draws=resamples.n_draws,
    )
    return {"kept_share": found.kept, "reworded_loss": found.loss}


def _curve(contender: Contender, ground: Ground) -> tuple[Point, ...]:
    if not len(ground.priced) or ground.test.cost_usd is None:
        return ()
    costs = contender.policy.expected(ground.test.cost_usd, ground.priced).mean(axis=1)
    scores = contender.policy.expected(ground.test.score, ground.priced).mean(axis=1)
    order = np.lexsort((scores, costs))
    return tuple(Point(float(costs[at]), float(scores[at])) for at in order)


def _singles(ground: Ground) -> tuple[SingleModel, ...]:
    """Means over the priced queries, else the scored ones, else over whatever was measured."""
    test, rows = ground.test, ground.priced if len(ground.priced) else ground.scored
    at = rows if len(rows) else np.arange(len(test.queries))
    columns = [_means(matrix, at, len(test.arms)) for matrix in (test.score, test.cost_usd, test.latency_s)]
    return tuple(SingleModel(arm, *(column[place] for column in columns)) for place, arm in enumerate(test.arms))


def _means(matrix: Floats | None, rows: NDArray[np.int64], n_arms: int) -> list[float | None]:
    if matrix is None:
        return [None] * n_arms
    return [float(mean) if np.isfinite(mean) else None for mean in column_means(matrix[rows])]


def _zero_hull(ground: Ground) -> tuple[Point, ...]:
    if not len(ground.priced) or ground.test.cost_usd is None:
        return ()
    corners = hull(ground.test.cost_usd[ground.priced].mean(axis=0), ground.test.score[ground.priced].mean(axis=0))
    return tuple(Point(float(cost), float(score)) for cost, score in corners)


def _differences(
    contenders: Sequence[Contender], samples: Mapping[str, Mapping[str, Sampled]]
) -> tuple[Difference, ...]:
    found = []
    for router in (one.name for one in contenders if one.kind == "router"):
        for rival in (one.name for one in contenders if one.name != router):
            for metric in DIFFERENCES:
                mine, other = samples[router].get(metric), samples[rival].get(metric)
                if mine is None or other is None or not np.isfinite(mine.value - other.value):
                    continue
                found.append(Difference(router, rival, metric, difference_of(mine, other)))
    return tuple(found)


def _notes(ground: Ground, baselines: Baselines) -> tuple[str, ...]:
    n, n_scored, n_priced = len(ground.test.queries), len(ground.scored), len(ground.priced)
    notes = []
    if n_scored < n:
        notes.append(f"{n - n_scored} of {n} queries lack a score of some model: left out of routing figures.")
    if 0 < n_priced < n_scored:
        notes.append(f"{n_scored - n_priced} of {n_scored} scored queries lack a cost: left out of cost figures.")
    if not n_priced:
        notes.append("No query has the cost of every model: there are no cost figures.")
    if 0 < len(ground.timed) < n_priced:
        notes.append(f"{n_priced - len(ground.timed)} of {n_priced} priced queries lack a delay: left out of those.")
    notes += [f"Baseline {name} is left out: {why}." for name, why in baselines.left_out.items()]
    return tuple(notes)
