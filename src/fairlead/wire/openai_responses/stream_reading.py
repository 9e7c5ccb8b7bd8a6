"""A Responses stream -> the events of the hub. Never raises: what goes wrong is the last event.

What an upstream says of an item twice (by deltas, when the item is done, in the final response) is told once, and what
it says only at the end is told then, so that no call is lost.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from fairlead.domain.errors import GarbledError, TruncatedError, UpstreamError
from fairlead.domain.events import (
    ArgumentsDelta,
    Event,
    ReasoningDelta,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    UsageReported,
)
from fairlead.wire.last_event import has_last_event
from fairlead.wire.odd_counts import reread
from fairlead.wire.openai_responses.output_reading import (
    CALLS,
    NOTHING,
    RESPONSE,
    OutputItem,
    Response,
    arguments_of,
    begin_call,
    events_of_message,
    events_of_thoughts,
    finish_of,
    logprobs_of,
    read_item,
    signature_of,
)
from fairlead.wire.sse import EventSplitter, data_of
from fairlead.wire.upstream_words import error_in_stream


class _Event(msgspec.Struct):
    """Members of the events that mean something; read further only where they do."""

    type: str = ""
    delta: msgspec.Raw = NOTHING
    output_index: int = 0
    summary_index: int = 0
    logprobs: msgspec.Raw = NOTHING
    item: msgspec.Raw = NOTHING
    response: msgspec.Raw = NOTHING


_EVENT: Final = msgspec.json.Decoder(_Event)
_TEXT: Final = msgspec.json.Decoder(str)
_FAILURES: Final = frozenset(("response.failed", "error"))
_NOT_OURS: Final = "The upstream's stream holds an event that is not one of this format."
_GARBLED: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class ResponseReader:
    """Keeps the promises of `wire.format.ReplyReader`."""

    __slots__ = ("_calls", "_has_begun", "_is_over", "_n_calls", "_settled", "_splitter", "_told", "is_done")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._calls: dict[int, int] = {}
        """Place in the output -> number of the call."""
        self._n_calls = 0
        self._told: set[int] = set()
        """Places of items of which something has been told."""
        self._settled: set[int | str] = set()
        """Places and ids of items that are done."""
        self._has_begun = False
        self._is_over = False
        self.is_done = False

    def feed(self, data: bytes) -> list[Event]:
        """See ReplyReader."""
        events: list[Event] = []
        if self._is_over:
            return events
        try:
            for event in self._splitter.feed(data):
                self._take(event, events)
                if self.is_done:
                    break
        except UpstreamError as error:
            self._fail(error, events)
        except _GARBLED:
            self._fail(GarbledError(_NOT_OURS), events)
        return events

    def end(self) -> list[Event]:
        """See ReplyReader."""
        if self._is_over:
            return []
        events: list[Event] = []
        if has_last_event(self._splitter):
            events = self.feed(b"\n\n")
        if not self._is_over:
            self._fail(TruncatedError("The upstream ended the stream before the reply was finished."), events)
        return events

    def _fail(self, error: UpstreamError, events: list[Event]) -> None:
        self._is_over = True
        events.append(ReplyFailed(error))

    def _take(self, event: bytes, events: list[Event]) -> None:
        data = data_of(event)
        if not data:
            return
        if data.strip() == b"[DONE]":
            raise TruncatedError("The upstream said it was done before the reply was finished.")
        if not data.isascii():
            data.decode()  # msgspec skips over strings that nobody asked for without looking at their UTF-8
        read = _EVENT.decode(data)
        reading = _READINGS.get(read.type)
        if reading is not None:
            reading(self, read, events)
        elif read.type in _FAILURES or (not read.type and b'"error"' in data):
            raise error_in_stream(data)
        elif not read.type:
            raise GarbledError("The upstream's stream holds an event without a type.")

    def _words(self, read: _Event, events: list[Event]) -> None:
        self._told.add(read.output_index)
        events.append(TextDelta(_TEXT.decode(read.delta), logprobs=logprobs_of(read.logprobs)))

    def _refusal(self, read: _Event, events: list[Event]) -> None:
        self._told.add(read.output_index)
        events.append(TextDelta(_TEXT.decode(read.delta), is_refusal=True))

    def _summary(self, read: _Event, events: list[Event]) -> None:
        self._told.add(read.output_index)
        events.append(ReasoningDelta(_TEXT.decode(read.delta), is_summary=True))

    def _next_summary(self, read: _Event, events: list[Event]) -> None:
        if read.summary_index > 0 and read.output_index in self._told:
            events.append(ReasoningDelta("\n\n", is_summary=True))

    def _thoughts(self, read: _Event, events: list[Event]) -> None:
        self._told.add(read.output_index)
        events.append(ReasoningDelta(_TEXT.decode(read.delta)))

    def _arguments(self, read: _Event, events: list[Event]) -> None:
        call = self._calls.get(read.output_index)
        if call is None:
            raise GarbledError("The upstream's stream holds arguments of a call that has not begun.")
        text = _TEXT.decode(read.delta)
        if text:
            self._told.add(read.output_index)
            events.append(ArgumentsDelta(call, text))

    def _item_begins(self, read: _Event, events: list[Event]) -> None:
        item = read_item(read.item)
        if item is not None and item.type in CALLS and read.output_index not in self._calls:
            self._begin_call(read.output_index, item, events)

    def _item_ends(self, read: _Event, events: list[Event]) -> None:
        item = read_item(read.item)
        if item is not None:
            self._settle(read.output_index, item, events)

    def _begins(self, read: _Event, events: list[Event]) -> None:
        if not self._has_begun:
            self._has_begun = True
            response = _response(read)
            events.append(ReplyBegan(response.id or "", response.model or ""))

    def _ends(self, read: _Event, events: list[Event]) -> None:
        self._begins(read, events)
        response = _response(read)
        for place, each in enumerate(response.output or ()):
            item = read_item(each)
            if item is not None and self._settled.isdisjoint((place, item.id or "", item.call_id or "")):
                self._settle(place, item, events)
        if response.status is None:
            response.status = "completed" if read.type == "response.completed" else "incomplete"
        finish = finish_of(response, self._n_calls)
        if isinstance(finish, UpstreamError):
            raise finish
        events.append(finish)
        usage = response.usage.usage() if response.usage else None
        if usage is not None:
            events.append(UsageReported(usage))
        self._is_over = self.is_done = True

    def _begin_call(self, place: int, item: OutputItem, events: list[Event]) -> None:
        self._calls[place] = self._n_calls
        events.append(begin_call(item, self._n_calls))
        self._n_calls += 1

    def _settle(self, place: int, item: OutputItem, events: list[Event]) -> None:
        """An item is done: tell what has not been told of it, and the signature of thoughts."""
        if place in self._settled:
            return
        self._settled.add(place)
        self._settled.update(name for name in (item.id, item.call_id) if name)
        is_told = place in self._told
        if item.type in CALLS:
            if place not in self._calls:
                self._begin_call(place, item, events)
            said = arguments_of(item)
            if said and not is_told:
                events.append(ArgumentsDelta(self._calls[place], said))
        elif item.type == "reasoning":
            told = [] if is_told else events_of_thoughts(item)
            events += told
            events += signature_of(item, has_text=is_told or bool(told))
        elif not is_told:
            events += events_of_message(item)


def _response(read: _Event) -> Response:
    try:
        return RESPONSE.decode(read.response)
    except _GARBLED:
        return reread(RESPONSE, read.response, _NOT_OURS)


_READINGS: Final[dict[str, Callable[[ResponseReader, _Event, list[Event]], None]]] = {
    "response.created": ResponseReader._begins,
    "response.in_progress": ResponseReader._begins,
    "response.queued": ResponseReader._begins,
    "response.output_item.added": ResponseReader._item_begins,
    "response.output_item.done": ResponseReader._item_ends,
    "response.output_text.delta": ResponseReader._words,
    "response.refusal.delta": ResponseReader._refusal,
    "response.reasoning_summary_part.added": ResponseReader._next_summary,
    "response.reasoning_summary_text.delta": ResponseReader._summary,
    "response.reasoning_text.delta": ResponseReader._thoughts,
    "response.function_call_arguments.delta": ResponseReader._arguments,
    "response.custom_tool_call_input.delta": ResponseReader._arguments,
    "response.completed": ResponseReader._ends,
    "response.incomplete": ResponseReader._ends,
}
"""What each event means; others (hosted tools, annotations, signs of life) mean nothing here and are skipped."""
