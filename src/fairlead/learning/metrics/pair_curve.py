"""Routing between two models: what is recovered of the stronger one's lead as more queries are sent to it.

Everywhere: `lead` (n,) is the predicted quality of the strong model less that of the weak one, queries of the highest
lead go to the strong model first; `gain` (n,) is the observed difference of their scores. PGR (performance gap
recovered) = (Q(router) - Q(weak)) / (Q(strong) - Q(weak)), undefined unless the strong model is better.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairlead.learning.metrics.bootstrap import Statistic, share_of, value_of
from fairlead.learning.outcomes import Floats


@dataclass(frozen=True, slots=True)
class PairCurve:
    """The deferral curve of a pair: one point a distinct threshold, from all weak to all strong.

    Shapes: (n_thresholds + 1,) each. Between the points lie mixes: queries of equal lead are told apart by nothing.
    """

    strong_share: Floats
    quality: Floats
    recovered: Floats
    """PGR at that share."""


def recovered_gap(routed: float, weak: float, strong: float) -> float | None:
    """PGR of one mean score; None unless the strong model is better."""
    return (routed - weak) / (strong - weak) if strong > weak else None


def pair_curve(lead: Floats, weak: Floats, strong: Floats) -> PairCurve | None:
    """The deferral curve; None unless the strong model is better. Shapes: (n,) each."""
    if not len(lead) or strong.mean() <= weak.mean():
        return None
    share, recovered = _thresholds(lead, strong - weak)(np.ones((1, len(lead))))
    quality = weak.mean() + recovered[0] * (strong.mean() - weak.mean())
    return PairCurve(share[0], quality, recovered[0])


def apgr(lead: Floats, gain: Floats) -> float | None:
    """Average PGR over the share of strong calls, by trapezoids over every distinct threshold; a constant lead has .5.

    RouteLLM's variant, but for its thresholds: it takes quantiles of the predictions, we take them all.
    """
    return value_of(apgr_statistic(lead, gain), len(lead))


def apgr_by_rank(lead: Floats, gain: Floats) -> float | None:
    """Average PGR as the mean of the running gain over its total, ties in the order given: sums, no trapezoids.

    Differs from `apgr` by 1 / (2 n) and by what ties happen to be first.
    """
    return value_of(apgr_by_rank_statistic(lead, gain), len(lead))


def call_threshold(lead: Floats, gain: Floats, recovered: float) -> float | None:
    """CPT: the smallest share of strong calls that recovers so much of the gap, linear between thresholds.

    Shapes: (n,), (n,). Units: `recovered` in (0, 1], as .5 for CPT(50 %).
    """
    return value_of(call_threshold_statistic(lead, gain, recovered), len(lead))


def apgr_statistic(lead: Floats, gain: Floats) -> Statistic:
    """`apgr` as a statistic of weights."""
    curve = _thresholds(lead, gain)

    def of(weights: Floats) -> Floats:
        share, recovered = curve(weights)
        area: Floats = (np.diff(share, axis=1) * (recovered[:, 1:] + recovered[:, :-1]) / 2).sum(axis=1)
        return area

    return of


def apgr_by_rank_statistic(lead: Floats, gain: Floats) -> Statistic:
    """`apgr_by_rank` as a statistic of weights: a query drawn c times stands c times in the order."""
    order = np.argsort(-lead, kind="stable")
    ordered = gain[order]

    def of(weights: Floats) -> Floats:
        times = weights[:, order]
        before = np.cumsum(times * ordered, axis=1) - times * ordered
        running = (times * before + ordered * times * (times + 1) / 2).sum(axis=1)
        total = times @ ordered
        return np.where(total > 0, share_of(running, times.sum(axis=1) * total), np.nan)

    return of


def call_threshold_statistic(lead: Floats, gain: Floats, recovered: float) -> Statistic:
    """`call_threshold` as a statistic of weights."""
    curve = _thresholds(lead, gain)

    def of(weights: Floats) -> Floats:
        share, reached = curve(weights)
        enough = reached >= recovered - 1e-12
        at = np.maximum(enough.argmax(axis=1), 1)
        draws = np.arange(len(weights))
        x0, x1, y0, y1 = share[draws, at - 1], share[draws, at], reached[draws, at - 1], reached[draws, at]
        part = np.clip(share_of(recovered - y0, y1 - y0), 0.0, 1.0)
        return np.where(enough.any(axis=1), x0 + part * (x1 - x0), np.nan)

    return of


def _thresholds(lead: Floats, gain: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Weights (b, n) -> share of strong calls and PGR, (b, n_thresholds + 1) each, NaN where undefined."""
    order = np.argsort(-lead, kind="stable")
    ordered = gain[order]
    starts = np.flatnonzero(np.diff(lead[order], prepend=np.nan) != 0)

    def of(weights: Floats) -> tuple[Floats, Floats]:
        if not len(order):
            undefined = np.full((len(weights), 2), np.nan)
            return undefined, undefined
        times = weights[:, order]
        nothing = np.zeros((len(weights), 1))
        calls = np.cumsum(np.add.reduceat(times, starts, axis=1), axis=1)
        gains = np.cumsum(np.add.reduceat(times * ordered, starts, axis=1), axis=1)
        total = gains[:, -1:]
        recovered = np.divide(gains, total, out=np.full(gains.shape, np.nan), where=total > 0)
        share = np.divide(calls, calls[:, -1:], out=np.full(calls.shape, np.nan), where=calls[:, -1:] > 0)
        return np.hstack([nothing, share]), np.hstack([nothing, recovered])

    return of
