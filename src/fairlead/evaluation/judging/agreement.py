"""Agreement of a judge with people: Cohen's kappa with its interval, and the share of equal words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairlead.evaluation.statistics.intervals import LEVEL, wilson
from fairlead.learning.metrics.bootstrap import Figure, Resamples, figure_of, sampled, share_of
from fairlead.learning.outcomes import Floats


@dataclass(frozen=True, slots=True)
class Agreement:
    """On the pairs that both have judged."""

    n: int
    share: Figure
    kappa: Figure


def agreement(one: Sequence[str], other: Sequence[str], seed: int = 0) -> Agreement:
    """Two columns of words, of any kinds.

    kappa = (p_o - p_e) / (1 - p_e), bootstrap interval over pairs; None where both said one and the same word always.
    Source: Cohen 1960, Educ. Psychol. Meas. 20, 37-46.
    """
    n = len(one)
    if not n:
        nothing = Figure(None, reason="people have judged none of these pairs")
        return Agreement(0, nothing, nothing)
    kinds = sorted({*one, *other})
    left = np.array([[word == kind for kind in kinds] for word in one], dtype=np.float64)
    right = np.array([[word == kind for kind in kinds] for word in other], dtype=np.float64)
    equal = (left * right).sum(axis=1)

    def kappa(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        observed = share_of(weights @ equal, total)
        by_chance = ((weights @ left) * (weights @ right)).sum(axis=1) / total**2
        return share_of(observed - by_chance, 1 - by_chance)

    found = sampled(lambda weights: {"kappa": kappa(weights)}, Resamples(n, seed=seed))["kappa"]
    figure = figure_of(found, "both always said the same one word", LEVEL)
    if figure.low == figure.high and figure.value is not None:
        figure = Figure(figure.value, reason="no interval: every pair says the same")
    return Agreement(n, wilson(float(equal.sum()), n), figure)
