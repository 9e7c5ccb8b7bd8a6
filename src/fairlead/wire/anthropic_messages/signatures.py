"""Signatures: thoughts of whatever origin in Anthropic's thinking blocks, and the way back of each blob to its maker.

Our own signature travels as it came. A blob of another format stands in the `signature` (or the `data` of a redacted
block) as an envelope. Clients send both back untouched.
"""

from typing import Any, Final

import msgspec

from fairlead.domain.content import Reasoning
from fairlead.domain.envelope import Envelope, seal, unseal

ORIGIN: Final = "anthropic_messages"
UNSIGNED: Final = seal(Envelope(ORIGIN, ""))
"""Stands where the format requires a signature and the thoughts have none (DeepSeek's, vLLM's)."""
_SEAL_MARK: Final = UNSIGNED.partition("~")[0].encode() + b"~"
_MESSAGE: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_ENCODER: Final = msgspec.json.Encoder()


class _Block(msgspec.Struct):
    type: str = ""
    signature: str | None = None
    data: str | None = None


_BLOCKS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_BLOCK: Final = msgspec.json.Decoder(_Block)


def wrapped(part: Reasoning) -> str:
    """The text for a client's `signature` or `data`."""
    if part.blob is None:
        return UNSIGNED
    if part.origin is None or part.origin == ORIGIN:
        return part.blob
    return seal(Envelope(part.origin, part.blob, part.item_id, part.is_redacted))


def unwrapped(text: str, blob: str | None, *, is_redacted: bool) -> Reasoning:
    """The thoughts as their maker knows them, from what a client sent back."""
    if not blob or blob == UNSIGNED:
        return Reasoning(text)
    envelope = unseal(blob)
    if envelope is None:
        return Reasoning(text, blob, ORIGIN, is_redacted=is_redacted)
    return Reasoning(
        text, envelope.blob or None, envelope.origin, is_redacted=envelope.is_redacted, item_id=envelope.item_id
    )


def without_foreign_thoughts(messages: msgspec.Raw) -> msgspec.Raw:
    """A request's messages without the thinking blocks that Anthropic has not signed: it would refuse them all.

    Messages that hold none, which is nearly always, are the very bytes that came.
    """
    if _SEAL_MARK not in bytes(messages):
        return messages
    try:
        read = _MESSAGE.decode(messages)
        kept = [message for message in read if _strip(message)]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return messages  # what is no list of messages is the upstream's to refuse
    return msgspec.Raw(_ENCODER.encode(kept))


def _strip(message: dict[str, msgspec.Raw]) -> bool:
    """Take the foreign blocks out; whether anything is left of the message."""
    content = message.get("content")
    if content is None or bytes(content)[:1] != b"[":
        return True
    blocks = _BLOCKS.decode(content)
    kept = [block for block in blocks if not _is_foreign(block)]
    if len(kept) != len(blocks):
        message["content"] = msgspec.Raw(_ENCODER.encode(kept))
    return bool(kept) or not blocks


def _is_foreign(raw: msgspec.Raw) -> bool:
    if _SEAL_MARK not in bytes(raw):
        return False
    block = _BLOCK.decode(raw)
    if block.type not in ("thinking", "redacted_thinking"):
        return False
    blob: Any = block.signature if block.type == "thinking" else block.data
    return bool(blob) and unseal(blob) is not None
