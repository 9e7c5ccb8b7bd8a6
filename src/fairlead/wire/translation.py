"""TranslatedStream: a reply stream read in one format and written in another, with the lane's promises.

Nothing is invented: a choice is finished when the upstream said so, and a stream that ends without that is truncated.
"""

from typing import Final

from fairlead.domain.errors import FairleadError, GarbledError, TruncatedError, UpstreamError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.usage import Usage
from fairlead.wire.call_ids import made_id
from fairlead.wire.format import Phase, ReplyReader, ReplyWriter

_WORDS: Final = (TextDelta, ReasoningDelta, ArgumentsDelta)


class TranslatedStream:
    """Keeps the promises of `wire.format.ReplyStream`."""

    __slots__ = (
        "_finished",
        "_open",
        "_reader",
        "_reply_id",
        "_sent",
        "_writer",
        "failure",
        "n_content_bytes",
        "phase",
        "served",
        "usage",
    )

    def __init__(self, reader: ReplyReader, writer: ReplyWriter, sent: str = "", reply_id: str = "") -> None:
        """`sent`: the model that was asked for, which stands in where an upstream does not name who serves.

        `reply_id`: our own name of the reply, of which calls without an id get theirs.
        """
        self._reader = reader
        self._reply_id = reply_id
        self._sent = sent
        self._writer = writer
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self.phase: Phase = Phase.OPENING
        self.served: str | None = None
        self.usage: Usage | None = None
        self.failure: UpstreamError | None = None
        self.n_content_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """See ReplyStream. Never raises: a failure is in `failure`, and what came before it is written."""
        if self._is_over():
            return b""
        written = self._written(self._reader.feed(data))
        if self._reader.is_done and not self._is_over():
            self._done()
        return written

    def end(self) -> bytes:
        """See ReplyStream. Never raises, as `feed`."""
        if self._is_over():
            return b""
        written = self._written(self._reader.end())
        if not self._is_over():
            self._done()
        return written

    def finish(self, comment: bytes) -> bytes:
        """See ReplyStream."""
        return self._writer.finish(comment)

    def fail(self, error: FairleadError) -> bytes:
        """See ReplyStream."""
        return self._writer.fail(error)

    def ping(self) -> bytes:
        """See ReplyStream."""
        return self._writer.ping()

    def _is_over(self) -> bool:
        return self.phase is Phase.DONE or self.phase is Phase.FAILED

    def _done(self) -> None:
        if self.phase is Phase.FINISHED:
            self.phase = Phase.DONE
        else:
            self._fail(TruncatedError("The upstream ended the stream before the reply was finished."))

    def _fail(self, error: UpstreamError) -> None:
        self.failure = error
        self.phase = Phase.FAILED

    def _written(self, events: list[Event]) -> bytes:
        written = []
        for said in events:
            event = said
            if isinstance(said, ReplyBegan) and not said.served:
                event = said._replace(served=self.served or self._sent)
            elif isinstance(said, ToolCallBegan) and not said.call_id:
                event = said._replace(call_id=made_id(self._reply_id, said.choice, said.call))
            if self._take(event):
                try:
                    written.append(self._writer.write(event))
                except UpstreamError as error:
                    self._fail(error)
        return b"".join(written)

    def _take(self, event: Event) -> bool:
        """Note what an event says of the reply; whether it is the writer's business."""
        if self.phase is Phase.FAILED:
            return False
        if isinstance(event, _WORDS):
            if event.choice in self._finished and isinstance(event, ArgumentsDelta) and event.text:
                # The call is whole and sent: what belongs to it cannot be added any more, nor be left out in silence.
                self._fail(GarbledError("The upstream went on with a tool call after the finish of its reply."))
                return False
            self.n_content_bytes += len(event.text)
            self._speaks(event.choice, has_content=bool(event.text))
        elif isinstance(event, UsageReported):
            self.usage = event.usage
        elif isinstance(event, ReplyBegan):
            self.served = event.served or self.served
        elif isinstance(event, ChoiceFinished):
            self._open.add(event.choice)
            self._finished.add(event.choice)
            if self._finished == self._open:
                self.phase = Phase.FINISHED
        elif isinstance(event, ReplyFailed):
            self._fail(event.error)
            return False
        else:
            self._speaks(event.choice, has_content=True)  # a tool call or a signature is content, too
        return True

    def _speaks(self, choice: int, *, has_content: bool) -> None:
        self._open.add(choice)
        if self.phase is Phase.FINISHED and choice not in self._finished:
            self.phase = Phase.SPEAKING  # another choice began after the first had finished
        if has_content and self.phase is Phase.OPENING:
            self.phase = Phase.SPEAKING
