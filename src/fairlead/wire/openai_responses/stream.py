"""A streamed reply of the same format, watched as it passes: when content begins, how it ended, what it cost.

Events go on byte for byte, in order, whole. The last one, which says that the reply is complete, is held back until it
is known that the stream ended well; an upstream's own error event is replaced by ours.
"""

from typing import Final, TypeVar

import msgspec

from fairlead.domain.errors import FairleadError, GarbledError, TruncatedError
from fairlead.wire.format import Phase
from fairlead.wire.lane_watch import LaneWatch
from fairlead.wire.odd_counts import reread
from fairlead.wire.openai_responses.failures import write_failure_events
from fairlead.wire.openai_responses.usage import WireUsage
from fairlead.wire.sse import PING_COMMENT, check_text, data_of
from fairlead.wire.upstream_words import error_in_stream

_T = TypeVar("_T")
_NOTHING: Final = msgspec.Raw(b"")
_EMPTY: Final = frozenset((b"", b'""', b"null"))
_BEGINNINGS: Final = frozenset(("response.created", "response.in_progress", "response.queued"))
_ENDINGS: Final = frozenset(("response.completed", "response.incomplete"))
_FAILURES: Final = frozenset(("response.failed", "error"))
_SILENT_ITEMS: Final = frozenset(("message", "reasoning"))
"""Items that say nothing yet when they are added; a call has its name."""
_PREPARATIONS: Final = frozenset(("response.content_part.added", "response.reasoning_summary_part.added", "keepalive"))


class _Kind(msgspec.Struct):
    type: str = ""


class _Event(msgspec.Struct):
    type: str = ""
    sequence_number: int | None = None
    delta: msgspec.Raw = _NOTHING
    item: _Kind | None = None
    response: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


class _Response(msgspec.Struct):
    model: str | None = None
    usage: WireUsage | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_RESPONSE: Final = msgspec.json.Decoder(_Response)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ResponseWatch(LaneWatch):
    """One reply stream of this format."""

    __slots__ = ("_last", "_number", "_response")

    whole_at = frozenset((Phase.DONE,))

    def __init__(self) -> None:
        super().__init__()
        self._last = b""
        """The event that says that the reply is complete."""
        self._number = -1
        """Of the last event that went on."""
        self._response = _NOTHING
        """The response as it stood when it began: what a failure is written from."""

    def finish(self, comment: bytes) -> bytes:
        """See ReplyStream."""
        return comment + self._last

    def fail(self, error: FairleadError) -> bytes:
        """See ReplyStream."""
        response: dict[str, object] = {}
        if bytes(self._response):
            response.update(_MEMBERS.decode(self._response))
        return write_failure_events(error, response, self._number + 1)

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
        if data.strip() == b"[DONE]":
            raise TruncatedError("The upstream said it was done before the reply was finished.")
        read = _read(_EVENT, data)
        kind = read.type
        if kind in _FAILURES or bytes(read.error) not in _EMPTY:
            self.phase = Phase.FAILED
            self.failure = error_in_stream(data)
            return False
        if not kind:
            raise GarbledError("The upstream's stream holds an event that is not one of this format.")
        if kind in _ENDINGS:
            self._look_at(read.response)
            self._last = event
            self.phase = Phase.DONE
            return False
        if read.sequence_number is not None:
            self._number = read.sequence_number
        if kind in _BEGINNINGS:
            self._look_at(read.response)
            self._response = read.response
        else:
            self._take(read)
        return True

    def _take(self, read: _Event) -> None:
        n_bytes = len(bytes(read.delta))
        if n_bytes:
            self.n_content_bytes += max(n_bytes - 2, 0)
            says = bytes(read.delta) not in _EMPTY
        elif read.type == "response.output_item.added":
            says = read.item is not None and read.item.type not in _SILENT_ITEMS
        else:
            says = read.type not in _PREPARATIONS
        if says and self.phase is Phase.OPENING:
            self.phase = Phase.SPEAKING

    def _look_at(self, raw: msgspec.Raw) -> None:
        response = _read(_RESPONSE, bytes(raw) or b"{}")
        self.served = self.served or response.model
        if response.usage is not None:
            self.usage = response.usage.usage() or self.usage


def _read(decoder: msgspec.json.Decoder[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return reread(decoder, data, "The upstream's stream holds an event that is not one of this format.")
