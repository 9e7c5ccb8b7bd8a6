"""Abilities: what a model can do by kind of task, as a Gaussian, from its card's published figures.

theta ~ N(x . worth, PRIOR_COVARIANCE) before figures; every figure is a noisy linear view of theta, so the posterior is
one small linear solve a card. Each card is judged alone: which other models stand beside it changes nothing. No name of
a model, lab, family or provider is read.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import Benchmark, ModelCard
from fairlead.domain.decision import Basis
from fairlead.domain.kinds import KINDS
from fairlead.routing.modelmap.benchmark_scale import (
    PRIOR_COVARIANCE,
    SLOPE,
    BenchmarkScale,
    evidence_of,
    noise_of,
    traits_of,
)

Floats = NDArray[np.float64]

MIN_PUBLISHED_FIGURES: Final = 3
"""From so many figures on, an ability counts as published; below, the prior still has more say than they."""


class Abilities(NamedTuple):
    """A model's abilities. Shapes: mean (n_kinds,), covariance (n_kinds, n_kinds). Units: logits."""

    mean: Floats
    covariance: Floats
    basis: Basis
    n_figures: int


def abilities_of(card: ModelCard, benchmarks: Mapping[str, Benchmark], scale: BenchmarkScale) -> Abilities:
    """The posterior of one card; without figures, the prior."""
    prior_mean = np.full(len(KINDS), traits_of(card) @ scale.worth)
    evidence = evidence_of(card, benchmarks)
    n_figures = len(evidence.logits)
    if not n_figures:
        return Abilities(prior_mean, PRIOR_COVARIANCE, "prior", 0)
    difficulties = [scale.difficulty_of(name) for name in evidence.benchmarks]
    view = SLOPE * evidence.kinds
    expected = view @ prior_mean - SLOPE * np.array([difficulty.difficulty for difficulty in difficulties])
    # A benchmark's difficulty is itself uncertain: figures of one benchmark share that error.
    names = np.array(evidence.benchmarks)
    shared = np.array([(SLOPE * difficulty.sd) ** 2 for difficulty in difficulties])
    noise = noise_of(evidence) + np.where(names[:, None] == names[None, :], shared[:, None], 0.0)
    reach = PRIOR_COVARIANCE @ view.T
    gain = np.linalg.solve(view @ reach + noise, reach.T).T
    covariance = PRIOR_COVARIANCE - gain @ reach.T
    basis: Basis = "published" if n_figures >= MIN_PUBLISHED_FIGURES else "prior"
    return Abilities(
        prior_mean + gain @ (evidence.logits - expected), (covariance + covariance.T) / 2, basis, n_figures
    )
