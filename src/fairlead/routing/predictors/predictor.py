"""Predictor: the seam between the router and whatever foretells how each model will do on a prompt.

A predictor is bound once to the models of a pool and then asked per request. Nothing else of the house knows what is
inside: benchmark figures today, learned maps tomorrow.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from fairlead.catalogue.cards import ModelCard
from fairlead.domain.decision import Basis, PromptTraits
from fairlead.domain.outline import Outline
from fairlead.routing.predictors.native_table import Floats, NativeTable, Row

N_FIGURES: Final = 4


class Forecast(NativeTable):
    """What is foretold for each bound model on one prompt.

    Shapes: figures (N_FIGURES, n_models).
    """

    __slots__ = ("_kind_shares", "difficulty", "language")

    quality = Row(0)
    """In [0, 1], the probability that a judge accepts the reply."""
    quality_low = Row(1)
    """Its 5 % point."""
    quality_high = Row(2)
    """Its 95 % point."""
    output_tokens = Row(3)
    """Expected billed tokens, hidden reasoning included."""

    def __init__(
        self,
        figures: Floats | None,
        kind_shares: Sequence[float] | slice = (),
        difficulty: float | None = None,
        language: str | None = None,
        *,
        n_models: int = 0,
        block: Any = None,
    ) -> None:
        """Beside the figures, what was read off the prompt on the way.

        kind_shares (n_kinds,), or where they lie in `block`; empty where no kinds are read. The difficulty in logits
        and the language of the turn, None where they are not read.
        """
        super().__init__(figures, (N_FIGURES, n_models), block)
        self._kind_shares = kind_shares
        self.difficulty = difficulty
        self.language = language

    @property
    def kind_shares(self) -> Sequence[float]:
        """The mix of kinds of task, (n_kinds,)."""
        shares = self._kind_shares
        if isinstance(shares, slice):
            found: list[float] = self.block[shares]
            return found
        return shares

    def for_native(self) -> Any:
        """Where the figures lie one behind the other, as an argument of native code."""
        if self.block is None:
            self.block = np.ascontiguousarray(self.figures).ctypes
        return self.block

    def with_figures(self, figures: Floats) -> "Forecast":
        """The same reading of the prompt, other figures (N_FIGURES, n_models)."""
        return Forecast(figures, self.kind_shares, self.difficulty, self.language)


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
