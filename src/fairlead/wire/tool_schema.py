"""A tool's schema for the formats that require the word that its arguments are an object."""

from typing import Final

import msgspec

NO_ARGUMENTS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
"""For a tool without a schema, where a declaration must hold one."""
_SCHEMA: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder()
_OBJECT: Final = msgspec.Raw(b'"object"')


def object_schema(schema: bytes) -> msgspec.Raw:
    """The schema as it came, with `"type": "object"` where it leaves its type out, as others let one do."""
    try:
        members = _SCHEMA.decode(schema)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return msgspec.Raw(schema)  # the upstream's to refuse, in its own words
    if "type" in members:
        return msgspec.Raw(schema)
    return msgspec.Raw(_ENCODER.encode({"type": _OBJECT, **members}))
