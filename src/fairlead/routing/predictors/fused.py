"""Fused: a stack's parts with every linear map that never changes multiplied out, as native code evaluates them.

A part's weight goes into its loadings, the parts' means into one start, a table's rates are its share of the sum. What
is left is not linear: the nearest cluster, the nearest landmarks, a logistic curve.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.text_hashing import N_BUCKETS
from fairlead.routing.predictors.cluster_committee import NOWHERE, ClusterCommittee
from fairlead.routing.predictors.cluster_table import SHAPE_SCALE, ClusterTable
from fairlead.routing.predictors.item_response import ItemResponse
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.kernel_ridge import KernelRidge
from fairlead.routing.predictors.linear import MEANING, SHAPE, Linear
from fairlead.routing.predictors.neighbours import Neighbours
from fairlead.routing.predictors.part import Part, check_shapes
from fairlead.routing.predictors.stack import Stack

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


class Sizes(NamedTuple):
    """Of the basis and of the pool."""

    n_landmarks: int
    n_dims: int
    n_shape: int
    n_arms: int


class Columns(NamedTuple):
    """Some functions of a text.

    Shapes: on_landmarks (n_landmarks, n_functions), of likeness; on_own (n_dims + n_shape, n_functions), of meaning and
    shape; numbers (N_BUCKETS, n_functions), steps (n_functions,), of n-grams.
    """

    on_landmarks: Singles
    on_own: Singles
    numbers: NDArray[np.int16]
    steps: Singles


class Cuts(NamedTuple):
    """Tables of clusters. Shapes as in native/router_forecast.h."""

    sizes: list[int]
    directions: list[Singles]
    heights: list[Singles]
    rates: list[Floats]


@dataclass
class Fused:
    """What a stack adds up. Shapes: start (n_arms,); loadings (n, n_arms), of the first n columns.

    The columns of `response` come behind those of `loadings`.
    """

    sizes: Sizes
    start: Floats
    loadings: list[Floats] = field(default_factory=list)
    columns: list[Columns] = field(default_factory=list)
    cuts: Cuts = field(default_factory=lambda: Cuts([], [], [], []))
    response: tuple[float, ItemResponse] | None = None
    neighbours: tuple[float, Neighbours] | None = None

    def add(self, weight: float, part: Part) -> bool:
        """Take up a part; False for one that nothing is known of here, or the second of its kind where one is all."""
        if isinstance(part, KernelRidge):
            self._add_linear(weight, part.mean, part.loadings, columns_of(part.functions, self.sizes))
        elif isinstance(part, Linear):
            self._add_linear(weight, part.mean, part.loadings, _columns_of_linear(part, self.sizes))
        elif isinstance(part, ClusterTable):
            scale = np.full(self.sizes.n_dims + self.sizes.n_shape, SHAPE_SCALE, dtype=np.float32)
            scale[: self.sizes.n_dims] = 1.0
            rates = part.wins / (part.wins + part.losses)
            self._add_cut(part.centroids * scale, part.half_squares, weight * rates)
        elif isinstance(part, ClusterCommittee):
            for directions, heights, rates in zip(part.directions, part.heights, part.rates, strict=True):
                there = heights < NOWHERE
                self._add_cut(directions[there], heights[there], rates[there] * (weight / len(part.heights)))
        elif isinstance(part, ItemResponse) and self.response is None:
            self.response = (weight, part)
        elif isinstance(part, Neighbours) and self.neighbours is None:
            self.neighbours = (weight, part)
        else:
            return False
        return True

    def _add_linear(self, weight: float, mean: Floats, loadings: Floats, columns: Columns) -> None:
        self.start = self.start + weight * mean
        self.loadings.append(weight * loadings.T)
        self.columns.append(columns)

    def _add_cut(self, directions: Singles, heights: Singles, rates: Floats) -> None:
        n = len(heights)
        check_shapes(
            directions=(directions, (n, self.sizes.n_dims + self.sizes.n_shape)), rates=(rates, (n, self.sizes.n_arms))
        )
        if not n:
            raise ValueError("a table without a cluster")
        self.cuts.sizes.append(n)
        self.cuts.directions.append(directions)
        self.cuts.heights.append(heights)
        self.cuts.rates.append(rates)


def fused(stack: Stack, sizes: Sizes) -> Fused | None:
    """The parts of a stack that weigh anything, None where one of them is of a kind that is not known here.

    Raises: ValueError for parts of other sizes.
    """
    found = Fused(sizes, stack.plan.start)
    for name, part in stack.parts.items():
        weight = stack.weights[name]
        if weight != 0.0 and not found.add(weight, part):
            return None
    return found


def columns_of(functions: KernelFunctions, sizes: Sizes) -> Columns:
    """Kernel functions as columns."""
    arrays = functions.arrays()
    own = np.zeros((sizes.n_dims + sizes.n_shape, functions.n_functions), dtype=np.float32)
    return Columns(functions.landmark_weights, own, arrays["gram_numbers"], arrays["gram_steps"])


def _columns_of_linear(part: Linear, sizes: Sizes) -> Columns:
    n = part.weights.shape[1]
    scale = np.full((sizes.n_dims + sizes.n_shape, 1), SHAPE)
    scale[: sizes.n_dims] = MEANING
    return Columns(
        np.zeros((sizes.n_landmarks, n), dtype=np.float32),
        (scale * part.weights).astype(np.float32),
        np.zeros((N_BUCKETS, n), dtype=np.int16),
        np.ones(n, dtype=np.float32),
    )
