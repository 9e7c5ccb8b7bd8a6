"""Stacking: fit every part, and weigh them by how they foretell queries that they did not see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.least_squares import solve_non_negative
from fairlead.learning.outcomes import Floats
from fairlead.learning.text_groups import grouped_folds
from fairlead.routing.policies.steady import steadied
from fairlead.routing.predictors.components import shrunk_means
from fairlead.routing.predictors.part import Part, Sample, take_reading
from fairlead.routing.predictors.registry import PARTS
from fairlead.routing.predictors.shrinkage import query_levels, usual_scores
from fairlead.routing.predictors.stack import LOWEST, Stack, believed, novelty_of

Progress = Callable[[str], None]

N_FOLDS: Final = 5
FEW_QUERIES: Final = 500
N_PARTITIONS: Final = 4
"""How often so few queries are cut into folds. Which queries fall together is chance, and with 300 of them it moves the
weights."""
EVEN_WEIGHT: Final = 150.0
"""Queries that the belief in equal weights is worth: with 300 queries the best weights are half noise."""
SPARED: Final = frozenset({"cluster_table"})
STANDS_IN: Final = "cluster_committee"
"""One table is left aside where a committee of tables is asked: it is kept for the map and for models that join."""
ECHOES: Final = {"kernel_ridge": "item_response", "linear": "item_response"}
"""A part that sees a text as another does and errs with it. Where both are asked it gets weight only as far as the
outcomes speak for it, not by being one of the parts: else one view counts three times where outcomes are few."""
SCALE_RANGE: Final = (0.5, 2.0)
WHOLE_GAIN: Final = 1.06
"""What a stack fitted on all queries tells is told this much louder than the left-out folds' telling was: the slope of
outcomes on forecasts of new queries was 1.01 to 1.13 on three sources at 300 and 1,000 queries (cross-validated)."""
OFFSET_WEIGHT: Final = 100.0
"""Observations that an arm's offset of nought is worth."""
NOISE_WEIGHT: Final = 1.0
"""What an arm's noise of 1 is worth: four outcomes whose chance of success is about a half."""
NOISE_RANGE: Final = (0.05, 1.2)
DIFFERENCE_WEIGHT: Final = 150.0
"""Outcomes an arm that the belief in no difference between the arms is worth: cross-validated on seven public sources,
a share of .6 is best at 300 queries, .8 to 1 at 1,000 and 1 beyond."""
DIFFERENCE_SD: Final = 0.1
"""How far the best share of one source lies from that rule."""
PAIR_SD: Final = 0.2
"""How far the share of one pair lies from that of all; .1 and .4 are no better (cross-validated)."""
LARGEST_PAIR_SHARE: Final = 1.5
MOVED_DOUBT: Final = 0.25
"""Of what a model's mean was moved by since it answered easier or harder queries than others: that it would move with
the level of the others' is an assumption, which no outcome of its own can test."""
MIN_GROUP: Final = 50
"""Groups of left-out queries that are foretold alike hold at least so many where the data allow."""


@dataclass(frozen=True, slots=True)
class StackFit:
    """The stack, and what each part and the whole foretold of queries they had not seen.

    Shapes: left_out and every entry of parts_left_out (n, n_arms).
    """

    stack: Stack
    left_out: Floats
    """The parts have not seen the query; means, weights and calibration, the same for all, are of every query. Good for
    who knows that a level was seen: the verdict holds the choice against the best model in hindsight."""
    parts_left_out: dict[str, Floats]
    apart: "Apart"


class Apart(NamedTuple):
    """What the whole foretold of each fold where means, weights and calibration are of the other folds too.

    Only so may the choice be held against a model that was chosen on the other folds: whoever knows every mean picks
    the winner of coin flips. Shapes (n, n_arms): quality; usual, what the same folds expect of the usual query.
    """

    quality: Floats
    usual: Floats


class _Weighing(NamedTuple):
    """What one partition of the queries says of the parts, their sum and its errors. Fields as in Stack."""

    weights: dict[str, float]
    offset: Floats
    share: float
    pair_shares: Floats
    noise: Floats
    group_error: float
    left_out: Floats


