"""Drift power: in which share of checks a smaller sibling behind a model's name is found, as measured.

Measured by benchmarks/quality/drift.py on 22 pairs of one family, within 200 calls at a rate of 5 %.
"""

from typing import Final

import numpy as np

FOUND: Final = {
    1: ((0.054, 1.0), (0.137, 1.0), (0.272, 0.887)),
    2: ((0.049, 1.0), (0.125, 1.0), (0.253, 0.940)),
    3: ((0.048, 1.0), (0.123, 1.0), (0.248, 0.966)),
    4: ((0.047, 1.0), (0.121, 1.0), (0.239, 0.983)),
}
"""By earlier answers: how often an unchanged model contradicts them, and the share found."""
FOUND_ALONE: Final = {
    1: ((0.027, 1.0), (0.070, 0.948), (0.142, 0.545)),
    2: ((0.027, 1.0), (0.069, 0.998), (0.142, 0.830)),
    3: ((0.027, 1.0), (0.070, 1.0), (0.143, 0.907)),
    4: ((0.028, 1.0), (0.071, 1.0), (0.142, 0.932)),
}
"""The same where no other model's outcomes say which queries are hard, and any are asked."""


def sibling_found(n_earlier: int, difference: float, *, is_alone: bool) -> float | None:
    """The share that is found; None where the model contradicts itself oftener than was measured."""
    table = FOUND_ALONE if is_alone else FOUND
    points = np.array(table[min(n_earlier, max(table))])
    if difference > points[-1, 0]:
        return None
    return float(np.interp(difference, points[:, 0], points[:, 1]))
