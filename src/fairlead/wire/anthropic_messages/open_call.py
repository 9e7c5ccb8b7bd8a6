"""OpenCall: the tool call whose block is open in a stream, and whether its arguments are whole."""

import re
from typing import Final

from fairlead.domain.content import ToolKind
from fairlead.domain.events import ToolCallBegan
from fairlead.wire.anthropic_messages.content_writing import input_of

_MARKS: Final = re.compile(r'["\\{}\[\]]')


class OpenCall:
    """Its arguments so far. They are looked through once, and only when somebody asks."""

    __slots__ = ("_depth", "_in_string", "_is_broken", "_n_read", "_skips", "kind", "number", "pieces")

    def __init__(self, began: ToolCallBegan) -> None:
        self.number = began.call
        self.kind: ToolKind = began.kind
        self.pieces: list[str] = []
        self._n_read = 0
        self._depth = 0
        self._in_string = False
        self._skips = False
        """The first letter of the next piece stands behind a backslash."""
        self._is_broken = False

    def is_whole(self) -> bool:
        """Whether nothing can follow that would leave the arguments JSON; free text is never known to be whole."""
        if self.kind == "custom" or self._is_broken:
            return False
        while self._n_read < len(self.pieces):
            self._read(self.pieces[self._n_read])
            self._n_read += 1
        if self._depth or self._in_string or not self.pieces:
            return False
        text = "".join(self.pieces)
        if not text or text.isspace():
            return False
        self._is_broken = not input_of(text, self.kind)[1]
        return not self._is_broken

    def _read(self, piece: str) -> None:
        escaped = 0 if self._skips else -1
        self._skips = False
        for mark in _MARKS.finditer(piece):
            place, letter = mark.start(), mark.group()
            if place == escaped:
                continue
            if letter == "\\":
                escaped = place + 1
                self._skips = self._in_string and escaped == len(piece)
            elif letter == '"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += 1 if letter in "{[" else -1
