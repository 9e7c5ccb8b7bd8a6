"""Predictor: the seam between the router and whatever foretells how each model will do on a prompt.

A predictor is bound once to the models of a pool and then asked per request. Nothing else of the house knows what is
inside: benchmark figures today, learned maps tomorrow.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import ModelCard
from fairlead.domain.decision import Basis, PromptTraits
from fairlead.domain.outline import Outline

Floats = NDArray[np.float64]


class Forecast(NamedTuple):
    """What is foretold for each bound model on one prompt.

    Shapes: every array is (n_models,), in the order of the bound cards.
    Units: quality in [0, 1], the probability that a judge accepts the reply; low and high bound it at 90 %;
    output_tokens are expected billed tokens, hidden reasoning included.
    """

    quality: Floats
    quality_low: Floats
    quality_high: Floats
    output_tokens: Floats
    kind_shares: Sequence[float] = ()
    """What was read off the prompt on the way, shape (n_kinds,); empty where no kinds are read."""
    difficulty: float | None = None
    """Logits."""
    block: Any = None
    """Where the four arrays lie one behind the other, for native code: a ctypes array or an address; else None."""

    @property
    def arrays(self) -> tuple[Floats, Floats, Floats, Floats]:
        """What is said of each model."""
        return self.quality, self.quality_low, self.quality_high, self.output_tokens


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
