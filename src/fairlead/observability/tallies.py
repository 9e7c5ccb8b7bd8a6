"""Tallies: counts and delays added up in plain numbers, handed to prometheus-client when somebody reads.

An increment there takes a lock and looks for an exemplar: twelve of them were a twentieth of a request. Where several
workers count in shared files, another process may read at any time: what was added up is handed over soon by itself.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from prometheus_client import Counter, Histogram


class Bins:
    """The delays of one histogram since they were last handed over. Units: bounds in seconds, rising."""

    __slots__ = ("_bounds", "_child", "_counts", "_total_s")

    def __init__(self, child: Histogram, bounds: Sequence[float]) -> None:
        self._child, self._bounds = child, tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._total_s = 0.0

    def observe(self, delay_s: float) -> None:
        """Count one delay."""
        self._counts[bisect_left(self._bounds, delay_s)] += 1
        self._total_s += delay_s

    def hand_over(self) -> None:
        """Add everything to the histogram."""
        # The library has no public way to add many at once; these two attributes are what its `observe` adds to.
        for bucket, n in zip(self._child._buckets, self._counts, strict=True):
            if n:
                bucket.inc(n)
        self._child._sum.inc(self._total_s)
        self._counts = [0] * len(self._counts)
        self._total_s = 0.0


class Tallies:
    """All counts and bins of one process. `within_s`: nothing is kept back for longer, since another process reads."""

    def __init__(self, within_s: float | None = None) -> None:
        self._within_s = within_s
        self.counts: defaultdict[Counter, float] = defaultdict(float)
        """What is to be added to each counter. Whoever adds here calls `touch` in the end."""
        self._bins: list[Bins] = []
        self._timer: asyncio.TimerHandle | None = None

    def bins(self, child: Histogram, bounds: Sequence[float]) -> Bins:
        """Where the delays of this histogram are counted."""
        made = Bins(child, bounds)
        self._bins.append(made)
        return made

    def touch(self) -> None:
        """Something was counted, here or in one of the bins."""
        if self._within_s is None or self._timer is not None:
            return
        try:
            self._timer = asyncio.get_running_loop().call_later(self._within_s, self.hand_over)
        except RuntimeError:  # no loop: nobody would come back for it
            self.hand_over()

    def hand_over(self) -> None:
        """Add everything to the library's own counters."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for child, n in self.counts.items():
            child.inc(n)
        self.counts.clear()
        for bins in self._bins:
            bins.hand_over()
