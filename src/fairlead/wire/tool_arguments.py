"""A tool call's arguments as a JSON object, for the formats that take nothing else."""

from typing import Any, Final

import msgspec

_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_EMPTY: Final = msgspec.Raw(b"{}")


def arguments_object(text: str) -> msgspec.Raw | None:
    """The arguments as they were written; `{}` for none; None when they are not a whole JSON object."""
    if not text.strip():
        return _EMPTY
    try:
        written = text.encode()
        _OBJECT.decode(written)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return msgspec.Raw(written)
