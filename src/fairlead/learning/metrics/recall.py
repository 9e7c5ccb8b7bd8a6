"""Model recall: whether the router finds a right model on queries that only a few models answer.

Rare queries: one to three models are right (score above a half), and at least one is not. Undefined without such
queries.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.metrics.bootstrap import Statistic, share_of, value_of
from fairlead.learning.metrics.ranking import SUCCESS_ABOVE
from fairlead.learning.outcomes import Floats

MOST_RIGHT: Final = 3


def rare_queries(score: Floats) -> NDArray[np.bool_]:
    """Where one to three models are right, and not all. Shapes: (n, m), complete -> (n,)."""
    n_right = (score > SUCCESS_ABOVE).sum(axis=1)
    found: NDArray[np.bool_] = (n_right >= 1) & (n_right <= min(MOST_RIGHT, score.shape[1] - 1))
    return found


def rare_success(routed: Floats, score: Floats) -> float | None:
    """Mean routed score on rare queries. Shapes: routed (n,), score (n, m)."""
    return value_of(rare_success_statistic(routed, score), len(score))


def recall_at(k: int, predicted: Floats, score: Floats) -> float | None:
    """Share of the right models that stand among the k predicted best, averaged over rare queries. Shapes: (n, m)."""
    return value_of(recall_statistic(k, predicted, score), len(score))


def rare_success_statistic(routed: Floats, score: Floats) -> Statistic:
    """`rare_success` as a statistic of weights."""
    rare = rare_queries(score).astype(np.float64)
    return lambda weights: share_of(weights @ (routed * rare), weights @ rare)


def recall_statistic(k: int, predicted: Floats, score: Floats) -> Statistic:
    """`recall_at` as a statistic of weights; of equally predicted models the first stands first."""
    rare = rare_queries(score)
    right = score > SUCCESS_ABOVE
    top = np.argsort(-predicted, axis=1, kind="stable")[:, :k]
    n_found = np.take_along_axis(right, top, axis=1).sum(axis=1)
    found = np.where(rare, n_found / np.maximum(right.sum(axis=1), 1), 0.0)
    counted = rare.astype(np.float64)
    return lambda weights: share_of(weights @ found, weights @ counted)
