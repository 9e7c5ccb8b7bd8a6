"""ClusterTable: each model's success per cluster of queries, a Beta posterior drawn to what is expected of the model.

Clusters are k-means in meaning and shape (as Avengers, arXiv 2508.12631, and UniRoute, arXiv 2502.08773, do on larger
encoders). A new model needs no refit: only its counts.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.components import shrunk_means
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.part import Arrays, Floats, Sample, check_shapes
from fairlead.routing.predictors.shrinkage import query_levels

MAX_CLUSTERS: Final = 32
QUERIES_A_CLUSTER: Final = 10
PRIOR_WEIGHT: Final = 10.0
"""Observations that the expectation is worth (weights from 5 to 20 differ by less than the noise)."""
SHAPE_SCALE: Final = 0.1
_ROUNDS: Final = 20

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClusterTable:
    """Shapes: centroids (n_clusters, n_dims + n_shape); wins, losses (n_clusters, n_arms): Beta parameters."""

    centroids: Singles
    wins: Floats
    losses: Floats
    half_squares: Singles = field(init=False, repr=False, compare=False)
    """Half the squared length of each centroid (n_clusters,)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "half_squares", half_squares_of(self.centroids))

    @classmethod
    def fit(cls, sample: Sample, scores: Floats) -> Self:
        points = cluster_points(sample.reading)
        centroids = k_means(points, min(MAX_CLUSTERS, len(points) // QUERIES_A_CLUSTER + 1), sample.seed)
        clusters = nearest(points, centroids, half_squares_of(centroids))
        expected = expected_rates(clusters, scores, len(centroids), query_levels(sample.spectrum, scores))
        wins, losses = beta_posterior(clusters, scores, expected)
        return cls(centroids, wins, losses)

    def predict(self, reading: Reading) -> Floats:
        at = nearest(cluster_points(reading), self.centroids, self.half_squares)
        wins = self.wins.take(at, axis=0)
        result: Floats = wins / (wins + self.losses.take(at, axis=0))
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"centroids": self.centroids, "wins": self.wins, "losses": self.losses}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        centroids, wins, losses = arrays["centroids"], arrays["wins"], arrays["losses"]
        check_shapes(wins=(wins, (len(centroids), wins.shape[1])), losses=(losses, wins.shape))
        if not len(centroids) or not bool(((wins > 0.0) & (losses > 0.0)).all()):
            raise ValueError("a table without a cluster, or a parameter of a Beta distribution that is not above 0")
        return cls(centroids, wins, losses)


def cluster_points(reading: Reading) -> Singles:
    """The queries as points that are clustered (n, n_dims + n_shape)."""
    return np.hstack((reading.meaning, np.float32(SHAPE_SCALE) * reading.shape))


def half_squares_of(centroids: Singles) -> Singles:
    """Half the squared length of each centroid (n_clusters,)."""
    result: Singles = np.einsum("ij,ij->i", centroids, centroids) / np.float32(2.0)
    return result


def nearest(points: Singles, centroids: Singles, half_squares: Singles) -> NDArray[np.int64]:
    """The nearest centroid of each point (n,); of equally near ones the first."""
    return np.asarray((points @ centroids.T - half_squares).argmax(axis=1), dtype=np.int64)


def k_means(points: Singles, n_clusters: int, seed: int) -> Singles:
    """Lloyd's algorithm from seeded points; an empty cluster keeps its place.

    Shapes: points (n, n_dims) -> (n_clusters, n_dims), fewer if there are fewer points, one of zeros if there is none.
    """
    if not len(points):
        return np.zeros((1, points.shape[1]), dtype=np.float32)
    draw = np.random.default_rng(seed)
    centroids = points[draw.permutation(len(points))[:n_clusters]].copy()
    for _ in range(_ROUNDS):
        at = nearest(points, centroids, half_squares_of(centroids))
        counts = np.bincount(at, minlength=len(centroids))
        # Rows in the order of their clusters, summed run by run: many times faster than adding them one by one.
        filled, sums = np.flatnonzero(counts), np.zeros_like(centroids)
        begins = counts.cumsum() - counts
        sums[filled] = np.add.reduceat(points[np.argsort(at, kind="stable")], begins[filled], axis=0)
        means = sums / np.maximum(counts, 1).astype(np.float32)[:, None]
        moved = np.where(counts[:, None] > 0, means, centroids)
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids


def expected_rates(clusters: NDArray[np.int64], scores: Floats, n_clusters: int, level: Floats | None) -> Floats:
    """What to draw the rates of a cluster to (n_clusters, n_arms): each model's mean, and the cluster's own level.

    `level` (n,) of the queries, as shrinkage.query_levels says it; without one nobody chose who answers what, and a
    cluster with few of one model's outcomes has few of all.
    """
    means = np.tile(shrunk_means(scores, level), (n_clusters, 1))
    if level is not None:
        counts = np.maximum(np.bincount(clusters, minlength=n_clusters), 1)
        means += (np.bincount(clusters, weights=level, minlength=n_clusters) / counts)[:, None]
        means = np.clip(means, 0.0, 1.0)
    return means


def beta_posterior(clusters: NDArray[np.int64], scores: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Beta parameters of each model's success in each cluster; partial scores count in part.

    Shapes: clusters (n,); scores (n, n_arms), NaN = hole; expected (n_clusters, n_arms), what to draw towards -> two
    of (n_clusters, n_arms).
    """
    seen = np.isfinite(scores)
    won, counts = np.zeros_like(expected), np.zeros_like(expected)
    np.add.at(won, clusters, np.where(seen, scores, 0.0))
    np.add.at(counts, clusters, seen.astype(np.float64))
    prior = np.clip(expected, 0.01, 0.99)
    return won + PRIOR_WEIGHT * prior, counts - won + PRIOR_WEIGHT * (1.0 - prior)
