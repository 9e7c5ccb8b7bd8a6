"""Steady choice: of arms that promise nearly the same the usually best one, so that a reworded request keeps its model.

    choice = the arm of the highest usual worth among those within MARGIN of the highest worth

Predictions differ between near-equal models by less than they move under a typo. Which of them is chosen is then noise,
and the one that is best on the average query is at least as good a guess: on left-out queries of seven public sources
the mean score rose by .1 to .4 points, the share of rewrites that kept their model by one to three.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARGIN: Final = 0.03
"""Quality points; from .01 to .04 steadiness rises and the score stays (cross-validated, 300 and 1,000 queries)."""


def steady_choice(worth: Floats, usual_worth: Floats, margin: float = MARGIN) -> NDArray[np.int64]:
    """The chosen arm of every query (n,): of equal usual worths the first.

    Shapes: worth (n, n_arms), -inf for an arm that may not be chosen; usual_worth (n_arms,) or (n, n_arms), the worth
    of each arm's mean score and cost, NaN where they are not known: such an arm has its own worth for the usual one.
    """
    usual = np.where(np.isnan(usual_worth), worth, usual_worth)
    chosen: NDArray[np.int64] = np.where(near_best(worth, margin), usual, -np.inf).argmax(axis=1)
    return chosen


def near_best(worth: Floats, margin: float = MARGIN) -> NDArray[np.bool_]:
    """Which arms promise nearly as much as the best one (n, n_arms); at least one of every query."""
    near: NDArray[np.bool_] = worth >= worth.max(axis=1, keepdims=True) - margin
    return near
