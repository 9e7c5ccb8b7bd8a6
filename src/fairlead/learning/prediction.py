"""Prediction: what a router expects of every model on every query, before anything is known of the outcome."""

from dataclasses import dataclass, fields

import numpy as np

from fairlead.learning.outcomes import Floats, Ints


@dataclass(frozen=True, slots=True)
class Prediction:
    """Expected quality, and where foretold its 90 % interval, cost and delay.

    Shapes: (n_queries, n_arms) each, without NaN; usual (n_arms,), or (n_queries, n_arms) of several fits, the quality
    on the usual query, of a router that steadies its choices by it; folds (n_queries,), which of several fits foretold
    a query.
    Units: quality in [0, 1]; USD and seconds of the whole call.
    None is "not foretold".
    Raises: ValueError when a matrix holds NaN or infinity, or has another shape than the quality.
    """

    quality: Floats
    cost_usd: Floats | None = None
    latency_s: Floats | None = None
    quality_low: Floats | None = None
    quality_high: Floats | None = None
    usual: Floats | None = None
    folds: Ints | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            matrix = getattr(self, one.name)
            if matrix is None or one.name in ("usual", "folds"):
                continue
            if matrix.ndim != 2 or matrix.shape != self.quality.shape:
                raise ValueError(f"predicted {one.name} has shape {matrix.shape}, quality {self.quality.shape}")
            if not np.isfinite(matrix).all():
                raise ValueError(f"predicted {one.name} is not finite everywhere: foretell every model on every query")

    def within_folds(self) -> Floats:
        """The quality less its fold's mean, arm by arm: what can be ranked across fits.

        A model's mean over the other folds is the lower, the better it did in this one. Ranked as they stand, constants
        would seem worse than chance.
        """
        if self.folds is None:
            return self.quality
        result = self.quality.copy()
        for fold in np.unique(self.folds):
            result[self.folds == fold] -= self.quality[self.folds == fold].mean(axis=0)
        # A constant less its mean is nought, not what a sum was rounded by.
        return result.round(12)
