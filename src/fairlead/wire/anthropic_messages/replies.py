"""A whole reply of Anthropic's: checked on the lane, read into the hub."""

from typing import Final

import msgspec

from fairlead.domain.content import Part, Reasoning, Text, ToolCall
from fairlead.domain.errors import GarbledError, MalformedBodyError, TruncatedError
from fairlead.domain.events import FinishReason
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.wire.anthropic_messages.ids import unspelled
from fairlead.wire.anthropic_messages.signatures import ORIGIN, UNSIGNED
from fairlead.wire.anthropic_messages.usage import WireUsage
from fairlead.wire.format import ReadReply
from fairlead.wire.lane import put_together, raw, take_apart
from fairlead.wire.odd_counts import reread
from fairlead.wire.sse import check_text
from fairlead.wire.upstream_words import error_in_reply

_NOTHING: Final = msgspec.Raw(b"")
_ABSENT: Final = frozenset((b"", b"null"))

_FINISHES: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "content_filter",
}


class WireBlock(msgspec.Struct):
    """A content block of a reply."""

    type: str
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = _NOTHING
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None

    def is_call(self) -> bool:
        """Whether a tool of the client's is called. Hosted tools, which run at their provider, have other types."""
        return self.type == "tool_use"


class _Head(msgspec.Struct):
    type: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    content: msgspec.Raw = _NOTHING
    usage: WireUsage | None = None
    error: msgspec.Raw = _NOTHING


class _Message(msgspec.Struct):
    content: list[WireBlock]
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


_HEAD: Final = msgspec.json.Decoder(_Head)
_MESSAGE: Final = msgspec.json.Decoder(_Message)


def finish_of(stop_reason: str) -> FinishReason:
    """The reason in our words. One that is new says at least that the model has stopped."""
    return _FINISHES.get(stop_reason, "stop")


def check_reply(body: bytes, sent: str) -> ReadReply:
    """The lane: check that this is a finished reply, and let it go as it came.

    Raises: GarbledError when it is not a reply (a 200 with an error or a page inside); TruncatedError without a finish.
    """
    head = _head(body)
    check_text(body)
    if not head.model:
        # A reply says who served; an upstream that does not gets the name that we sent.
        try:
            members = take_apart(body)
        except MalformedBodyError:
            raise GarbledError("The upstream's reply is not well-formed JSON.") from None
        members["model"] = raw(sent)
        body = put_together(members)
    return ReadReply(body, head.model or sent, head.usage.usage() if head.usage else None)


def read_reply(body: bytes) -> Reply:
    """The reply in no vendor's words. Citations and the items of hosted tools have none and stay behind.

    Raises: GarbledError, TruncatedError, as check_reply.
    """
    head = _head(body)
    try:
        message = _MESSAGE.decode(body)
        parts = _parts(message.content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise GarbledError("The upstream's reply is not the JSON of a message.") from None
    choice = ReplyChoice(parts, finish_of(message.stop_reason or ""), 0, message.stop_sequence)
    return Reply(message.id or "", message.model or "", (choice,), head.usage.usage() if head.usage else None)


def _head(body: bytes) -> _Head:
    try:
        head = _HEAD.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        head = reread(_HEAD, body, "The upstream's reply is not the JSON of a message.")
    if head.type == "error" or bytes(head.error) not in _ABSENT:
        raise error_in_reply(body)
    if bytes(head.content)[:1] != b"[":
        raise GarbledError("The upstream's reply holds no content.")
    if not head.stop_reason:
        raise TruncatedError("The upstream's reply has no stop reason.")
    return head


def _parts(blocks: list[WireBlock]) -> tuple[Part, ...]:
    """The parts; text that citations cut into blocks is one, and so are thoughts until they are signed."""
    parts: list[Part] = []
    for block in blocks:
        part = _part(block)
        last = parts[-1] if parts else None
        if isinstance(part, Text) and isinstance(last, Text):
            parts[-1] = Text(last.text + part.text)
        elif isinstance(part, Reasoning) and not part.is_redacted and isinstance(last, Reasoning) and not last.blob:
            parts[-1] = part._replace(text=last.text + part.text)
        elif part is not None:
            parts.append(part)
    return tuple(parts)


def _part(block: WireBlock) -> Part | None:
    if block.type == "text":
        return Text(block.text) if block.text else None
    if block.is_call():
        return ToolCall(unspelled(block.id or ""), block.name or "", arguments_of(block))
    if block.type == "thinking":
        signature = block.signature if block.signature and block.signature != UNSIGNED else None
        if not block.thinking and signature is None:
            return None
        return Reasoning(block.thinking or "", signature, ORIGIN if signature else None)
    if block.type == "redacted_thinking" and block.data:
        return Reasoning("", block.data, ORIGIN, is_redacted=True)
    return None


def arguments_of(block: WireBlock) -> str:
    """A call's whole arguments. Raises: UnicodeDecodeError."""
    return bytes(block.input).decode() or "{}"
