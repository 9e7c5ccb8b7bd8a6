"""The same-format lane: take a request apart into its top-level members, change a few, put it together again.

Every other member keeps its bytes, spaces and number spelling included. Duplicate keys collapse to the last on reading,
and what is written is what was read: nobody downstream can be shown another request than the one we decided on.
"""

from collections.abc import Collection
from typing import Any, Final

import msgspec

from fairlead.domain.errors import InvalidOptionError, MalformedBodyError

Members = dict[str, msgspec.Raw]

_MEMBERS: Final = msgspec.json.Decoder(Members)
_ENCODER: Final = msgspec.json.Encoder()


def take_apart(body: bytes) -> Members:
    """The top-level members of a JSON object, each as the bytes it came in.

    Raises: MalformedBodyError for anything but one well-formed JSON object in UTF-8.
    """
    try:
        if not body.isascii():
            body.decode()  # msgspec skips over strings that nobody asked for without looking at their UTF-8
        return _MEMBERS.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"The body is not UTF-8: a wrong byte at position {error.start}.") from None
    except RecursionError:
        raise MalformedBodyError("The body is nested too deeply.") from None
    except msgspec.ValidationError:
        raise MalformedBodyError("The body is JSON but not an object: send {…}.") from None
    except msgspec.DecodeError as error:
        raise MalformedBodyError(f"The body is not valid JSON: {what_is_wrong(error)}.") from None


def refuse_lookalikes(members: Members, deciding: Collection[str]) -> None:
    """Some servers (those in Go, Ollama among them) read `Model` as `model`: it would undo what was decided.

    Raises: InvalidOptionError for a name that differs from a deciding one in its case alone.
    """
    for name in members:
        if name not in deciding and name.lower() in deciding:
            raise InvalidOptionError(f"Write {name.lower()!r} in lower case.", param=name[:40])


def put_together(members: Members) -> bytes:
    """The JSON object of these members."""
    return _ENCODER.encode(members)


def raw(value: Any) -> msgspec.Raw:
    """A value of ours as a member."""
    return msgspec.Raw(_ENCODER.encode(value))


def what_is_wrong(error: msgspec.MsgspecError) -> str:
    """The decoder's complaint in words that a client can use; it quotes no content of the body."""
    text = str(error).removeprefix("JSON is malformed: ")
    return "it ends too early, or holds an invalid escape" if text == "Input data was truncated" else text
