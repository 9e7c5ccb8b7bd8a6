"""LaneWatch: a reply stream on the same-format lane, watched event by event; the three formats' watches are made of it.

Bytes in, bytes to send on out; the rest is read from the attributes. Keeps the promises of `wire.format.ReplyStream`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from fairlead.domain.errors import FairleadError, TruncatedError, UpstreamError
from fairlead.domain.usage import Usage
from fairlead.wire.format import Phase
from fairlead.wire.last_event import has_last_event
from fairlead.wire.sse import EventSplitter


class LaneWatch(ABC):
    """One reply stream."""

    __slots__ = ("_splitter", "failure", "n_content_bytes", "phase", "served", "usage")

    whole_at: ClassVar[frozenset[Phase]]
    """In which phases an upstream may close the stream, and nothing is missing."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self.phase = Phase.OPENING
        self.served: str | None = None
        self.usage: Usage | None = None
        self.failure: UpstreamError | None = None
        self.n_content_bytes = 0
        """Bytes of deltas so far: what an estimate is made from when the stream dies before its usage."""

    def feed(self, data: bytes) -> bytes:
        """The bytes to send on; b"" when nothing is whole yet.

        Raises: GarbledError when what comes is not a stream of this format.
        """
        events = self._splitter.feed(data)
        if not events:
            return b""
        kept = [event for event in events if self._passes(event)]
        return b"".join(kept) if len(kept) != 1 else kept[0]

    def end(self) -> bytes:
        """The upstream has closed the stream: what still has to be sent on.

        Raises: TruncatedError when the reply is not finished: cut, silent, or ended without a finish.
        """
        tail = self.feed(b"\n\n") if has_last_event(self._splitter) else b""
        if self.phase in self.whole_at:
            return tail
        raise TruncatedError("The upstream ended the stream before the reply was finished.")

    @abstractmethod
    def finish(self, comment: bytes) -> bytes:
        """See ReplyStream."""

    @abstractmethod
    def fail(self, error: FairleadError) -> bytes:
        """See ReplyStream."""

    @abstractmethod
    def ping(self) -> bytes:
        """See ReplyStream."""

    @abstractmethod
    def _passes(self, event: bytes) -> bool:
        """Take one whole event in; whether it goes on to the client."""
