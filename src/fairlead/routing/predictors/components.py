"""Components: what the models of a pool have in common and where they differ, as a few directions.

Scores of many models on one query move together: a hard query is hard for all. The principal components of the models'
residuals put that first and the rare differences last, so that each can be shrunk by what it is worth (the multi-output
form of reduced-rank regression; Izenman 1975, "Reduced-rank regression for the multivariate linear model").
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_COMPONENTS: Final = 12
MEAN_WEIGHT: Final = 2.0
"""A model's mean is shrunk to the mean of all models with the weight of so many observations."""
PAIR_WEIGHT: Final = 10.0
"""So many common queries count as much as the average correlation of all pairs of models."""


@dataclass(frozen=True, slots=True)
class Components:
    """Means and directions. Shapes: mean (n_arms,); loadings (n_arms, n_components), orthonormal columns."""

    mean: Floats
    loadings: Floats


def shrunk_means(scores: Floats, level: Floats | None = None) -> Floats:
    """Each model's mean score, drawn to the mean of all; 0.5 where nothing is known of any.

    `level`: by how much each query is easier than the mean query, where models answered different ones: the means are
    then of the mean query. Shapes: scores (n_queries, n_arms), NaN = hole; level (n_queries,) -> (n_arms,).
    """
    seen = np.isfinite(scores)
    n = seen.sum(axis=0)
    total = np.where(seen, scores if level is None else scores - level[:, None], 0.0).sum(axis=0)
    overall = float(total.sum() / n.sum()) if n.sum() else 0.5
    result: Floats = (total + MEAN_WEIGHT * overall) / (n + MEAN_WEIGHT)
    return result


def covariance_of(residuals: Floats) -> Floats:
    """Covariance of the models' residuals from the queries that two models share.

    Pairs with few or no common queries take the average correlation of the others. Shapes: residuals
    (n_queries, n_arms), NaN = hole -> (n_arms, n_arms), positive semi-definite.
    """
    seen = np.isfinite(residuals)
    filled = np.where(seen, residuals, 0.0)
    marks = seen.astype(np.float64)
    n_common = marks.T @ marks
    sums = filled.T @ filled
    variance = np.diag(sums) / np.maximum(np.diag(n_common), 1.0)
    sd = np.sqrt(np.maximum(variance, 1e-6))
    scale = np.outer(sd, sd)
    raw = sums / np.maximum(n_common, 1.0) / scale
    off = ~np.eye(len(sd), dtype=bool)
    weights = np.where(off, n_common, 0.0)
    typical = float((raw * weights).sum() / weights.sum()) if weights.sum() else 0.5
    shrunk = (raw * n_common + typical * PAIR_WEIGHT) / (n_common + PAIR_WEIGHT)
    shrunk = np.where(off, np.clip(shrunk, -1.0, 1.0), 1.0) * scale
    values, vectors = np.linalg.eigh((shrunk + shrunk.T) / 2.0)
    result: Floats = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return result


def fit_components(scores: Floats, level: Floats | None = None) -> Components:
    """Components of a score matrix with holes; `level` as in shrunk_means. Shapes: scores (n_queries, n_arms)."""
    mean = shrunk_means(scores, level)
    usual = mean if level is None else mean + level[:, None]
    values, vectors = np.linalg.eigh(covariance_of(scores - usual))
    order = np.argsort(values)[::-1][:MAX_COMPONENTS]
    loadings = vectors[:, order]
    # The sign of an eigenvector is arbitrary: the largest entry is made positive, so that equal data give equal files.
    signs = np.sign(loadings[np.abs(loadings).argmax(axis=0), np.arange(loadings.shape[1])])
    return Components(mean, loadings * np.where(signs == 0.0, 1.0, signs))
