"""Quirks: what a provider of OpenAI's chat format takes otherwise, as data: members renamed, left out or capped.

The data stands beside the provider's address (`providers/data/endpoints.toml`); nothing here knows a provider's name.
It is applied to the body that goes out, whether it came on the lane or out of a translation.
"""

from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from fairlead.domain.request import Loss
from fairlead.wire.lane import Members, raw

_STOP: Final = "stop"
_NULL: Final = b"null"


class Quirks(NamedTuple):
    """One provider's deviations; `as_of` is the day on which its documentation was read."""

    as_of: date | None = None
    rename: tuple[tuple[str, str], ...] = ()
    """OpenAI's name of a member -> the provider's."""
    drop: tuple[tuple[str, str], ...] = ()
    """A member that the provider refuses -> why it is left out."""
    omit: tuple[str, ...] = ()
    """Members that say nothing new to it, which it refuses all the same: no loss."""
    most: tuple[tuple[str, int], ...] = ()
    """A member that holds a number -> the largest that the provider takes."""
    max_stop: int | None = None
    """How many stop sequences it takes."""

    def __bool__(self) -> bool:
        return bool(self.rename or self.drop or self.omit or self.most or self.max_stop is not None)


NONE: Final = Quirks()


def apply(members: Members, quirks: Quirks) -> tuple[Loss, ...]:
    """Change the members of a chat request to what this provider takes; what was lost on the way.

    A renamed member loses nothing. One that is null was not meant, and is no loss.
    """
    losses: list[Loss] = []
    for name, why in quirks.drop:
        if (value := members.pop(name, None)) is not None and bytes(value) != _NULL:
            losses.append(Loss(name, why))
    for name in quirks.omit:
        members.pop(name, None)
    for name, most in quirks.most:
        given = _value(members.get(name))
        if isinstance(given, int | float) and given > most:
            members[name] = raw(most)
            losses.append(Loss(name, f"The provider takes at most {most}."))
    if quirks.max_stop is not None:
        given = _value(members.get(_STOP))
        if isinstance(given, list) and len(given) > quirks.max_stop:
            members[_STOP] = raw(given[: quirks.max_stop])
            losses.append(Loss(_STOP, f"The provider takes at most {quirks.max_stop} stop sequences."))
    for name, theirs in quirks.rename:
        if (value := members.pop(name, None)) is not None and bytes(value) != _NULL:
            members.setdefault(theirs, value)
    return tuple(losses)


def _value(member: msgspec.Raw | None) -> Any:
    """A member's value; None when it is none, or cannot be read: the provider will say so."""
    if member is None:
        return None
    try:
        return msgspec.json.decode(member)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
