"""Pool: the connections of one origin, never more than its cap; the one used last is used next.

Every connection, and every attempt to make one, holds a slot. Whoever finds none waits in line; a freed slot or a
rested connection goes straight to the head of the line, so nobody overtakes.
"""

import asyncio
from collections import deque
from typing import Final

from fairlead.domain.errors import SilentError, UnreachableError
from fairlead.providers.connection import Connection
from fairlead.providers.dial import Dialler
from fairlead.providers.origin import Origin

IDLE_MAX_S: Final = 30.0
"""Servers close idle connections after 60 to 75 s, some after less: we are done with ours well before."""


class Pool:
    """Takes connections out and puts them back."""

    def __init__(self, origin: Origin, dialler: Dialler) -> None:
        self._origin = origin
        self._dialler = dialler
        self._all: set[Connection] = set()
        self._idle: list[Connection] = []
        self._line: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False
        self.n_open = 0
        """Slots taken: busy, idle, and still connecting."""

    @property
    def n_idle(self) -> int:
        """Connections at rest."""
        return len(self._idle)

    def take_idle(self, now_s: float) -> Connection | None:
        """The connection that rested last, if one is young enough; never waits."""
        while self._idle:
            connection = self._idle.pop()
            if now_s - connection.idle_since < IDLE_MAX_S:
                return connection
            connection.drop()
        return None

    async def take(self, *, at_s: float, limit_s: float, must_be_fresh: bool = False) -> Connection:
        """A connection, made if need be. Units: at_s is the loop's time at which to give up.

        Raises: UnreachableError; SilentError at the deadline; GarbledError when a proxy does not speak HTTP.
        """
        loop = asyncio.get_running_loop()
        while True:
            if self._is_closed:
                raise UnreachableError(f"upstream {self._origin.name!r}: shut down", upstream=self._origin.name)
            # At the cap a fresh connection costs an old one; otherwise the others are left alone.
            wants_room = must_be_fresh and self._has_room()
            rested = None if wants_room else self.take_idle(loop.time())
            if rested is None:
                rested = await self._slot(loop, at_s, limit_s)
            if rested is None:
                return await self._dial(loop, at_s, limit_s)
            if not must_be_fresh and not rested.is_gone:
                return rested
            rested.drop()  # frees a slot: for the head of the line, or for us in the next round

    def put(self, connection: Connection) -> None:
        """An exchange is over: keep its connection when it can serve another, else drop it."""
        loop = asyncio.get_running_loop()
        if self._is_closed or not connection.rest(loop.time()):
            connection.drop()
            return
        self._lay_down(connection, loop)

    def close(self) -> None:
        """Drop every connection and turn away whoever waits."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in list(self._all):
            # Whoever reads it is told; an idle one just goes.
            if connection.is_active:
                text = f"upstream {self._origin.name!r}: shut down"
                connection.fail(UnreachableError(text, upstream=self._origin.name, is_sent=True))
            connection.drop()
        while self._line:
            waiter = self._line.popleft()
            if not waiter.done():
                text = f"upstream {self._origin.name!r}: shut down"
                waiter.set_exception(UnreachableError(text, upstream=self._origin.name))

    def _has_room(self) -> bool:
        return self.n_open < self._origin.max_connections and not self._line

    async def _slot(self, loop: asyncio.AbstractEventLoop, at_s: float, limit_s: float) -> Connection | None:
        """Leave to make a connection (None), or a rested one instead."""
        if self._has_room():
            self.n_open += 1
            return None
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._line.append(waiter)
        timer = loop.call_at(at_s, self._expire, waiter, limit_s)
        try:
            return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # Served and cancelled in the same turn of the loop: pass it on.
                connection = waiter.result()
                if connection is None:
                    self._free()
                elif not connection.is_gone:
                    self._lay_down(connection, loop)
            elif waiter in self._line:
                self._line.remove(waiter)
            raise
        finally:
            timer.cancel()

    def _lay_down(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        while self._line:
            waiter = self._line.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(IDLE_MAX_S, self._sweep, loop)

    async def _dial(self, loop: asyncio.AbstractEventLoop, at_s: float, limit_s: float) -> Connection:
        def make() -> Connection:
            return Connection(self._origin.name, loop, self._gone)

        try:
            connection = await self._dialler.dial(make, at_s=at_s, limit_s=limit_s)
        except BaseException:
            self._free()
            raise
        if connection.is_gone or self._is_closed:
            connection.drop()
            self._free()
            what = "shut down" if self._is_closed else "the connection was closed as soon as it was made"
            raise UnreachableError(f"upstream {self._origin.name!r}: {what}", upstream=self._origin.name)
        self._all.add(connection)
        return connection

    def _gone(self, connection: Connection) -> None:
        if connection in self._all:  # else it was lost while being made: `_dial` frees its slot
            self._all.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._free()

    def _free(self) -> None:
        while self._line and not self._is_closed:
            waiter = self._line.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.n_open -= 1

    def _expire(self, waiter: "asyncio.Future[Connection | None]", limit_s: float) -> None:
        if not waiter.done():
            n = self._origin.max_connections
            text = f"upstream {self._origin.name!r}: connect: none of {n} connections became free within {limit_s:g} s"
            waiter.set_exception(SilentError(text, upstream=self._origin.name, is_sent=False))

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper = None
        now = loop.time()
        for connection in list(self._idle):
            if now - connection.idle_since >= IDLE_MAX_S:
                connection.drop()
        if self._idle:
            oldest = self._idle[0].idle_since
            self._sweeper = loop.call_later(max(oldest + IDLE_MAX_S - now, 0.1), self._sweep, loop)
