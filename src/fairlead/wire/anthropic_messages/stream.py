"""A streamed reply, watched as it passes: when content begins, whether it finished, what it cost.

Events go on byte for byte, in order, whole. Only message_stop is held back until it is known how the stream ended. The
finish is the stop reason in message_delta: a stream that ends without it is never made to look as if it had one.
"""

from typing import Final

import msgspec

from fairlead.domain.errors import FairleadError, GarbledError, TruncatedError, UpstreamError
from fairlead.wire.anthropic_messages.failures import write_failure_event
from fairlead.wire.anthropic_messages.usage import WireUsage
from fairlead.wire.format import Phase
from fairlead.wire.lane_watch import LaneWatch
from fairlead.wire.odd_counts import reread
from fairlead.wire.sse import check_text, data_of
from fairlead.wire.upstream_words import error_in_stream

STOP_EVENT: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
PING_EVENT: Final = b'event: ping\ndata: {"type": "ping"}\n\n'
_NOTHING: Final = msgspec.Raw(b"")
_ABSENT: Final = frozenset((b"", b"null"))
NOT_ANTHROPICS: Final = "The upstream's stream holds an event that is not Anthropic's."
_KNOWN_ERRORS: Final = frozenset(
    ("overloaded_error", "api_error", "rate_limit_error", "timeout_error", "invalid_request_error")
)
"""Types that our own sentence may name."""


class _Message(msgspec.Struct):
    model: str | None = None
    usage: WireUsage | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None


class _Delta(msgspec.Struct):
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None

    def words(self) -> str:
        return self.text or self.partial_json or self.thinking or self.signature or ""


class _Event(msgspec.Struct):
    type: str = ""
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = _NOTHING


class _Error(msgspec.Struct):
    type: str = ""


_EVENT: Final = msgspec.json.Decoder(_Event)
_ERROR: Final = msgspec.json.Decoder(_Error)


def data_in(event: bytes) -> bytes:
    """The event's data; for the common case of one name and one line without taking the event apart."""
    if event.startswith(b"event: ") and b"\r" not in event:
        place = event.find(b"\ndata: ")
        if place > 0 and event.find(b"\n", place + 7) == len(event) - 2:
            return event[place + 7 : -2]
    return data_of(event)


def reported(error: msgspec.Raw, data: bytes) -> UpstreamError:
    """The error that an upstream sent in the stream."""
    try:
        kind = _ERROR.decode(error).type
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        kind = ""
    return error_in_stream(data, kind if kind in _KNOWN_ERRORS else "")


class MessageWatch(LaneWatch):
    """One reply stream of this format."""

    __slots__ = ("_last", "_reported")

    whole_at = frozenset((Phase.DONE, Phase.FINISHED, Phase.FAILED))

    def __init__(self) -> None:
        super().__init__()
        self._reported: WireUsage | None = None
        self._last = STOP_EVENT
        """The upstream's own message_stop once it is here: some hosts put members of theirs into it."""

    def finish(self, comment: bytes) -> bytes:
        """See ReplyStream."""
        return comment + self._last

    def fail(self, error: FairleadError) -> bytes:
        """See ReplyStream."""
        return write_failure_event(error)

    def ping(self) -> bytes:
        """See ReplyStream."""
        return PING_EVENT

    def _passes(self, event: bytes) -> bool:
        if self.phase is Phase.DONE or self.phase is Phase.FAILED:
            return False
        data = data_in(event)
        check_text(event)
        if not data:
            return True
        read = _read_event(data)
        kind = read.type
        if kind == "content_block_delta":
            self._speaks(read.delta)
        elif kind == "content_block_start":
            self._opens(read.content_block)
        elif kind == "message_start":
            self._begins(read.message)
        elif kind == "message_delta":
            self._closes(read)
        elif kind == "message_stop":
            return self._stops(event)
        elif kind == "error" or bytes(read.error) not in _ABSENT:
            self.phase = Phase.FAILED
            self.failure = reported(read.error, data)
            return False
        return True

    def _begins(self, message: _Message | None) -> None:
        if message is None:
            raise GarbledError("The upstream's stream holds a message_start without a message.")
        self.served = message.model or self.served
        self._reported = message.usage

    def _opens(self, block: _Block | None) -> None:
        if block is None:
            raise GarbledError("The upstream's stream holds a block without its kind.")
        words = block.text or block.thinking or ""
        self.n_content_bytes += len(words)
        # Text and thoughts open with nothing in them; a call's name, or any other block, is content.
        if self.phase is Phase.OPENING and (words or block.type not in ("text", "thinking")):
            self.phase = Phase.SPEAKING

    def _speaks(self, delta: _Delta | None) -> None:
        if delta is None:
            raise GarbledError("The upstream's stream holds a delta without its content.")
        words = delta.words()
        self.n_content_bytes += len(words)
        if words and self.phase is Phase.OPENING:
            self.phase = Phase.SPEAKING

    def _closes(self, read: _Event) -> None:
        if read.usage is not None:
            self._reported = read.usage.after(self._reported)
            self.usage = self._reported.usage() or self.usage
        if read.delta is not None and read.delta.stop_reason:
            self.phase = Phase.FINISHED

    def _stops(self, event: bytes) -> bool:
        if self.phase is not Phase.FINISHED:
            raise TruncatedError("The upstream said it was done before the reply was finished.")
        self.phase = Phase.DONE
        self._last = event
        return False


def _read_event(data: bytes) -> _Event:
    try:
        return _EVENT.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return reread(_EVENT, data, NOT_ANTHROPICS)
