"""Standing: what a model is good at beside others, and how sure that is: of published figures and of a router's map."""

from collections.abc import Mapping
from math import erf, exp, pi, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import ModelCard
from fairlead.catalogue.catalogue import Catalogue
from fairlead.domain.decision import Basis
from fairlead.domain.kinds import KINDS
from fairlead.routing.cluster_labels import cluster_labels
from fairlead.routing.modelmap.ability import Abilities, abilities_of
from fairlead.routing.modelmap.benchmark_scale import BenchmarkScale
from fairlead.routing.modelmap.entry import ModelMap
from fairlead.routing.modelmap.measured import MeasuredAbility
from fairlead.routing.predictors.stack import INTERVAL_Z

Floats = NDArray[np.float64]

SURE: Final = 0.9
"""From such a chance on, a difference is told as one."""
ALL_KINDS: Final = "all"
OF_OWN: Final = 1.0
"""Standard deviations from its own level at which a kind of task is called a model's strength or weakness."""


class Standing(NamedTuple):
    """A share of successes beside the others'; rank 1 is the best of n_ranked."""

    label: str
    mean: float
    low: float
    high: float
    median: float
    best: float
    best_model: str
    rank: int
    n_ranked: int
    above_median: float
    """The chance that it is better than the median model."""


class AbilityView(NamedTuple):
    """What the catalogue lets one expect of a model, kind by kind."""

    kinds: tuple[Standing, ...]
    good: tuple[str, ...]
    weak: tuple[str, ...]
    own_best: tuple[str, ...]
    """Kinds in which it is better than at its own level, whatever others do."""
    own_worst: tuple[str, ...]
    n_figures: int
    n_outcomes: int
    """Of the model's own, measured for the artefact that comes with the package."""
    newest: str | None
    basis: Basis
    general: Standing
    """All kinds alike."""


def view_abilities(
    card: ModelCard, catalogue: Catalogue, scale: BenchmarkScale, measured: Mapping[str, MeasuredAbility]
) -> AbilityView:
    """A card's abilities beside those of the current models of which more than a prior is known.

    `measured`: id of a card -> what outcomes say of it.
    """
    own = abilities_of(card, catalogue.benchmarks, scale, measured.get(card.model))
    return stand_beside(card, own, known_abilities(catalogue, scale, measured))


def known_abilities(
    catalogue: Catalogue, scale: BenchmarkScale, measured: Mapping[str, MeasuredAbility]
) -> dict[str, Abilities]:
    """Of the current models of which more than a prior is known: those that others are ranked among."""
    found = {
        str(card.model): abilities_of(card, catalogue.benchmarks, scale, measured.get(card.model))
        for card in catalogue.current()
    }
    return {model: one for model, one in found.items() if one.basis != "prior"}


def stand_beside(card: ModelCard, own: Abilities, pool: Mapping[str, Abilities]) -> AbilityView:
    """A card of these abilities among those of a pool."""
    one_kind, model = np.eye(len(KINDS)), str(card.model)
    means = np.array([one.mean for one in pool.values()]).reshape(len(pool), len(KINDS))
    others = _Others(tuple(pool), means, tuple(pool.values()))
    kinds = tuple(_standing(kind, one_kind[at], model, own, others) for at, kind in enumerate(KINDS))
    centred = np.eye(len(KINDS)) - 1.0 / len(KINDS)
    # A kind that no figure speaks of follows the model's general ability: then there is nothing to tell apart.
    apart = centred @ own.mean
    error = np.sqrt(np.diag(centred @ own.covariance @ centred.T))
    days = [figure.as_of.isoformat() for figure in card.figures]
    return AbilityView(
        kinds,
        tuple(one.label for one in kinds if one.above_median >= SURE),
        tuple(one.label for one in kinds if one.above_median <= 1.0 - SURE),
        tuple(KINDS[at] for at in np.argsort(-apart).tolist() if apart[at] > OF_OWN * error[at]),
        tuple(KINDS[at] for at in np.argsort(apart).tolist() if apart[at] < -OF_OWN * error[at]),
        len(card.figures), own.n_outcomes, max(days, default=None), own.basis,
        _standing(ALL_KINDS, np.full(len(KINDS), 1.0 / len(KINDS)), model, own, others),
    )  # fmt: skip


class _Others(NamedTuple):
    """A pool laid out for many questions. Shapes: means (n_models, n_kinds)."""

    names: tuple[str, ...]
    means: Floats
    abilities: tuple[Abilities, ...]


def _standing(label: str, weights: Floats, model: str, own: Abilities, others: _Others) -> Standing:
    """A mix of kinds, as the chance on a question that the median model solves half the time."""
    mean, sd = float(weights @ own.mean), _sd(weights, own)
    means: list[float] = (others.means @ weights).tolist()
    middle = float(np.median(means)) if means else mean
    theta = mean - middle
    rivals = [each for name, each in zip(others.names, means, strict=True) if name != model]
    best, top_mean, top = model, mean, own
    if means:
        at = max(range(len(means)), key=lambda place: (means[place], others.names[place]))
        best, top_mean, top = others.names[at], means[at], others.abilities[at]
    return Standing(
        label, _chance(theta, sd), _sigmoid(theta - INTERVAL_Z * sd), _sigmoid(theta + INTERVAL_Z * sd), 0.5,
        _chance(top_mean - middle, _sd(weights, top)), best,
        1 + sum(each > mean for each in rivals), 1 + len(rivals), _above(theta, sd),
    )  # fmt: skip


def _sd(weights: Floats, abilities: Abilities) -> float:
    return sqrt(float(weights @ abilities.covariance @ weights))


def view_clusters(model_map: ModelMap, arm: str) -> tuple[Standing, ...]:
    """An arm's success in each cluster of the map's queries, in the clusters' order."""
    entries = model_map.entries
    success = np.array([one.success for one in entries.values()])
    own, names = entries[arm], list(entries)
    found = []
    for at, label in enumerate(cluster_labels(model_map.clusters)):
        mean, sd, column = float(own.success[at]), float(own.success_sd[at]), success[:, at]
        median, top = float(np.median(column)), int(column.argmax())
        found.append(
            Standing(
                label, mean, max(mean - INTERVAL_Z * sd, 0.0), min(mean + INTERVAL_Z * sd, 1.0), median,
                float(column[top]), names[top], 1 + int((column > mean).sum()), len(names),
                _above(mean - median, sd),
            )
        )  # fmt: skip
    return tuple(found)


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + exp(-logit))


def _above(distance: float, sd: float) -> float:
    """The chance that a Gaussian figure is above another that lies so far below its mean."""
    return 0.5 * (1.0 + erf(distance / max(sd, 1e-9) / sqrt(2.0)))


def _chance(mean: float, sd: float) -> float:
    """The expected chance of a Gaussian logit (MacKay 1992, eq. 10)."""
    return _sigmoid(mean / sqrt(1.0 + pi / 8.0 * sd**2))
