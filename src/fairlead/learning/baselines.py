"""The standard baselines: what a router must be shown beside, fitted on the same outcomes.

Blind ones (random mix, best single, cheapest adequate single, zero router) never look at the query; the task table is
told the true dataset, and the oracle the outcomes, which no router is. Baselines that read the text (neighbours,
clusters, matrix factorisation, ...) come in as callables. Training outcomes may have holes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from fairlead.learning.blind_routers import Panel, oracle_choice, shares_at_cost
from fairlead.learning.metrics.cost_curve import hull
from fairlead.learning.metrics.hypervolume import undominated
from fairlead.learning.outcomes import Floats, Outcomes, Queries
from fairlead.learning.policies import (
    Choices,
    Policy,
    always,
    best_expected,
    best_expected_timed,
    joined,
    same_mix,
)
from fairlead.learning.prediction import Prediction

Kind = Literal["router", "baseline", "told"]
Fit = Callable[[Outcomes, Queries], Floats]
"""Training outcomes, queries to foretell -> expected quality (n_queries, n_arms)."""

BEST_SINGLE: Final = "best_single"
ORACLE: Final = "oracle"
ADEQUATE_SHARE: Final = 0.95
"""A model is adequate from this share of the best one's mean score."""
TABLE_WEIGHT: Final = 10.0
"""A task's mean is pulled to the overall mean as by so many observations."""
N_MIXES: Final = 101
NO_COSTS: Final = "the training outcomes do not state a cost for every model"
NO_DATASETS: Final = "the training outcomes name no dataset"


@dataclass(frozen=True, slots=True)
class Contender:
    """One method: what it foretells of the test queries (if anything), and whom it would choose under each setting."""

    name: str
    policy: Policy
    prediction: Prediction | None = None
    kind: Kind = "baseline"
    timed_policy: Policy | None = None
    """Settings that trade cost and delay; None where either is unknown."""


