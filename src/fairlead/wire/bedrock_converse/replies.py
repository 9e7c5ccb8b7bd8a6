"""A whole Converse reply, and what whole and streamed replies have in common: how they end, and who served."""

from typing import Any, Final

import msgspec

from fairlead.domain.content import Part, Reasoning, Text, ToolCall
from fairlead.domain.errors import TruncatedError, UpstreamError
from fairlead.domain.events import FinishReason
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.wire.bedrock_converse.usage import WireUsage
from fairlead.wire.odd_counts import reread

_NOTHING: Final = msgspec.Raw(b"")

FINISHES: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
"""What is not here (malformed_model_output, malformed_tool_use, …) is no finish but a failure of the model."""
_REASON_CHARS: Final = 60


class _ToolUse(msgspec.Struct, rename="camel"):
    tool_use_id: str
    name: str
    input: msgspec.Raw = _NOTHING
    type: str | None = None


class _ReasoningText(msgspec.Struct):
    text: str = ""
    signature: str | None = None


class _ReasoningContent(msgspec.Struct, rename="camel"):
    reasoning_text: _ReasoningText | None = None
    redacted_content: str | None = None


class _Cited(msgspec.Struct):
    text: str = ""


class _Citations(msgspec.Struct):
    content: list[_Cited] | None = None


class _Block(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _ReasoningContent | None = None
    citations_content: _Citations | None = None


class _Message(msgspec.Struct):
    content: list[_Block]


class _Output(msgspec.Struct):
    message: _Message


class _PromptRouter(msgspec.Struct, rename="camel"):
    invoked_model_id: str = ""


class WireTrace(msgspec.Struct, rename="camel"):
    """The `trace` object: of a prompt router, whom it chose."""

    prompt_router: _PromptRouter | None = None

    def served(self) -> str:
        """The model that the upstream says serves; "" when it does not."""
        return "" if self.prompt_router is None else self.prompt_router.invoked_model_id


class _Reply(msgspec.Struct, rename="camel"):
    output: _Output
    stop_reason: str | None = None
    usage: WireUsage | None = None
    trace: WireTrace | None = None


_REPLY: Final = msgspec.json.Decoder(_Reply)


def read_reply(body: bytes) -> Reply:
    """A whole reply. Its id stands in a header alone; its model is known to who asked.

    Raises: GarbledError when it is not one, TruncatedError without a finish, UpstreamError for a model's failure.
    """
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look at the UTF-8 of arguments that it leaves raw
        reply = _REPLY.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        reply = reread(_REPLY, body, "The upstream's reply is not a reply of Converse.")
    if not reply.stop_reason:
        raise TruncatedError("The upstream's reply has no finish reason.")
    parts: list[Part] = []
    for block in reply.output.message.content:
        _take(block, parts)
    return Reply(
        reply_id="",
        served="" if reply.trace is None else reply.trace.served(),
        choices=(ReplyChoice(tuple(parts), finish_of(reply.stop_reason)),),
        usage=None if reply.usage is None else reply.usage.usage(),
    )


def finish_of(reason: str) -> FinishReason:
    """The finish that a stop reason means. Raises: UpstreamError for one that is none."""
    finish = FINISHES.get(reason)
    if finish is None:
        named = "".join(c for c in reason[:_REASON_CHARS] if c.isascii() and (c.isalnum() or c == "_"))
        raise UpstreamError(f"The upstream's model did not finish its reply: {named}.", code="upstream_error_in_stream")
    return finish


def _take(block: _Block, parts: list[Part]) -> None:
    if block.text:
        _add_text(block.text, parts)
    elif block.tool_use is not None and block.tool_use.type is None:
        arguments = bytes(block.tool_use.input)
        text = "{}" if arguments in (b"", b"null") else arguments.decode()
        parts.append(ToolCall(block.tool_use.tool_use_id, block.tool_use.name, text))
    elif block.reasoning_content is not None:
        parts += _reasoning(block.reasoning_content)
    elif block.citations_content is not None:
        for cited in block.citations_content.content or ():
            _add_text(cited.text, parts)


def _add_text(text: str, parts: list[Part]) -> None:
    """More words; as in a stream, blocks of them that follow each other are one text."""
    last = parts[-1] if parts else None
    if isinstance(last, Text):
        parts[-1] = last._replace(text=last.text + text)
    elif text:
        parts.append(Text(text))


def _reasoning(content: _ReasoningContent) -> list[Part]:
    if content.redacted_content:
        return [Reasoning("", content.redacted_content, "bedrock_converse", is_redacted=True)]
    text: Any = content.reasoning_text
    if text is None or not (text.text or text.signature):
        return []
    return [Reasoning(text.text, text.signature or None, "bedrock_converse" if text.signature else None)]
