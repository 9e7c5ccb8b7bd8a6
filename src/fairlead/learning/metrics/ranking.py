"""How well predicted qualities rank: the area under the ROC curve, by ranks, ties counted half."""

from typing import Final

import numpy as np

from fairlead.learning.metrics.bootstrap import Statistic, share_of, value_of
from fairlead.learning.outcomes import Floats

SUCCESS_ABOVE: Final = 0.5
"""A score above this is a success; partial scores are means over graders or samples."""


def auc(predicted: Floats, score: Floats) -> float | None:
    """AUC of success for one model; None when all its outcomes are alike. Shapes: (n,), (n,), NaN score = unseen."""
    return value_of(arm_auc(predicted, score), len(score))


def mean_auc(predicted: Floats, score: Floats) -> float | None:
    """Mean over the models whose AUC is defined; None when none is. Shapes: (n, m), (n, m)."""
    return value_of(mean_auc_statistic(predicted, score), len(score))


def arm_auc(predicted: Floats, score: Floats) -> Statistic:
    """AUC of success of one model as a statistic of weights. Shapes: (n,), (n,).

    Sum over successes of the failures predicted below, those predicted alike counted half, over successes x failures.
    The places are found once; a resample costs one running sum.
    """
    seen = np.isfinite(score)
    won, lost = np.flatnonzero(seen & (score > SUCCESS_ABOVE)), np.flatnonzero(seen & (score <= SUCCESS_ABOVE))
    lost = lost[np.argsort(predicted[lost], kind="stable")]
    below = np.searchsorted(predicted[lost], predicted[won], side="left")
    up_to = np.searchsorted(predicted[lost], predicted[won], side="right")
    has_ties = bool((below != up_to).any())

    def of(weights: Floats) -> Floats:
        n_below = np.zeros((len(weights), len(lost) + 1))
        np.cumsum(weights[:, lost], axis=1, out=n_below[:, 1:])
        times = weights[:, won]
        pairs = np.einsum("bw,bw->b", times, n_below[:, below])
        if has_ties:
            pairs = (pairs + np.einsum("bw,bw->b", times, n_below[:, up_to])) / 2
        return share_of(pairs, times.sum(axis=1) * n_below[:, -1])

    return of


def mean_auc_statistic(predicted: Floats, score: Floats) -> Statistic:
    """Mean AUC over the models where it is defined, as a statistic of weights. Shapes: (n, m), (n, m)."""
    arms = [arm_auc(predicted[:, arm], score[:, arm]) for arm in range(score.shape[1])]

    def of(weights: Floats) -> Floats:
        found = np.array([arm(weights) for arm in arms]).reshape(len(arms), len(weights))
        defined = np.isfinite(found)
        return share_of(np.where(defined, found, 0.0).sum(axis=0), defined.sum(axis=0).astype(np.float64))

    return of
