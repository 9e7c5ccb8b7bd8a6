"""A ConverseStream: messages of an event stream -> the events of a reply."""

from collections.abc import Callable
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
from fairlead.wire.bedrock_converse.event_stream import Message, MessageSplitter
from fairlead.wire.bedrock_converse.replies import finish_of
from fairlead.wire.bedrock_converse.usage import WireUsage
from fairlead.wire.odd_counts import reread
from fairlead.wire.upstream_words import error_in_stream


class _ToolStart(msgspec.Struct, rename="camel"):
    tool_use_id: str
    name: str
    type: str | None = None


class _Start(msgspec.Struct, rename="camel"):
    tool_use: _ToolStart | None = None


class _BlockStart(msgspec.Struct, rename="camel"):
    start: _Start
    content_block_index: int = 0


class _BlockStop(msgspec.Struct, rename="camel"):
    content_block_index: int = 0


class _ToolDelta(msgspec.Struct):
    input: str = ""


class _ReasoningPiece(msgspec.Struct, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolDelta | None = None
    reasoning_content: _ReasoningPiece | None = None


class _BlockDelta(msgspec.Struct, rename="camel"):
    delta: _Delta
    content_block_index: int = 0


class _MessageStop(msgspec.Struct, rename="camel"):
    stop_reason: str


class _Metadata(msgspec.Struct):
    usage: WireUsage | None = None


_BLOCK_START: Final = msgspec.json.Decoder(_BlockStart)
_BLOCK_STOP: Final = msgspec.json.Decoder(_BlockStop)
_BLOCK_DELTA: Final = msgspec.json.Decoder(_BlockDelta)
_MESSAGE_STOP: Final = msgspec.json.Decoder(_MessageStop)
_METADATA: Final = msgspec.json.Decoder(_Metadata)
_NOT_CONVERSES: Final = "The upstream's stream holds an event that is not Converse's."


class StreamReader:
    """Keeps the promises of `wire.format.ReplyReader`."""

    __slots__ = ("_began", "_calls", "_is_finished", "_readers", "_silent", "_splitter", "is_done")

    def __init__(self) -> None:
        self._splitter = MessageSplitter()
        self._began = False
        self._calls: dict[int, int] = {}
        """Content blocks that are tool calls -> the number of the call."""
        self._silent: set[int] = set()
        """Those of them that have no arguments so far."""
        self._is_finished = False
        self.is_done = False
        self._readers: dict[str, Callable[[bytes], list[Event]]] = {
            "contentBlockStart": self._block_start,
            "contentBlockDelta": self._block_delta,
            "contentBlockStop": self._block_stop,
            "messageStop": self._message_stop,
            "metadata": self._metadata,
        }

    def feed(self, data: bytes) -> list[Event]:
        """See ReplyReader."""
        if self.is_done:
            return []
        events: list[Event] = []
        try:
            self._splitter.add(data)
            while not self.is_done and (message := self._splitter.take()) is not None:
                events += self._read(message)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            events.append(self._failed(GarbledError(_NOT_CONVERSES)))
        except UpstreamError as error:
            events.append(self._failed(error))
        return events

    def end(self) -> list[Event]:
        """See ReplyReader."""
        if self.is_done:
            return []
        self.is_done = True
        if self._is_finished:
            return []
        return [ReplyFailed(TruncatedError("The upstream ended the stream before the reply was finished."))]

    def _failed(self, error: UpstreamError) -> ReplyFailed:
        self.is_done = True
        return ReplyFailed(error)

    def _read(self, message: Message) -> list[Event]:
        headers = message.headers
        if headers.get(":message-type", "event") != "event":
            raise error_in_stream(message.payload)
        read = self._readers.get(headers.get(":event-type", ""))
        if read is None:  # messageStart, and what is yet to be invented
            return []
        if self._began:
            return read(message.payload)
        self._began = True
        return [ReplyBegan("", ""), *read(message.payload)]

    def _block_start(self, payload: bytes) -> list[Event]:
        event = _BLOCK_START.decode(payload)
        tool = event.start.tool_use
        if tool is None or tool.type is not None:  # one that the server runs itself is no call of the client's
            return []
        number = self._calls[event.content_block_index] = len(self._calls)
        self._silent.add(event.content_block_index)
        return [ToolCallBegan(number, tool.tool_use_id, tool.name)]

    def _block_delta(self, payload: bytes) -> list[Event]:
        event = _BLOCK_DELTA.decode(payload)
        delta = event.delta
        if delta.text is not None:
            return [TextDelta(delta.text)] if delta.text else []
        if delta.tool_use is not None:
            number = self._calls.get(event.content_block_index)
            text = delta.tool_use.input
            if number is None or not text:
                return []
            self._silent.discard(event.content_block_index)
            return [ArgumentsDelta(number, text)]
        thought = delta.reasoning_content
        if thought is None:
            return []
        if thought.text:
            return [ReasoningDelta(thought.text)]
        if thought.signature:
            return [ReasoningSigned(thought.signature, "bedrock_converse")]
        if thought.redacted_content:
            return [ReasoningSigned(thought.redacted_content, "bedrock_converse", is_redacted=True)]
        return []

    def _block_stop(self, payload: bytes) -> list[Event]:
        index = _BLOCK_STOP.decode(payload).content_block_index
        if index not in self._silent:
            return []
        self._silent.discard(index)
        return [ArgumentsDelta(self._calls[index], "{}")]  # a call without arguments has an empty object for them

    def _message_stop(self, payload: bytes) -> list[Event]:
        finish = finish_of(_MESSAGE_STOP.decode(payload).stop_reason)
        if self._is_finished:
            return []
        self._is_finished = True
        return [ChoiceFinished(finish)]

    def _metadata(self, payload: bytes) -> list[Event]:
        """The last event."""
        try:
            metadata = _METADATA.decode(payload)
        except msgspec.ValidationError:
            metadata = reread(_METADATA, payload, _NOT_CONVERSES)
        if not self._is_finished:
            raise TruncatedError("The upstream said it was done before the reply was finished.")
        self.is_done = True
        usage = None if metadata.usage is None else metadata.usage.usage()
        return [] if usage is None else [UsageReported(usage)]
