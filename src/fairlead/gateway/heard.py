"""Heard: what one client is told, for an operator who wants replies stored; read when somebody asks, off the loop."""

from collections.abc import Mapping
from typing import Final

from fairlead.domain.content import FormatName, Text
from fairlead.domain.errors import UpstreamError
from fairlead.domain.events import TextDelta
from fairlead.wire.format import Back

MAX_HEARD_BYTES: Final = 1_000_000
"""Of a longer reply the beginning is kept."""


class Heard:
    """One request's."""

    __slots__ = ("_back", "_is_stream", "_n_bytes", "_pieces")

    def __init__(self, backs: Mapping[FormatName, Back], name: FormatName) -> None:
        """`name` is the format of the door: what is sent out there can be read back by whoever reads that format."""
        self._back = backs.get(name)
        self._pieces: list[bytes] = []
        self._n_bytes = 0
        self._is_stream = False

    def whole(self, body: bytes) -> None:
        """The reply in one piece."""
        self._pieces = [body]

    def piece(self, data: bytes) -> None:
        """More of a stream."""
        self._is_stream = True
        if self._n_bytes < MAX_HEARD_BYTES:
            self._pieces.append(data)
            self._n_bytes += len(data)

    def text(self) -> str | None:
        """The words; None where there are none, or in a format that is not read. Never raises."""
        if self._back is None or not self._pieces:
            return None
        body = b"".join(self._pieces)
        if self._is_stream:
            events = self._back.reader().feed(body)
            return "".join(event.text for event in events if isinstance(event, TextDelta) and event.choice == 0)
        try:
            reply = self._back.read_reply(body)
        except UpstreamError:
            return None
        return "".join(part.text for part in reply.choices[0].parts if isinstance(part, Text))
