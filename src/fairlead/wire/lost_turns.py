"""Turns of the user's of which a format can carry nothing: refused, since their loss would leave nothing to answer."""

from collections.abc import Iterable

from fairlead.domain.content import Media, Role, Turn
from fairlead.domain.errors import InvalidOptionError


class LostTurns:
    """Watches one conversation as it is read or written; of what the user says in a row, something must be left."""

    __slots__ = ("_is_any_left", "_lost")

    def __init__(self) -> None:
        self._lost: dict[str, None] = {}
        self._is_any_left = False

    def wrote(self, turn: Turn, *, is_any_left: bool) -> None:
        """Take a turn of the hub as it was written. Raises: as `take`."""
        self.take(turn.role, [part.kind for part in turn.parts if isinstance(part, Media)], is_any_left=is_any_left)

    def take(self, role: Role, kinds: Iterable[str], *, is_any_left: bool) -> None:
        """Take a turn that held parts of these kinds. Raises: InvalidOptionError for what the user said before it."""
        if role == "user":
            self._is_any_left = self._is_any_left or is_any_left
            if not is_any_left:
                self._lost |= dict.fromkeys(kinds)
        elif role == "assistant":
            self.end()

    def end(self) -> None:
        """Nothing more is said in this row. Raises: InvalidOptionError."""
        if self._lost and not self._is_any_left:
            kinds = ", ".join(self._lost)[:80]
            raise InvalidOptionError(
                f"A message holds nothing that this model can be sent ({kinds}): say it in text, or ask another model.",
                param="messages",
            )
        self._lost = {}
        self._is_any_left = False
