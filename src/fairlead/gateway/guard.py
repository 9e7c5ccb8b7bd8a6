"""Guard: uvicorn's HTTP/1.1 protocol with the deadlines and caps that it lacks.

Head and body must arrive in time (408), the head must be small (431), and a client that stops reading is dropped.
One lazy timer a connection looks at a deadline, that of an idle connection too; the hot path only writes numbers. What
is refused here is answered in the same error shape as everything else.

Pipelining is not served: once a second request begins while the first is being answered, nothing more is read as HTTP,
and the connection ends with the first answer (RFC 9112 §9.3.2 lets a server close; a client then asks again). It is
still listened to, so that a client that leaves is noticed, and no queue can grow.
"""

from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fairlead.gateway.asgi import LINE
from fairlead.gateway.short_ways import ShortWays

MIN_BODY_BYTES_PER_S: Final = 8 * 1024
"""After its grace a body must have come at this mean rate: a byte every few seconds is not progress."""
MAX_FRAMING_BYTES_PER_BYTE: Final = 8
"""A body in chunks of one byte costs six of framing a byte; more are chunk extensions or trailers without end."""
LINGER_S: Final = 1.0
"""How long a client that was refused may still send before the connection is closed on it."""
_HEAD_END: Final = b"\r\n\r\n"
_NEVER: Final = float("inf")
_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """Deadlines and caps of one connection."""

    head_s: float = 10.0
    """From the connection, or the first byte of a further request, until the head is complete."""
    body_idle_s: float = 30.0
    """Between two pieces of a body; also the grace before the minimum rate counts."""
    write_s: float = 60.0
    """How long a client may leave what we sent unread."""
    max_head_bytes: int = 64 * 1024
    max_headers: int = 100


def guarded(limits: GuardLimits) -> type[HttpToolsProtocol]:
    """What to give uvicorn as `http=` for these limits."""
    return type("Guarded", (GuardedProtocol,), {"limits": limits})


