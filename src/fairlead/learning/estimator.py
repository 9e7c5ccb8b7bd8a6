"""RouterEstimator: training and prediction in the manner of scikit-learn, for researchers; that library is not needed.

estimator = RouterEstimator(encoder).fit(texts, scores)
estimator.predict(texts)            # the chosen arm of every text
estimator.predict_quality(texts)    # expected scores (n_texts, n_arms)
"""

from collections.abc import Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairlead.domain.outline import outline_of_text
from fairlead.learning.outcomes import Floats, Outcomes, Queries
from fairlead.learning.training import train
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.policies.objective import Foretold, Objective
from fairlead.routing.predictors.registry import PARTS
from fairlead.routing.trained_router import TrainedRouter

NO_COSTS: Final = "a cost weight needs costs, and none is known: give cost_usd to fit, or leave cost_weight at 0"


class RouterEstimator:
    """Fits on texts and a score matrix. Parameters are kept as given (scikit-learn's `clone` works)."""

    def __init__(
        self, encoder: QueryEncoder, parts: Sequence[str] = tuple(PARTS), cost_weight: float = 0.0, seed: int = 0
    ) -> None:
        self.encoder = encoder
        self.parts = parts
        self.cost_weight = cost_weight
        self.seed = seed

    def fit(
        self, texts: Sequence[str], scores: ArrayLike, cost_usd: ArrayLike | None = None,
        arms: Sequence[str] | None = None,
    ) -> Self:  # fmt: skip
        """Fit. Shapes: scores, cost_usd (n_texts, n_arms), NaN = hole. Raises: OutcomesError, ValueError."""
        _check_texts(texts)
        matrix = _matrix(scores)
        if self.cost_weight and cost_usd is None:
            raise ValueError(NO_COSTS)
        names = tuple(arms) if arms is not None else tuple(f"arm-{column}" for column in range(matrix.shape[1]))
        ids = tuple(str(row) for row in range(len(texts)))
        queries = Queries(ids, tuple(texts), ("",) * len(texts))
        costs = None if cost_usd is None else np.asarray(cost_usd, dtype=np.float64)
        outcomes = Outcomes(queries, names, matrix, cost_usd=costs)
        self.router_: TrainedRouter = train(outcomes, self.encoder, seed=self.seed, parts=self.parts).router
        return self

    def predict_quality(self, texts: Sequence[str]) -> Floats:
        """Expected scores (n_texts, n_arms)."""
        return self.foretell(texts).quality

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The chosen arm of every text (n_texts,). Raises: ValueError for a cost weight where no cost is known."""
        foretold = self.foretell(texts)
        if self.cost_weight and self.router_.cost_scale_usd is None:
            raise ValueError(NO_COSTS)
        return self.router_.choose(foretold, Objective(cost_weight=self.cost_weight), heeds_verdict=False)

    def score(self, texts: Sequence[str], scores: ArrayLike) -> float:
        """The mean known score of the chosen arms. Raises: ValueError where none is known, or the shapes do not fit."""
        chosen, matrix = self.predict(texts), _matrix(scores)
        if matrix.shape != (len(chosen), len(self.router_.arms)):
            raise ValueError(
                f"scores are of shape {matrix.shape}, not {(len(chosen), len(self.router_.arms))}: (n_texts, n_arms)"
            )
        gained = matrix[np.arange(len(matrix)), chosen]
        if np.isnan(gained).all():
            raise ValueError("no score of a chosen arm is known")
        return float(np.nanmean(gained))

    def foretell(self, texts: Sequence[str]) -> Foretold:
        """Expected quality with its interval, and cost where costs were given; each (n_texts, n_arms)."""
        if not hasattr(self, "router_"):
            raise ValueError("this RouterEstimator is not fitted yet: call fit first")
        _check_texts(texts)
        return self.router_.foretell([outline_of_text(text) for text in texts])

    def parameters(self, deep: bool = True) -> dict[str, Any]:
        """The parameters of construction; `deep` is scikit-learn's."""
        return {"encoder": self.encoder, "parts": self.parts, "cost_weight": self.cost_weight, "seed": self.seed}

    get_params = parameters
    """As scikit-learn calls it."""

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters of construction. Raises: ValueError for one that is none."""
        for name, value in parameters.items():
            if name not in self.parameters():
                raise ValueError(f"RouterEstimator has no parameter {name!r}, only {', '.join(self.parameters())}")
            setattr(self, name, value)
        return self


def _check_texts(texts: Sequence[str]) -> None:
    """Raises: ValueError for what is no sequence of texts; one text alone would be read letter by letter."""
    if isinstance(texts, str | bytes):
        raise ValueError("texts are a sequence of texts: put one text alone into a list")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"text {place} is a {type(text).__name__}, not a text")


def _matrix(scores: ArrayLike) -> Floats:
    """Scores as a matrix. Raises: ValueError."""
    matrix = np.asarray(scores, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"scores are a matrix (n_texts, n_arms), not of shape {matrix.shape}")
    return matrix
