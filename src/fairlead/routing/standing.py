"""Standing: what a model is good at beside others, and how sure that is: of published figures and of a router's map."""

from collections.abc import Mapping
from math import erf, exp, pi, sqrt
from typing import Final, NamedTuple

import numpy as np

from fairlead.catalogue.cards import ModelCard
from fairlead.catalogue.catalogue import Catalogue
from fairlead.domain.kinds import KINDS
from fairlead.routing.cluster_labels import cluster_labels
from fairlead.routing.modelmap.ability import Abilities, abilities_of
from fairlead.routing.modelmap.benchmark_scale import BenchmarkScale
from fairlead.routing.modelmap.entry import ModelMap
from fairlead.routing.modelmap.measured import MeasuredAbility
from fairlead.routing.predictors.stack import INTERVAL_Z

SURE: Final = 0.9
"""From such a chance on, a difference is told as one."""
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
    basis: str


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
    kinds = tuple(_standing(at, str(card.model), own, pool) for at in range(len(KINDS)))
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
    )  # fmt: skip


def _standing(at: int, model: str, own: Abilities, pool: Mapping[str, Abilities]) -> Standing:
    """One kind, as the chance on a question that the median model solves half the time."""
    means = {name: float(one.mean[at]) for name, one in pool.items()}
    middle = float(np.median(list(means.values()))) if means else float(own.mean[at])
    theta, sd = float(own.mean[at]) - middle, sqrt(float(own.covariance[at, at]))
    best = max(means, key=lambda name: (means[name], name), default=model)
    rivals = [mean for name, mean in means.items() if name != model]
    top = pool.get(best, own)
    return Standing(
        KINDS[at], _chance(theta, sd), _sigmoid(theta - INTERVAL_Z * sd), _sigmoid(theta + INTERVAL_Z * sd), 0.5,
        _chance(float(top.mean[at]) - middle, sqrt(float(top.covariance[at, at]))), best,
        1 + sum(mean > float(own.mean[at]) for mean in rivals), 1 + len(rivals), _above(theta, sd),
    )  # fmt: skip


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
