"""Pace: how many calls one upstream gets at once. More while it keeps up, half as many when it says "too many".

Additive increase, multiplicative decrease, with a slow start as TCP has it: doubles until the first refusal. One
refusal counts once for all the calls that were under way when it came.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

START: Final = 8
CUT: Final = 0.5
"""What a refusal leaves, as TCP's fast recovery does."""
MAX_REST_S: Final = 60.0


class Pace:
    """One upstream's slots."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        """`most` is never passed."""
        self.most = most
        self.limit = float(min(START, most))
        self.n_active = 0
        self.n_cuts = 0
        self._clock = clock
        self._is_starting = True
        self._epoch = 0
        self._rest_until_s = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> int:
        """Wait for a slot; the epoch in which the call begins."""
        while self.n_active >= int(self.limit):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except BaseException:
                self._wake()  # whoever was woken in vain passes it on
                raise
        self.n_active += 1
        return self._epoch

    @property
    def rest_s(self) -> float:
        """How long the upstream wants to be left alone."""
        return max(0.0, self._rest_until_s - self._clock())

    def leave(self) -> None:
        """A call has ended, however."""
        self.n_active -= 1
        self._wake()

    def kept_up(self) -> None:
        """A call was answered."""
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + (1.0 if self._is_starting else 1.0 / max(self.limit, 1.0)))
            self._wake()

    def refused(self, epoch: int, retry_after_s: float | None) -> None:
        """A call that began in this epoch was refused as one too many."""
        if retry_after_s is not None:
            self._rest_until_s = max(self._rest_until_s, self._clock() + min(retry_after_s, MAX_REST_S))
        if epoch == self._epoch:
            self._epoch += 1
            self._is_starting = False
            self.n_cuts += 1
            self.limit = max(1.0, self.limit * CUT)

    def _wake(self) -> None:
        free = int(self.limit) - self.n_active
        while free > 0 and self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1
