"""Items of a reply's output -> events, and the response's status -> its finish; for whole replies and streams alike."""

from typing import Final

import msgspec

from fairlead.domain.content import ToolKind
from fairlead.domain.errors import TruncatedError, UpstreamError
from fairlead.domain.events import (
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    TextDelta,
    ToolCallBegan,
)
from fairlead.wire.openai_responses.usage import WireUsage
from fairlead.wire.upstream_words import said_in

NOTHING: Final = msgspec.Raw(b"")


class OutputPart(msgspec.Struct):
    """A part of a message, of a summary or of thoughts."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    logprobs: msgspec.Raw = NOTHING


class OutputItem(msgspec.Struct):
    """An item of output: those of its members that mean something here."""

    type: str = ""
    id: str | None = None
    content: list[OutputPart] | None = None
    summary: list[OutputPart] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _Kind(msgspec.Struct):
    type: str = ""


class IncompleteDetails(msgspec.Struct):
    """Why a response is not complete."""

    reason: str | None = None


class Response(msgspec.Struct):
    """The response object: those of its members that mean something here."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    error: msgspec.Raw = NOTHING
    incomplete_details: IncompleteDetails | None = None
    output: list[msgspec.Raw] | None = None
    usage: WireUsage | None = None


RESPONSE: Final = msgspec.json.Decoder(Response)
_ITEM: Final = msgspec.json.Decoder(OutputItem)
_KIND: Final = msgspec.json.Decoder(_Kind)
_OURS: Final = frozenset(("message", "reasoning", "function_call", "custom_tool_call"))
CALLS: Final = frozenset(("function_call", "custom_tool_call"))


def read_item(raw: msgspec.Raw) -> OutputItem | None:
    """The item; None for one of a hosted tool, of which the hub knows nothing. Raises: msgspec.MsgspecError."""
    return _ITEM.decode(raw) if _KIND.decode(raw).type in _OURS else None


def begin_call(item: OutputItem, call: int) -> ToolCallBegan:
    """The event that a call begins."""
    kind: ToolKind = "custom" if item.type == "custom_tool_call" else "function"
    return ToolCallBegan(call, item.call_id or item.id or "", item.name or "", kind=kind)


def arguments_of(item: OutputItem) -> str:
    """What a call says."""
    return (item.input if item.type == "custom_tool_call" else item.arguments) or ""


def logprobs_of(raw: msgspec.Raw) -> bytes | None:
    """A list of logprobs as it came; None when it is empty or none."""
    told = bytes(raw)
    return told if told[:1] == b"[" and told[1:-1].strip() else None


def events_of_message(item: OutputItem) -> list[Event]:
    """A message that comes whole."""
    events: list[Event] = []
    for part in item.content or ():
        if part.refusal:
            events.append(TextDelta(part.refusal, is_refusal=True))
        elif part.text:
            events.append(TextDelta(part.text, logprobs=logprobs_of(part.logprobs)))
    return events


def events_of_thoughts(item: OutputItem) -> list[Event]:
    """Thoughts that come whole, without their signature."""
    summary = "\n\n".join([part.text or "" for part in item.summary or ()])
    told = "".join([part.text or "" for part in item.content or ()])
    events: list[Event] = []
    if summary:
        events.append(ReasoningDelta(summary, is_summary=True))
    if told:
        events.append(ReasoningDelta(told))
    return events


def signature_of(item: OutputItem, *, has_text: bool) -> list[Event]:
    """The signature of thoughts, if they have one."""
    if not item.encrypted_content:
        return []
    return [ReasoningSigned(item.encrypted_content, "openai_responses", is_redacted=not has_text, item_id=item.id)]


def finish_of(response: Response, n_calls: int) -> ChoiceFinished | UpstreamError:
    """How a response ended, or why it is none."""
    if response.status == "completed":
        return ChoiceFinished("tool_calls" if n_calls else "stop")
    if response.status == "incomplete":
        reason = response.incomplete_details.reason if response.incomplete_details else None
        if reason == "max_output_tokens":
            return ChoiceFinished("length")
        if reason == "content_filter":
            return ChoiceFinished("content_filter")
        return TruncatedError("The upstream left its reply incomplete, for no reason that is known here.")
    if response.status == "failed" or bytes(response.error) not in (b"", b"null"):
        error = UpstreamError("The upstream reported that the reply failed.", code="upstream_error_in_reply")
        error.said = said_in(bytes(response.error))
        return error
    return TruncatedError("The upstream's reply does not say that it is completed.")
