"""Reply: a whole answer in no vendor's words, and fold(events) -> Reply."""

from collections.abc import Iterable
from typing import NamedTuple

from fairlead.domain.content import Part, Reasoning, Text, ToolCall
from fairlead.domain.errors import TruncatedError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    FinishReason,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.usage import Usage

_OfChoice = TextDelta | ReasoningDelta | ReasoningSigned | ToolCallBegan | ArgumentsDelta | ChoiceFinished


class ReplyChoice(NamedTuple):
    """One of the answers."""

    parts: tuple[Part, ...]
    """Text, Reasoning and ToolCall, in the model's order."""
    finish: FinishReason
    number: int = 0
    stop_sequence: str | None = None
    logprobs: bytes | None = None
    """OpenAI's `logprobs.content`: a JSON array, as it came."""


class Reply(NamedTuple):
    """A whole answer."""

    reply_id: str
    served: str
    choices: tuple[ReplyChoice, ...]
    usage: Usage | None = None


class _Draft:
    """One choice while its events come in."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.calls: dict[int, int] = {}
        self.logprobs: list[bytes] = []
        self.finish: ChoiceFinished | None = None

    def take(self, event: _OfChoice) -> None:
        if isinstance(event, TextDelta):
            self.add_text(event)
        elif isinstance(event, ReasoningDelta):
            self.add_reasoning(event)
        elif isinstance(event, ReasoningSigned):
            self.sign(event)
        elif isinstance(event, ToolCallBegan):
            self.begin_call(event)
        elif isinstance(event, ArgumentsDelta):
            self.add_arguments(event)
        else:
            self.finish = event

    def whole(self, number: int) -> ReplyChoice:
        if self.finish is None:
            raise TruncatedError("The upstream's reply has no finish reason.")
        logprobs = b"[" + b",".join(each[1:-1] for each in self.logprobs) + b"]" if self.logprobs else None
        return ReplyChoice(tuple(self.parts), self.finish.reason, number, self.finish.stop_sequence, logprobs)

    def add_text(self, event: TextDelta) -> None:
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Text) and last.is_refusal == event.is_refusal:
            self.parts[-1] = last._replace(text=last.text + event.text)
        elif event.text:
            self.parts.append(Text(event.text, is_refusal=event.is_refusal))
        if event.logprobs:
            self.logprobs.append(event.logprobs)

    def add_reasoning(self, event: ReasoningDelta) -> None:
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Reasoning) and last.blob is None:
            self.parts[-1] = last._replace(text=last.text + event.text)
        else:
            self.parts.append(Reasoning(event.text, is_summary=event.is_summary))

    def sign(self, event: ReasoningSigned) -> None:
        last = self.parts[-1] if self.parts else None
        signed = {"blob": event.blob, "origin": event.origin, "item_id": event.item_id}
        if isinstance(last, Reasoning) and last.blob is None and not event.is_redacted:
            self.parts[-1] = last._replace(blob=event.blob, origin=event.origin, item_id=event.item_id)
        else:
            self.parts.append(Reasoning("", is_redacted=event.is_redacted, **signed))  # type: ignore[arg-type]

    def begin_call(self, event: ToolCallBegan) -> None:
        self.calls[event.call] = len(self.parts)
        self.parts.append(ToolCall(event.call_id, event.name, "", event.kind))

    def add_arguments(self, event: ArgumentsDelta) -> None:
        place = self.calls[event.call]
        call = self.parts[place]
        if isinstance(call, ToolCall):
            self.parts[place] = call._replace(arguments=call.arguments + event.text)


def fold(events: Iterable[Event]) -> Reply:
    """The reply that these events tell.

    Raises: the error of a ReplyFailed; TruncatedError when there is no choice, or one without its finish.
    """
    reply_id = served = ""
    usage: Usage | None = None
    drafts: dict[int, _Draft] = {}
    for event in events:
        if isinstance(event, ReplyBegan):
            reply_id, served = event
        elif isinstance(event, UsageReported):
            usage = event.usage
        elif isinstance(event, ReplyFailed):
            raise event.error
        else:
            drafts.setdefault(event.choice, _Draft()).take(event)
    if not drafts:
        raise TruncatedError("The upstream's reply holds no choices.")
    return Reply(reply_id, served, tuple(drafts[number].whole(number) for number in sorted(drafts)), usage)
