"""RoutingStake: where a new model would be chosen, what that is worth, and what not knowing it better may cost.

The others' quality on the known queries is taken as their texts foretell it, and so is the newcomer's: that is all a
router sees when it chooses. Expected regret is the expected value of perfect information (Raiffa and Schlaifer 1961):
what would be gained on average if the choice were made knowing the newcomer's abilities instead of their mean. Costs
count as each model's mean call, since known queries hold no text to foretell more from.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.new_arm import MIX_RIDGE, Posterior
from fairlead.learning.outcomes import Floats
from fairlead.routing.modelmap.known_queries import KnownQueries
from fairlead.routing.policies.objective import Foretold, Objective
from fairlead.routing.predictors.item_response import sigmoid
from fairlead.routing.trained_router import TrainedRouter

N_DRAWS: Final = 100
"""Of the newcomer's abilities: the regret's own standard error is then a tenth of it."""
MAX_QUERIES: Final = 4_000
"""Known queries that the stake is read off: enough for a share to .8 points."""


class Stake(NamedTuple):
    """What is known of the choice. Units: gain and regret in worth a query (score points where only quality counts)."""

    share: float
    """Of the queries for which the newcomer would be chosen now."""
    share_low: float
    share_high: float
    """Between which the share would lie if the newcomer were known, 90 %."""
    gain: float
    """What choosing it there is expected to add."""
    regret: float
    """What knowing it perfectly is expected to add beyond that."""


@dataclass(frozen=True, slots=True)
class RoutingStake:
    """The choice between a pool and a newcomer, ready for any belief of the newcomer.

    Shapes: clusters (n,) of the known queries; columns (n, k) of the newcomer's success there; best (n,), the worth of
    the best of the others there; inward (k', n) and outward (n, k'): from successes to what texts foretell of them.
    """

    clusters: NDArray[np.int64]
    columns: Floats
    best: Floats
    inward: Floats
    outward: Floats
    objective: Objective
    cost_usd: float | None
    """Mean cost of a call to the newcomer; None if not known: then as dear as the dearest."""
    dearest_usd: float
    cost_scale_usd: float | None

    def of(self, belief: Posterior, seed: int) -> Stake:
        """The stake under a belief."""
        chosen_by_draw, worth = self._choices(belief, seed)
        chosen = worth.mean(axis=1) > self.best
        kept = np.where(chosen[:, None], worth, self.best[:, None])
        perfect = np.maximum(worth, self.best[:, None])
        low, high = np.quantile(chosen_by_draw.mean(axis=0), [0.05, 0.95])
        return Stake(
            float(chosen.mean()), float(low), float(high), float((kept.mean(axis=1) - self.best).mean()),
            float((perfect - kept).mean()),
        )  # fmt: skip

    def by_cluster(self, belief: Posterior, n_clusters: int) -> Floats:
        """The share of each cluster's queries for which the newcomer would be chosen, NaN where there are none."""
        chosen = self._worth(belief.mean[None, :])[:, 0] > self.best
        counts = np.bincount(self.clusters, minlength=n_clusters).astype(np.float64)
        won = np.bincount(self.clusters, weights=chosen, minlength=n_clusters)
        return np.where(counts > 0, won / np.maximum(counts, 1.0), np.nan)

    def lost(self, belief: Posterior, truth: Posterior) -> float:
        """Worth a query that is lost by choosing with the mean of one belief while another's mean is true."""
        guessed, true = (self._worth(each.mean[None, :])[:, 0] for each in (belief, truth))
        taken = np.where(guessed > self.best, true, self.best)
        return float((np.maximum(true, self.best) - taken).mean())

    def doubt(self, belief: Posterior, seed: int) -> Floats:
        """How doubtful the choice is on each query (n,): 1 where either is as likely."""
        share = self._choices(belief, seed)[0].mean(axis=1)
        result: Floats = 4.0 * share * (1.0 - share)
        return result

    def _choices(self, belief: Posterior, seed: int) -> tuple[NDArray[np.bool_], Floats]:
        """Whether the newcomer is chosen, and its worth, by query and draw of its abilities (n, N_DRAWS)."""
        draw = np.random.default_rng(seed)
        root = _root(belief.covariance)
        worth = self._worth(belief.mean + draw.standard_normal((N_DRAWS, len(belief.mean))) @ root.T)
        return worth > self.best[:, None], worth

    def _worth(self, weights: Floats) -> Floats:
        """The newcomer's worth on each query, as its text foretells it (n, m). Shapes: weights (m, k)."""
        success = sigmoid(self.columns @ weights.T)
        overall = success.mean(axis=0)
        foretold = np.clip(overall + self.outward @ (self.inward @ (success - overall)), 0.0, 1.0)
        cost = np.full_like(foretold, self.dearest_usd if self.cost_usd is None else self.cost_usd)
        unknown = np.full_like(foretold, np.nan)
        return self.objective.worth(Foretold(foretold, foretold, foretold, unknown, cost, unknown), self.cost_scale_usd)


