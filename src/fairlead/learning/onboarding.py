"""Onboarding: a new model joins a trained router by 30 to 200 outcomes, or by none; nothing else is refitted.

Every figure of the models that were there stays as it was. Without outcomes the newcomer gets what published figures
let one expect, or the pool's usual, with an interval so wide that nobody takes it for knowledge.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import OutcomesError
from fairlead.domain.outline import outline_of_text
from fairlead.learning.arm_heads import Probed, add_to_costs, add_to_delays, add_to_lengths
from fairlead.learning.arm_rows import Joining, add_to_items, add_to_stack, cluster_counts
from fairlead.learning.mapping import ability_covariance, ability_prior, measures_of, tokens_by_cluster
from fairlead.learning.new_arm import Expectation, NewArm, ProbeOutcomes, place_arm
from fairlead.learning.outcomes import Floats, Outcomes
from fairlead.learning.query_places import EASINESS_SD, foretold_easiness, leanings_of
from fairlead.learning.text_groups import folded
from fairlead.routing.modelmap.entry import Entry, Measure
from fairlead.routing.modelmap.known_queries import KnownQueries, text_hash
from fairlead.routing.predictors.cluster_table import ClusterTable, cluster_points, nearest
from fairlead.routing.predictors.item_response import ItemResponse, sigmoid
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.stack import INTERVAL_Z, Stack
from fairlead.routing.trained_router import TrainedRouter

ENOUGH: Final = 30
"""Below so many outcomes a model's mean is no better known than to about .1."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A router with one more model, and what to tell of it, a sentence a line."""

    router: TrainedRouter
    arm: NewArm
    lines: tuple[str, ...]


def add_arm(
    router: TrainedRouter,
    name: str,
    outcomes: Outcomes,
    *,
    as_of: str = "",
    source: str = "the outcomes it joined with",
    expected: Expectation | None = None,
    prices: tuple[float, float] | None = None,
) -> Grown:
    """The router with one more arm, the last.

    `outcomes`: of the new model; rows of other models are passed over. `expected`: its mean score as published figures
    have it. `prices`: USD per million input and output tokens.
    Raises: OutcomesError when the model is there already, or is not in the outcomes.
    """
    if name in router.arms:
        raise OutcomesError(f"{name} is in this router already: train the router again to learn more of it")
    if outcomes.arms and name not in outcomes.arms:
        raise OutcomesError(f"the outcomes are of {', '.join(outcomes.arms[:5])}, not of {name}: name one of these")
    own = _own(outcomes, name)
    outlines = [outline_of_text(text) for text in own.queries.texts]
    features = router.encoder.encode_all(outlines)
    reading = router.basis.read(features)
    known = router.model_map.known or nothing_known(router.stack)
    hashes = np.array([text_hash(folded(text)) for text in own.queries.texts], dtype=np.int64)
    probes = read_probes(router.stack, known, reading, own.score[:, 0], hashes, len(router.model_map.clusters))
    arm = place_arm(known, probes, float(np.mean(router.stack.noise)), expected)
    # Models that joined later are no part of the sum: their own rows are sums already.
    mix = np.concatenate((arm.mix, np.zeros(len(router.stack.mean) - len(arm.mix))))
    joining = Joining(replace(arm, mix=mix), probes, known, router.stack.mean, router.basis)
    stack = add_to_stack(router.stack, joining)
    n_chars = np.array([outline.n_chars for outline in outlines], dtype=np.float64)
    probed = Probed(own, features, reading, n_chars)
    lengths = None if router.lengths is None else add_to_lengths(router.lengths, probed)
    costs = None if router.costs is None else add_to_costs(router.costs, probed, prices)
    delays = None if router.delays is None else add_to_delays(router.delays, probed)
    entry = _entry(name, router, joining, own, reading, Measure(arm.mean, arm.mean_error, arm.n, source, as_of))
    grown = replace(
        router,
        arms=(*router.arms, name),
        stack=stack,
        lengths=lengths,
        costs=costs,
        delays=delays,
        model_map=router.model_map.with_entry(entry),
    )
    return Grown(grown, arm, _lines(name, grown, joining, own))


