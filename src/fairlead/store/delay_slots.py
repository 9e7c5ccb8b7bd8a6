"""Delay slots: seconds to a small whole number and back, four slots to a doubling: quantiles to within a tenth."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHORTEST_S: Final = 1e-5
PER_DOUBLING: Final = 4
N_SLOTS: Final = 128
"""Up to 1e-5 * 2^32 seconds: half a day."""


def slots_of(seconds: Sequence[float]) -> NDArray[np.intp]:
    """The slot of each delay; too short and too long ones go into the outermost."""
    times = np.maximum(np.array(seconds, dtype=np.float64) / SHORTEST_S, 1.0)
    slots = np.where(times > 1.0, np.floor(np.log2(times) * PER_DOUBLING) + 1, 0)
    return np.minimum(slots, N_SLOTS - 1).astype(np.intp)


def middle_s(slot: int) -> float:
    """The geometric middle of a slot, in seconds."""
    return SHORTEST_S * float(2 ** ((slot - 0.5) / PER_DOUBLING)) if slot else SHORTEST_S


def quantile_s(counts: Mapping[int, int], share: float) -> float | None:
    """The delay that this share of the counted ones do not exceed; None of none."""
    left = share * sum(counts.values())
    for slot in sorted(counts):
        left -= counts[slot]
        if left <= 0 and counts[slot]:
            return middle_s(slot)
    return None
