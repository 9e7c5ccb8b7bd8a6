"""An upstream that misbehaves on the wire: one function a behaviour, and what a client may then hear.

whole: the whole answer, nothing else. error: an error in the client's format. either: one of the two, never in between.
"""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Final, Literal, NamedTuple

from tests.matrix.peer import Peer
from tests.matrix.scenes import Scene
from tests.matrix.upstreams import Script
from tests.wire.bedrock_converse.event_streams import event as message_of
from tests.wire.bedrock_converse.event_streams import message

MayHear = Literal["whole", "error", "either"]
OK: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKED: Final = b"transfer-encoding: chunked\r\n\r\n"
LAST: Final = b"0\r\n\r\n"
HTML: Final = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
HUGE_BYTES: Final = 17 * 1024 * 1024
"""Above the cap of one event, and of a whole reply."""
BOMB_BYTES: Final = 200 * 1024 * 1024
ENDLESS: Final = 1 << 30
"""Pieces of what never ends."""


class Told(NamedTuple):
    """What the behaviour is given."""

    script: Script
    is_stream: bool

    @property
    def kind(self) -> bytes:
        return b"content-type: %b\r\n" % (self.script.stream_type if self.is_stream else "application/json").encode()

    @property
    def body(self) -> bytes:
        """The sound answer."""
        return b"".join(self.events) if self.is_stream else self.script.whole("ok")

    @property
    def events(self) -> list[bytes]:
        return self.script.events("ok")

    @property
    def is_sse(self) -> bool:
        return self.script.stream_type == "text/event-stream"


Said = Iterator[bytes]
Behave = Callable[[Told], Said]


class Behaviour(NamedTuple):
    """One way to misbehave."""

    say: Behave
    json: MayHear | None
    """What the client of a reply in one piece may hear; None where it makes no sense."""
    stream: MayHear | None
    is_for_sse_only: bool = False


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def sized(told: Told, body: bytes, *, kind: bytes | None = None, status: bytes = OK, more: bytes = b"") -> bytes:
    length = b"content-length: %d\r\n\r\n" % len(body)
    return status + (told.kind if kind is None else kind) + more + length + body


def _as(body: Callable[[Told], bytes], kind: bytes | None = None, status: bytes = OK, more: bytes = b"") -> Behave:
    return lambda told: iter([sized(told, body(told), kind=kind, status=status, more=more)])


def _raw(head: bytes, body: Callable[[Told], bytes] = lambda _: b"") -> Behave:
    return lambda told: iter([head.replace(b"KIND\r\n", told.kind) + body(told)])


def _byte_by_byte(told: Told) -> Said:
    yield OK + told.kind + CHUNKED
    for at in range(len(told.body)):
        yield chunk(told.body[at : at + 1])
    yield LAST


def _one_piece(told: Told) -> Said:
    yield OK + told.kind + CHUNKED + chunk(told.body) + LAST


def _lines(end: bytes) -> Behave:
    """Lines of a stream, and of JSON written over several, that end otherwise."""

    def body(told: Told) -> bytes:
        said = told.body if told.is_stream else json.dumps(json.loads(told.body), indent=1).encode()
        return said.replace(b"\n", end)

    return _as(body)


def _unknown_events(told: Told) -> Said:
    """Between all events, what a newer version of the format may send."""
    if not told.is_sse:
        strange = [message_of("somethingNew", {"a": 1}), message_of("ping", {})]
    else:
        strange = [
            b": hello\n\n",
            b"id: 7\nretry: 5\n\n",
            b"event: something_new\n",
            b'data: {"type":"something_new"}\n\n',
        ]
        strange = [strange[0], strange[1], strange[2] + strange[3]]
    yield OK + told.kind + CHUNKED
    for event in told.events:
        for one in strange:
            yield chunk(one)
        yield chunk(event)
    yield LAST


def _huge(told: Told) -> Said:
    yield OK + told.kind + CHUNKED
    if told.is_stream and told.is_sse:
        yield chunk(b'data: {"x":"')
    elif not told.is_stream:
        yield chunk(b'{"x":"')
    else:
        yield chunk((HUGE_BYTES).to_bytes(4, "big"))
    for _ in range(HUGE_BYTES >> 20):
        yield chunk(b"x" * (1 << 20))
    yield chunk(b'"}\n\n') + LAST


