"""A custom tool's `format`: this format nests its grammar; the hub's is flat, as in Responses (openai SDK 3.54.0)."""

from typing import Final

import msgspec

_ENCODE: Final = msgspec.json.Encoder().encode


class _Grammar(msgspec.Struct):
    syntax: str
    definition: str


class _Nested(msgspec.Struct, tag_field="type", tag="grammar"):
    grammar: _Grammar


class _Flat(msgspec.Struct, tag_field="type", tag="grammar"):
    syntax: str
    definition: str


_NESTED: Final = msgspec.json.Decoder(_Nested)
_FLAT: Final = msgspec.json.Decoder(_Flat)


def flat(written: bytes) -> bytes:
    """{"type": "grammar", "grammar": {…}} with its grammar's members beside the type; anything else as it came."""
    try:
        grammar = _NESTED.decode(written).grammar
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return written
    return _ENCODE(_Flat(grammar.syntax, grammar.definition))


def nested(written: bytes) -> bytes:
    """The other way."""
    try:
        grammar = _FLAT.decode(written)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return written
    return _ENCODE(_Nested(_Grammar(grammar.syntax, grammar.definition)))
