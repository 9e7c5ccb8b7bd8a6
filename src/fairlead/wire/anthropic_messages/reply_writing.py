"""A reply of the hub -> a message for a client."""

from typing import Final

import msgspec

from fairlead.domain.content import Opaque, Part, Reasoning, Text, ToolCall
from fairlead.domain.events import FinishReason
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.wire.anthropic_messages.content_writing import EMPTY_INPUT, Block, input_of
from fairlead.wire.anthropic_messages.ids import spelled
from fairlead.wire.anthropic_messages.signatures import ORIGIN, wrapped
from fairlead.wire.anthropic_messages.usage import write_usage

_ENCODER: Final = msgspec.json.Encoder()
_SIGNS_ITS_TEXT: Final = frozenset((ORIGIN, "bedrock_converse"))
"""Whose blob is a signature over the thoughts, and worth nothing without them."""
_CUT: Final = frozenset(("length", "content_filter"))
"""The finishes that may come in the middle of a call."""
_STOPS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
}


def stop_reason(finish: FinishReason, *, stop_sequence: str | None, has_calls: bool, has_refusal: bool) -> str:
    """The reason in Anthropic's words, by which its clients know whether they have tools to run.

    Some upstreams say `stop` beside tool calls, and OpenAI's says so beside a refusal; here both have their own word.
    """
    if finish == "stop":
        if has_calls:
            return "tool_use"
        if has_refusal:
            return "refusal"
        if stop_sequence is not None:
            return "stop_sequence"
    return _STOPS[finish]


def write_reply(reply: Reply, *, reply_id: str, wants_thinking: bool) -> bytes:
    """The message's JSON. The format has one choice: the first."""
    choice = reply.choices[0]
    return _ENCODER.encode(
        {
            "id": reply_id or reply.reply_id,
            "type": "message",
            "role": "assistant",
            "model": reply.served,
            "content": _content(choice, wants_thinking=wants_thinking),
            "stop_reason": _stop_of(choice),
            "stop_sequence": choice.stop_sequence,
            "usage": write_usage(reply.usage),
        }
    )


def thoughts_block(part: Reasoning) -> dict[str, str]:
    """Thoughts with their blob."""
    if part.is_redacted and part.blob is not None:
        return {"type": "redacted_thinking", "data": wrapped(part)}
    return {"type": "thinking", "thinking": part.text, "signature": wrapped(part)}


def blob_block(part: Reasoning) -> dict[str, str]:
    """The blob for a client that has not asked for thoughts: without them, unless their maker needs both together."""
    if part.origin in _SIGNS_ITS_TEXT:
        return thoughts_block(part)
    return {"type": "redacted_thinking", "data": wrapped(part)}


def _content(choice: ReplyChoice, *, wants_thinking: bool) -> list[Block]:
    """The blocks.

    A client that has not asked for thoughts takes the first block for the answer: it gets only the blobs before a tool
    call, since a provider may refuse the tool's result without them.
    """
    parts = choice.parts
    last_call = max((place for place, part in enumerate(parts) if isinstance(part, ToolCall)), default=-1)
    written: list[Block] = []
    for place, part in enumerate(parts):
        if isinstance(part, Reasoning) and not wants_thinking:
            if part.blob is not None and place < last_call:
                written.append(blob_block(part))
            continue
        block = _block(part, is_cut=choice.finish in _CUT)
        if block is not None:
            written.append(block)
    return written


def _stop_of(choice: ReplyChoice) -> str:
    return stop_reason(
        choice.finish,
        stop_sequence=choice.stop_sequence,
        has_calls=any(isinstance(part, ToolCall) for part in choice.parts),
        has_refusal=any(isinstance(part, Text) and part.is_refusal for part in choice.parts),
    )


def _block(part: Part, *, is_cut: bool) -> Block | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, ToolCall):
        arguments, was_object = input_of(part.arguments, part.kind)
        if is_cut and not was_object and part.kind == "function":
            # Half a JSON text is none of the tool's parameters. A stream shows it as it came; here there is no place.
            arguments = EMPTY_INPUT
        return {"type": "tool_use", "id": spelled(part.call_id), "name": part.name, "input": arguments}
    if isinstance(part, Reasoning):
        return thoughts_block(part)
    if isinstance(part, Opaque) and part.origin == ORIGIN:
        return msgspec.Raw(part.raw)
    return None
