"""The events of a reply, in the order in which they may come.

    ReplyBegan? content* ChoiceFinished+ UsageReported*
    content = TextDelta | ReasoningDelta | ReasoningSigned | ToolCallBegan | ArgumentsDelta

with the content of several choices interleaved. A reader hands them on as the upstream sends them; it never makes a
ChoiceFinished that no upstream sent. ToolCallBegan comes before the call's ArgumentsDelta. ReplyFailed may come at any
moment and is the last: readers do not raise, so that what came before a failure is told however the bytes are cut.
"""

from typing import Literal, NamedTuple

from fairlead.domain.content import FormatName, ToolKind
from fairlead.domain.errors import UpstreamError
from fairlead.domain.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "pause"]
"""`content_filter` includes a model's refusal; `pause` asks the client to send the reply back to have it go on."""


class ReplyBegan(NamedTuple):
    """The upstream has begun: its own id of the reply, and the model that it says serves."""

    reply_id: str
    served: str


class TextDelta(NamedTuple):
    """More words."""

    text: str
    choice: int = 0
    is_refusal: bool = False
    logprobs: bytes | None = None
    """OpenAI's `logprobs.content` of these tokens: a JSON array, as it came."""


class ReasoningDelta(NamedTuple):
    """More thoughts, or more of their summary."""

    text: str
    choice: int = 0
    is_summary: bool = False


class ReasoningSigned(NamedTuple):
    """The thoughts so far are complete and this is their blob; see `content.Reasoning`."""

    blob: str | None
    origin: FormatName
    choice: int = 0
    is_redacted: bool = False
    item_id: str | None = None


class ToolCallBegan(NamedTuple):
    """A tool call begins; `call` counts the calls of its choice from 0."""

    call: int
    call_id: str
    """Empty where the upstream gave none; see `content.ToolCall`."""
    name: str
    choice: int = 0
    kind: ToolKind = "function"


class ArgumentsDelta(NamedTuple):
    """More of a call's arguments."""

    call: int
    text: str
    choice: int = 0


class ChoiceFinished(NamedTuple):
    """A choice is complete, for the reason that the upstream gave."""

    reason: FinishReason
    choice: int = 0
    stop_sequence: str | None = None


class UsageReported(NamedTuple):
    """What the upstream counted so far; a later report replaces an earlier one."""

    usage: Usage


class ReplyFailed(NamedTuple):
    """The reply is over without being whole: an error in the stream, bytes that are not the format, or a cut."""

    error: UpstreamError


Event = (
    ReplyBegan
    | TextDelta
    | ReasoningDelta
    | ReasoningSigned
    | ToolCallBegan
    | ArgumentsDelta
    | ChoiceFinished
    | UsageReported
    | ReplyFailed
)
