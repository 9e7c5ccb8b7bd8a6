"""`reasoning_details` of a stream: each piece of a thought as it comes, its blob once it is known what follows it.

Pieces of one thought share an index, so that a client may send back the list of all of them or one entry that it has
joined by the index: the two mean the same to `reasoning.parts_of`.
"""

from typing import Final

import msgspec

from fairlead.domain.content import Reasoning
from fairlead.domain.events import ReasoningDelta, ReasoningSigned
from fairlead.wire.openai_chat.reasoning import detail_of

_ENCODE: Final = msgspec.json.Encoder().encode
_PIECE: Final = b'"reasoning_content":%b,"reasoning_details":[{"type":"reasoning.text","text":%b,"index":%d}]'


class StreamDetails:
    """The thoughts of one choice."""

    __slots__ = ("_blobs", "_is_open", "_place")

    def __init__(self) -> None:
        self._place = 0
        self._is_open = False
        """Whether the last words are a thought, of which more may come, or its blob."""
        self._blobs: list[tuple[int, Reasoning]] = []
        """With their places; written with the id of the call that they stand before, if it is one."""

    def piece(self, event: ReasoningDelta) -> bytes:
        """The members of a delta for more of a thought."""
        self._is_open = True
        text = _ENCODE(event.text)
        return _PIECE % (text, text, self._place)

    def sign(self, event: ReasoningSigned) -> None:
        """Take a blob: of the thought that is open, or of one whose words are not shown."""
        if event.blob is None:
            return
        if event.is_redacted:
            self._close()
        part = Reasoning("", event.blob, event.origin, event.is_redacted, item_id=event.item_id)
        self._blobs.append((self._place, part))
        self._is_open = True
        self._close()

    def blobs(self, call_id: str | None = None) -> bytes:
        """The member of a delta for the blobs so far, before anything but another blob; b"" if there are none."""
        if not self._blobs:
            return b""
        told = [detail_of(part, place, call_id) for place, part in self._blobs]
        self._blobs = []
        return b'"reasoning_details":' + _ENCODE(told)

    def end(self, call_id: str | None = None) -> bytes:
        """The same, before what is no thought."""
        self._close()
        return self.blobs(call_id)

    def _close(self) -> None:
        self._place += self._is_open
        self._is_open = False