def partitions_of(groups: NDArray[np.int64], n_folds: int, seed: int) -> list[NDArray[np.int64]]:
    """The folds to fit a stack on: one partition into folds, and N_PARTITIONS of them where queries are few.

    Shapes: groups and every partition (n,). Raises: ValueError when there are fewer groups than folds.
    """
    n = N_PARTITIONS if len(groups) <= FEW_QUERIES else 1
    return [grouped_folds(groups, n_folds, seed + number) for number in range(n)]


def fit_stack(
    sample: Sample, scores: Floats, folds: NDArray[np.int64], names: Sequence[str] = tuple(PARTS),
    progress: Progress = lambda _: None, more_folds: Sequence[NDArray[np.int64]] = (),
) -> StackFit:  # fmt: skip
    """Fit parts and stack. Shapes: scores (n, n_arms), NaN = hole; folds (n,), equal texts in one fold.

    `more_folds`: other partitions; weights and calibration are then the mean of what all say. What was left out is told
    by the first alone: the mean of several would be surer than one fit is.
    Raises: ValueError without a part, KeyError for a part that the registry does not know.
    """
    if not names:
        raise ValueError("a stack needs a part")
    mean = usual_scores(scores, query_levels(sample.spectrum, scores))
    parts_left_out, means = _left_out_of(sample, scores, folds, names, progress)
    found = _weigh(parts_left_out, scores, mean)
    more_left_out = (_left_out_of(sample, scores, more, names, progress)[0] for more in more_folds)
    every = [found, *(_weigh(left_out, scores, mean) for left_out in more_left_out)]
    parts: dict[str, Part] = {}
    for name in names:
        progress(f"all: {name}")
        parts[name] = PARTS[name].fit(sample, scores)
    n_seen = np.isfinite(scores).sum(axis=0)
    noise: Floats = np.mean([one.noise for one in every], axis=0)
    moved = MOVED_DOUBT * (mean - shrunk_means(scores))
    stack = Stack(
        parts=parts,
        weights={name: WHOLE_GAIN * float(np.mean([one.weights[name] for one in every])) for name in names},
        mean=mean,
        offset=np.mean([one.offset for one in every], axis=0),
        mean_error=np.sqrt(noise * mean * (1.0 - mean) / np.maximum(n_seen, 1) + moved**2),
        noise=noise,
        group_error=float(np.mean([one.group_error for one in every])),
        usual_novelty=_usual_novelty(sample, folds),
        difference_share=float(np.mean([one.share for one in every])),
        pair_shares=np.mean([one.pair_shares for one in every], axis=0),
        n_pool=scores.shape[1],
    )
    return StackFit(stack, found.left_out, parts_left_out, _apart(parts_left_out, means, scores, folds))


def _left_out_of(
    sample: Sample, scores: Floats, folds: NDArray[np.int64], names: Sequence[str], progress: Progress
) -> tuple[dict[str, Floats], Floats]:
    """What each part foretells of every query, and each model's mean, by the other folds. Shapes: all (n, n_arms)."""
    left_out, means = {name: np.empty_like(scores) for name in names}, np.empty_like(scores)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        training, reading = sample.take(inside), take_reading(sample.reading, outside)
        means[outside] = usual_scores(scores[inside], query_levels(training.spectrum, scores[inside]))
        for name in names:
            progress(f"fold {int(fold) + 1}: {name}")
            left_out[name][outside] = PARTS[name].fit(training, scores[inside]).predict(reading)
    return left_out, means


