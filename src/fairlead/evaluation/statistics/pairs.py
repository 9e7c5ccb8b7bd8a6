"""Paired tests: two models on the same prompts, by McNemar's exact test, by the paired difference, by bootstrap."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import comb, erfc, sqrt

import numpy as np

from fairlead.evaluation.statistics.intervals import (
    ALL_ALIKE,
    LEVEL,
    ROUNDING,
    TOO_FEW,
    cluster_totals,
    clustered_error,
)
from fairlead.evaluation.statistics.quantiles import t_of
from fairlead.learning.metrics.bootstrap import Figure, Resamples, interval_of, share_of
from fairlead.learning.outcomes import Floats


@dataclass(frozen=True, slots=True)
class Paired:
    """One model less another, on the prompts that both have answered."""

    one: str
    other: str
    n: int
    n_clusters: int
    difference: Figure
    """Mean difference with its clustered interval."""
    bootstrap: Figure
    """The same by resampling clusters."""
    n_better: int
    n_worse: int
    p_value: float | None
    """Two-sided: McNemar's exact test for right and wrong, one prompt a cluster; else from the clustered t."""
    p_adjusted: float | None = None
    """After Benjamini and Hochberg over all pairs of one report."""


def paired(one: str, other: str, scores: Floats, others: Floats, clusters: Sequence[Hashable], seed: int = 0) -> Paired:
    """The comparison of two columns of scores. Shapes: (n,), (n,), (n,)."""
    n = len(scores)
    lead = scores - others
    n_better, n_worse = int((lead > 0).sum()), int((lead < 0).sum())
    n_clusters = len(set(clusters))
    if not n:
        nothing = Figure(None, reason="no prompt was scored for both")
        return Paired(one, other, 0, 0, nothing, nothing, 0, 0, None)
    mean, error = float(lead.mean()), clustered_error(lead, clusters)
    if not error:
        figure = Figure(mean, reason=ALL_ALIKE if n_clusters > 1 else TOO_FEW)
    else:
        half = t_of(LEVEL, n_clusters - 1) * error
        figure = Figure(mean, max(-1.0, mean - half), min(1.0, mean + half), error)
    is_binary = bool(np.isin(np.concatenate([scores, others]), (0.0, 1.0)).all())
    is_plain = is_binary and n_clusters == n
    p_value = mcnemar(n_better, n_worse) if is_plain else _p_of_t(mean, error, n_clusters)
    return Paired(one, other, n, n_clusters, figure, _bootstrap(lead, clusters, seed), n_better, n_worse, p_value)


def mcnemar(n_better: int, n_worse: int) -> float | None:
    """Exact two-sided p of McNemar's test: the sign test over the prompts on which they differ; None without one."""
    n = n_better + n_worse
    if not n:
        return None
    if n > 1_000:  # the sum's terms lose their digits in floats; the normal is good to .1 % by now
        z = max(0.0, abs(n_better - n_worse) - 1) / n**0.5
        return _two_sided(z)
    tail = sum(comb(n, k) for k in range(min(n_better, n_worse) + 1))
    return float(min(1.0, 2 * tail / 2**n))


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values; what is undefined stays so and is not counted as a test.

    Source: Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57, 289-300.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    least = 1.0
    for rank in range(len(known), 0, -1):
        p, place = known[rank - 1]
        least = min(least, p * len(known) / rank)
        adjusted[place] = least
    return adjusted


def _bootstrap(lead: Floats, clusters: Sequence[Hashable], seed: int) -> Figure:
    sums, counts = cluster_totals(lead, clusters)
    if len(sums) < 2 or np.ptp(lead) <= ROUNDING:
        return Figure(float(lead.mean()), reason=TOO_FEW if len(sums) < 2 else ALL_ALIKE)
    return interval_of(lambda weights: share_of(weights @ sums, weights @ counts), Resamples(len(sums), seed=seed))


def _p_of_t(mean: float, error: float | None, n_clusters: int) -> float | None:
    """The level at which the interval just reaches 0, found by halving."""
    if not error:
        return None  # every cluster differs by the same: chance cannot be told from these
    low, high = 0.0, 1.0 - 1e-12
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_of(middle, n_clusters - 1) < abs(mean) / error else (low, middle)
    return min(1.0, max(0.0, 1 - low))


def _two_sided(z: float) -> float:
    return erfc(z / sqrt(2))
