"""Signed thoughts that clients send back: who can read them, and messages without those that nobody here can."""

from typing import Final, cast

import msgspec

from fairlead.domain.content import FormatName
from fairlead.wire.openai_chat.reasoning import OURS

_ENCODER: Final = msgspec.json.Encoder()
_BESIDE: Final = ("reasoning_content", "reasoning")
"""Members that hold the same thoughts without their blobs."""


class _Mark(msgspec.Struct):
    format: str | None = None
    signature: str | None = None
    data: str | None = None


_MARKS: Final = msgspec.json.Decoder(list[_Mark] | None)
_ENTRIES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MESSAGES: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def signer_of(details: msgspec.Raw) -> FormatName | None:
    """The format of whoever made a blob that we have handed out; None for what others did, their own in other names."""
    try:
        marks = _MARKS.decode(details) or ()
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None  # the upstream's to refuse
    names = [mark.format for mark in marks if mark.format in OURS and (mark.signature or mark.data)]
    return cast("FormatName", names[-1]) if names else None


def without_foreign_thoughts(messages: msgspec.Raw) -> msgspec.Raw:
    """A request's messages without the thoughts that came from upstreams of other formats, through us.

    Many upstreams of this format refuse members that they do not know, and none can read these. What an upstream of
    this format thought itself stays: it came, and goes back, without our names in it.
    """
    try:
        read = _MESSAGES.decode(messages)
        for message in read:
            _strip(message)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return messages  # what is no list of messages is the upstream's to refuse
    return msgspec.Raw(_ENCODER.encode(read))


def _strip(message: dict[str, msgspec.Raw]) -> None:
    details = message.get("reasoning_details")
    if details is None or signer_of(details) is None:
        return
    for name in _BESIDE:
        message.pop(name, None)
    marks = _MARKS.decode(details) or ()
    kept = [entry for entry, mark in zip(_ENTRIES.decode(details), marks, strict=True) if not _is_ours(mark)]
    if kept:
        message["reasoning_details"] = msgspec.Raw(_ENCODER.encode(kept))
    else:
        del message["reasoning_details"]


def _is_ours(mark: _Mark) -> bool:
    """Signed, in our names; or unsigned thoughts beside such."""
    return mark.format in OURS or (mark.format is None and not mark.signature and not mark.data)
