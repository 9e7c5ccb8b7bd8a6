"""Turns of the user's of which a format can carry nothing: refused, since their loss would leave nothing to answer."""

from collections.abc import Iterable, Mapping, Sequence

from fairlead.domain.content import Media, Turn
from fairlead.domain.errors import InvalidOptionError


def media_kinds(turn: Turn) -> list[str]:
    """What is lost with the whole of a turn that an upstream cannot be sent."""
    return [part.kind for part in turn.parts if isinstance(part, Media)]


def refuse_lost(turns: Sequence[Turn], lost: Mapping[int, Iterable[str]]) -> None:
    """Of what the user says in a row, something must be left. `lost`: kinds of parts by the place of a lost turn.

    Raises: InvalidOptionError.
    """
    if not lost:
        return
    kinds: dict[str, None] = {}
    is_any_left = False
    for place, turn in enumerate(turns):
        if turn.role == "user" and place in lost:
            kinds |= dict.fromkeys(lost[place])
        elif turn.role == "user":
            is_any_left = True
        elif turn.role == "assistant":
            _check(kinds, is_any_left=is_any_left)
            kinds, is_any_left = {}, False
    _check(kinds, is_any_left=is_any_left)


def _check(kinds: dict[str, None], *, is_any_left: bool) -> None:
    if kinds and not is_any_left:
        named = ", ".join(kinds)[:80]
        raise InvalidOptionError(
            f"A message holds nothing that this model can be sent ({named}): say it in text, or ask another model.",
            param="messages",
        )
