"""Pulse: one timer for all that runs, so that silent streams get a sign of life without a timer of their own."""

import asyncio
from collections.abc import Collection
from typing import Final

from fairlead.gateway.running import Running

BEATS: Final = 4
"""Beats of silence after which a client hears from us: between one and one and a quarter of the heartbeat's seconds."""


class Pulse:
    """One engine's. It beats only while something runs."""

    def __init__(self, every_s: float, running: Collection[Running]) -> None:
        self._every_s = every_s / BEATS
        self._running = running
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Beat from now on, if it does not yet."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self.beat)

    def beat(self) -> None:
        """Tell all that runs that time has passed."""
        self._timer = None
        for request in list(self._running):
            request.beat()
        if self._running:
            self.start()