def _apart(left_out: dict[str, Floats], means: Floats, scores: Floats, folds: NDArray[np.int64]) -> Apart:
    """The whole put together fold by fold. Shapes: means (n, n_arms), each model's mean by the other folds."""
    quality, usual = np.empty_like(scores), np.empty_like(scores)
    # Of the other folds' queries it was foretold with a mean that this fold is in; beyond that mean it hardly is.
    beyond = {name: told - means for name, told in left_out.items()}
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        mean = means[outside[0]]
        found = _weigh({name: mean + told[inside] for name, told in beyond.items()}, scores[inside], mean)
        combined = _combined({name: told[outside] for name, told in left_out.items()}, found.weights, mean)
        usual[outside] = mean + found.offset
        quality[outside] = _whole(combined - mean, mean + found.offset, found.share, found.pair_shares)
    return Apart(quality, usual)


def _weigh(left_out: dict[str, Floats], scores: Floats, mean: Floats) -> _Weighing:
    """Weights and calibration by what the parts foretold of queries they had not seen."""
    spare = SPARED.intersection(left_out) if STANDS_IN in left_out else set()
    weights = dict.fromkeys(left_out, 0.0)
    weights |= weigh_parts({name: told for name, told in left_out.items() if name not in spare}, scores, mean)
    combined = _combined(left_out, weights, mean)
    offset = _offsets(scores - combined)
    told, usual = combined - mean, mean + offset
    level = told.mean(axis=1, keepdims=True)
    share = difference_share_of(scores, usual + level, told - level)
    best = int(usual.argmax())
    pair_shares = pair_shares_of(scores - usual, told, best, share)
    whole = _whole(told, usual, share, pair_shares)
    noise = _noise(scores, whole)
    return _Weighing(weights, offset, share, pair_shares, noise, _group_error(scores, whole, noise), whole)


def _combined(left_out: dict[str, Floats], weights: dict[str, float], mean: Floats) -> Floats:
    """The parts' weighed sum (n, n_arms)."""
    result: Floats = mean + sum(weights[name] * (left_out[name] - mean) for name in left_out)
    return result


def _whole(told: Floats, usual: Floats, share: float, pair_shares: Floats) -> Floats:
    """Qualities (n, n_arms) of what is told beyond the mean, as Stack foretells them."""
    combined = believed(told, usual, int(usual.argmax()), share, pair_shares, 0)
    return steadied(np.clip(combined, LOWEST, 1.0 - LOWEST), usual)


def weigh_parts(left_out: dict[str, Floats], scores: Floats, mean: Floats) -> dict[str, float]:
    """Weights at or above 0 that foretell the left-out scores best, drawn a little to equal ones."""
    seen = np.isfinite(scores)
    columns = np.stack([(prediction - mean)[seen] for prediction in left_out.values()], axis=1)
    target = (scores - mean)[seen]
    gram, cross = columns.T @ columns, columns.T @ target
    pull = EVEN_WEIGHT / max(len(scores), 1) * float(np.trace(gram)) / len(left_out)
    counts = np.array([ECHOES.get(name) not in left_out for name in left_out], dtype=np.float64)
    gram += pull * np.eye(len(left_out))
    cross += pull * counts / counts.sum()
    weights = solve_non_negative(gram, cross)
    # Drawn to equal ones they are drawn to a sum of 1 too; shrunken parts together deserve more than that.
    told = columns @ weights
    spread = float(told @ told)
    if spread > 0.0:
        weights *= float(np.clip(told @ target / spread, *SCALE_RANGE))
    return dict(zip(left_out, weights.tolist(), strict=True))


def difference_share_of(scores: Floats, usual: Floats, differences: Floats) -> float:
    """How much of a foretold difference between arms is believed, from 0 to 1.

    What experience says of so many outcomes an arm, corrected by what the left-out cells say, each by its certainty.
    Shapes: scores, usual, differences (n, n_arms): the score, what is foretold without the difference, and that.
    """
    seen = np.isfinite(scores)
    n_usual = float(np.median(seen.sum(axis=0))) if scores.size else 0.0
    expected = n_usual / (n_usual + DIFFERENCE_WEIGHT)
    told = np.where(seen, differences, 0.0)
    spread = float((told**2).sum())
    if spread <= 0.0:
        return expected
    gap = np.where(seen, scores - usual, 0.0)
    slope = float((told * gap).sum()) / spread
    # One query's arms err together: the error is counted by query.
    error = float(np.sqrt(((told * (gap - slope * told)).sum(axis=1) ** 2).sum())) / spread
    doubt, prior = max(error, 1e-6) ** 2, DIFFERENCE_SD**2
    return float(np.clip((expected * doubt + slope * prior) / (doubt + prior), 0.0, 1.0))


