"""Connection: one keep-alive HTTP/1.1 connection, as an asyncio protocol; at most one exchange at a time.

It is the hot path: no task, one future per wait, and one lazy timer that looks at a deadline instead of being set anew
for every piece. A piece of the body is counted as progress; bytes that are none (interim heads, chunk extensions,
trailers) are capped and never renew a deadline.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools

from fairlead.domain.call import Deadlines, Headers
from fairlead.domain.errors import GarbledError, SilentError, TruncatedError, UnreachableError, UpstreamError

HEAD_CAP_BYTES: Final = 64 * 1024
"""Of a head, and of everything else that is not body, between two pieces of body."""
PAUSE_ABOVE_BYTES: Final = 256 * 1024
JOIN_BELOW_BYTES: Final = 64 * 1024
"""Copying a small body behind its head is cheaper than two writes; a large one is not copied."""

STALE_WITHIN_S: Final = 1.0
"""How soon after a request is sent a rested connection shows that it was closed meanwhile: a round trip.

A peer that is lost later had the request, and may have worked on it."""

_NEVER: Final = float("inf")
_TIMER_SLACK_S: Final = 0.002
"""Event loops round timers to milliseconds."""


class _StopParsingError(Exception):
    """Raised inside a callback to stop the parser; the connection already knows why."""


class Connection(asyncio.Protocol):
    """Sends a request, takes the reply apart as it comes, and tells `on_gone` once when it is over for good."""

    __slots__ = (
        "_deadlines", "_first_byte_at", "_is_close_delimited", "_is_interim", "_is_paused", "_is_reusable",
        "_is_sending", "_loop", "_n_barren", "_n_body", "_n_buffered", "_n_exchanges", "_name", "_on_gone",
        "_parser", "_pieces", "_sent_at", "_skips_body", "_timer", "_timer_at", "_total_at", "_transport",
        "_wait_until", "_waiter", "encoding", "error", "has_answered", "headers", "idle_since", "is_active",
        "is_complete", "is_gone", "is_head_done", "status",
    )  # fmt: skip

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, on_gone: Callable[["Connection"], None]) -> None:
        self._name = name
        self._loop = loop
        self._on_gone = on_gone
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._wait_until = _NEVER
        self._is_paused = False
        self._is_sending = False
        self._n_exchanges = 0
        self.idle_since = 0.0
        self.is_active = False
        self.is_gone = False
        self._pieces: list[bytes] = []
        self.error: UpstreamError | None = None

    # -- what the transport asks of it ------------------------------------------------------------------------------

    @property
    def is_stale(self) -> bool:
        """Whether it died between two exchanges: it was used before, and is lost at once without a byte of reply."""
        return (
            self._n_exchanges > 1
            and not self.has_answered
            and isinstance(self.error, UnreachableError)
            and self._loop.time() - self._sent_at <= STALE_WITHIN_S
        )

    @property
    def is_late(self) -> bool:
        """Whether the exchange's total deadline has passed."""
        return self._total_at != _NEVER and self._loop.time() > self._total_at

    def send(
        self, head: bytes, body: bytes, deadlines: Deadlines, *, now_s: float, total_at: float, is_bodiless: bool
    ) -> None:
        """Begin an exchange. Units: now_s and total_at are the loop's time in seconds."""
        assert self._transport is not None
        self.status = 0
        self.headers: Headers = []
        self.encoding = b""
        self.is_head_done = False
        self.is_complete = False
        self.has_answered = False
        self.is_active = True
        self._is_reusable = False
        self._is_interim = False
        self._is_close_delimited = False
        self._skips_body = is_bodiless
        self._n_barren = 0
        self._n_body = 0
        self._n_buffered = 0
        self._n_exchanges += 1
        self._deadlines = deadlines
        self._sent_at = now_s
        self._total_at = total_at
        self._first_byte_at = now_s + deadlines.first_byte_s
        if len(body) <= JOIN_BELOW_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def wait(self) -> asyncio.Future[None]:
        """Something to await until there is news; the deadline of the present phase applies from now on."""
        until = self._loop.time() + self._deadlines.idle_s if self._n_body else self._first_byte_at
        self._wait_until = until = min(until, self._total_at)
        if self._timer is None or self._timer_at > until:
            self._arm(until)
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def has_body(self) -> bool:
        """Whether `take` would give something."""
        return bool(self._pieces)

    @property
    def is_empty(self) -> bool:
        """Whether the reply is whole and had no body."""
        return self.is_complete and not self._n_body

    def take(self) -> bytes:
        """All body bytes that have come."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._n_buffered = 0
        if self._is_paused and not self.is_gone and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return data

    def rest(self, now_s: float) -> bool:
        """End the exchange; True when the connection may serve another one."""
        transport = self._transport
        if (
            not (self.is_complete and self._is_reusable)
            or self.is_gone
            or self._is_paused
            or transport is None
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            return False
        self._pieces.clear()
        self.is_active = False
        self.idle_since = now_s
        self._waiter = None
        return True

    def drop(self) -> None:
        """Close at once, whatever is under way."""
        if self.is_gone:
            return
        self.is_gone = True
        self.is_active = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        self._on_gone(self)

    def fail(self, error: UpstreamError) -> None:
        """End the exchange with an error for whoever waits for it."""
        if self.error is None:
            self.error = error
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    # -- what the event loop tells it -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.is_active:
            self.drop()  # nobody asked for anything: what comes now would be taken for the next reply
            return
        if self.error is not None:
            return
        self.has_answered = True
        n_body = self._n_body
        try:
            if self.is_head_done:
                self._parser.feed_data(data)
            else:
                self._feed_head(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._stop("what came is not HTTP/1.1")
        self._take_stock(len(data), is_progress=self._n_body != n_body)

    def eof_received(self) -> None:
        self._end_of_stream(is_proper=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_of_stream(is_proper=exc is None)

    def pause_writing(self) -> None:
        self._is_sending = True

    def resume_writing(self) -> None:
        # The first-byte deadline counts from the request's last byte; a large request takes its time.
        self._is_sending = False
        if self.is_active and not self._n_body:
            self._first_byte_at = self._loop.time() + self._deadlines.first_byte_s
            self._wait_until = min(self._first_byte_at, self._total_at)

    # -- what the parser tells it -----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.is_complete:
            self._is_reusable = False
            raise _StopParsingError

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_head_done:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        status = parser.get_status_code()
        if status < 200:
            if status == 101:
                self._refuse("the upstream switched protocols, which nobody asked for")
            self._is_interim = True
            return
        if parser.get_http_version() not in ("1.1", "1.0"):
            self._refuse("an HTTP version that nobody asked for")
        is_framed = status in (204, 304)
        for name, value in self.headers:
            if name == b"content-length":
                is_framed = True
            elif name == b"transfer-encoding":
                is_framed = True
                if value.strip().lower() != b"chunked":
                    self._refuse("a transfer-encoding that was not asked for")
            elif name == b"content-encoding":
                self.encoding = b", ".join((self.encoding, value)) if self.encoding else value
        self.status = status
        self.is_head_done = True
        self._is_close_delimited = not is_framed
        # Asked now: once the message is complete the parser has forgotten.
        self._is_reusable = parser.should_keep_alive()
        if self._skips_body:
            # The parser cannot be told that a reply to HEAD has no body, whatever its head says; it is stopped instead.
            self.is_complete = True
            self._is_reusable = False
            raise _StopParsingError

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)
        self._n_body += len(data)
        self._n_buffered += len(data)

    def on_message_complete(self) -> None:
        if self._is_interim:
            self._is_interim = False
            self.headers.clear()
        else:
            self.is_complete = True

    # -- its own affairs --------------------------------------------------------------------------------------------

    def _feed_head(self, data: bytes) -> None:
        room = HEAD_CAP_BYTES - self._n_barren
        self._parser.feed_data(data[:room])
        if len(data) > room and self.error is None:
            if self.is_head_done:
                self._parser.feed_data(data[room:])
            else:
                self._stop(f"a head longer than {HEAD_CAP_BYTES} bytes")

    def _take_stock(self, n_bytes: int, *, is_progress: bool) -> None:
        """After each piece: cap what is not body, push back on a fast peer, wake whoever waits."""
        if is_progress:
            self._n_barren = 0
        elif not self.is_complete:
            self._n_barren += n_bytes
            if self._n_barren > HEAD_CAP_BYTES:
                self._stop(f"more than {HEAD_CAP_BYTES} bytes without any body")
        if self._n_buffered > PAUSE_ABOVE_BYTES and not self._is_paused and not self.is_complete and self.error is None:
            assert self._transport is not None
            self._is_paused = True
            self._transport.pause_reading()
        if self._waiter is not None and (self._pieces or self.is_complete or (self.is_head_done and not self._n_body)):
            self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _refuse(self, what: str) -> None:
        self._stop(what)
        raise _StopParsingError

    def _stop(self, what: str) -> None:
        if self.is_complete:
            self._is_reusable = False  # the reply is whole; what follows it is not our concern, nor is the connection
        else:
            self.fail(GarbledError(f"upstream {self._name!r}: {what}", upstream=self._name))

    def _end_of_stream(self, *, is_proper: bool) -> None:
        if not self.is_active:
            self.drop()
            return
        self._is_reusable = False
        if self.is_complete or self.error is not None:
            return
        text = f"upstream {self._name!r}: "
        if self.is_head_done and self._is_close_delimited and is_proper:
            self.is_complete = True
            self._wake()
        elif self.has_answered:
            self.fail(TruncatedError(text + "the connection ended before the reply did", upstream=self._name))
        else:
            text += "the connection was closed without a reply"
            self.fail(UnreachableError(text, upstream=self._name, is_sent=True))

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._on_timer) if at != _NEVER else None

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or not self.is_active:
            return  # nobody waits; the next wait sets it again
        if self._loop.time() < self._wait_until - _TIMER_SLACK_S:
            self._arm(self._wait_until)
            return
        self.fail(SilentError(f"upstream {self._name!r}: {self._phase()}", upstream=self._name))

    def _phase(self) -> str:
        if self._wait_until >= self._total_at:
            return f"total: the reply was not whole within {self._deadlines.total_s:g} s"
        if self._n_body:
            return f"idle: nothing more came for {self._deadlines.idle_s:g} s"
        if self._is_sending:
            return f"sending: the request was not taken within {self._deadlines.first_byte_s:g} s"
        return f"first byte: nothing came within {self._deadlines.first_byte_s:g} s"
