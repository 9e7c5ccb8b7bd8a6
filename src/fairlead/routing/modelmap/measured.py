"""MeasuredAbility: what outcomes of a model's own say of its abilities, as evidence that others can be added to.

Kept as the natural parameters of a Gaussian likelihood, precision and pull, so that to join it to a prior is to add. A
kind of task that no outcome speaks of has a precision of zero there: nothing is claimed of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeasuredAbility:
    """The evidence of one model.

    Shapes: precision (n_kinds, n_kinds), symmetric; pull (n_kinds,) = precision @ the ability that fits best;
    n_by_kind (n_kinds,), outcomes that speak of each kind, a question of two kinds in part for both.
    Units: logits.
    """

    model: str
    """The id of the model's card."""
    precision: Floats
    pull: Floats
    n_by_kind: tuple[float, ...]
    n_outcomes: int
    sources: tuple[str, ...]
    benchmarks: frozenset[str]
    """Benchmarks of the catalogue whose own questions are among the outcomes: a published figure of one of them would
    say the same thing twice."""
    as_of: str
    """ISO date of the newest outcomes."""

    def joined(self, mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
        """Mean and covariance of abilities once this evidence is added to what was believed before."""
        before = np.linalg.inv(covariance)
        after = np.linalg.inv(before + self.precision)
        after = (after + after.T) / 2
        return after @ (before @ mean + self.pull), after
