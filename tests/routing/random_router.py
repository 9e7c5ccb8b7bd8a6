"""Routers of random numbers, with any mix of parts and heads: what is fitted by no one, but must be foretold alike."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.features.shape import SHAPE_NAMES
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.features.text_hashing import N_BUCKETS
from fairlead.routing.policies.steady import MARGIN
from fairlead.routing.predictors.cluster_committee import NOWHERE, ClusterCommittee
from fairlead.routing.predictors.cluster_table import ClusterTable, cluster_points
from fairlead.routing.predictors.costs import Costs
from fairlead.routing.predictors.delays import Delays
from fairlead.routing.predictors.item_response import ItemResponse
from fairlead.routing.predictors.kernel_basis import KernelBasis, Reading, basis_from
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.kernel_ridge import KernelRidge
from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.linear import Linear
from fairlead.routing.predictors.log_amounts import LogAmounts
from fairlead.routing.predictors.neighbours import N_NEIGHBOURS, Neighbours
from fairlead.routing.predictors.part import Part
from fairlead.routing.predictors.stack import LOWEST, Stack, believed
from fairlead.routing.trained_router import TrainedRouter
from tests.routing.small_reader import PIECES

N_DIMS = 8
N_OWN = N_DIMS + len(SHAPE_NAMES)


class Size(NamedTuple):
    """How large a router is."""

    n_arms: int
    n_landmarks: int
    n_functions: int
    """Of each part and head."""


def random_table(draw: np.random.Generator) -> StaticTable:
    rows = draw.integers(-127, 128, (len(PIECES), N_DIMS)).astype(np.int8)
    table = StaticTable(PIECES, rows, draw.integers(0, 256, len(PIECES)).astype(np.float32))
    return table.mending() if draw.random() < 0.5 else table


def random_basis(draw: np.random.Generator, size: Size) -> KernelBasis:
    meaning = draw.normal(size=(size.n_landmarks, N_DIMS))
    meaning /= np.linalg.norm(meaning, axis=1, keepdims=True)
    n_shape = len(SHAPE_NAMES)
    return basis_from(
        {
            name: np.asarray(array, dtype=np.float32)
            for name, array in {
                "centre": draw.normal(0.0, 0.1, N_DIMS),
                "shape_mean": draw.normal(0.5, 0.5, n_shape),
                "shape_sd": draw.uniform(0.05, 2.0, n_shape),
                "rarity": draw.uniform(1.0, 9.0, N_BUCKETS),
                "landmark_meaning": meaning,
                "landmark_shape": draw.normal(0.0, 2.0, (size.n_landmarks, n_shape)),
            }.items()
        }
    )


def random_functions(draw: np.random.Generator, size: Size) -> KernelFunctions:
    weights = draw.normal(0.0, 1.0 / np.sqrt(size.n_landmarks), (size.n_landmarks, size.n_functions))
    numbers = draw.integers(-9_000, 9_001, (N_BUCKETS, size.n_functions)).astype(np.float32)
    # The largest number, so that the step that is found again is the one that was meant.
    numbers[0] = 32_767
    return KernelFunctions(weights.astype(np.float32), numbers * np.float32(2.0**-15))


def random_parts(draw: np.random.Generator, size: Size) -> dict[str, Part]:
    """One of each kind; the committee with a table of fewer clusters than the others, the neighbours with holes."""
    n_arms, n_clusters, k = size.n_arms, 4, size.n_functions
    heights = draw.uniform(0.3, 0.9, (3, n_clusters)).astype(np.float32)
    heights[1, 2:] = NOWHERE
    scores = draw.random((size.n_landmarks, n_arms)).astype(np.float32)
    scores[draw.random(scores.shape) < 0.3] = np.nan
    return {
        "kernel_ridge": KernelRidge(
            draw.random(n_arms), draw.normal(0, 0.4, (n_arms, k)), random_functions(draw, size)
        ),
        "item_response": ItemResponse(
            draw.normal(size=n_arms), draw.normal(0, 0.7, (n_arms, k)), random_functions(draw, size)
        ),
        "linear": Linear(draw.random(n_arms), draw.normal(0, 0.2, (n_arms, k)), draw.normal(0, 0.2, (N_OWN, k))),
        "cluster_table": ClusterTable(
            draw.normal(0, 0.4, (n_clusters, N_OWN)).astype(np.float32),
            draw.uniform(0.5, 9.0, (n_clusters, n_arms)),
            draw.uniform(0.5, 9.0, (n_clusters, n_arms)),
        ),
        "cluster_committee": ClusterCommittee(
            draw.normal(0, 0.3, (3, n_clusters, N_OWN)).astype(np.float32),
            heights,
            draw.random((3, n_clusters, n_arms)),
        ),
        "neighbours": Neighbours(draw.random(n_arms), scores),
    }


def random_stack(draw: np.random.Generator, size: Size, names: frozenset[str]) -> Stack:
    parts, n_arms = random_parts(draw, size), size.n_arms
    return Stack(
        parts=parts,
        weights={name: float(draw.uniform(0.1, 0.6)) if name in names else 0.0 for name in parts},
        mean=draw.uniform(0.2, 0.8, n_arms),
        offset=draw.normal(0.0, 0.02, n_arms),
        mean_error=draw.uniform(0.0, 0.1, n_arms),
        noise=draw.uniform(0.0, 1.0, n_arms),
        group_error=0.03,
        usual_novelty=float(draw.uniform(0.0, 0.5)),
        difference_share=float(draw.random()),
        pair_shares=draw.random(n_arms),
        n_pool=int(draw.integers(0, n_arms + 1)),
    )


def random_amounts(draw: np.random.Generator, size: Size) -> LogAmounts:
    n_arms = size.n_arms
    return LogAmounts(
        draw.normal(4.0, 1.0, n_arms), draw.normal(0, 0.5, (n_arms, size.n_functions)), random_functions(draw, size),
        np.ones(n_arms), draw.uniform(0.9, 1.5, n_arms), np.ones(n_arms), np.array([2.0, 6.0]),
    )  # fmt: skip


def random_costs(draw: np.random.Generator, size: Size, *, is_direct: bool) -> Costs:
    """Arms whose prices are known, unknown, or told directly from the text."""
    n_arms = size.n_arms
    price = np.where(draw.random(n_arms) < 0.3, np.nan, draw.uniform(1e-7, 1e-5, n_arms))
    return Costs(
        price, 3.0 * price, draw.uniform(0.2, 0.3, n_arms), draw.uniform(0.0, 20.0, n_arms), price,
        draw.integers(0, 4, n_arms).astype(np.int8), random_amounts(draw, size) if is_direct else None,
    )  # fmt: skip


def random_delays(draw: np.random.Generator, size: Size) -> Delays:
    n_arms, own = size.n_arms, np.ones(size.n_arms)
    return Delays(
        draw.uniform(0.1, 2.0, n_arms), draw.uniform(0.001, 0.1, n_arms), draw.uniform(0.0, 1e-4, n_arms),
        draw.normal(0.0, 0.2, n_arms), draw.normal(0, 0.2, (n_arms, size.n_functions)), random_functions(draw, size),
        own, own, own, own,
    )  # fmt: skip


def random_router(like: TrainedRouter, seed: int, size: Size, names: frozenset[str]) -> TrainedRouter:
    """A router of these parts, with those of the heads `lengths`, `costs`, `direct`, `delays` that are named.

    `like` lends what no forecast is made of.
    """
    draw = np.random.default_rng(seed)
    return replace(
        like,
        arms=tuple(f"m{place}" for place in range(size.n_arms)),
        encoder=QueryEncoder(random_table(draw)),
        basis=random_basis(draw, size),
        stack=random_stack(draw, size, names),
        lengths=Lengths(random_amounts(draw, size)) if "lengths" in names else None,
        costs=random_costs(draw, size, is_direct="direct" in names) if names & {"costs", "direct"} else None,
        delays=random_delays(draw, size) if "delays" in names else None,
    )


def is_clear(router: TrainedRouter, reading: Reading, by: float = 1e-4) -> bool:
    """Whether every choice that a forecast makes is clear: the nearest cluster, the nearest landmarks, the steady arm.

    Where two are equally near the last bit decides, and both answers are right.
    """
    parts = router.stack.parts
    own = np.hstack((reading.meaning, reading.shape))[0].astype(np.float64)
    table, committee, near = parts["cluster_table"], parts["cluster_committee"], parts["neighbours"]
    assert isinstance(table, ClusterTable) and isinstance(committee, ClusterCommittee) and isinstance(near, Neighbours)
    gaps = [cluster_points(reading)[0] @ table.centroids.T - table.half_squares]
    gaps += [
        own @ directions.T - heights
        for directions, heights in zip(committee.directions, committee.heights, strict=True)
    ]
    alike = np.sort(reading.likeness[0, near.places])[::-1]
    if len(alike) > N_NEIGHBOURS:
        gaps.append(alike[N_NEIGHBOURS - 1 : N_NEIGHBOURS + 1])
    plan, stack = router.stack.plan, router.stack
    total = plan.start + sum(stack.weights[name] * part.predict(reading) for name, part in parts.items())
    told = believed(
        total - plan.usual, plan.usual, plan.best, stack.difference_share, plan.pair_shares, stack.n_pool
    )[0]  # fmt: skip
    quality = np.clip(told, LOWEST, 1.0 - LOWEST)
    from_edge = np.abs(quality - (quality.max() - MARGIN)).min()
    return from_edge > by and all(np.diff(np.sort(gap)[-2:]).min(initial=1.0) > by for gap in gaps)