def stake_of(
    router: TrainedRouter, known: KnownQueries, columns: Floats, objective: Objective, cost_usd: float | None
) -> RoutingStake:
    """The stake of a newcomer. Shapes: columns (n_known, k); `cost_usd`: its mean call, None if not known.

    Raises: ValueError without known queries.
    """
    if not len(known):
        raise ValueError("without known queries there is no choice to look at")
    rows = np.arange(0, len(known), -(-len(known) // MAX_QUERIES))
    quality = _quality_of_others(router, known)[rows]
    costs = router.verdict.usual_of(router.arms).cost_usd
    foretold = Foretold(
        quality, quality, quality, np.full_like(quality, np.nan), np.repeat(costs, len(rows), axis=0),
        np.full_like(quality, np.nan),
    )  # fmt: skip
    scale = router.cost_scale_usd
    known_costs = costs[np.isfinite(costs)]
    inward, outward = _by_text(known, rows)
    return RoutingStake(
        known.clusters[rows].astype(np.int64), columns[rows],
        objective.worth(foretold, scale).max(axis=1), inward, outward, objective, cost_usd,
        float(known_costs.max()) if len(known_costs) else 1.0, scale,
    )  # fmt: skip


def _quality_of_others(router: TrainedRouter, known: KnownQueries) -> Floats:
    """Quality of the router's arms on the known queries as their texts foretell it (n, n_arms)."""
    by_cluster = np.column_stack([entry.success for entry in router.model_map.entries.values()])
    quality: Floats = by_cluster[known.clusters.astype(np.int64)]
    if known.leanings is not None:
        # Models that joined later have no place in the loadings: their clusters speak for them.
        foretold = known.arm_means + known.leanings.astype(np.float64) @ known.loadings.T
        quality[:, : foretold.shape[1]] = foretold
    return np.clip(quality, 0.0, 1.0)


def _by_text(known: KnownQueries, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """From a newcomer's success on these queries to what their texts foretell of it: (k', n) and (n, k')."""
    if known.leanings is None:
        clusters = known.clusters[rows].astype(np.int64)
        outward = np.zeros((len(rows), int(clusters.max()) + 1))
        outward[np.arange(len(rows)), clusters] = 1.0
        return outward.T / np.maximum(outward.sum(axis=0), 1.0)[:, None], outward
    parts = known.components[rows].astype(np.float64)
    gram = parts.T @ parts
    gram += MIX_RIDGE * max(float(np.trace(gram)), 1e-9) * np.eye(len(gram)) / max(len(gram), 1)
    inward: Floats = np.linalg.solve(gram, parts.T).astype(np.float64)
    return inward, known.leanings[rows].astype(np.float64)


def _root(covariance: Floats) -> Floats:
    """A matrix whose square is this covariance."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2.0)
    result: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return result
