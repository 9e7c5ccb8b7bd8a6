"""HttpTransport: the keep-alive HTTP/1.1 client through which every upstream of one origin is called.

Made by hand because it is the hot path: a fraction of what a general client costs (docs/decisions/0002). It sends what
it is given and takes apart what comes back: it follows no redirect, keeps no cookie, reads no environment, and repeats
a request in one case only: when a connection that had rested turns out to have been closed meanwhile, with not one byte
of a reply (RFC 9112 §9.3.1), it asks once more on a fresh one, unless the caller says no.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from fairlead.domain.call import Deadlines
from fairlead.domain.errors import SilentError, UpstreamError
from fairlead.providers.answer import HttpAnswer, answer_from
from fairlead.providers.connection import Connection
from fairlead.providers.dial import Dialler
from fairlead.providers.origin import Origin
from fairlead.providers.pool import Pool
from fairlead.providers.request_head import write_start

STARTS_KEPT: Final = 256
"""Request lines kept ready. Targets come from the configuration and the catalogue, so they are few."""

_NEVER: Final = float("inf")


class HttpTransport:
    """One origin's connections and the one verb on them."""

    def __init__(self, origin: Origin) -> None:
        """Opens nothing yet. Raises: ConfigError for a proxy or a CA file that cannot be used."""
        self.origin = origin
        self._dialler = Dialler(origin)
        self._pool = Pool(origin, self._dialler)
        self._starts: dict[tuple[str, str], bytes] = {}

    @property
    def n_open(self) -> int:
        """Connections: busy, at rest, and being made."""
        return self._pool.n_open

    @property
    def n_idle(self) -> int:
        """Connections at rest."""
        return self._pool.n_idle

    def close(self) -> None:
        """Drop every connection; whoever waits on one gets an UnreachableError."""
        self._pool.close()

    async def exchange(
        self,
        method: str,
        target: str,
        headers: bytes,
        body: bytes,
        deadlines: Deadlines,
        on_repeat: Callable[[], bool] | None = None,
    ) -> HttpAnswer:
        """Send a request; the answer as soon as its head is complete.

        `headers` are lines as `write_headers` makes them: without host, content-length and whatever else belongs to the
        connection. Cancelling the awaiting task closes the connection at once.
        Raises: UnreachableError, SilentError, GarbledError, TruncatedError.
        """
        start = self._starts.get((method, target)) or self._start(method, target)
        if body or method not in ("GET", "HEAD"):
            head = b"%b%bcontent-length: %d\r\n\r\n" % (start, headers, len(body))
        else:
            head = b"%b%b\r\n" % (start, headers)
        begun = asyncio.get_running_loop().time()
        total_at = _NEVER if deadlines.total_s is None else begun + deadlines.total_s
        connection = self._pool.take_idle(begun) or await self._connection(deadlines, begun, total_at)
        is_bodiless = method == "HEAD"
        try:
            return await self._ask(connection, head, body, deadlines, begun, total_at, is_bodiless)
        except UpstreamError:
            if not connection.is_stale or (on_repeat is not None and not on_repeat()):
                raise
        now = asyncio.get_running_loop().time()
        fresh = await self._connection(deadlines, now, total_at, must_be_fresh=True)
        return await self._ask(fresh, head, body, deadlines, now, total_at, is_bodiless)

    async def _ask(
        self,
        connection: Connection,
        head: bytes,
        body: bytes,
        deadlines: Deadlines,
        now_s: float,
        total_at: float,
        is_bodiless: bool,
    ) -> HttpAnswer:
        try:
            connection.send(head, body, deadlines, now_s=now_s, total_at=total_at, is_bodiless=is_bodiless)
            while not connection.is_head_done:
                if connection.error is not None:
                    raise connection.error
                await connection.wait()
            return answer_from(connection, self.origin.name, self._pool.put)
        except BaseException:  # cancelled or failed: the reply, if one comes, is nobody's
            connection.drop()
            raise

    async def _connection(
        self, deadlines: Deadlines, now_s: float, total_at: float, *, must_be_fresh: bool = False
    ) -> Connection:
        at = now_s + deadlines.connect_s
        if total_at >= at:
            return await self._pool.take(at_s=at, limit_s=deadlines.connect_s, must_be_fresh=must_be_fresh)
        left = total_at - now_s
        if left <= 0:
            name = self.origin.name
            text = f"upstream {name!r}: total: no reply within {deadlines.total_s:g} s"
            raise SilentError(text, upstream=name, is_sent=False)
        return await self._pool.take(at_s=total_at, limit_s=left, must_be_fresh=must_be_fresh)

    def _start(self, method: str, target: str) -> bytes:
        start = write_start(self.origin, self._dialler.proxy, method, target)
        if len(self._starts) >= STARTS_KEPT:
            self._starts.clear()
        self._starts[method, target] = start
        return start