@dataclass(frozen=True, slots=True)
class Baselines:
    """The baselines of one split, and what its training side says of each model.

    Shapes: mean_cost_usd, mean_latency_s (n_test, n_arms): rows differ only between folds. None where unknown.
    """

    contenders: tuple[Contender, ...]
    mean_cost_usd: Floats | None = None
    mean_latency_s: Floats | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Name of a baseline that could not be made -> why."""


def column_means(matrix: Floats) -> Floats:
    """The mean of what is known in each column, NaN where nothing is. Shapes: (n, m) -> (m,)."""
    known = np.isfinite(matrix)
    counts = known.sum(axis=0)
    sums = np.where(known, matrix, 0.0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def mean_scores(train: Outcomes) -> Floats:
    """The mean score of each arm; an arm without outcomes has the lowest mean, so that no baseline picks it blindly."""
    means = column_means(train.score)
    if not np.isfinite(means).any():
        raise ValueError("no training outcome holds a score")
    return np.where(np.isfinite(means), means, np.nanmin(means))


def baselines_of(train: Outcomes, test: Outcomes, fits: Mapping[str, Fit] | None = None) -> Baselines:
    """Every baseline that these outcomes allow, fitted on `train`, applied to `test`.

    Raises: ValueError if the arms differ, or no training outcome holds a score.
    """
    if train.arms != test.arms:
        raise ValueError(f"training and test outcomes are of different arms: {train.arms} and {test.arms}")
    n = len(test.queries)
    means, costs, delays = mean_scores(train), _known_means(train.cost_usd), _known_means(train.latency_s)
    found, left_out = _blind(means, costs, delays, n)
    flat_costs, flat_delays = _rows(costs, n), _rows(delays, n)
    if any(train.queries.datasets):
        found.append(_task_table(train, test, flat_delays))
    else:
        left_out["task_table"] = NO_DATASETS
    for name, fit in (fits or {}).items():
        found.append(contender_of(name, Prediction(fit(train, test.queries)), flat_costs, flat_delays, "baseline"))
    found.append(_oracle(test))
    return Baselines(tuple(found), flat_costs, flat_delays, left_out)


def contender_of(
    name: str,
    prediction: Prediction,
    mean_cost_usd: Floats | None,
    mean_latency_s: Floats | None,
    kind: Kind = "router",
) -> Contender:
    """A method that serves whom it expects the most of; a cost or delay that it does not foretell is the given mean."""
    cost = prediction.cost_usd if prediction.cost_usd is not None else mean_cost_usd
    delay = prediction.latency_s if prediction.latency_s is not None else mean_latency_s
    timed = None if cost is None or delay is None else best_expected_timed(prediction.quality, cost, delay)
    return Contender(name, best_expected(prediction.quality, cost, prediction.usual), prediction, kind, timed)


def join_folds(folds: Sequence[Baselines]) -> Baselines:
    """The baselines of folds tested one after another, as one; those that a fold lacks are left out."""
    names = [one.name for one in folds[0].contenders if all(one.name in _names(fold) for fold in folds)]
    left_out = {name: why for fold in folds for name, why in fold.left_out.items()}
    return Baselines(
        tuple(_joined_contender([_named(fold, name) for fold in folds]) for name in names),
        _stacked([fold.mean_cost_usd for fold in folds]),
        _stacked([fold.mean_latency_s for fold in folds]),
        left_out,
    )


def join_predictions(folds: Sequence[Prediction], *, is_one_fit: bool = False) -> Prediction:
    """Predictions of consecutive folds as one; what one of them does not foretell, the whole does not.

    `is_one_fit`: the same fit foretold all of them, so that they can be ranked across folds as they stand.
    """
    quality = np.concatenate([fold.quality for fold in folds])
    usual = [None if fold.usual is None else np.broadcast_to(fold.usual, fold.quality.shape) for fold in folds]
    return Prediction(
        quality,
        _stacked([fold.cost_usd for fold in folds]),
        _stacked([fold.latency_s for fold in folds]),
        _stacked([fold.quality_low for fold in folds]),
        _stacked([fold.quality_high for fold in folds]),
        usual=_stacked(usual),
        folds=None if is_one_fit else np.repeat(np.arange(len(folds)), [len(fold.quality) for fold in folds]),
    )


def _blind(
    means: Floats, costs: Floats | None, delays: Floats | None, n: int
) -> tuple[list[Contender], dict[str, str]]:
    m = len(means)
    uniform = np.full((1, m), 1 / m)
    best = int(means.argmax())
    constant = Prediction(np.tile(means, (n, 1)))
    single = Contender(BEST_SINGLE, always(best, n), constant, timed_policy=always(best, n))
    if costs is None:
        mix = Contender("random_mix", same_mix(uniform, n), timed_policy=same_mix(uniform, n))
        return [mix, single], {"cheapest_adequate": NO_COSTS, "zero_router": NO_COSTS}
    grid = np.linspace(costs.min(), costs.max(), N_MIXES - 1)
    shares = np.vstack([uniform, *(shares_at_cost(costs, float(cost))[None] for cost in grid)])
    adequate = int(np.where(means >= ADEQUATE_SHARE * means.max(), costs, np.inf).argmin())
    timed = None if delays is None else same_mix(pair_mixes(means, costs, delays), n)
    found = [
        Contender("random_mix", same_mix(shares, n), timed_policy=same_mix(shares, n)),
        single,
        Contender("cheapest_adequate", always(adequate, n), timed_policy=always(adequate, n)),
        Contender("zero_router", same_mix(hull_mixes(means, costs), n), timed_policy=timed),
    ]
    return found, {}


def hull_mixes(means: Floats, costs: Floats) -> Floats:
    """The shares of the zero router from the best single model down to the cheapest. Shapes: (m,), (m,) -> (101, m)."""
    corners = hull(costs, means)
    arms = [int(np.flatnonzero((costs == cost) & (means == score))[0]) for cost, score in corners]
    between = np.linspace(corners[0, 0], corners[-1, 0], max(N_MIXES - len(corners), 0) + 2)[1:-1]
    at_costs = np.sort(np.concatenate([corners[:, 0], between]))[::-1]
    shares = np.zeros((len(at_costs), len(means)))
    for corner, arm in enumerate(arms):
        weight = np.zeros(len(corners))
        weight[corner] = 1.0
        shares[:, arm] += np.interp(at_costs, corners[:, 0], weight)
    return shares


def pair_mixes(means: Floats, costs: Floats, delays: Floats) -> Floats:
    """Undominated single models and their mixes by pairs in quarters, the best first. Shapes: (m,) -> (k, m)."""
    kept = np.flatnonzero(undominated(means, costs, delays))
    best_first = kept[np.argsort(-means[kept], kind="stable")]
    eye = np.eye(len(means))
    pairs = [(a, b) for place, a in enumerate(best_first) for b in best_first[place + 1 :]]
    mixed = [share * eye[a] + (1 - share) * eye[b] for a, b in pairs for share in (0.75, 0.5, 0.25)]
    return np.array([*eye[best_first], *mixed])


def _task_table(train: Outcomes, test: Outcomes, delays: Floats | None) -> Contender:
    """Mean score and cost of each task, shrunk to those of all tasks."""
    quality = _shrunk_table(train.score, mean_scores(train), train.queries.datasets, test.queries.datasets)
    overall = _known_means(train.cost_usd)
    cost = None
    if overall is not None and train.cost_usd is not None:
        cost = _shrunk_table(train.cost_usd, overall, train.queries.datasets, test.queries.datasets)
    return contender_of("task_table", Prediction(quality, cost), None, delays, "told")


def _shrunk_table(values: Floats, means: Floats, groups: Sequence[str], asked: Sequence[str]) -> Floats:
    known = np.isfinite(values)
    named = np.array(groups)
    rows = {}
    for group in sorted(set(asked)):
        here = named == group
        sums = np.where(known, values, 0.0)[here].sum(axis=0)
        rows[group] = (sums + TABLE_WEIGHT * means) / (known[here].sum(axis=0) + TABLE_WEIGHT)
    return np.array([rows[group] for group in asked]).reshape(len(asked), values.shape[1])


def _oracle(test: Outcomes) -> Contender:
    """The best model of each query, the cheapest of equals; what was not measured is never chosen before what was."""
    seen = np.where(np.isfinite(test.score), test.score, -1.0)
    stated = Prediction(np.where(np.isfinite(test.score), test.score, 0.5))
    cost, delay = _filled(test.cost_usd), _filled(test.latency_s)
    if cost is None:
        return Contender(ORACLE, best_expected(seen, None), stated, "told")
    swept = best_expected(seen, cost).picks
    first = oracle_choice(Panel(test.arms, seen, cost)).astype(np.int16)
    timed = None if delay is None else best_expected_timed(seen, cost, delay)
    return Contender(ORACLE, Choices(np.vstack([first[None], swept])), stated, "told", timed)


def _filled(matrix: Floats | None) -> Floats | None:
    means = _known_means(matrix)
    return None if matrix is None or means is None else np.where(np.isfinite(matrix), matrix, means)


def _known_means(matrix: Floats | None) -> Floats | None:
    """Column means, None unless every column has one."""
    means = None if matrix is None else column_means(matrix)
    return means if means is not None and len(means) and np.isfinite(means).all() else None


def _rows(means: Floats | None, n: int) -> Floats | None:
    return None if means is None else np.tile(means, (n, 1))


def _names(fold: Baselines) -> set[str]:
    return {one.name for one in fold.contenders}


def _named(fold: Baselines, name: str) -> Contender:
    return next(one for one in fold.contenders if one.name == name)


def _joined_contender(folds: list[Contender]) -> Contender:
    predictions = [one.prediction for one in folds if one.prediction is not None]
    timed = [one.timed_policy for one in folds if one.timed_policy is not None]
    return Contender(
        folds[0].name,
        joined([one.policy for one in folds]),
        # The oracle is told the outcomes: no fit of it was made without the fold.
        join_predictions(predictions, is_one_fit=folds[0].name == ORACLE) if len(predictions) == len(folds) else None,
        folds[0].kind,
        joined(timed) if len(timed) == len(folds) else None,
    )


def _stacked(parts: Sequence[Floats | None]) -> Floats | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) and known else None
