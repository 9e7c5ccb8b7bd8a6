"""Gathering: moments for listeners who can wait a hundredth of a second, told many at a time.

What runs once a request is cold each time: its code and data have left the processor's caches meanwhile. Run for dozens
of requests in a row it costs a fraction of that (docs/decisions/0026-moments-are-told-together.md).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Final

from fairlead.domain.moments import Attempted, Decided, Observer, Replied, Shadowed, ShadowObserver

_LOG: Final = logging.getLogger("fairlead.gateway")
AT_ONCE: Final = 96
"""Moments, of some thirty requests: what they hold still fits into a core's own cache."""
WITHIN_S: Final = 0.01
DECISIONS_WITHIN_S: Final = 0.05
"""A decision waits so long for its reply, to be told with it: until then its request holds all of it anyway."""

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
        self._decisions: dict[str, tuple[float, Decided]] = {}
        """Those that wait for their replies, oldest first."""
        self._timer: asyncio.TimerHandle | None = None
        self.attempted = self.shadowed = self._take

    def listens(self, listener: Listener) -> None:
        """Tell this one as well."""
        self._listeners.append(listener)

    @property
    def n_waiting(self) -> int:
        """Moments that are not told yet."""
        return len(self._waiting) + len(self._decisions)

    def decided(self, moment: Decided) -> None:
        """See moments.DecisionObserver."""
        self._decisions[moment.decision_id] = (self._unix_s(), moment)
        self._come_back()

    def replied(self, moment: Replied) -> None:
        """See moments.Observer."""
        decided = self._decisions.pop(moment.decision_id, None)
        if decided is not None:
            self._waiting.append(decided)
        self._take(moment)

    def tell(self) -> None:
        """Tell everybody all that waits. On the event loop."""
        self._waiting += self._decisions.values()
        self._decisions.clear()
        self._tell()

    def _tell_in_time(self) -> None:
        """Tell everybody what has waited long enough."""
        before_s = self._unix_s() - DECISIONS_WITHIN_S
        old = list(takewhile(lambda entry: entry[1][0] < before_s, self._decisions.items()))
        for name, decided in old:
            del self._decisions[name]
            self._waiting.append(decided)
        self._timer = None
        self._tell()
        if self._decisions:
            self._come_back()

    def _tell(self) -> None:
        if self._timer is not None and not self._decisions:
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
        self._waiting.append((self._unix_s(), moment))
        if len(self._waiting) >= AT_ONCE:
            self._tell()
        else:
            self._come_back()

    def _come_back(self) -> None:
        if self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(WITHIN_S, self._tell_in_time)
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