class GuardedProtocol(ShortWays):
    """One connection."""

    limits: ClassVar[GuardLimits] = GuardLimits()

    def connection_made(self, transport: Any) -> None:
        """The client has connected: its head is due."""
        super().connection_made(transport)
        now_s = self.loop.time()
        self.is_lost = False
        self.on_hang_up: Callable[[], None] | None = None
        """Called when the client has left; set by the request that is being answered."""
        self._extensions = {LINE: self}
        self._in_head = True
        self._head_bytes = 0
        self._head_tail = b""
        self._n_headers = 0
        self._body_began_s = 0.0
        self._body_bytes = 0
        self._framed_bytes = 0
        self._due_s = now_s + self.limits.head_s
        self._write_timer: TimerHandle | None = None
        self._is_refused = False
        self._is_deaf = False
        self._is_resting = False
        """Between two requests: the deadline is that of an idle connection."""
        self._timer: TimerHandle | None = self.loop.call_at(self._due_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whomever."""
        for timer in (self._timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._write_timer = None
        self.is_lost = True
        super().connection_lost(exc)
        if self.on_hang_up is not None:
            self.on_hang_up()
        # What is still being answered knows us by its scope; that we know it in turn would be a circle, and each closed
        # connection would wait for the collector with its last request.
        self.on_hang_up = None
        self._extensions = {}
        self.scope = None  # type: ignore[assignment]
        self.cycle = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Bytes of a head or a body."""
        if self._is_refused or self._is_deaf:
            return
        if self._in_head:
            if self._is_head_too_large(data):
                self._refuse(
                    431, "headers_too_large", f"The request's head exceeds {self.limits.max_head_bytes} bytes."
                )
                return
            self._head_is_due()
            super().data_received(data)
            self._count_framing(len(data) - max(data.find(_HEAD_END), 0))
        else:
            super().data_received(data)
            self._count_framing(len(data))

    def _count_framing(self, n_bytes: int) -> None:
        """Bytes that came for a body that is still on its way: chunk extensions and trailers have an end, too."""
        if self._in_head:
            return
        self._framed_bytes += n_bytes
        if self._framed_bytes > self.limits.max_head_bytes + MAX_FRAMING_BYTES_PER_BYTE * self._body_bytes:
            self._refuse(400, "malformed_http", "The request's body is nearly all framing.")

    def _is_head_too_large(self, data: bytes) -> bool:
        """Whether the head, which may end inside this piece or between the last and this, exceeds its cap."""
        limit = self.limits.max_head_bytes
        if self._head_bytes + len(data) > limit:
            tail = self._head_tail
            end = (tail + data[:limit]).find(_HEAD_END)
            if end < 0 or self._head_bytes - len(tail) + end + len(_HEAD_END) > limit:
                return True
        self._head_bytes += len(data)
        self._head_tail = (self._head_tail + data[-3:])[-3:]
        return False

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._is_refused or self._is_deaf:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._is_deaf = True
            self._due_s = _NEVER
            self.cycle.keep_alive = False
            return
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]  # uvicorn has a narrower type for it
        self._in_head = True
        self._n_headers = 0
        self._head_is_due()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if self._is_refused or self._is_deaf:
            return
        self._n_headers += 1
        if self._n_headers > self.limits.max_headers:
            self._refuse(431, "too_many_headers", f"The request has more than {self.limits.max_headers} headers.")
            return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete; a body may follow."""
        if self._is_refused or self._is_deaf:
            return
        now_s = self.loop.time()
        self._in_head = False
        self._head_bytes = 0
        self._head_tail = b""
        self._body_began_s = now_s
        self._body_bytes = 0
        self._framed_bytes = 0
        self._set_due(now_s + self.limits.body_idle_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._is_refused or self._is_deaf:
            return
        self._body_bytes += len(body)
        now_s = self.loop.time()
        by_rate_s = self._body_began_s + self.limits.body_idle_s + self._body_bytes / MIN_BODY_BYTES_PER_S
        self._set_due(min(now_s + self.limits.body_idle_s, by_rate_s))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: from here on the time is ours."""
        if self._is_refused or self._is_deaf:
            return
        self._due_s = _NEVER
        self._in_head = True
        super().on_message_complete()
        if self.cycle.response_complete:  # answered before its body was whole
            self._rest()

    def on_response_complete(self) -> None:
        """The request has been answered. A number in place of uvicorn's timer, made and cancelled for every request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._in_head:
            self._rest()

    def pause_writing(self) -> None:
        """The client does not read what we send."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.limits.write_s, self._drop_reader)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for bytes that are not HTTP."""
        if not self._is_refused and not self._is_deaf:
            self._refuse(400, "malformed_http", "This is not a well-formed HTTP/1.1 request.")

    def _rest(self) -> None:
        self._is_resting = True
        self._set_due(self.loop.time() + self.timeout_keep_alive)

    def _head_is_due(self) -> None:
        if self._due_s == _NEVER or self._is_resting:
            self._is_resting = False
            self._set_due(self.loop.time() + self.limits.head_s)

    def _set_due(self, due_s: float) -> None:
        self._due_s = due_s
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        """Look at the deadline in time, and soon enough for a nearer one that may take its place."""
        self._timer = self.loop.call_at(min(self._due_s, self.loop.time() + self.limits.head_s), self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due_s == _NEVER or self._is_refused:
            return
        if self.flow.read_paused:
            # It is we who do not read (the body comes faster than it is taken): the client cannot be late.
            self._due_s = self.loop.time() + self.limits.body_idle_s
        if self.loop.time() < self._due_s:
            self._arm()
            return
        if self._is_resting:
            self.transport.close()
            return
        part = "head" if self._in_head else "body"
        self._refuse(408, "request_timeout", f"The request's {part} did not arrive in time.")

    def _drop_reader(self) -> None:
        self._write_timer = None
        self.transport.abort()

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._is_refused = True
        transport: BaseTransport = self.transport
        if transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete and self.cycle.response_started:
            self.transport.abort()  # half an answer is out: a second head would be read as part of it
            return
        if self.cycle is not None and self.cycle.response_complete and not self._in_head:
            self.transport.close()  # answered before its body was whole (413): one request, one answer
            return
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        body = msgspec.json.encode({"error": error})
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        # Closing with bytes unread resets the connection, and the client loses the answer: listen a little longer.
        self.transport.write_eof()
        self.flow.resume_reading()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)
