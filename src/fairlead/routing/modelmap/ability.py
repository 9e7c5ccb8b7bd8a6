"""Abilities: what a model can do by kind of task, as a Gaussian, from its card's published figures and its outcomes.

theta ~ N(x . worth, PRIOR_COVARIANCE) before figures; every figure is a noisy linear view of theta, so the posterior is
one small linear solve a card. Outcomes of the model's own, where there are some, are then multiplied in; a figure of a
benchmark whose very questions are among them is left out, or they would count twice. Each card is judged alone: which
other models stand beside it changes nothing. No name of a model, lab, family or provider is read.
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
    Evidence,
    evidence_of,
    noise_of,
    traits_of,
)
from fairlead.routing.modelmap.measured import MeasuredAbility

Floats = NDArray[np.float64]

MIN_PUBLISHED_FIGURES: Final = 3
"""From so many figures on, an ability counts as published; below, the prior still has more say than they."""


MIN_MEASURED_OUTCOMES: Final = 100
"""From so many outcomes on, an ability counts as measured."""


class Abilities(NamedTuple):
    """A model's abilities. Shapes: mean (n_kinds,), covariance (n_kinds, n_kinds). Units: logits."""

    mean: Floats
    covariance: Floats
    basis: Basis
    n_figures: int
    """Published figures that count."""
    n_outcomes: int = 0


def abilities_of(
    card: ModelCard,
    benchmarks: Mapping[str, Benchmark],
    scale: BenchmarkScale,
    measured: MeasuredAbility | None = None,
) -> Abilities:
    """The posterior of one card, joined with what was measured of it; with neither, the prior."""
    known = measured.benchmarks if measured is not None else frozenset[str]()
    evidence = evidence_of(card, {key: benchmark for key, benchmark in benchmarks.items() if key not in known})
    mean, covariance = _published(traits_of(card), evidence, scale)
    n_figures = len(evidence.logits)
    basis: Basis = "published" if n_figures >= MIN_PUBLISHED_FIGURES else "prior"
    if measured is None:
        return Abilities(mean, covariance, basis, n_figures)
    mean, covariance = measured.joined(mean, covariance)
    if measured.n_outcomes >= MIN_MEASURED_OUTCOMES:
        basis = "measured"
    return Abilities(mean, covariance, basis, n_figures, measured.n_outcomes)


def _published(traits: Floats, evidence: Evidence, scale: BenchmarkScale) -> tuple[Floats, Floats]:
    """Mean and covariance given a card's facts and figures; without figures, the prior."""
    prior_mean = np.full(len(KINDS), traits @ scale.worth)
    if not len(evidence.logits):
        return prior_mean, PRIOR_COVARIANCE
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
    return prior_mean + gain @ (evidence.logits - expected), (covariance + covariance.T) / 2
