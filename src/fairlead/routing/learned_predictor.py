"""LearnedPredictor: a trained router's quality and lengths for the models it knows, another predictor's for the rest.

What was learned from an operator's own outcomes goes before published figures. A model that the training never saw
still gets its forecast, from the predictor beneath, marked as that one marks it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import ModelCard
from fairlead.domain.decision import Basis, PromptTraits
from fairlead.domain.model_names import arms_by_name
from fairlead.domain.outline import Outline
from fairlead.routing.predictors.predictor import Forecast, Forecaster, Predictor
from fairlead.routing.trained_router import TrainedRouter

_N_FIGURES: Final = 4
"""Of a forecast: quality, its low end, its high end, output tokens."""
_TOKENS: Final = 3

CardOf = Callable[[str], str | None]
"""An arm's model, as the outcomes spell it -> the id of its card, None if it has none."""


def first_arms(router: TrainedRouter, card_of: CardOf) -> dict[str, int]:
    """Model -> its place among the router's arms; of a model's efforts the first trained one counts."""
    found: dict[str, int] = {}
    for name, place in arms_by_name(router.arms):
        # A model of the operator's own upstream has no card in the catalogue: outcomes call it as the pool does.
        found.setdefault(card_of(name) or name, place)
    return found


@dataclass(frozen=True, slots=True)
class LearnedPredictor:
    """A trained router over another predictor."""

    router: TrainedRouter
    beneath: Predictor
    card_of: CardOf

    def bind(self, cards: Sequence[ModelCard]) -> "LearnedForecaster":
        """A forecaster for these models, in this order."""
        arm_of = first_arms(self.router, self.card_of)
        places = [arm_of.get(card.model, -1) for card in cards]
        return LearnedForecaster(self.router, self.beneath.bind(cards), np.array(places, dtype=np.int64))


class LearnedForecaster:
    """Knows its models. Holds constant arrays only, so any number of threads may ask it at once.

    Shapes: places (n_models,), the trained arm of each model, -1 for none.
    """

    def __init__(self, router: TrainedRouter, beneath: Forecaster, places: NDArray[np.int64]) -> None:
        self._router = router
        self._beneath = beneath
        self._known = np.flatnonzero(places >= 0)
        self._arms = places[self._known]
        bases: list[Basis] = list(beneath.bases)
        for place in self._known.tolist():
            bases[place] = "measured"
        self.bases: tuple[Basis, ...] = tuple(bases)

    def forecast(self, outline: Outline) -> Forecast:
        """What to expect of every bound model."""
        found = self._beneath.forecast(outline)
        if not len(self._known):
            return found
        foretold = self._router.foretell([outline])
        # Quality, its two ends and tokens, one behind the other, as ArmKernel takes them.
        learned = np.concatenate(foretold[:_N_FIGURES]).take(self._arms, axis=1)
        tokens = learned[_TOKENS]
        if outline.max_output_tokens is not None:
            np.minimum(tokens, float(max(1, outline.max_output_tokens)), out=tokens)
        if outline.n_choices > 1:
            tokens *= outline.n_choices
        figures = found.figures.copy()
        figures[:_TOKENS, self._known] = learned[:_TOKENS]
        if self._router.lengths is not None:
            figures[_TOKENS, self._known] = tokens
        return found.with_figures(figures)

    def traits(self, outline: Outline) -> PromptTraits:
        """What was read off the prompt."""
        return self._beneath.traits(outline)
