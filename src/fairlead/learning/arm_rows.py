"""Arm rows: one more model in every fitted part of a stack and in the heads, nothing else refitted.

A new model differs from its mean as a weighted sum of the pool's models does (its mix), so a part that is linear in its
models takes that sum of rows. A part that this file does not know cannot take a model in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.learning.mapping import cluster_means
from fairlead.learning.new_arm import NewArm, ProbeOutcomes
from fairlead.learning.outcomes import Floats
from fairlead.learning.query_places import logit
from fairlead.routing.modelmap.known_queries import KnownQueries
from fairlead.routing.predictors.cluster_committee import PRIOR_WEIGHT as COMMITTEE_PRIOR
from fairlead.routing.predictors.cluster_committee import ClusterCommittee
from fairlead.routing.predictors.cluster_table import PRIOR_WEIGHT, ClusterTable
from fairlead.routing.predictors.item_response import ItemResponse
from fairlead.routing.predictors.kernel_basis import KernelBasis
from fairlead.routing.predictors.kernel_ridge import KernelRidge
from fairlead.routing.predictors.linear import Linear
from fairlead.routing.predictors.log_amounts import LogAmounts
from fairlead.routing.predictors.neighbours import Neighbours
from fairlead.routing.predictors.part import Part
from fairlead.routing.predictors.stack import LOWEST, Stack

POOL_WEIGHT: Final = 10.0
"""Replies that the pool's usual length is worth to a new model."""
SPREAD_WEIGHT: Final = 20.0


@dataclass(frozen=True, slots=True)
class Joining:
    """A model that joins, and by what it is known. Shapes: means (n_arms,), the pool's mean scores."""

    arm: NewArm
    probes: ProbeOutcomes
    known: KnownQueries
    means: Floats
    basis: KernelBasis
    """Whose landmarks are the first known queries."""


def add_to_stack(stack: Stack, joining: Joining) -> Stack:
    """The stack with one more arm, the last. Raises: OutcomesError if a part cannot take one."""
    parts: dict[str, Part] = {}
    for name, part in stack.parts.items():
        add = _ADDERS.get(type(part))
        if add is None:
            raise OutcomesError(f"the part {name!r} cannot take a new model in: train the router again with all models")
        parts[name] = add(part, joining)
    arm = joining.arm
    return replace(
        stack,
        parts=parts,
        mean=np.append(stack.mean, arm.mean),
        offset=np.append(stack.offset, 0.0),
        pair_shares=np.append(stack.plan.pair_shares, stack.difference_share),
        mean_error=np.append(stack.mean_error, arm.group_error),
        noise=np.append(stack.noise, arm.noise),
    )


def add_to_ridge(part: KernelRidge | Linear, joining: Joining) -> KernelRidge | Linear:
    """One more row of loadings."""
    row = joining.arm.mix @ _plain(part.loadings)
    return replace(part, mean=np.append(part.mean, joining.arm.mean), loadings=np.vstack((part.loadings, row)))


def add_to_items(part: ItemResponse, joining: Joining) -> ItemResponse:
    """One more ability: the mix in logits, whose unit is worth p (1 - p)."""
    worth = np.clip(joining.means * (1.0 - joining.means), 0.02, None)
    own = max(joining.arm.mean * (1.0 - joining.arm.mean), 0.02)
    row = (joining.arm.mix * worth / own) @ _plain(part.abilities)
    # Easiness is a mean in logits, not the logit of the mean: read off the pool how the two go together.
    slope, intercept = _line(logit(joining.means), part.easiness)
    easiness = slope * float(logit(np.array([joining.arm.mean]))[0]) + intercept
    return replace(part, easiness=np.append(part.easiness, easiness), abilities=np.vstack((part.abilities, row)))


def add_to_clusters(part: ClusterTable, joining: Joining) -> ClusterTable:
    """One more column of Beta parameters: what is expected of the cluster, then the probes' outcomes."""
    wins, losses = cluster_counts(joining, len(part.centroids))
    return replace(part, wins=np.column_stack((part.wins, wins)), losses=np.column_stack((part.losses, losses)))


def add_to_committee(part: ClusterCommittee, joining: Joining) -> ClusterCommittee:
    """One more column of rates: what is expected of the new model on the landmarks of each cluster.

    Drawn to its mean, moved in each cluster as its mix of the pool moves.
    """
    moved = (part.rates - joining.means) @ joining.arm.mix
    column = np.clip(joining.arm.mean + moved, LOWEST, 1.0 - LOWEST)
    n = joining.basis.n_landmarks
    if joining.known.n_landmarks == n:
        success, n_clusters = joining.arm.success[:n], column.shape[1]
        for table, places in enumerate(part.places(joining.basis.meaning, joining.basis.shape).T):
            counts = np.bincount(places, minlength=n_clusters)
            won = np.bincount(places, weights=success, minlength=n_clusters)
            column[table] = (won + COMMITTEE_PRIOR * column[table]) / (counts + COMMITTEE_PRIOR)
    return replace(part, rates=np.concatenate((part.rates, column[:, :, None]), axis=2))


