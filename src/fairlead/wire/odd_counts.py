"""Counts that are spelled otherwise: 10.0, "10", more than 64 bits. A reply is no worse for them.

Decoders read counts as whole numbers, which is quick; a reply that fails for its usage alone is read again here.
"""

from typing import Any, Final, TypeVar

import msgspec

from fairlead.domain.errors import GarbledError

_T = TypeVar("_T")
_USAGES: Final = ("usage", "usageMetadata")
_INNER: Final = "message"
"""Where Anthropic's message_start has its usage."""
_LARGEST: Final = 2**63
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL: Final = msgspec.Raw(b"null")


def reread(decoder: msgspec.json.Decoder[_T], data: bytes | msgspec.Raw, otherwise: str) -> _T:
    """What a decoder that has failed reads once the counts are whole numbers, or unknown.

    Raises: GarbledError, in the words of `otherwise`, when something else is wrong.
    """
    text = bytes(data)
    try:
        if not text.isascii():
            text.decode()  # msgspec does not look at the UTF-8 of what it leaves raw
        members = _mended(_MEMBERS.decode(text))
        if members is not None:
            return decoder.decode(msgspec.json.encode(members))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    raise GarbledError(otherwise) from None


def _mended(members: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw] | None:
    """The members with counts that can be read; None when no usage is among them."""
    has_usage = False
    for name in _USAGES:
        if name in members:
            has_usage = True
            usage = _counts(_decoded(members[name]))
            members[name] = msgspec.Raw(msgspec.json.encode(usage)) if isinstance(usage, dict) else _NULL
    inner = members.get(_INNER)
    if inner is not None and bytes(inner)[:1] == b"{":
        mended = _mended(_MEMBERS.decode(inner))
        if mended is not None:
            has_usage = True
            members[_INNER] = msgspec.Raw(msgspec.json.encode(mended))
    return members if has_usage else None


def _decoded(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:  # a number that no float holds
        return None


def _counts(value: Any) -> Any:
    """The same with whole numbers alone; whatever is none is unknown."""
    if isinstance(value, dict):
        return {name: _counts(each) for name, each in value.items()}
    if isinstance(value, str):
        try:
            value = float(value) if value.isascii() and len(value) <= 20 else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST < value < _LARGEST:
        return None
    return int(value) if value == int(value) else None
