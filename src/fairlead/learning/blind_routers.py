"""Routers that never look at the query: what any router must be compared with, at the same price.

Definitions follow the usual ones: random mix, random mix of a given mean cost (maximum entropy), zero router (the best
query-blind randomisation, i.e. the upper hull of the single models), oracle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.outcomes import Floats


@dataclass(frozen=True, slots=True)
class Panel:
    """Complete outcomes of a set of models. Shapes: models (m,), scores and costs_usd (n, m), no NaN."""

    models: tuple[str, ...]
    scores: Floats
    costs_usd: Floats


def shares_at_cost(mean_costs: Floats, cost: float) -> Floats:
    """The shares of greatest entropy whose mean cost is `cost`: exp(-t * cost_m), normalised; clipped to what exists.

    Shapes: mean_costs (m,) -> (m,).
    """
    low, high = float(mean_costs.min()), float(mean_costs.max())
    if high - low < 1e-15:
        return np.full(len(mean_costs), 1.0 / len(mean_costs))
    scaled = (mean_costs - low) / (high - low)
    target = min(1.0 - 1e-9, max(1e-9, (cost - low) / (high - low)))

    def shares(tilt: float) -> Floats:
        logits = -tilt * scaled
        weights = np.exp(logits - logits.max())
        mixed: Floats = weights / weights.sum()
        return mixed

    below, above = -1e10, 1e10
    for _ in range(200):
        tilt = (below + above) / 2
        if float(shares(tilt) @ scaled) > target:
            below = tilt
        else:
            above = tilt
    return shares((below + above) / 2)


def zero_router_score(mean_costs: Floats, mean_scores: Floats, cost: float) -> float:
    """The best mean score that a query-blind mix of single models reaches at a mean cost of at most `cost`."""
    best = float(mean_scores[mean_costs.argmin()])
    for a in range(len(mean_costs)):
        if mean_costs[a] <= cost:
            best = max(best, float(mean_scores[a]))
        for b in range(len(mean_costs)):
            if mean_costs[a] <= cost < mean_costs[b]:
                share = (cost - mean_costs[a]) / (mean_costs[b] - mean_costs[a])
                best = max(best, float((1 - share) * mean_scores[a] + share * mean_scores[b]))
    return best


def oracle_choice(panel: Panel) -> NDArray[np.int64]:
    """The best model of each query, the cheapest of equals. Shapes: -> (n,)."""
    best = panel.scores >= panel.scores.max(axis=1, keepdims=True) - 1e-12
    chosen: NDArray[np.int64] = np.where(best, panel.costs_usd, np.inf).argmin(axis=1)
    return chosen
