"""Quantiles of the normal and of Student's t, without a statistics library at hand."""

import math
from statistics import NormalDist
from typing import Final

_NORMAL: Final = NormalDist()


def z_of(level: float) -> float:
    """Half-width of a two-sided interval of this level, in standard deviations of a normal."""
    return _NORMAL.inv_cdf((1 + level) / 2)


def t_of(level: float, n_free: float) -> float:
    """The same for Student's t with so many degrees of freedom.

    Source: exact for 1 and 2; above, the expansion of Abramowitz and Stegun 26.7.5 with four terms, off by less than
    1.5 % at 3 degrees and less than .1 % from 6 on at 90 and 95 %.
    """
    p = (1 + level) / 2
    if n_free <= 0:
        return math.inf
    if n_free == 1:
        return math.tan(math.pi * (p - 0.5))
    if n_free == 2:
        return (2 * p - 1) / math.sqrt(2 * p * (1 - p))
    z = _NORMAL.inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / n_free**power for power, term in enumerate(terms, 1))
