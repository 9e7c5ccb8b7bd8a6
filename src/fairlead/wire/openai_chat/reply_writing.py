"""A reply of the hub -> a whole chat completion for a client."""

from typing import Any, Final

import msgspec

from fairlead.domain.content import Reasoning, Text, ToolCall
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.wire.openai_chat.reasoning import details_of
from fairlead.wire.openai_chat.usage import write_usage

_ENCODER: Final = msgspec.json.Encoder()
FINISHES: Final = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "pause": "stop",
}


def write_chat_reply(reply: Reply, *, reply_id: str, created_s: int) -> bytes:
    """The body."""
    return _ENCODER.encode(
        {
            "id": reply_id or reply.reply_id,
            "object": "chat.completion",
            "created": created_s,
            "model": reply.served,
            "choices": [_choice(choice) for choice in reply.choices],
            "usage": write_usage(reply.usage) if reply.usage is not None else None,
        }
    )


def _choice(choice: ReplyChoice) -> dict[str, Any]:
    texts = [part.text for part in choice.parts if isinstance(part, Text) and not part.is_refusal]
    refusals = [part.text for part in choice.parts if isinstance(part, Text) and part.is_refusal]
    thoughts = [part for part in choice.parts if isinstance(part, Reasoning)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if thoughts:
        message["reasoning_content"] = "".join(part.text for part in thoughts)
        if any(part.blob for part in thoughts):
            message["reasoning_details"] = details_of(choice.parts)
    calls = [call_object(part) for part in choice.parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = calls
    logprobs = {"content": msgspec.Raw(choice.logprobs), "refusal": None} if choice.logprobs is not None else None
    return {
        "index": choice.number,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": FINISHES[choice.finish],
    }


def call_object(call: ToolCall) -> dict[str, Any]:
    """A tool call as a message has it."""
    if call.kind == "custom":
        return {"id": call.call_id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
