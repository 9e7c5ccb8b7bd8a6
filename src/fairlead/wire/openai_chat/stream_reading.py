"""A chat stream of an upstream -> the events of the hub."""

from typing import Any, Final

import msgspec

from fairlead.domain.content import Text
from fairlead.domain.errors import TruncatedError, UpstreamError
from fairlead.domain.events import (
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    UsageReported,
)
from fairlead.wire.last_event import has_last_event
from fairlead.wire.odd_counts import reread
from fairlead.wire.openai_chat.content_list import parts_in
from fairlead.wire.openai_chat.open_calls import OpenCalls
from fairlead.wire.openai_chat.reasoning import parts_of
from fairlead.wire.openai_chat.reply_reading import Call, Logprobs, Message, finish_of
from fairlead.wire.openai_chat.usage import WireUsage
from fairlead.wire.sse import EventSplitter, data_of
from fairlead.wire.upstream_words import error_in_stream

_NOTHING: Final = msgspec.Raw(b"")
_ABSENT: Final = frozenset((b"", b"null"))


class _Choice(msgspec.Struct):
    index: int = 0
    delta: Message | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class _Chunk(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = _NOTHING


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


class ChatReader:
    """One stream. Keeps the promises of `wire.format.ReplyReader`."""

    __slots__ = ("_calls", "_events", "_finished", "_has_begun", "_open", "_splitter", "is_done")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._calls: dict[int, OpenCalls] = {}
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._has_begun = False
        self._events: list[Event] = []
        self.is_done = False

    def feed(self, data: bytes) -> list[Event]:
        """See ReplyReader."""
        if self.is_done:
            return []
        events: list[Event] = []
        self._events = events
        try:
            for event in self._splitter.feed(data):
                if not self.is_done:
                    self._read(event)
        except UpstreamError as error:
            self.is_done = True
            events.append(ReplyFailed(error))
        return events

    def end(self) -> list[Event]:
        """See ReplyReader."""
        if self.is_done:
            return []
        events: list[Event] = []
        if has_last_event(self._splitter):
            events = self.feed(b"\n\n")
        if not self.is_done:
            self.is_done = True
            if not self._finished or self._finished != self._open:
                events.append(ReplyFailed(_truncated()))
        return events

    def _read(self, event: bytes) -> None:
        data = data_of(event)
        if not data:
            return
        if data.strip() == b"[DONE]":
            self.is_done = True
            if not self._finished or self._finished != self._open:
                self._events.append(ReplyFailed(_truncated()))
            return
        try:
            chunk = _CHUNK.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            chunk = reread(_CHUNK, data, "The upstream's stream holds an event that is not a chat chunk.")
        if bytes(chunk.error) not in _ABSENT:
            raise error_in_stream(data)
        if not self._has_begun:
            self._has_begun = True
            self._events.append(ReplyBegan(chunk.id or "", chunk.model or ""))
        for choice in chunk.choices or ():
            if choice.finish_reason == "error":
                raise error_in_stream(data)
            self._take(choice)
        usage = chunk.usage.usage() if chunk.usage is not None else None
        if usage is not None:
            self._events.append(UsageReported(usage))

    def _take(self, choice: _Choice) -> None:
        number, events = choice.index, self._events
        delta = choice.delta
        if delta is not None:
            self._take_thoughts(delta, number)
            if delta.content:
                logprobs = choice.logprobs.raw() if choice.logprobs is not None else None
                if isinstance(delta.content, str):
                    events.append(TextDelta(delta.content, number, logprobs=logprobs))
                else:
                    _take_chunks(delta.content, number, logprobs, events)
            if delta.refusal:
                events.append(TextDelta(delta.refusal, number, is_refusal=True))
            if delta.tool_calls or delta.function_call is not None:
                self._take_calls(delta, number)
        if number not in self._open and (delta is not None or choice.finish_reason):
            self._open.add(number)
        if choice.finish_reason and number not in self._finished:
            self._finished.add(number)
            if number in self._calls:
                self._calls[number].tell_all(events)
            reason = finish_of(choice.finish_reason, has_calls=number in self._calls)
            events.append(ChoiceFinished(reason, number))

    def _take_calls(self, delta: Message, number: int) -> None:
        calls = self._calls.setdefault(number, OpenCalls(number))
        for call in delta.tool_calls or ():
            calls.take(call, self._events)
        if delta.function_call is not None:
            calls.take(Call(0, None, delta.function_call), self._events)
        if number in self._finished:
            calls.tell_all(self._events)

    def _take_thoughts(self, delta: Message, number: int) -> None:
        if delta.reasoning_details:
            for part in parts_of(delta.reasoning_details):
                if part.text:
                    self._events.append(ReasoningDelta(part.text, number, part.is_summary))
                if part.blob and part.origin:
                    signed = ReasoningSigned(part.blob, part.origin, number, part.is_redacted, part.item_id)
                    self._events.append(signed)
        elif thoughts := delta.reasoning_content or delta.reasoning:
            self._events.append(ReasoningDelta(thoughts, number))


def _take_chunks(chunks: list[Any], number: int, logprobs: bytes | None, events: list[Event]) -> None:
    """Content in chunks; what is known of the tokens is told with the first words."""
    for part in parts_in(chunks):
        if isinstance(part, Text):
            events.append(TextDelta(part.text, number, part.is_refusal, logprobs))
            logprobs = None
        else:
            events.append(ReasoningDelta(part.text, number))


def _truncated() -> TruncatedError:
    return TruncatedError("The upstream ended the stream before the reply was finished.")
