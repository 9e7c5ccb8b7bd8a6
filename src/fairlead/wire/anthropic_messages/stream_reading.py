"""A Messages stream of an upstream -> the events of the hub."""

from typing import Final

import msgspec

from fairlead.domain.errors import GarbledError, TruncatedError, UpstreamError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.wire.anthropic_messages.ids import unspelled
from fairlead.wire.anthropic_messages.replies import WireBlock, arguments_of, finish_of
from fairlead.wire.anthropic_messages.signatures import ORIGIN, UNSIGNED
from fairlead.wire.anthropic_messages.stream import NOT_ANTHROPICS, data_in, reported
from fairlead.wire.anthropic_messages.usage import WireUsage
from fairlead.wire.last_event import has_last_event
from fairlead.wire.odd_counts import reread
from fairlead.wire.sse import EventSplitter

_NOTHING: Final = msgspec.Raw(b"")
_ABSENT: Final = frozenset((b"", b"null"))
_GARBLED: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_CONTENT: Final = ("content_block_delta", "content_block_start")


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: WireUsage | None = None


class _Delta(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: WireBlock | None = None
    message: _Message | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = _NOTHING


_EVENT: Final = msgspec.json.Decoder(_Event)


class _Call:
    """A tool call whose block is open."""

    __slots__ = ("arguments", "has_spoken", "number")

    def __init__(self, number: int, arguments: str) -> None:
        self.number = number
        self.arguments = arguments
        """What the block began with: the whole of them when no delta follows."""
        self.has_spoken = False


class MessageReader:
    """One stream. Keeps the promises of `wire.format.ReplyReader`."""

    __slots__ = ("_calls", "_events", "_is_finished", "_is_over", "_n_calls", "_reported", "_splitter", "is_done")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._events: list[Event] = []
        self._calls: dict[int, _Call | None] = {}
        """By the block's index; None for the block of a hosted tool, whose input is nobody's business."""
        self._n_calls = 0
        self._reported: WireUsage | None = None
        self._is_finished = False
        self._is_over = False
        self.is_done = False

    def feed(self, data: bytes) -> list[Event]:
        """See ReplyReader."""
        self._events = []
        if not self._is_over:
            try:
                self._take_all(data)
            except UpstreamError as error:
                self._fail(error)
        return self._events

    def end(self) -> list[Event]:
        """See ReplyReader."""
        events = self.feed(b"\n\n") if has_last_event(self._splitter) else []
        if not self._is_over and not self._is_finished:
            self._events = events
            self._fail(TruncatedError("The upstream ended the stream before the reply was finished."))
        return events

    def _fail(self, error: UpstreamError) -> None:
        self._is_over = True
        self._events.append(ReplyFailed(error))

    def _take_all(self, data: bytes) -> None:
        for event in self._splitter.feed(data):
            text = data_in(event)
            if text:
                self._take(text)
                if self._is_over:
                    return

    def _take(self, data: bytes) -> None:
        event = _event(data)
        kind = event.type
        try:
            if self._is_finished and kind in _CONTENT:
                raise GarbledError("The upstream's stream goes on after its stop reason.")
            if kind == "content_block_delta":
                self._delta(event.index, event.delta)
            elif kind == "content_block_start":
                self._start(event.index, event.content_block)
        except _GARBLED:
            raise GarbledError(NOT_ANTHROPICS) from None
        if kind == "content_block_stop":
            self._stop(event.index)
        elif kind == "message_start":
            self._begin(event.message)
        elif kind == "message_delta":
            self._close(event)
        elif kind == "message_stop":
            self._done()
        elif kind == "error" or bytes(event.error) not in _ABSENT:
            raise reported(event.error, data)

    def _begin(self, message: _Message | None) -> None:
        if message is None:
            raise GarbledError("The upstream's stream holds a message_start without a message.")
        self._reported = message.usage
        self._events.append(ReplyBegan(message.id or "", message.model or ""))

    def _start(self, index: int, block: WireBlock | None) -> None:
        if block is None:
            raise GarbledError("The upstream's stream holds a block without its kind.")
        if block.is_call():
            call = _Call(self._n_calls, arguments_of(block))
            self._n_calls += 1
            self._calls[index] = call
            self._events.append(ToolCallBegan(call.number, unspelled(block.id or ""), block.name or ""))
            return
        if block.type == "text":
            if block.text:
                self._events.append(TextDelta(block.text))
        elif block.type == "thinking":
            if block.thinking:
                self._events.append(ReasoningDelta(block.thinking))
            self._sign(block.signature)
        elif block.type == "redacted_thinking" and block.data:
            self._events.append(ReasoningSigned(block.data, ORIGIN, is_redacted=True))
        else:
            self._calls[index] = None

    def _sign(self, signature: str | None) -> None:
        if signature and signature != UNSIGNED:
            self._events.append(ReasoningSigned(signature, ORIGIN))

    def _delta(self, index: int, delta: _Delta | None) -> None:
        if delta is None:
            raise GarbledError("The upstream's stream holds a delta without its content.")
        if delta.text:
            self._events.append(TextDelta(delta.text))
        elif delta.partial_json:
            self._arguments(index, delta.partial_json)
        elif delta.thinking:
            self._events.append(ReasoningDelta(delta.thinking))
        elif delta.signature:
            self._sign(delta.signature)

    def _arguments(self, index: int, text: str) -> None:
        if index not in self._calls:
            raise GarbledError("The upstream's stream holds arguments of no tool call.")
        call = self._calls[index]
        if call is not None:
            call.has_spoken = True
            self._events.append(ArgumentsDelta(call.number, text))

    def _stop(self, index: int) -> None:
        call = self._calls.pop(index, None)
        if call is not None and not call.has_spoken:
            self._events.append(ArgumentsDelta(call.number, call.arguments))

    def _close(self, event: _Event) -> None:
        delta = event.delta
        if delta is not None and delta.stop_reason and not self._is_finished:
            for index in list(self._calls):
                self._stop(index)
            self._is_finished = True
            self._events.append(ChoiceFinished(finish_of(delta.stop_reason), stop_sequence=delta.stop_sequence))
        if event.usage is not None:
            self._reported = event.usage.after(self._reported)
            usage = self._reported.usage()
            if usage is not None and self._is_finished:
                self._events.append(UsageReported(usage))

    def _done(self) -> None:
        if not self._is_finished:
            raise TruncatedError("The upstream said it was done before the reply was finished.")
        self._is_over = True
        self.is_done = True


def _event(data: bytes) -> _Event:
    try:
        return _EVENT.decode(data)
    except _GARBLED:
        return reread(_EVENT, data, NOT_ANTHROPICS)
