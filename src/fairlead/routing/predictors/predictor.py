"""Predictor: the seam between the router and whatever foretells how each model will do on a prompt.

A predictor is bound once to the models of a pool and then asked per request. Nothing else of the house knows what is
inside: benchmark figures today, learned maps tomorrow.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import ModelCard
from fairlead.domain.decision import Basis, PromptTraits
from fairlead.domain.outline import Outline
from fairlead.routing.features.language_table import CODES

Floats = NDArray[np.float64]


class Forecast:
    """What is foretold for each bound model on one prompt.

    Shapes: figures (4, n_models), its rows the four below; kind_shares (n_kinds,), empty where no kinds are read.
    Units: difficulty in logits, None where none is read.
    """

    __slots__ = ("_figures", "_kind_shares", "_n_kinds", "_n_models", "block", "difficulty")

    def __init__(
        self,
        figures: Floats | None,
        kind_shares: Sequence[float] = (),
        difficulty: float | None = None,
        block: Any = None,
    ) -> None:
        """`block`: where the figures lie one behind the other, for native code: a ctypes array or an address."""
        self._figures = figures
        self._n_models = self._n_kinds = 0
        self._kind_shares: Sequence[float] | None = kind_shares
        self.difficulty = difficulty
        self.block = block

    @classmethod
    def lying_in(cls, block: Any, n_models: int, n_kinds: int) -> "Forecast":
        """What native code has put into a ctypes array: figures, kind_shares, difficulty.

        Views of it are made when asked: most decisions need none.
        """
        found = cls(None, (), block[4 * n_models + n_kinds], block)
        found._n_models, found._n_kinds = n_models, n_kinds
        found._kind_shares = None
        return found

    @property
    def language(self) -> str | None:
        """That of the turn, as features.language.quick_language_of tells it; None where it was not read."""
        if self._n_kinds == 0:
            return None
        return CODES[int(self.block[4 * self._n_models + self._n_kinds + 2])]

    @property
    def figures(self) -> Floats:
        """All four, (4, n_models)."""
        if self._figures is None:
            self._figures = np.ndarray((4, self._n_models), buffer=memoryview(self.block))
        return self._figures

    @property
    def quality(self) -> Floats:
        """In [0, 1], the probability that a judge accepts the reply. Shape (n_models,), as of the next three."""
        return row_of(self.figures, 0)

    @property
    def quality_low(self) -> Floats:
        """5 %."""
        return row_of(self.figures, 1)

    @property
    def quality_high(self) -> Floats:
        """95 %."""
        return row_of(self.figures, 2)

    @property
    def output_tokens(self) -> Floats:
        """Expected billed tokens, hidden reasoning included."""
        return row_of(self.figures, 3)

    @property
    def kind_shares(self) -> Sequence[float]:
        """What was read off the prompt on the way."""
        shares = self._kind_shares
        if shares is None:
            start = 4 * self._n_models
            shares = self._kind_shares = self.block[start : start + self._n_kinds]
        return shares or ()


def row_of(figures: Floats, place: int) -> Floats:
    """One row of a table."""
    row: Floats = figures[place]
    return row


class Forecaster(Protocol):
    """A predictor that knows its models."""

    @property
    def bases(self) -> Sequence[Basis]:
        """Where each bound model's quality comes from; shape (n_models,)."""
        ...

    def forecast(self, outline: Outline) -> Forecast:
        """What to expect of every bound model; the same outline gives the same forecast, bit for bit."""
        ...

    def traits(self, outline: Outline) -> PromptTraits:
        """What was read off the prompt, for people. Not on the hot path."""
        ...


class Predictor(Protocol):
    """Something that can be bound to models."""

    def bind(self, cards: Sequence[ModelCard]) -> Forecaster:
        """A forecaster for exactly these models, in this order. The order never changes a model's forecast."""
        ...
