"""How far stated qualities are from what happens: Brier score, log loss, calibration errors, coverage of intervals.

All take holes: a NaN score is a cell that was not observed and counts nowhere. Shapes: (n_queries, n_arms).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.metrics.bootstrap import Statistic, share_of, value_of
from fairlead.learning.outcomes import Floats

N_BINS: Final = 10
LEAST_STATED: Final = 1e-6
"""Log loss takes no certainty: stated qualities are kept this far from 0 and 1."""
LEAST_CELL: Final = 50
Z_90: Final = 1.6448536269514722
"""Half-width of a 90 % interval in standard deviations of a normal."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many cells (model x tenth of the predictions) have an observed mean inside the predicted interval."""

    n_cells: int
    covered_share: float | None
    """The interval of the mean prediction, widened by the chance of single trials; None without a cell."""
    covered_share_without_chance: float | None
    """The same without the widening: what the stated intervals cover alone."""


def brier(predicted: Floats, score: Floats) -> float | None:
    """Mean squared error of the stated quality over observed cells; None without one."""
    return value_of(brier_statistic(predicted, score), len(score))


def log_loss(predicted: Floats, score: Floats) -> float | None:
    """Mean of -(y ln p + (1 - y) ln(1 - p)) over observed cells; None without one."""
    return value_of(log_loss_statistic(predicted, score), len(score))


def calibration_error(predicted: Floats, score: Floats) -> float | None:
    """Expected calibration error of each model, averaged over the models; None without an observed cell."""
    return value_of(calibration_error_statistic(predicted, score), len(score))


def pooled_calibration_error(predicted: Floats, score: Floats) -> float | None:
    """Expected calibration error of all cells together, which lets one model's excess hide another's lack."""
    return value_of(pooled_calibration_error_statistic(predicted, score), len(score))


def pairwise_calibration_error(predicted: Floats, score: Floats) -> float | None:
    """How far the predicted lead of one model over another is from its observed lead; None with fewer than two models.

    Over all pairs and queries, cells binned by the absolute predicted lead in tenths; the mean over cells of
    |mean predicted lead - mean observed lead| of their bin. A threshold on the lead relies on exactly this.
    """
    return value_of(pairwise_calibration_error_statistic(predicted, score), len(score))


def brier_statistic(predicted: Floats, score: Floats) -> Statistic:
    """The Brier score as a statistic of weights."""
    return _mean_over_cells((predicted - score) ** 2)


def log_loss_statistic(predicted: Floats, score: Floats) -> Statistic:
    """The log loss as a statistic of weights."""
    stated = np.clip(predicted, LEAST_STATED, 1 - LEAST_STATED)
    return _mean_over_cells(-(score * np.log(stated) + (1 - score) * np.log1p(-stated)))


def calibration_error_statistic(predicted: Floats, score: Floats) -> Statistic:
    """The mean over models of sum over bins of n_bin / n * |mean stated - mean observed|; ten bins of equal width."""
    n, n_arms = score.shape
    seen = np.isfinite(score)
    off = np.zeros((n, n_arms, N_BINS))
    rows, arms = np.nonzero(seen)
    off[rows, arms, _bins(predicted)[seen]] = (predicted - score)[seen]
    flat, counted = off.reshape(n, n_arms * N_BINS), seen.astype(np.float64)

    def of(weights: Floats) -> Floats:
        gaps = np.abs(weights @ flat).reshape(len(weights), n_arms, N_BINS).sum(axis=2)
        totals = weights @ counted
        errors = share_of(gaps, totals)
        return share_of(np.where(totals > 0, errors, 0.0).sum(axis=1), (totals > 0).sum(axis=1).astype(np.float64))

    return of


def pooled_calibration_error_statistic(predicted: Floats, score: Floats) -> Statistic:
    """The calibration error of all cells in one set of bins, as a statistic of weights."""
    return _binned_error(predicted[:, :, None], (predicted - score)[:, :, None])


def pairwise_calibration_error_statistic(predicted: Floats, score: Floats) -> Statistic:
    """The pairwise calibration error as a statistic of weights; see `pairwise_calibration_error`."""
    n, n_arms = score.shape
    off, counted = np.zeros((n, N_BINS)), np.zeros(n)
    for a in range(n_arms):
        for b in range(a + 1, n_arms):
            lead = predicted[:, a] - predicted[:, b]
            observed = score[:, a] - score[:, b]
            rows = np.flatnonzero(np.isfinite(observed))
            # Turned so that the model that is predicted better comes first: no order of models enters.
            off[rows, _bins(np.abs(lead))[rows]] += (np.sign(lead) * (lead - observed))[rows]
            counted[rows] += 1
    return lambda weights: share_of(np.abs(weights @ off).sum(axis=1), weights @ counted)


def interval_coverage(quality: Floats, low: Floats, high: Floats, score: Floats, least: int = LEAST_CELL) -> Coverage:
    """Whether 90 % intervals of predicted quality cover observed means, by model and tenth of its predictions.

    A cell's interval runs from the mean of the lows to the mean of the highs: errors inside a cell are taken as shared,
    since neighbours share their evidence. The observed mean of n single trials scatters by itself, so the interval is
    widened in quadrature by 1.645 * sqrt(mean(p (1 - p)) / n). Cells with fewer than `least` queries are left
    out. Equal predictions are told apart by the order given.
    """
    inside, inside_alone = [], []
    for arm in range(score.shape[1]):
        seen = np.flatnonzero(np.isfinite(score[:, arm]))
        order = seen[np.argsort(quality[seen, arm], kind="stable")]
        for cell in np.array_split(order, N_BINS):
            if len(cell) < least:
                continue
            stated, observed = quality[cell, arm].mean(), score[cell, arm].mean()
            odds = np.clip(quality[cell, arm], 0.0, 1.0)
            chance = Z_90 * np.sqrt((odds * (1 - odds)).mean() / len(cell))
            below, above = stated - low[cell, arm].mean(), high[cell, arm].mean() - stated
            inside.append(-np.hypot(below, chance) <= observed - stated <= np.hypot(above, chance))
            inside_alone.append(-below <= observed - stated <= above)
    if not inside:
        return Coverage(0, None, None)
    return Coverage(len(inside), float(np.mean(inside)), float(np.mean(inside_alone)))


def _bins(stated: Floats) -> NDArray[np.int64]:
    return np.clip((stated * N_BINS).astype(np.int64), 0, N_BINS - 1)


def _mean_over_cells(loss: Floats) -> Statistic:
    seen = np.isfinite(loss)
    totals, counts = np.where(seen, loss, 0.0).sum(axis=1), seen.sum(axis=1).astype(np.float64)
    return lambda weights: share_of(weights @ totals, weights @ counts)


def _binned_error(stated: Floats, off: Floats) -> Statistic:
    """Shapes: (n, m, 1) each; NaN in `off` is a cell that was not observed."""
    n = len(off)
    seen = np.isfinite(off)
    binned = np.zeros((n, N_BINS))
    np.add.at(binned, (np.nonzero(seen)[0], _bins(stated)[seen]), off[seen])
    counted = seen.sum(axis=(1, 2)).astype(np.float64)
    return lambda weights: share_of(np.abs(weights @ binned).sum(axis=1), weights @ counted)
