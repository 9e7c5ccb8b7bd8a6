"""Least squares with weights that may not be negative: the active sets of Lawson and Hanson (1974, chapter 23)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.outcomes import Floats

_TOLERANCE: Final = 1e-12


def solve_non_negative(gram: Floats, cross: Floats) -> Floats:
    """The x >= 0 that minimises x' gram x / 2 - cross' x; one of them where several do.

    Shapes: gram (n, n), positive semi-definite, with cross in the range of its columns; cross (n,) -> (n,).
    """
    n = len(cross)
    x = np.zeros(n)
    free = np.zeros(n, dtype=np.bool_)
    refused = np.zeros(n, dtype=np.bool_)
    least = _TOLERANCE * max(float(np.abs(cross).max(initial=0.0)), 1e-300)
    for _ in range(10 * n):
        gradient = np.where(free | refused, -np.inf, cross - gram @ x)
        new = int(gradient.argmax())
        if gradient[new] <= least:
            break
        free[new] = True
        x = _settle(gram, cross, x, free)
        if free[new]:
            refused[:] = False
        else:
            # By rounding alone a weight that should rise came out at 0: another one first, or none.
            refused[new] = True
    return x


def _settle(gram: Floats, cross: Floats, x: Floats, free: NDArray[np.bool_]) -> Floats:
    """The best x over the free weights; those that would fall below 0 on the way are held there, and freed no more."""
    while free.any():
        at = np.flatnonzero(free)
        trial = np.zeros(len(x))
        trial[at] = np.linalg.lstsq(gram[np.ix_(at, at)], cross[at], rcond=None)[0]
        below = at[trial[at] <= 0.0]
        if not len(below):
            return trial
        # Go as far towards the trial as stays at or above 0, and hold what reaches it first.
        fall = x[below] - trial[below]
        steps = np.where(fall > 0.0, x[below] / np.where(fall > 0.0, fall, 1.0), 0.0)
        step = float(steps.min())
        x = np.maximum(x + step * (trial - x), 0.0)
        free[below[steps <= step]] = False
        x[~free] = 0.0
    return np.zeros(len(x))
