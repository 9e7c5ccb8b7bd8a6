"""Asking: what a model name in a request means: a choice among many, or one model and no other."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairlead.domain.errors import UnknownModelError
from fairlead.routing.pool import Bools, Pool
from fairlead.routing.preferences import Preset

VIRTUAL: Final = "auto"
_PREFIX: Final = "auto:"
_QUOTED_CHARS: Final = 80
"""A wrong name is quoted back at most this long: it is the client's text, not ours."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for."""

    policy: str
    """`auto`, `auto:cost` …, or `concrete`."""
    preset: Preset
    """The weights that order the arms; for a concrete model they order its endpoints."""
    members: Bools
    """Which arms are in question; shape (n_arms,)."""
    ranks: tuple[tuple[int, ...], ...] = ()
    """For a list of named models: their arms, in the order asked; empty for a free choice."""

    @property
    def is_concrete(self) -> bool:
        """True when the client named the model, so that no other may serve."""
        return self.policy == "concrete"


class Names:
    """All names of one configuration: virtual ones, presets, and every spelling of every model."""

    def __init__(self, pool: Pool, presets: Mapping[str, Preset], default: Preset) -> None:
        self._pool = pool
        self._default = default
        self._virtual = {VIRTUAL: Asked(VIRTUAL, default, pool.in_default)}
        for name, preset in presets.items():
            self._virtual[_PREFIX + name] = Asked(_PREFIX + name, preset, self._candidates(preset))
        self._concrete: dict[str, Asked] = {}

    @property
    def virtual(self) -> tuple[str, ...]:
        """The virtual models, `auto` first."""
        return tuple(self._virtual)

    def resolve(self, asked: str, alternatives: tuple[str, ...] = ()) -> Asked:
        """What a request's `model` and `models` mean.

        Raises: UnknownModelError with the nearest names.
        """
        free = self._virtual.get(asked)
        if free is not None:
            return self._among(free, alternatives) if alternatives else free
        if not alternatives:
            known = self._concrete.get(asked)
            if known is None:
                known = self._named(asked)
                if len(self._concrete) < self._pool.n_arms * 8:  # bounded: clients choose the spelling
                    self._concrete[asked] = known
            return known
        return self._named(asked, alternatives)

    def _among(self, free: Asked, names: tuple[str, ...]) -> Asked:
        members = np.zeros(self._pool.n_arms, dtype=np.bool_)
        for name in names:
            members[list(self._arms(name, "models"))] = True
        return Asked(free.policy, free.preset, members)

    def _named(self, asked: str, alternatives: tuple[str, ...] = ()) -> Asked:
        names = dict.fromkeys((asked, *alternatives) if asked or not alternatives else alternatives)
        ranks = tuple(self._arms(name, "model" if name == asked else "models") for name in names)
        members = np.zeros(self._pool.n_arms, dtype=np.bool_)
        for arms in ranks:
            members[list(arms)] = True
        return Asked("concrete", self._default, members, ranks)

    def _arms(self, name: str, member: str) -> tuple[int, ...]:
        arms = self._pool.names.get(name.lower())
        if arms is None:
            raise UnknownModelError(self._unknown(name, member), param=member)
        return arms

    def _unknown(self, name: str, member: str) -> str:
        if name in self._virtual:
            return f"'{name}' chooses a model and is none: 'models' takes models, 'model' takes '{name}'."
        shown = name[:_QUOTED_CHARS]
        known = [*(self._virtual if member == "model" else ()), *self._pool.names]
        near = difflib.get_close_matches(shown.lower(), known, n=3, cutoff=0.5)
        hint = f" Nearest: {', '.join(near)}." if near else ""
        return f"No model is called {shown!r} here.{hint} GET /v1/models lists them all; 'auto' chooses one."

    def _candidates(self, preset: Preset) -> Bools:
        """An operator's preset may use what it names, even what plain `auto` leaves out."""
        return self._pool.is_chat if preset.wishes.allowed_models else self._pool.in_default
