"""A reply of the hub as a Responses stream: every event in its order and with its number, the last one held back.

Calls stay open until the reply's finish, since some upstreams write the arguments of several calls in turns; messages
and thoughts are closed when something else begins.
"""

from fairlead.domain.errors import FairleadError, GarbledError, TruncatedError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    FinishReason,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.usage import Usage
from fairlead.wire.openai_responses.failures import write_failure_events
from fairlead.wire.openai_responses.open_items import Numbered, OpenCall, OpenMessage, OpenThoughts
from fairlead.wire.openai_responses.response_object import CallName, Json, ReplyShape, ended, item_status, sealed
from fairlead.wire.sse import PING_COMMENT


class ResponseWriter:
    """Keeps the promises of `wire.format.ReplyWriter`. There is one choice: this format has no others."""

    __slots__ = (
        "_calls",
        "_finish",
        "_head",
        "_ids",
        "_items",
        "_message",
        "_n_items",
        "_numbered",
        "_shape",
        "_shows_summary",
        "_thoughts",
        "_usage",
    )

    def __init__(self, shape: ReplyShape) -> None:
        self._shape = shape
        self._ids = shape.ids("")
        self._head: Json | None = None
        self._numbered = Numbered()
        self._shows_summary = shape.shows_summary()
        self._message: OpenMessage | None = None
        self._thoughts: OpenThoughts | None = None
        self._calls: dict[int, OpenCall] = {}
        self._items: dict[int, Json] = {}
        """Closed items by their place."""
        self._n_items = 0
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """See ReplyWriter."""
        if isinstance(event, TextDelta):
            return self._say(event)
        if isinstance(event, ArgumentsDelta):
            return self._argue(event) if event.text else b""
        if isinstance(event, ReasoningDelta):
            return self._think(event)
        if isinstance(event, ReplyBegan):
            return self._begin(event.reply_id, event.served)
        if isinstance(event, ReasoningSigned):
            return self._sign(event)
        if isinstance(event, ToolCallBegan):
            return self._call(event)
        if isinstance(event, ChoiceFinished):
            return self._end(event.reason)
        if isinstance(event, UsageReported):
            self._usage = event.usage
        return b""

    def finish(self, comment: bytes) -> bytes:
        """See ReplyWriter."""
        if self._finish is None:
            return comment + self.fail(TruncatedError("The upstream ended the stream before the reply was finished."))
        begun = self._end(self._finish)  # closes what an upstream said after its own finish
        output = [self._items[place] for place in sorted(self._items)]
        response = ended(self._head or {}, self._finish, output, self._usage)
        kind = "response.completed" if response["status"] == "completed" else "response.incomplete"
        return begun + comment + self._numbered.event(kind, response=response)

    def fail(self, error: FairleadError) -> bytes:
        """See ReplyWriter."""
        begun = self._begun()
        output = [self._items[place] for place in sorted(self._items)]
        return begun + write_failure_events(error, (self._head or {}) | {"output": output}, self._numbered.number)

    def ping(self) -> bytes:
        """See ReplyWriter."""
        return PING_COMMENT

    def _begin(self, reply_id: str, served: str) -> bytes:
        if self._head is not None:
            return b""
        self._ids = self._shape.ids(reply_id)
        self._head = self._shape.head(self._ids, served)
        return self._numbered.event("response.created", response=self._head) + self._numbered.event(
            "response.in_progress", response=self._head
        )

    def _begun(self) -> bytes:
        return self._begin("", "") if self._head is None else b""

    def _say(self, event: TextDelta) -> bytes:
        if not event.text and not event.logprobs:
            return b""
        begun = b""
        if self._message is None:
            begun = self._begun() + self._close_thoughts()
            self._message = OpenMessage(self._numbered, *self._place("msg"))
            begun += self._message.begin()
        return begun + self._message.say(event.text, is_refusal=event.is_refusal, logprobs=event.logprobs)

    def _think(self, event: ReasoningDelta) -> bytes:
        if not event.text:
            return b""
        begun = b""
        if self._thoughts is None:
            begun = self._begun() + self._close_message("completed")
            is_summary = event.is_summary or self._shows_summary
            self._thoughts = OpenThoughts(self._numbered, *self._place("rs"), is_summary=is_summary)
            begun += self._thoughts.begin()
        return begun + self._thoughts.think(event.text)

    def _sign(self, event: ReasoningSigned) -> bytes:
        encrypted = sealed(event.blob, event.origin, event.item_id, is_redacted=event.is_redacted)
        begun = b""
        if self._thoughts is not None and event.is_redacted:
            begun = self._close_thoughts()  # thoughts that stand in their blob alone are an item of their own
        if self._thoughts is None:
            begun += self._begun() + self._close_message("completed")
            self._thoughts = OpenThoughts(self._numbered, *self._place("rs"), is_summary=True)
            begun += self._thoughts.begin()
        return begun + self._close_thoughts(encrypted)

    def _call(self, event: ToolCallBegan) -> bytes:
        begun = self._begun() + self._close_thoughts() + self._close_message("completed")
        item_id, place = self._place("ctc" if event.kind == "custom" else "fc")
        call = CallName(event.call_id, event.name, event.kind)
        opened = OpenCall(self._numbered, item_id, place, call, self._shape.spaced)
        self._calls[event.call] = opened
        return begun + opened.begin()

    def _argue(self, event: ArgumentsDelta) -> bytes:
        opened = self._calls.get(event.call)
        if opened is None:  # the finish of another choice has closed it: this format has one choice alone
            raise GarbledError("The upstream went on with a tool call after the finish of its reply.")
        return opened.say(event.text)

    def _end(self, reason: FinishReason) -> bytes:
        self._finish = reason
        status = item_status(reason)
        written = self._begun() + self._close_thoughts() + self._close_message(status)
        for call in self._calls.values():
            events, self._items[call.place] = call.end(status)
            written += events
        self._calls.clear()
        return written

    def _place(self, kind: str) -> tuple[str, int]:
        place = self._n_items
        self._n_items += 1
        return self._ids.item(kind, place), place

    def _close_message(self, status: str) -> bytes:
        message = self._message
        if message is None:
            return b""
        self._message = None
        written, self._items[message.place] = message.end(status)
        return written

    def _close_thoughts(self, encrypted: str | None = None) -> bytes:
        thoughts = self._thoughts
        if thoughts is None:
            return b""
        self._thoughts = None
        written, self._items[thoughts.place] = thoughts.end(encrypted)
        return written