def _endless(piece: Callable[[Told], bytes], first: Callable[[Told], bytes] = lambda _: b"") -> Behave:
    def say(told: Told) -> Said:
        yield OK + told.kind + CHUNKED
        if start := first(told):
            yield chunk(start)
        data = chunk(piece(told))
        for _ in range(ENDLESS):
            yield data

    return say


def _nothing_new(told: Told) -> bytes:
    if not told.is_stream:
        return b" " * 4096
    return (b": " + b"still here " * 60 + b"\n\n") * 4 if told.is_sse else message_of("ping", {}) * 50


def _more_content(told: Told) -> bytes:
    """The event in the middle again and again: content of every format."""
    return told.events[len(told.events) // 2] * 50 if told.is_stream else b" " * 4096


def _opening(told: Told) -> bytes:
    return b"".join(told.events[: len(told.events) // 2]) if told.is_stream else b""


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(BOMB_BYTES >> 20)) + packer.flush()


def _deep(told: Told) -> bytes:
    nest = b"[" * 100_000 + b"]" * 100_000
    if not told.is_stream:
        return b'{"choices":' + nest + b"}"
    if told.is_sse:
        return b'data: {"choices":' + nest + b"}\n\n"
    headers, _ = _apart(told.events[1])
    return message(headers, b'{"delta":' + nest + b"}")


def _changed(change: Callable[[bytes], bytes]) -> Behave:
    """The sound answer with its JSON changed; messages of an event stream get their lengths and checksums anew."""

    def body(told: Told) -> bytes:
        if told.is_sse or not told.is_stream:
            return change(told.body)
        return b"".join(message(headers, change(payload)) for headers, payload in map(_apart, told.events))

    return _as(body)


def _apart(whole: bytes) -> tuple[bytes, bytes]:
    """Headers and payload of one message of an event stream."""
    end = 12 + int.from_bytes(whole[4:8], "big")
    return whole[12:end], whole[end:-4]


def _replaced(old: bytes, new: bytes) -> Behave:
    return _changed(lambda data: data.replace(old, new))


def _numbers(new: bytes) -> Behave:
    return _changed(lambda data: re.sub(rb"([Tt]okens?(Count)?\"): ?\d+", rb"\1:" + new, data))


def _flood(told: Told) -> Said:
    for _ in range(5_000):
        yield b"HTTP/1.1 100 Continue\r\nx-a: " + b"b" * 200 + b"\r\n\r\n"
    yield sized(told, told.body)


def _error_inside(told: Told) -> Said:
    """Status 200, and the format's own error for an answer."""
    error = told.script.error(500, "the upstream's own words")
    yield sized(told, b"data: " + error + b"\n\n" if told.is_stream and told.is_sse else error)


LENGTH: Final = b"content-length: "
BEHAVIOURS: Final[dict[str, Behaviour]] = {
    # the answer is sound, and only its dress is odd
    "a wrong content type": Behaviour(_as(lambda t: t.body, b"content-type: text/plain\r\n"), "either", "either"),
    "no content type": Behaviour(_as(lambda t: t.body, b""), "either", "either"),
    "one piece": Behaviour(_one_piece, "whole", "whole"),
    "byte by byte": Behaviour(_byte_by_byte, "whole", "whole"),
    "no length": Behaviour(_raw(OK + b"KIND\r\nconnection: close\r\n\r\n", lambda t: t.body), "whole", "whole"),
    "HTTP 1.0": Behaviour(_raw(b"HTTP/1.0 200 OK\r\nKIND\r\n\r\n", lambda t: t.body), "whole", "whole"),
    "CRLF": Behaviour(_lines(b"\r\n"), "whole", "whole", is_for_sse_only=True),
    "CR": Behaviour(_lines(b"\r"), "whole", "whole", is_for_sse_only=True),
    "a BOM": Behaviour(_as(lambda t: b"\xef\xbb\xbf" + t.body), "either", "whole", is_for_sse_only=True),
    "unknown events": Behaviour(_unknown_events, None, "either"),
    "gzip that nobody asked for": Behaviour(
        _as(lambda t: gzip.compress(t.body, mtime=0), more=b"content-encoding: gzip\r\n"), "whole", "whole"
    ),
    "a second answer behind the first": Behaviour(
        lambda t: iter([sized(t, t.body) + sized(t, t.body)]), "whole", "whole"
    ),
    "more behind the end": Behaviour(_as(lambda t: t.body + t.body), "error", "either"),
    # it is no answer
    "an HTML page": Behaviour(_as(lambda _: HTML, b"content-type: text/html\r\n"), "error", "error"),
    "an HTML error page": Behaviour(
        _as(lambda _: HTML, b"content-type: text/html\r\n", b"HTTP/1.1 502 Bad Gateway\r\n"), "error", "error"
    ),
    "HTML under the right name": Behaviour(_as(lambda _: HTML), "error", "error"),
    "an error inside": Behaviour(_error_inside, "error", "error"),
    "an empty 200": Behaviour(_as(lambda _: b""), "error", "error"),
    "a 204": Behaviour(_raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "error", "error"),
    "a status of 999": Behaviour(_as(lambda t: t.body, status=b"HTTP/1.1 999 What\r\n"), "error", "error"),
    "deep JSON": Behaviour(_as(_deep), "error", "error"),
    "bytes that are no UTF-8": Behaviour(_replaced(b"second", b"\xff\xc3\xfe"), "either", "either"),
    "half a surrogate": Behaviour(_replaced(b"second", b"\\ud800"), "either", "either"),
    "numbers that are none": Behaviour(_numbers(b"NaN"), "either", "either"),
    "numbers beyond reason": Behaviour(_numbers(b"1e999"), "either", "either"),
    "negative numbers": Behaviour(_numbers(b"-5"), "either", "either"),
    "numbers of 400 digits": Behaviour(_numbers(b"9" * 400), "either", "either"),
    # it is too much
    "a huge event": Behaviour(_huge, "error", "error"),
    "an endless opening": Behaviour(_endless(_nothing_new), "error", "error"),
    "an endless answer": Behaviour(_endless(_more_content, _opening), "error", "error"),
    "a bomb": Behaviour(_as(lambda _: _bomb(), more=b"content-encoding: gzip\r\n"), "error", "error"),
    "a head without end": Behaviour(_raw(OK + b"x-a: " + b"b" * 200_000 + b"\r\n\r\n"), "error", "error"),
    "a flood of interim heads": Behaviour(_flood, "error", "error"),
    # it is not HTTP, or lies about itself
    "a length too long": Behaviour(
        lambda t: iter([OK + t.kind + LENGTH + b"%d\r\n\r\n" % (len(t.body) + 9) + t.body]), "error", "either"
    ),
    "a length too short": Behaviour(
        lambda t: iter([OK + t.kind + LENGTH + b"%d\r\n\r\n" % (len(t.body) // 2) + t.body]), "error", "error"
    ),
    "a negative length": Behaviour(_raw(OK + b"KIND\r\n" + LENGTH + b"-1\r\n\r\n", lambda t: t.body), "error", "error"),
    "two lengths": Behaviour(
        _raw(OK + b"KIND\r\n" + LENGTH + b"5\r\n" + LENGTH + b"7\r\n\r\n", lambda t: t.body), "error", "error"
    ),
    "chunks that are none": Behaviour(_raw(OK + b"KIND\r\n" + CHUNKED + b"zz\r\n", lambda t: t.body), "error", "error"),
    "an unknown encoding": Behaviour(_as(lambda t: t.body, more=b"content-encoding: br\r\n"), "error", "error"),
    "not gzip": Behaviour(_as(lambda t: t.body, more=b"content-encoding: gzip\r\n"), "error", "error"),
    "another protocol": Behaviour(_raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "error", "error"),
    "nothing at all": Behaviour(_raw(b""), "error", "error"),
    **{
        f"a redirect {status}": Behaviour(
            _raw(b"HTTP/1.1 %d Moved\r\nlocation: LOCATION\r\ncontent-length: 0\r\n\r\n" % status), "error", "error"
        )
        for status in (301, 302, 303, 307, 308)
    },
}


class HostilePeer(Peer):
    """Plays the behaviour that the scene names."""

    redirect_to = b"http://127.0.0.1:1/"

    async def play(
        self, scene: Scene, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_stream: bool
    ) -> None:
        told = Told(self.script, is_stream)
        with suppress(ConnectionError):
            for piece in BEHAVIOURS[scene.content].say(told):
                if writer.transport.is_closing():
                    return
                writer.write(piece.replace(b"LOCATION", self.redirect_to))
                await writer.drain()
        writer.close()
