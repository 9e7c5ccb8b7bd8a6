"""Prediction-powered correction: many judgements by a judge and few by people, put together into one honest mean.

Source: Angelopoulos, Duchi and Zrnic 2023, "PPI++", arXiv 2311.01453, for a mean. The weight of the judge is estimated
from the labelled pairs: a judge that tells nothing gets none, and the interval is then that of the labels alone.
"""

from math import sqrt

import numpy as np

from fairlead.evaluation.statistics.quantiles import t_of
from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.outcomes import Floats


def corrected_mean(human: Floats, judge: Floats, unlabelled: Floats, level: float = 0.95) -> Figure:
    """The mean that people would give, with its interval; None below two labels.

    Shapes: human, judge (n,) on the labelled pairs; unlabelled (m,), the judge on the others.
    lambda = cov(y, f) / ((1 + n / m) var f), kept in [0, 1];
    theta = lambda mean_m f + mean_n (y - lambda f); var = lambda^2 var f / m + var(y - lambda f) / n.
    We deviate: Student's t in place of the normal, since labels are few, with one degree less where lambda was taken
    from the same labels.
    """
    n, m = len(human), len(unlabelled)
    if n < 2:
        return Figure(None, reason="fewer than two pairs were judged by people")
    weight = 0.0
    if m >= 2:
        every = np.concatenate([judge, unlabelled])
        variance = float(every.var(ddof=1))
        if variance > 0:
            covariance = float(np.cov(human, judge, ddof=1)[0, 1])
            weight = min(1.0, max(0.0, covariance / ((1 + n / m) * variance)))
    rest = human - weight * judge
    value = float(rest.mean()) + (weight * float(unlabelled.mean()) if weight else 0.0)
    n_free = n - (2 if weight and n > 2 else 1)
    spread = float(rest.var()) / n_free + (weight**2 * float(unlabelled.var(ddof=1)) / m if weight else 0.0)
    if spread == 0:
        return Figure(value, reason="no interval: the labels do not differ from the judge at all")
    half = t_of(level, n_free) * sqrt(spread)
    return Figure(value, value - half, value + half, sqrt(spread))
