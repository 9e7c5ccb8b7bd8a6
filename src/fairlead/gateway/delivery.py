"""Delivery: the way back to one client: a whole reply, or a stream; knows which has begun."""

from collections.abc import Awaitable, Generator
from typing import Any, Final

from fairlead.domain.call import Headers
from fairlead.gateway.asgi import EVENTS_TYPE, JSON_TYPE, Line, Send, send_whole
from fairlead.gateway.heard import Heard

_NO_BUFFERING: Final[Headers] = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
"""Proxies in between must not keep a stream's pieces back."""


class _Done:
    """To be awaited where nothing is left to wait for."""

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


_DONE: Final = _Done()


class Delivery:
    """One request's answer."""

    __slots__ = ("_line", "_send", "has_begun", "heard", "is_over", "n_sent")

    def __init__(self, send: Send, line: Line | None = None) -> None:
        self._send = send
        self._line = line
        self.has_begun = False
        """Whether bytes of an answer have gone out."""
        self.is_over = False
        self.n_sent = 0
        """Pieces of a stream so far: a silence is a count that stands still."""
        self.heard: Heard | None = None
        """Who wants a copy of what the client is told."""

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer in one piece of JSON."""
        self.has_begun = self.is_over = True
        if self.heard is not None:
            self.heard.whole(body)
        await send_whole(self._line, self._send, status, [JSON_TYPE, *headers], body)

    async def begin_stream(self, headers: Headers, first: bytes) -> None:
        """Begin a stream of events."""
        self.has_begun = True
        headers = [EVENTS_TYPE, *_NO_BUFFERING, *headers]
        if self._line is None or not self._line.begin(headers):
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.piece(first)

    def piece(self, data: bytes) -> Awaitable[None]:
        """Send more of a stream. Not a coroutine of its own: it is the hottest of all, and would only wait for one."""
        self.n_sent += 1
        if self.heard is not None:
            self.heard.piece(data)
        if self._line is not None and self._line.piece(data):
            return _DONE
        return self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def ping(self, headers: Headers, sign: bytes) -> None:
        """A sign of life between two pieces, which are always whole events; begins the stream if need be."""
        if self.is_over:
            return
        if self.has_begun:
            await self.piece(sign)
        else:
            await self.begin_stream(headers, sign)

    async def end_stream(self, data: bytes = b"") -> None:
        """Send the last of a stream and end it properly."""
        self.is_over = True
        if self._line is None or not self._line.end(data):
            await self._send({"type": "http.response.body", "body": data})

    async def page(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer in one piece whose headers say all of it."""
        self.has_begun = self.is_over = True
        await send_whole(self._line, self._send, status, headers, body)

    async def text(self, status: int, headers: Headers, body: bytes, content_type: str) -> None:
        """Answer in one piece of another type than JSON."""
        self.has_begun = self.is_over = True
        await send_whole(self._line, self._send, status, [(b"content-type", content_type.encode()), *headers], body)
