"""A streamed reply, watched as it passes: when content begins, whether it finished, what it cost.

Events go on byte for byte, in order, whole. Three things are ours: the usage chunk is held back from a client that did
not ask for it; `[DONE]` is sent by whoever sends the stream, once it is known how it ended; and a stream that ends
without its finish is never made to look as if it had one.
"""

from typing import Final

import msgspec

from fairlead.domain.errors import FairleadError, GarbledError, TruncatedError
from fairlead.wire.format import Phase
from fairlead.wire.lane_watch import LaneWatch
from fairlead.wire.odd_counts import reread
from fairlead.wire.openai_chat.failures import DONE_EVENT, write_failure_events
from fairlead.wire.openai_chat.usage import WireUsage
from fairlead.wire.sse import PING_COMMENT, check_text, data_of
from fairlead.wire.upstream_words import error_in_stream

_NOTHING: Final = msgspec.Raw(b"")
_EMPTY_DELTA_BYTES: Final = len('{"content":""}')
_EMPTY_VALUES: Final = frozenset((b"null", b'""', b"[]", b"{}"))


class _Choice(msgspec.Struct):
    index: int = 0
    delta: msgspec.Raw = _NOTHING
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = _NOTHING


_CHUNK: Final = msgspec.json.Decoder(_Chunk)
_DELTA: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class StreamWatch(LaneWatch):
    """One reply stream of this format."""

    __slots__ = ("_finished", "_hides_usage", "_open")

    whole_at = frozenset((Phase.DONE, Phase.FINISHED))

    def __init__(self, *, hides_usage: bool) -> None:
        super().__init__()
        self._hides_usage = hides_usage
        self._open: set[int] = set()
        self._finished: set[int] = set()

    def finish(self, comment: bytes) -> bytes:
        """See ReplyStream."""
        return comment + DONE_EVENT

    def fail(self, error: FairleadError) -> bytes:
        """See ReplyStream."""
        return write_failure_events(error)

    def ping(self) -> bytes:
        """See ReplyStream."""
        return PING_COMMENT

    def _passes(self, event: bytes) -> bool:
        if self.phase is Phase.DONE or self.phase is Phase.FAILED:
            return False
        data = data_of(event)
        check_text(event)
        if not data:
            return True
        if data == b"[DONE]" or data.strip() == b"[DONE]":
            self._done()
            return False
        chunk = _read_chunk(data)
        if bytes(chunk.error) not in (b"", b"null"):
            self._fail(data)
            return False
        if chunk.model and self.served is None:
            self.served = chunk.model
        if chunk.usage is not None:
            self.usage = chunk.usage.usage() or self.usage
        if not chunk.choices:
            return not (chunk.usage is not None and self._hides_usage)
        was_finished = self.phase is Phase.FINISHED
        for choice in chunk.choices:
            if choice.finish_reason == "error":
                # Most clients would take it for a finish like any other, and the answer for whole.
                self._fail(data)
                return False
            self._take(choice)
        # Some providers put an empty choice beside the usage that they send last.
        is_usage = chunk.usage is not None and was_finished and not any(_has_content(c.delta) for c in chunk.choices)
        return not (is_usage and self._hides_usage)

    def _take(self, choice: _Choice) -> None:
        self._open.add(choice.index)
        self.n_content_bytes += max(len(bytes(choice.delta)) - _EMPTY_DELTA_BYTES, 0)
        if choice.finish_reason:  # some providers write "" where they mean null
            self._finished.add(choice.index)
            if self._finished == self._open:
                self.phase = Phase.FINISHED
        elif self.phase is Phase.FINISHED and choice.index not in self._finished:
            self.phase = Phase.SPEAKING  # another choice began after the first had finished
        if self.phase is Phase.OPENING and _has_content(choice.delta):
            self.phase = Phase.SPEAKING

    def _fail(self, data: bytes) -> None:
        self.phase = Phase.FAILED
        self.failure = error_in_stream(data)

    def _done(self) -> None:
        if self.phase is not Phase.FINISHED:
            raise TruncatedError("The upstream said it was done before the reply was finished.")
        self.phase = Phase.DONE


def _read_chunk(data: bytes) -> _Chunk:
    try:
        return _CHUNK.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return reread(_CHUNK, data, "The upstream's stream holds an event that is not a chat chunk.")


def _has_content(delta: msgspec.Raw) -> bool:
    """Whether a delta carries anything but the speaker's role."""
    if bytes(delta) in _EMPTY_VALUES or not bytes(delta):
        return False
    try:
        members = _DELTA.decode(delta)
    except (msgspec.MsgspecError, RecursionError):
        raise GarbledError("The upstream's stream holds a delta that is not an object.") from None
    return any(name != "role" and bytes(value) not in _EMPTY_VALUES for name, value in members.items())
