"""Concurrency: how many requests an upstream may be busy with, learned from its refusals; and the queue before it.

    unlimited --(429 or 503)--> limited to DECREASE x what was running, at least 1
    limited   --(a full limit's worth of good replies)--> limit + 1 --> … --> unlimited again

Additive increase, multiplicative decrease, as TCP does (RFC 5681): it finds what an upstream bears without being told.
An operator's own `max_concurrency` is a limit that is never passed. While an upstream is not limited, a request costs
two additions. Knows no clock: the time comes in as a number; waiting is the loop's.
"""

import asyncio
from collections import deque
from typing import Final

from fairlead.domain.errors import OverloadedError, RejectedError, UpstreamError
from fairlead.domain.names import UpstreamName

DECREASE: Final = 0.7
"""Cubic's factor (RFC 9438): milder than halving, since a rate limit often counts tokens and not requests."""
ONE_INCIDENT_S: Final = 1.0
"""Refusals within this time are one: a burst of them must not take the limit to the floor."""
FORGOTTEN_AT: Final = 2.0
"""A learned limit that has grown to this many times what ran when it was learned is no limit any more."""
RETRY_AFTER_S: Final = 1.0
"""What a client is told to wait when every queue is full: a slot becomes free within seconds or not at all."""
_CROWDED_STATUSES: Final = frozenset((429, 503, 529))


class Gate:
    """One upstream's."""

    __slots__ = ("_cap", "_cut_s", "_good", "_learned_at", "_max_waiting", "_waiters", "limit", "name", "running")

    def __init__(self, name: UpstreamName, cap: int | None = None, *, max_waiting: int = 100) -> None:
        self.name = name
        self._cap = cap
        self.limit: float | None = None if cap is None else float(cap)
        """None is no limit."""
        self.running = 0
        self._learned_at = 0.0
        self._good = 0
        self._cut_s = float("-inf")
        self._max_waiting = max_waiting
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def is_full(self) -> bool:
        """Whether a request would have to wait."""
        return self.limit is not None and self.running >= int(self.limit)

    @property
    def n_waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiters)

    def take(self) -> bool:
        """Take a slot if one is free."""
        if self.limit is not None and self.is_full:
            return False
        self.running += 1
        return True

    def give(self) -> None:
        """Give a slot back: to whoever waits longest, if the limit allows."""
        self.running -= 1
        if self._waiters:
            self._wake()

    async def wait(self, within_s: float) -> None:
        """Wait for a slot and take it.

        Raises: OverloadedError when the queue is full, or none became free in time.
        """
        if len(self._waiters) >= self._max_waiting:
            raise OverloadedError(
                f"The upstream '{self.name}' is busy with all that it bears, and its queue is full.",
                retry_after_s=RETRY_AFTER_S,
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        try:
            async with asyncio.timeout(within_s):
                await turn
        except BaseException as error:
            self._leave(turn)
            if isinstance(error, TimeoutError):
                raise OverloadedError(
                    f"No slot of the upstream '{self.name}' became free within {within_s:.3g} s.",
                    retry_after_s=RETRY_AFTER_S,
                ) from None
            raise

    def _leave(self, turn: "asyncio.Future[None]") -> None:
        """A waiter goes without its slot; one that it was just given goes to the next."""
        if turn.done() and not turn.cancelled():
            self.give()
        else:
            turn.cancel()
            if turn in self._waiters:
                self._waiters.remove(turn)

    def _wake(self) -> None:
        while self._waiters and not self.is_full:
            turn = self._waiters.popleft()
            if not turn.done():
                self.running += 1
                turn.set_result(None)

    def refused(self, now_s: float) -> None:
        """The upstream has said that it is too much: fewer at once from now on."""
        if now_s - self._cut_s < ONE_INCIDENT_S:
            return
        self._cut_s = now_s
        self._learned_at = float(self.running)
        self._good = 0
        busy = float(self.running) if self.limit is None else min(float(self.running), self.limit)
        self.limit = max(1.0, busy * DECREASE)

    def served(self) -> None:
        """A reply came; a full limit's worth of them earns one slot."""
        if self.limit is None or self.limit == self._cap:
            return
        self._good += 1
        if self._good < self.limit:
            return
        self._good = 0
        self.limit += 1.0
        if self._cap is not None:
            self.limit = min(self.limit, float(self._cap))
        elif self.limit >= max(FORGOTTEN_AT * self._learned_at, 2.0):
            self.limit = None
        self._wake()


def is_crowded(error: UpstreamError) -> bool:
    """Whether an error says that the upstream has too much to do."""
    return isinstance(error, RejectedError) and error.upstream_status in _CROWDED_STATUSES
