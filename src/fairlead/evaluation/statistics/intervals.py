"""Intervals of a mean score: Wilson's for right and wrong, clustered where prompts belong together or are asked again.

What is not defined is None, with a reason; never 0, never NaN.
"""

from collections.abc import Hashable, Sequence
from math import sqrt
from typing import Final

import numpy as np

from fairlead.evaluation.statistics.quantiles import t_of, z_of
from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.outcomes import Floats

LEVEL: Final = 0.95
ROUNDING: Final = 1e-12
"""An error below this is that of adding up equal numbers."""
TOO_FEW: Final = "no interval: fewer than two independent prompts"
ALL_ALIKE: Final = "no interval: every prompt says the same, so nothing shows how far others may be from it"


def wilson(n_right: float, n: float, level: float = LEVEL) -> Figure:
    """A proportion with Wilson's score interval; `n` may be an effective number.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22, 209-212.
    """
    if n <= 0:
        return Figure(None, reason="nothing was scored")
    z, p = z_of(level), n_right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Figure(p, 0.0 if p == 0 else low, 1.0 if p == 1 else high, sqrt(p * (1 - p) / n))


def cluster_totals(values: Floats, clusters: Sequence[Hashable]) -> tuple[Floats, Floats]:
    """Sum and number of values in each cluster. Shapes: values (n,) -> (n_clusters,), (n_clusters,)."""
    index: dict[Hashable, int] = {}
    codes = np.array([index.setdefault(each, len(index)) for each in clusters], dtype=np.int64)
    return np.bincount(codes, weights=values).astype(np.float64), np.bincount(codes).astype(np.float64)


def clustered_error(values: Floats, clusters: Sequence[Hashable]) -> float | None:
    """Standard error of the mean when values of one cluster go together; None below two clusters.

    sqrt(G / (G - 1) * sum over clusters of (sum of residuals)^2) / n; with one value a cluster it is the plain one.
    Source: Miller 2024, arXiv 2411.00640, section 2.2; the factor G / (G - 1) is ours, for few clusters.
    """
    sums, counts = cluster_totals(values, clusters)
    n_clusters, n = len(sums), counts.sum()
    if n_clusters < 2:
        return None
    residuals = sums - counts * (sums.sum() / n)
    error = float(np.sqrt(n_clusters / (n_clusters - 1) * (residuals**2).sum()) / n)
    return error if error > ROUNDING else 0.0


def mean_interval(values: Floats, clusters: Sequence[Hashable], level: float = LEVEL) -> Figure:
    """The mean with its clustered interval.

    Right and wrong only: Wilson's interval at the effective number of values, p (1 - p) / SE^2. Otherwise Student's t
    with as many degrees of freedom as clusters less one. Shapes: (n,), (n,).
    """
    n = len(values)
    if not n:
        return Figure(None, reason="nothing was scored")
    mean = float(values.mean())
    error = clustered_error(values, clusters)
    is_binary = bool(np.isin(values, (0.0, 1.0)).all())
    n_clusters = len(set(clusters))
    if is_binary:
        if n_clusters == n:
            return wilson(mean * n, n, level)
        # All right or all wrong: each cluster tells as much as one value.
        n_effective = float(n_clusters) if not error else min(float(n), mean * (1 - mean) / error**2)
        found = wilson(mean * n_effective, n_effective, level)
        return Figure(mean, found.low, found.high, error)
    if not error:
        return Figure(mean, reason=ALL_ALIKE if n_clusters > 1 else TOO_FEW)
    half = t_of(level, n_clusters - 1) * error
    return Figure(mean, max(0.0, mean - half), min(1.0, mean + half), error)
