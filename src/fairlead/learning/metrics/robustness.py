"""Robustness: whether a reworded query gets the same model, and what it costs where it does not.

A router that never looks at the query keeps every pick: read the share only beside the quality.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.metrics.bootstrap import Figure, interval_of_mean
from fairlead.learning.outcomes import Floats


@dataclass(frozen=True, slots=True)
class Robustness:
    """Over pairs of a query and its rewording."""

    n_pairs: int
    kept: Figure
    """Share of pairs that get the same model."""
    loss: Figure
    """Mean score of the query's pick less that of the rewording's pick, both judged on the query; above 0 is a loss."""


def robustness(
    picks: NDArray[np.int64], reworded_picks: NDArray[np.int64], score: Floats, *, seed: int, n_draws: int = 1_000
) -> Robustness:
    """How stable picks are. Shapes: picks (n,); reworded_picks (n,) or (n, n_rewordings); score (n, m), complete.

    Several rewordings of one query are averaged first: queries, not pairs, are what is drawn.
    """
    reworded = reworded_picks[:, None] if reworded_picks.ndim == 1 else reworded_picks
    rows = np.arange(len(picks))
    kept = (reworded == picks[:, None]).mean(axis=1) if reworded.size else np.empty(0)
    loss = score[rows, picks] - score[rows[:, None], reworded].mean(axis=1) if reworded.size else np.empty(0)
    return Robustness(
        reworded.size,
        interval_of_mean(kept, seed=seed, n_draws=n_draws),
        interval_of_mean(loss, seed=seed, n_draws=n_draws),
    )
