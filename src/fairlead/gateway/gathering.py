"""Gathering: moments for listeners who can wait a hundredth of a second, told many at a time.

What runs once a request is cold each time: its code and data have left the processor's caches meanwhile. Run for dozens
of requests in a row it costs a fraction of that (docs/decisions/0026-moments-are-told-together.md).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from fairlead.domain.moments import Attempted, Decided, Observer, Replied, Shadowed, ShadowObserver

_LOG: Final = logging.getLogger("fairlead.gateway")
AT_ONCE: Final = 96
"""Moments, of some thirty requests: what they hold still fits into a core's own cache."""
WITHIN_S: Final = 0.01

Moment = Decided | Attempted | Replied | Shadowed
Told = tuple[float, Moment]
"""When it was, in Unix seconds, and what."""
Listener = Callable[[Sequence[Told]], None]
"""Is told on the event loop, moments in their order: must not block. One that raises is not told of these again."""


class Gathering:
    """Of one configuration. See moments.Observer, DecisionObserver and ShadowObserver."""

    def __init__(self, unix_s: Callable[[], float]) -> None:
        self._unix_s = unix_s
        self._listeners: list[Listener] = []
        self._waiting: list[Told] = []
        self._timer: asyncio.TimerHandle | None = None
        self.decided = self.attempted = self.replied = self.shadowed = self._take

    def listens(self, listener: Listener) -> None:
        """Tell this one as well."""
        self._listeners.append(listener)

    @property
    def n_waiting(self) -> int:
        """Moments that are not told yet."""
        return len(self._waiting)

    def tell(self) -> None:
        """Tell everybody what waits. On the event loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        told, self._waiting = self._waiting, []
        if not told:
            return
        for listener in self._listeners:
            try:
                listener(told)
            except Exception:  # noqa: BLE001 - a bug in one: no request and no other listener suffers
                _LOG.exception("moments could not be told")

    def _take(self, moment: Moment) -> None:
        waiting = self._waiting
        waiting.append((self._unix_s(), moment))
        if len(waiting) >= AT_ONCE:
            self.tell()
        elif self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(WITHIN_S, self.tell)
            except RuntimeError:  # no loop: nobody would come back for it
                self.tell()


def each(observer: Observer, shadows: ShadowObserver | None = None) -> Listener:
    """A listener that tells an observer of one moment after the other."""

    def listen(told: Sequence[Told]) -> None:
        attempted, replied = observer.attempted, observer.replied
        for _, moment in told:
            if type(moment) is Attempted:
                attempted(moment)
            elif type(moment) is Replied:
                replied(moment)
            elif type(moment) is Shadowed and shadows is not None:
                shadows.shadowed(moment)

    return listen
