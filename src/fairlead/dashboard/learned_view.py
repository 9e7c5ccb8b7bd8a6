"""LearnedView: what the operator's own router learned of a model, over all queries and by kind of task."""

from math import sqrt
from typing import Final

from fairlead.dashboard.sourced_number import Sourced
from fairlead.domain.kinds import KINDS
from fairlead.routing.modelmap.entry import Entry, ModelMap
from fairlead.routing.predictors.stack import INTERVAL_Z
from fairlead.routing.standing import ALL_KINDS

LEAST_WEIGHT: Final = 0.01
"""Of all queries: of a kind that hardly any is read as, a router has learned nothing."""


def learned_scores(model_map: ModelMap, arm: str) -> dict[str, Sourced]:
    """Kind of task, or `all` -> mean score with its 90 % interval. Kinds only where somebody read the queries' kinds.

    A kind's score is that of the clusters, weighed by how many queries of the kind lie in each; their errors are taken
    as independent.
    """
    entry, clusters = model_map.entries[arm], model_map.clusters
    found = {ALL_KINDS: _of_all(entry)}
    if clusters.kinds is None:
        return found
    for at, kind in enumerate(KINDS):
        weight = clusters.share * clusters.kinds[:, at]
        total = float(weight.sum())
        if total < LEAST_WEIGHT:
            continue
        mean = float(weight @ entry.success) / total
        spread = sqrt(float(((weight * entry.success_sd) ** 2).sum())) / total
        found[kind] = _bounded(mean, spread, f"clusters of {total:.0%} of the queries")
    return found


def _of_all(entry: Entry) -> Sourced:
    quality = entry.quality
    told = f"{quality.n:,} outcomes: {quality.source}" + (f", {quality.as_of}" if quality.as_of else "")
    return _bounded(quality.value, quality.spread, told)


def _bounded(mean: float, spread: float | None, told: str) -> Sourced:
    if spread is None:
        return Sourced(mean, "measured", told)
    reach = INTERVAL_Z * spread
    return Sourced(mean, "measured", told, max(mean - reach, 0.0), min(mean + reach, 1.0))