def cluster_counts(joining: Joining, n_clusters: int) -> tuple[Floats, Floats]:
    """Beta parameters of the new model's success in each cluster (n_clusters,)."""
    clusters = joining.known.clusters.astype(np.int64)
    expected = np.full(n_clusters, joining.arm.mean)
    if len(clusters):
        expected = cluster_means(joining.arm.success[:, None], clusters, n_clusters)[:, 0]
    expected = np.clip(expected, 0.01, 0.99)
    won, counts = np.zeros(n_clusters), np.zeros(n_clusters)
    np.add.at(won, joining.probes.clusters, joining.probes.scores)
    np.add.at(counts, joining.probes.clusters, 1.0)
    return won + PRIOR_WEIGHT * expected, counts - won + PRIOR_WEIGHT * (1.0 - expected)


def add_to_neighbours(part: Neighbours, joining: Joining) -> Neighbours:
    """One more column: what is expected of the new model on each landmark, which is a known query."""
    n = len(part.scores)
    column = np.full(n, np.nan, dtype=np.float32)
    if joining.known.n_landmarks == n:
        column[:] = joining.arm.success[:n]
    return replace(part, mean=np.append(part.mean, joining.arm.mean), scores=np.column_stack((part.scores, column)))


def add_amount(amounts: LogAmounts, values: Floats, measured: Floats) -> LogAmounts:
    """One more arm's amounts.

    Shapes: values (n, n_components) of the functions on the probes; measured (n,), NaN = hole.
    The new arm has the pool's usual loadings, stretched, and its own level.
    """
    weight = amounts.n_seen / max(float(amounts.n_seen.sum()), 1.0)
    usual_mean, usual = float(weight @ amounts.mean), weight @ _plain(amounts.loadings)
    seen = np.isfinite(measured) & (measured > 0)
    n = int(seen.sum())
    pattern = values[seen] @ usual
    gap = np.log(measured[seen]) - usual_mean - pattern
    level, stretch = _level_and_stretch(gap, pattern)
    left = gap - level - (stretch - 1.0) * pattern
    own = float(np.quantile(np.abs(left), 0.9)) / 1.6449 if n else 0.0
    pool = float(weight @ amounts.log_spread)
    ratio = float(np.exp(left).mean()) if n else 1.0
    pool_ratio = float(weight @ amounts.mean_ratio)
    share = n / (n + SPREAD_WEIGHT)
    return replace(
        amounts,
        mean=np.append(amounts.mean, usual_mean + level),
        loadings=np.vstack((amounts.loadings, stretch * usual)),
        log_spread=np.append(amounts.log_spread, share * own + (1.0 - share) * pool),
        mean_ratio=np.append(amounts.mean_ratio, np.clip(share * ratio + (1.0 - share) * pool_ratio, 0.5, 10.0)),
        n_seen=np.append(amounts.n_seen, float(n)),
        log_range=np.array([
            min([float(amounts.log_range[0]), *np.log(measured[seen]).tolist()]),
            max([float(amounts.log_range[1]), *np.log(measured[seen]).tolist()]),
        ]),
    )  # fmt: skip


def _plain(rows: Floats) -> Floats:
    """The same rows one after another: read back they may lie otherwise, and a product differs in its last bit."""
    return np.ascontiguousarray(rows)


def _level_and_stretch(gap: Floats, pattern: Floats) -> tuple[float, float]:
    """Level and stretch of log amounts about the pool's, both drawn to it; outliers clipped at three medians."""
    if not len(gap):
        return 0.0, 1.0
    middle = float(np.median(gap))
    limit = 3.0 * max(float(np.median(np.abs(gap - middle))), 0.05)
    kept = middle + np.clip(gap - middle, -limit, limit)
    columns = np.column_stack((np.ones(len(gap)), pattern))
    normal = columns.T @ columns + np.diag([1.0, POOL_WEIGHT])
    level, more = np.linalg.solve(normal, columns.T @ kept).tolist()
    return level, float(np.clip(1.0 + more, 0.2, 3.0))


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope near 1 and intercept of y on x, the slope drawn to 1."""
    if not len(x):
        return 1.0, 0.0
    moved = x - x.mean()
    slope = (float(moved @ (y - y.mean())) + 0.5) / (float(moved @ moved) + 0.5)
    return slope, float(y.mean()) - slope * float(x.mean())


Adder = Callable[[Any, Joining], Any]
_ADDERS: Final[Mapping[type[Any], Adder]] = {
    KernelRidge: add_to_ridge,
    Linear: add_to_ridge,
    ItemResponse: add_to_items,
    ClusterTable: add_to_clusters,
    ClusterCommittee: add_to_committee,
    Neighbours: add_to_neighbours,
}