def read_probes(
    stack: Stack, known: KnownQueries, reading: Reading, scores: Floats, hashes: NDArray[np.int64], n_clusters: int
) -> ProbeOutcomes:
    """Probes found among the known queries, the others foretold from their text. Shapes: scores, hashes (n,)."""
    places = known.find(hashes)
    table = stack.parts.get("cluster_table")
    if isinstance(table, ClusterTable):
        clusters = nearest(cluster_points(reading), table.centroids, table.half_squares)
    else:
        clusters = np.where(places >= 0, known.clusters[places] if len(known) else 0, 0).astype(np.int64)
    n_pool = len(known.arm_means)
    expected = stack.predict(reading).mean[:, :n_pool]
    return ProbeOutcomes(
        np.asarray(scores, dtype=np.float64), places, foretold_easiness(expected, known.arm_means),
        np.minimum(clusters, n_clusters - 1), leanings_of(expected, known.arm_means, known.loadings),
    )  # fmt: skip


def nothing_known(stack: Stack) -> KnownQueries:
    """What stands in for known queries in a router that holds none: the pool's means, and a wide response."""
    n_arms = len(stack.mean)
    none = np.zeros(0, dtype=np.float32)
    response = np.array([float(np.log(stack.mean / (1.0 - stack.mean)).mean()), 1.0])
    return KnownQueries(
        np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int16), none, none, np.zeros((0, 0), dtype=np.float32),
        stack.mean, np.zeros((n_arms, 0)), response, np.diag([1.0, 0.1]), 0, EASINESS_SD,
    )  # fmt: skip


def _own(outcomes: Outcomes, name: str) -> Outcomes:
    """The scored outcomes of this model alone."""
    if not outcomes.arms:
        return Outcomes(outcomes.queries.take([]), (name,), np.zeros((0, 1)))
    own = outcomes.of_arms((name,))
    return own.take(np.flatnonzero(np.isfinite(own.score[:, 0])))


def _entry(
    name: str, router: TrainedRouter, joining: Joining, own: Outcomes, reading: Reading, quality: Measure
) -> Entry:
    n_clusters = len(router.model_map.clusters)
    wins, losses = cluster_counts(joining, n_clusters)
    first = next(iter(router.model_map.entries.values()))
    ability, covariance = np.zeros_like(first.ability), first.covariance
    items = router.stack.parts.get("item_response")
    if isinstance(items, ItemResponse):
        grown = add_to_items(items, joining)
        ability = np.concatenate((grown.easiness[-1:], grown.abilities[-1]))
        columns = np.column_stack((np.ones(len(reading)), items.functions.evaluate(reading)))
        prior = ability_prior(np.column_stack((items.easiness, items.abilities)))
        covariance = ability_covariance(columns, sigmoid(columns @ ability), prior)
    clusters = joining.probes.clusters
    return Entry(
        name, ability, covariance, wins, losses, np.bincount(clusters, minlength=n_clusters).astype(np.float64),
        tokens_by_cluster(own, 0, clusters, n_clusters), quality,
        stale=None,
        **measures_of(own, 0, quality.source, quality.as_of),
    )  # fmt: skip


def _lines(name: str, grown: TrainedRouter, joining: Joining, own: Outcomes) -> tuple[str, ...]:
    arm, probes = joining.arm, joining.probes
    n_known = int((probes.places >= 0).sum())
    reach = INTERVAL_Z * arm.mean_error
    rank = 1 + int((joining.means > arm.mean).sum())
    lines = [
        f"{name}: {arm.n} outcomes, {n_known} of them on queries that the router knows"
        if arm.n
        else f"{name}: no outcomes; it stands where the pool, or what is published of it, lets one expect",
        f"mean score over the training's queries: {arm.mean:.3f} "
        f"({max(arm.mean - reach, 0.0):.3f} to {min(arm.mean + reach, 1.0):.3f}), "
        f"rank {rank} of {len(grown.arms)}",
    ]
    if 0 < arm.n < ENOUGH:
        lines.append(f"fewer than {ENOUGH} outcomes: treat this as a guess")
    if arm.n and not n_known:
        lines.append("no probe was asked in training, so each counts for less: ask known queries where you can")
    if grown.lengths is not None and own.output_tokens is None:
        lines.append("its output tokens are not in the outcomes: the pool's usual length stands in")
    if grown.costs is not None and not bool(grown.costs.is_known[-1]):
        lines.append("its cost is unknown: give cost_usd with the outcomes, or its prices")
    lines.append("the verdict is that of the models before it: train again for a new one")
    return tuple(lines)
