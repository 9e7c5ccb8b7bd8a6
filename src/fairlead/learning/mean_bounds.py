"""Lower bounds of a mean difference over text groups, one-sided, for few observations as for many.

    many groups that differ:  mean - t * standard error, clustered by group
    few:                      betting (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by
                              betting"), valid for any number and any distribution between stated bounds

A difference is mostly 0: both ways serve the same model. So what counts as few is the number of groups with another
difference than 0: with 3 of them, all wins, the t bound of 300 queries is above 0 though chance does that in 1 of 8.
"""

from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.outcomes import Floats

MANY_GROUPS: Final = 30
"""Groups with a difference from which on the t bound is used: below, its error rate is above the stated one."""
_N_BISECTIONS: Final = 30
_MAX_STAKE: Final = 0.99
"""Share of the capital that one bet may lose."""


def lower_bound(differences: Floats, groups: NDArray[np.int64], largest: float, confidence: float, seed: int) -> float:
    """The lower bound of the mean. Shapes: differences, groups (n,), n >= 1.

    `largest`: no difference can be further from 0. The order of the bets is drawn by `seed`.
    """
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.bincount(number.reshape(-1), weights=differences).astype(np.float64)
    differ = np.bincount(number.reshape(-1), weights=np.abs(differences) > 1e-12) > 0
    n_differ = int(differ.sum())
    if n_differ >= MANY_GROUPS:
        return _t_bound(sums, sizes, n_differ, confidence)
    return _betting_bound(sums, sizes, largest, confidence, seed)


def t_quantile(confidence: float, n_free: int) -> float:
    """Student's t by the expansion around the normal quantile; within .001 from 20 degrees of freedom.

    Source: Abramowitz and Stegun 26.7.5.
    """
    z = NormalDist().inv_cdf(confidence)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n_free + second / n_free**2 + third / n_free**3


def _t_bound(sums: Floats, sizes: NDArray[np.int64], n_differ: int, confidence: float) -> float:
    n, n_groups = float(sizes.sum()), len(sums)
    mean = float(sums.sum()) / n
    residuals = sums - mean * sizes
    error = float(np.sqrt(n_groups / (n_groups - 1) * (residuals**2).sum())) / n
    return mean - t_quantile(confidence, n_differ - 1) * error


def _betting_bound(sums: Floats, sizes: NDArray[np.int64], largest: float, confidence: float, seed: int) -> float:
    """The largest mean that the bets refute: at every smaller one, someone who bets against it got rich."""
    order = np.random.default_rng(seed).permutation(len(sums))
    reach = largest * float(sizes.max())
    shares = (sums[order] / reach + 1.0) / 2.0
    n = len(shares)
    steps = np.arange(1, n + 1)
    means = (0.5 + shares.cumsum()) / (steps + 1)
    spreads = (0.25 + ((shares - means) ** 2).cumsum()) / (steps + 1)
    before = np.concatenate(([0.25], spreads[:-1]))
    bets = np.sqrt(2.0 * np.log(1.0 / (1.0 - confidence)) / (n * before))

    def refuted(mean: float) -> bool:
        stakes = np.minimum(bets, _MAX_STAKE / max(mean, 1e-9))
        capital = np.log1p(stakes * (shares - mean)).cumsum()
        return bool(capital.max() >= -np.log(1.0 - confidence))

    low, high = 0.0, 1.0
    for _ in range(_N_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    # Groups of several queries: the bound is of a group's sum; the mean query is that over the mean size.
    return (2.0 * low - 1.0) * reach / float(sizes.mean())
