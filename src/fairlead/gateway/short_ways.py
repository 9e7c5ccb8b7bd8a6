"""ShortWays: uvicorn's HTTP/1.1 protocol, with which our own application exchanges bodies and answers directly.

ASGI's messages say the same in several dicts, coroutines and writes, which costs a fifteenth of a request's time.
Whatever is out of the ordinary is left to them.
"""

from asyncio import Event
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from fairlead.domain.call import Headers

_CONTROLS: Final = bytes((*range(9), *range(10, 32), 127))
"""What no header may hold; two of them end each line."""
_CHUNKED: Final = (b"transfer-encoding", b"chunked")
_LAST_CHUNK: Final = b"0\r\n\r\n"
_WITHOUT_BODY: Final = frozenset((*range(200), 204, 304))
_MOST_JOINED_BYTES: Final = 64 * 1024
"""A longer body is not copied behind its head."""
_MOST_KNOWN_URL_BYTES: Final = 200


class _UntilClosed(RequestResponseCycle):
    """An answer to HTTP/1.0, which knows no chunks (RFC 9112 §6.1): what has no length ends with the connection."""

    is_unbounded = False

    async def send(self, message: Any) -> None:
        """What uvicorn does, told that nothing needs chunks and that each piece has the length that is due."""
        if message["type"] == "http.response.start":
            self.is_unbounded = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
            if self.is_unbounded:
                self.chunked_encoding = False
        elif self.is_unbounded:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


class ShortWays(HttpToolsProtocol):
    """Serves one request at a time: whoever inherits must see to it that no second one begins before."""

    def on_headers_complete(self) -> None:
        """What uvicorn does at the end of a head, at half the cost: no upgrades, no pipelines, no mounts."""
        parser, scope, url = self.parser, self.scope, self.url
        version = parser.get_http_version()
        is_old = version < "1.1"
        read = _known_target if len(url) <= _MOST_KNOWN_URL_BYTES else _target
        scope["path"], scope["raw_path"], scope["query_string"] = read(url)
        scope["method"] = parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        cycle = _UntilClosed if is_old else RequestResponseCycle
        self.cycle = cycle(
            scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            Event(),
            self.expect_100_continue,
            not is_old and parser.should_keep_alive(),
            self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def whole_body(self) -> bytes | None:
        """The body of the request that is being answered, where all of it is here; else None."""
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete or cycle.waiting_for_100_continue:
            return None
        body, cycle.body = cycle.body, bytearray()
        cycle.message_event.clear()
        self.flow.resume_reading()
        return bytes(body)

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send all of an answer, its content-length among the headers. False: nothing was sent, `send` must do it."""
        cycle = self.cycle
        head = self._head(cycle, status, headers)
        if head is None:
            return False
        if len(body) <= _MOST_JOINED_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)
        self._complete(cycle)
        return True

    def begin(self, headers: Headers) -> bool:
        """Send the head of a stream, as `answer` does."""
        cycle = self.cycle
        head = self._head(cycle, 200, [*headers, _CHUNKED])
        if head is None:
            return False
        cycle.chunked_encoding = True
        self.transport.write(head)
        return True

    def piece(self, data: bytes) -> bool:
        """Send a piece of a stream that has begun, as `answer` does."""
        cycle = self.cycle
        if cycle is None or not cycle.chunked_encoding or cycle.response_complete or self.flow.write_paused:
            return False
        self.transport.write(_chunk(data))
        return True

    def end(self, data: bytes) -> bool:
        """Send the last piece of a stream, as `answer` does."""
        if not self.piece(data):
            return False
        self.transport.write(_LAST_CHUNK)
        self._complete(self.cycle)
        return True

    def _head(self, cycle: RequestResponseCycle | None, status: int, headers: Headers) -> bytes | None:
        """An answer's head, to be sent at once; None where uvicorn must make it, or refuse to."""
        if cycle is None or cycle.response_started or not cycle.keep_alive or self.flow.write_paused:
            return None
        if status in _WITHOUT_BODY or self.scope["method"] == "HEAD":
            return None
        headers = [*cycle.default_headers, *headers]
        pieces = [STATUS_LINE[status]]
        for name, value in headers:
            pieces += (name, b": ", value, b"\r\n")
        pieces.append(b"\r\n")
        head = b"".join(pieces)
        # A line too many, or anything else that could end a header before its time: uvicorn says which.
        if len(head) - len(head.translate(None, _CONTROLS)) != 2 * (len(headers) + 2):
            return None
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        return head

    def _complete(self, cycle: RequestResponseCycle) -> None:
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def _target(url: bytes) -> tuple[str, bytes, bytes]:
    """Path, path as it was sent, query. Raises: HttpParserInvalidURLError."""
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.path, parsed.query or b""


_known_target: Final = lru_cache(maxsize=256)(_target)
