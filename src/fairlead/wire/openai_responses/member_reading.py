"""Reading a member strictly: what is wrong with it is said with its place, in a 400."""

from typing import Final, TypeVar

import msgspec

from fairlead.domain.errors import InvalidOptionError, MalformedBodyError, RequestError
from fairlead.wire.lane import what_is_wrong

_T = TypeVar("_T")
_MAX_PARAM_CHARS: Final = 120
_MAX_SAID_CHARS: Final = 200
"""Of a client's own text, at most this much is sent back."""
NOTHING: Final = msgspec.Raw(b"")


def read_member(data: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_T], where: str) -> _T:
    """The member called `where`; "" for the body itself.

    Raises: InvalidOptionError for another shape; MalformedBodyError for what is not JSON.
    """
    try:
        return decoder.decode(data)
    except RecursionError:
        raise InvalidOptionError(f"'{where or 'body'}' is nested too deeply.", param=where or None) from None
    except UnicodeDecodeError:
        raise MalformedBodyError("The body holds text that is not UTF-8.") from None
    except msgspec.ValidationError as error:
        raise _invalid(error, where) from None
    except msgspec.DecodeError as error:
        raise MalformedBodyError(f"The body is not valid JSON: {what_is_wrong(error)}.") from None


def has(member: msgspec.Raw) -> bool:
    """Whether a member is there with another value than null."""
    return bytes(member) not in (b"", b"null")


def _invalid(error: msgspec.ValidationError, where: str) -> RequestError:
    what, _, path = str(error).partition(" - at `$")
    param = (where + path.removesuffix("`")).lstrip(".")[:_MAX_PARAM_CHARS]
    what = what[:_MAX_SAID_CHARS]
    return InvalidOptionError(f"{what} in '{param}'." if param else f"{what}.", param=param or None)
