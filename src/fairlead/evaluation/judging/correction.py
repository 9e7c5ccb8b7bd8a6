"""Prediction-powered correction: many judgements by a judge and few by people, put together into one honest mean.

Source: Angelopoulos, Duchi and Zrnic 2023, "PPI++", arXiv 2311.01453, for a mean. The weight of the judge is estimated
from the labelled pairs: a judge that tells nothing gets none, and the interval is then that of the labels alone.

Their interval is too narrow where people and judge differ on a handful of labelled pairs, or on none: what differs is a
count, and small counts are skew. As for any paired proportion, two imagined pairs mend it, half a one for each way in
which two words can go together (Agresti and Min 2005, Stat. Med. 24, 729-740).
"""

from math import sqrt
from typing import Final

import numpy as np

from fairlead.evaluation.statistics.quantiles import t_of
from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.outcomes import Floats

IMAGINED: Final = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
"""What people and the judge say of the imagined pairs."""
IMAGINED_WEIGHT: Final = 0.5


def corrected_mean(human: Floats, judge: Floats, unlabelled: Floats, level: float = 0.95) -> Figure:
    """The mean share that people would give, with its interval; None below two labels.

    Shapes: human, judge (n,) on the labelled pairs, shares in [0, 1]; unlabelled (m,), the judge on the others.
    lambda = cov(y, f) / ((1 + n / m) var f), kept in [0, 1];
    theta = lambda mean_m f + mean_n (y - lambda f); var = lambda^2 var f / m + var(y - lambda f) / n.
    We deviate: the interval is made with the imagined pairs; Student's t in place of the normal, since labels are few,
    with one degree less where lambda was taken from the same labels.
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
    by_judge = weight * float(unlabelled.mean()) if weight else 0.0
    value = float((human - weight * judge).mean()) + by_judge
    rest = np.concatenate([human - weight * judge, IMAGINED[0] - weight * IMAGINED[1]])
    counts = np.concatenate([np.ones(n), np.full(IMAGINED.shape[1], IMAGINED_WEIGHT)])
    middle = float(np.average(rest, weights=counts))
    n_free = n - (2 if weight and n > 2 else 1)
    spread = float(np.average((rest - middle) ** 2, weights=counts)) / n_free
    spread += weight**2 * float(unlabelled.var(ddof=1)) / m if weight else 0.0
    half = t_of(level, n_free) * sqrt(spread)
    low, high = max(0.0, middle + by_judge - half), min(1.0, middle + by_judge + half)
    return Figure(value, min(low, value), max(high, value), sqrt(spread))
