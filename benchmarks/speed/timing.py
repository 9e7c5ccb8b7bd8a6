"""How long calls take, one by one."""

import time
from collections.abc import Callable


def timed_us(call: Callable[[int], object], n: int) -> list[float]:
    """Microseconds of each of n calls."""
    taken = []
    for index in range(n):
        began = time.perf_counter()
        call(index)
        taken.append((time.perf_counter() - began) * 1e6)
    return taken
