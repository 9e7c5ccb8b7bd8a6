"""Server-sent events: bytes in, whole events out, however the bytes are cut.

An event is handed on as the bytes it came in, so that what is forwarded is what was sent. Law: knows no format's JSON.
Specification: https://html.spec.whatwg.org/multipage/server-sent-events.html, read 2026-11-23.
"""

import re
from typing import Final

from fairlead.domain.errors import GarbledError

EVENT_CAP_BYTES: Final = 16 * 1024 * 1024
"""A single event above this is garbage: the largest honest ones carry an image in base64."""

_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
"""Two ends of line in a row, whichever of the three each is. Atomic, so that a CRLF is never taken for two of them."""
_TWO_CRLF: Final = b"\r\n\r\n"
_BOM: Final = b"\xef\xbb\xbf"


class EventSplitter:
    """Cuts a byte stream after each blank line. One per stream."""

    __slots__ = ("_held", "_is_first", "_later", "_n_held")

    def __init__(self) -> None:
        self._held = b""
        self._later: list[bytes] = []
        """Pieces behind `_held` that cannot end its event: joined once, so that a huge event costs its length."""
        self._n_held = 0
        self._is_first = True

    def feed(self, data: bytes) -> list[bytes]:
        """The events that are complete now, each with its blank line.

        Raises: GarbledError when an event exceeds EVENT_CAP_BYTES.
        """
        if self._held:
            self._n_held += len(data)
            if self._n_held > EVENT_CAP_BYTES:
                raise GarbledError(f"An event of the stream is longer than {EVENT_CAP_BYTES} bytes.")
            if not self._is_first and b"\n" not in data and b"\r" not in data and not self._held.endswith(b"\r"):
                self._later.append(data)
                return []
        held = b"".join((self._held, *self._later, data)) if self._held else data
        self._later.clear()
        if self._is_first:
            if len(held) < len(_BOM) and _BOM.startswith(held):
                self._held = held
                self._n_held = len(held)
                return []
            self._is_first = False
            held = held.removeprefix(_BOM)
        events, held = _split(held)
        if len(held) > EVENT_CAP_BYTES:
            raise GarbledError(f"An event of the stream is longer than {EVENT_CAP_BYTES} bytes.")
        self._held = held
        self._n_held = len(held)
        return events

    def rest(self) -> bytes:
        """What was left without its blank line when the stream ended."""
        return b"".join((self._held, *self._later))


def _split(held: bytes) -> tuple[list[bytes], bytes]:
    """The events that are complete, and the rest."""
    if b"\r" not in held:
        # The common case: nearly every provider ends its lines with a bare LF.
        *whole, rest = held.split(b"\n\n")
        return [event + b"\n\n" for event in whole], rest
    if held.count(b"\r\n") == held.count(b"\r") == held.count(b"\n"):
        # Google ends every line with CRLF: then a blank line is two of them, and nothing else is one.
        *whole, rest = held.split(_TWO_CRLF)
        return [event + _TWO_CRLF for event in whole], rest
    events: list[bytes] = []
    start = 0
    for blank in _BLANK_LINE.finditer(held):
        # A CR at the very end may be half of a CRLF that is still on its way.
        if blank.end() == len(held) and blank.group().endswith(b"\r"):
            break
        events.append(held[start : blank.end()])
        start = blank.end()
    return events, held[start:]


def data_of(event: bytes) -> bytes:
    """The event's data: its `data:` lines joined by line feeds; b"" for a comment or an event without data."""
    if event.startswith(b"data: "):
        end = event.find(b"\r")
        if end < 0:
            line, _, more = event.partition(b"\n")
            if more == b"\n":
                return line[6:]
        elif end == len(event) - 4 and event.endswith(_TWO_CRLF) and event.find(b"\n") == end + 1:
            return event[6:end]
    lines = [line for line in event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n") if line[:5] == b"data:"]
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)


def check_text(data: bytes) -> None:
    """See to it that what goes on as it came is text: clients decode it. Raises: GarbledError."""
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            raise GarbledError("The upstream's reply is not UTF-8.") from None


PING_COMMENT: Final = b": ping\n\n"
"""A sign of life: a comment, which the common clients of OpenAI's format skip (tried)."""


def write_event(data: bytes) -> bytes:
    """One event of one line of data."""
    return b"data: " + data + b"\n\n"


def write_comment(text: str) -> bytes:
    """A comment: every client skips it (tried on the common SDKs), a person reading the stream does not."""
    return b": " + text.replace("\r", " ").replace("\n", " ").encode() + b"\n\n"


def write_named_event(name: bytes, data: bytes) -> bytes:
    """One event with a name, as Anthropic's and the Responses format have it."""
    return b"event: " + name + b"\ndata: " + data + b"\n\n"
