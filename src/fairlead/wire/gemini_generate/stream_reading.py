"""A stream of GenerateContentResponses: server-sent events without a last one; the end of the body is the end."""

from fairlead.domain.errors import GarbledError, TruncatedError
from fairlead.domain.events import Event, ReplyFailed
from fairlead.wire.gemini_generate.replies import ResponseReader
from fairlead.wire.last_event import has_last_event
from fairlead.wire.sse import EventSplitter, data_of


class StreamReader:
    """Keeps the promises of `wire.format.ReplyReader`."""

    __slots__ = ("_reader", "_splitter", "is_done")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._reader = ResponseReader()
        self.is_done = False
        """Only after a failure: the format has no last event."""

    def feed(self, data: bytes) -> list[Event]:
        """See ReplyReader."""
        if self.is_done:
            return []
        told: list[Event] = []
        try:
            events = self._splitter.feed(data)
        except GarbledError as error:
            self.is_done = True
            return [ReplyFailed(error)]
        for event in events:
            told += self._read(event)
            if told and isinstance(told[-1], ReplyFailed):
                break
        return told

    def end(self) -> list[Event]:
        """See ReplyReader."""
        if self.is_done:
            return []
        told = self.feed(b"\n\n") if has_last_event(self._splitter) else []
        if told and isinstance(told[-1], ReplyFailed):
            return told
        self.is_done = True
        if not self._reader.is_finished:
            told.append(ReplyFailed(TruncatedError("The upstream ended the stream before the reply was finished.")))
        return told

    def _read(self, event: bytes) -> list[Event]:
        data = data_of(event)
        if not data:
            return []
        told = self._reader.read(data)
        for place, each in enumerate(told):
            if isinstance(each, ReplyFailed):
                self.is_done = True
                return told[: place + 1]
        return told
