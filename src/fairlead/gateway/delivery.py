"""Delivery: the way back to one client: a whole reply, or a stream; knows which has begun."""

from typing import Final

from fairlead.domain.call import Headers
from fairlead.gateway.asgi import EVENTS_TYPE, JSON_TYPE, Send, send_whole

_NO_BUFFERING: Final[Headers] = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
"""Proxies in between must not keep a stream's pieces back."""


class Delivery:
    """One request's answer."""

    __slots__ = ("_send", "has_begun")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False
        """Whether bytes of an answer have gone out: the commit point."""

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer in one piece of JSON."""
        self.has_begun = True
        await send_whole(self._send, status, [JSON_TYPE, *headers], body)

    async def begin_stream(self, headers: Headers, first: bytes) -> None:
        """Begin a stream of events."""
        self.has_begun = True
        await self._send(
            {"type": "http.response.start", "status": 200, "headers": [EVENTS_TYPE, *_NO_BUFFERING, *headers]}
        )
        await self._send({"type": "http.response.body", "body": first, "more_body": True})

    async def piece(self, data: bytes) -> None:
        """Send more of a stream."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end_stream(self, data: bytes = b"") -> None:
        """Send the last of a stream and end it properly."""
        await self._send({"type": "http.response.body", "body": data})

    async def text(self, status: int, headers: Headers, body: bytes, content_type: str) -> None:
        """Answer in one piece of another type than JSON."""
        self.has_begun = True
        await send_whole(self._send, status, [(b"content-type", content_type.encode()), *headers], body)