def pair_shares_of(residuals: Floats, told: Floats, best: int, share: float) -> Floats:
    """How much of each arm's foretold difference to the usually best arm is believed (n_arms,).

    The share of all pairs, corrected by what the left-out cells say of this pair, each by its certainty.
    Shapes: residuals, scores less the arms' usual ones, told, what is foretold of them (n, n_arms).
    """
    both = np.isfinite(residuals) & np.isfinite(residuals[:, best : best + 1])
    gap = np.where(both, residuals - residuals[:, best : best + 1], 0.0)
    foretold = np.where(both, told - told[:, best : best + 1], 0.0)
    spread = (foretold**2).sum(axis=0)
    slope = (foretold * gap).sum(axis=0) / np.maximum(spread, 1e-12)
    squares = ((foretold * (gap - slope * foretold)) ** 2).sum(axis=0)
    precision = np.where(spread > 0.0, spread**2 / np.maximum(squares, 1e-12), 0.0)
    drawn = (share / PAIR_SD**2 + slope * precision) / (1.0 / PAIR_SD**2 + precision)
    drawn[best] = share
    result: Floats = np.clip(drawn, 0.0, LARGEST_PAIR_SHARE)
    return result


def _offsets(residuals: Floats) -> Floats:
    seen = np.isfinite(residuals)
    result: Floats = np.where(seen, residuals, 0.0).sum(axis=0) / (seen.sum(axis=0) + OFFSET_WEIGHT)
    return result


def _noise(scores: Floats, foretold: Floats) -> Floats:
    """A score's variance as a share of p (1 - p): 1 for right-or-wrong, less for partial credit (n_arms,).

    An arm of few outcomes is drawn to right-or-wrong, the widest: two lucky guesses are no sign of a sure thing.
    """
    seen = np.isfinite(scores)
    spread = np.where(seen, foretold * (1.0 - foretold), 0.0).sum(axis=0)
    error = np.where(seen, (scores - foretold) ** 2, 0.0).sum(axis=0)
    result: Floats = np.clip((error + NOISE_WEIGHT) / (spread + NOISE_WEIGHT), *NOISE_RANGE)
    return result


def _group_error(scores: Floats, foretold: Floats, noise: Floats) -> float:
    """By how much groups of queries that were foretold alike missed, beyond luck; by the method of moments."""
    excess, total = 0.0, 0.0
    for arm in range(scores.shape[1]):
        seen = np.flatnonzero(np.isfinite(scores[:, arm]))
        n_groups = min(10, len(seen) // MIN_GROUP)
        if n_groups < 2:
            continue
        ordered = seen[np.argsort(foretold[seen, arm], kind="stable")]
        for group in np.array_split(ordered, n_groups):
            miss = float((scores[group, arm] - foretold[group, arm]).mean())
            p = foretold[group, arm]
            luck = float(noise[arm] * (p * (1.0 - p)).mean() / len(group))
            excess += miss**2 - luck
            total += 1.0
    return float(np.sqrt(max(excess / total, 0.0))) if total else 0.05


def _usual_novelty(sample: Sample, folds: NDArray[np.int64]) -> float:
    """The novelty that 95 % of queries stay under when their own fold's landmarks are hidden."""
    fold_of = {int(place): int(fold) for place, fold in zip(sample.places, folds, strict=True)}
    landmark_folds = np.array([fold_of.get(int(query), -1) for query in sample.basis.chosen])
    reading = sample.reading
    if not len(reading):
        return 1.0
    hidden = np.where(landmark_folds[None, :] == folds[:, None], np.float32(0.0), reading.likeness)
    return float(np.quantile(novelty_of(replace(reading, likeness=hidden)), 0.95))
