"""ClusterCommittee: several cluster tables of different starts, sizes and scales, averaged.

One clustering cuts somewhere by chance, and what it foretells jumps at the cut. Tables that cut elsewhere jump
elsewhere: their mean is a smooth function of the text, and what they agree on is structure (bagging; Breiman 1996).
Alone it is nearly as good as the whole stack; it costs one product with all the centroids.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.cluster_table import QUERIES_A_CLUSTER, half_squares_of, k_means, nearest
from fairlead.routing.predictors.components import shrunk_means
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.part import Arrays, Floats, Sample, check_shapes

Singles = NDArray[np.float32]

N_TABLES: Final = 8
SIZES: Final = (16, 32)
SHAPE_SCALES: Final = (0.07, 0.1, 0.15)
"""Sizes and scales take turns, so that no two tables cut alike."""
PRIOR_WEIGHT: Final = 5.0
"""Observations that a model's mean is worth in a cluster: less than in a single table, the others average the noise."""
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
        meaning, shape = sample.reading.meaning, sample.reading.shape
        n, draw = len(meaning), np.random.default_rng(sample.seed)
        most = max(1, min(max(SIZES), n // QUERIES_A_CLUSTER + 1, n))
        directions = np.zeros((N_TABLES, most, meaning.shape[1] + shape.shape[1]), dtype=np.float32)
        heights = np.full((N_TABLES, most), NOWHERE, dtype=np.float32)
        rates = np.tile(shrunk_means(scores), (N_TABLES, most, 1))
        for table in range(N_TABLES):
            scale = np.float32(SHAPE_SCALES[table % len(SHAPE_SCALES)])
            points = np.hstack((meaning, scale * shape))
            some = draw.permutation(n)[:MAX_POINTS]
            centroids = k_means(points[some], min(SIZES[table % len(SIZES)], most), int(draw.integers(1 << 31)))
            half_squares = half_squares_of(centroids)
            at, k = nearest(points, centroids, half_squares), len(centroids)
            rates[table, :k] = cluster_rates(at, scores, k)
            directions[table, :k] = np.hstack(
                (centroids[:, : meaning.shape[1]], scale * centroids[:, meaning.shape[1] :])
            )
            heights[table, :k] = half_squares
        return cls(directions, heights, rates)

    def predict(self, reading: Reading) -> Floats:
        n_tables, n_clusters, n_dims = self.directions.shape
        near = np.hstack((reading.meaning, reading.shape)) @ self.directions.reshape(-1, n_dims).T
        near -= self.heights.reshape(-1)
        at = near.reshape(-1, n_tables, n_clusters).argmax(axis=2)
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


def cluster_rates(clusters: NDArray[np.int64], scores: Floats, n_clusters: int) -> Floats:
    """Each model's mean score in each cluster, drawn to its mean of all. Shapes: (n,), (n, n_arms)."""
    seen = np.isfinite(scores)
    within = (clusters[:, None] == np.arange(n_clusters)).astype(np.float64)
    won, counts = within.T @ np.where(seen, scores, 0.0), within.T @ seen.astype(np.float64)
    result: Floats = (won + PRIOR_WEIGHT * shrunk_means(scores)) / (counts + PRIOR_WEIGHT)
    return result
