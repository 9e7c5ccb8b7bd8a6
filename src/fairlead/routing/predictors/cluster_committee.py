"""ClusterCommittee: several cluster tables of different starts, sizes and scales, averaged.

One clustering cuts somewhere by chance, and what it foretells jumps at the cut. Tables that cut elsewhere jump
elsewhere: their mean is a smooth function of the text, and what they agree on is structure (bagging; Breiman 1996).
Alone it is nearly as good as the whole stack; it costs one product with all the centroids. Clusters need no outcomes:
texts that no model answered help to find them.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.cluster_table import (
    QUERIES_A_CLUSTER,
    expected_rates,
    half_squares_of,
    k_means,
    nearest,
)
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.part import Arrays, Floats, KnownTexts, Sample, Singles, check_shapes
from fairlead.routing.predictors.shrinkage import query_levels, usual_scores

N_TABLES: Final = 8
SIZES: Final = (16, 32)
SHAPE_SCALES: Final = (0.07, 0.1, 0.15)
"""Sizes and scales take turns, so that no two tables cut alike."""
PRIOR_WEIGHT: Final = 5.0
"""Observations that a model's mean is worth in a cluster: less than in a single table, the others average the noise."""
QUERIES_A_KNOWN_CLUSTER: Final = 5
"""Answered queries a cluster where the clusters are found on other texts as well: half as many, since what is fitted to
them is the rates alone."""
NOWHERE: Final = 1e30
"""A height that no text is near to."""
MAX_POINTS: Final = 4_000
"""Queries that the centroids of one table are found on; all of them are counted."""


@dataclass(frozen=True, slots=True)
class ClusterCommittee:
    """The tables, padded to the size of the largest.

    Shapes: directions (n_tables, n_clusters, n_dims + n_shape), centroids with the shape's scale squared in them;
    heights (n_tables, n_clusters), half their squared lengths, NOWHERE where a table has fewer clusters;
    rates (n_tables, n_clusters, n_arms), expected scores.
    """

    directions: Singles
    heights: Singles
    rates: Floats

    @classmethod
    def fit(cls, sample: Sample, scores: Floats) -> Self:
        own = KnownTexts(sample.reading.meaning, sample.reading.shape)
        n_dims, known = own.meaning.shape[1], sample.known or own
        least = QUERIES_A_CLUSTER if sample.known is None else QUERIES_A_KNOWN_CLUSTER
        most = max(1, min(max(SIZES), len(scores) // least + 1, len(scores)))
        directions = np.zeros((N_TABLES, most, n_dims + own.shape.shape[1]), dtype=np.float32)
        heights = np.full((N_TABLES, most), NOWHERE, dtype=np.float32)
        level = query_levels(sample.spectrum, scores)
        rates = np.tile(usual_scores(scores, level), (N_TABLES, most, 1))
        for table, centroids in enumerate(centroids_of(known, most, sample.seed)):
            scale = np.float32(SHAPE_SCALES[table % len(SHAPE_SCALES)])
            half_squares, k = half_squares_of(centroids), len(centroids)
            at = nearest(np.hstack((own.meaning, scale * own.shape)), centroids, half_squares)
            rates[table, :k] = cluster_rates(at, scores, expected_rates(at, scores, k, level))
            directions[table, :k] = np.hstack((centroids[:, :n_dims], scale * centroids[:, n_dims:]))
            heights[table, :k] = half_squares
        return cls(directions, heights, rates)

    def places(self, meaning: Singles, shape: Singles) -> NDArray[np.int64]:
        """The cluster of each text in each table. Shapes: (n, n_dims), (n, n_shape) -> (n, n_tables)."""
        n_tables, n_clusters, n_dims = self.directions.shape
        near = np.hstack((meaning, shape)) @ self.directions.reshape(-1, n_dims).T
        near -= self.heights.reshape(-1)
        at: NDArray[np.int64] = near.reshape(-1, n_tables, n_clusters).argmax(axis=2)
        return at

    def predict(self, reading: Reading) -> Floats:
        n_tables, n_clusters, _ = self.directions.shape
        at = self.places(reading.meaning, reading.shape)
        at += np.arange(n_tables) * n_clusters
        result: Floats = self.rates.reshape(n_tables * n_clusters, -1).take(at, axis=0).mean(axis=1)
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"directions": self.directions, "heights": self.heights, "rates": self.rates}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        directions, heights, rates = arrays["directions"], arrays["heights"], arrays["rates"]
        if directions.ndim != 3 or rates.ndim != 3 or not directions.shape[1]:
            raise ValueError(f"directions of shape {directions.shape} and rates of shape {rates.shape}")
        check_shapes(heights=(heights, directions.shape[:2]), rates=(rates, (*directions.shape[:2], rates.shape[2])))
        if not bool(np.isfinite(rates).all() and (heights[:, 0] < NOWHERE).all()):
            raise ValueError("a table without a cluster, or a rate that is not a number")
        return cls(directions, heights, rates)


def centroids_of(known: KnownTexts, most: int, seed: int) -> list[Singles]:
    """Each table's centroids, at most `most`, found among all known texts once; (n_clusters, n_dims + n_shape) each."""
    found = known.centroids.get((most, seed))
    if found is None:
        found, draw = [], np.random.default_rng(seed)
        for table in range(N_TABLES):
            some = draw.permutation(len(known.meaning))[:MAX_POINTS]
            scale = np.float32(SHAPE_SCALES[table % len(SHAPE_SCALES)])
            points = np.hstack((known.meaning[some], scale * known.shape[some]))
            found.append(k_means(points, min(SIZES[table % len(SIZES)], most), int(draw.integers(1 << 31))))
        known.centroids[most, seed] = found
    return found


def cluster_rates(clusters: NDArray[np.int64], scores: Floats, expected: Floats) -> Floats:
    """Each model's mean score in each cluster, drawn to what is expected there.

    Shapes: clusters (n,), scores (n, n_arms); expected and result (n_clusters, n_arms).
    """
    seen = np.isfinite(scores)
    within = (clusters[:, None] == np.arange(len(expected))).astype(np.float64)
    won, counts = within.T @ np.where(seen, scores, 0.0), within.T @ seen.astype(np.float64)
    result: Floats = (won + PRIOR_WEIGHT * expected) / (counts + PRIOR_WEIGHT)
    return result
