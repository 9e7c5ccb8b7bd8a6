"""Logistic regression with shares as outcomes and clustered errors: what Bradley-Terry and a judge's biases rest on."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairlead.learning.outcomes import Floats

MAX_STEPS: Final = 100
ENOUGH: Final = 1e-9
FAR: Final = 25.0
"""A coefficient beyond it is one that runs to infinity: 25 logits are odds of 7e10."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Shapes: coefficients (d,), covariance (d, d): the sandwich, clustered."""

    coefficients: Floats
    covariance: Floats


def fit_logistic(
    x: Floats, y: Floats, clusters: Sequence[Hashable], *, weights: Floats | None = None, ridge: float = 0.0
) -> Fitted | None:
    """Maximum quasi-likelihood of y in [0, 1] on sigma(x b); None where there is no finite maximum.

    Newton's method with halved steps. The covariance is A^-1 B A^-1 with A the curvature and B the clusters' summed
    scores, times G / (G - 1), so that neither ties written as halves nor repeated prompts make it too small.
    Shapes: x (n, d), y (n,).
    """
    n, d = x.shape
    weight = np.ones(n) if weights is None else weights
    beta = np.zeros(d)
    loss = _loss(x, y, weight, beta, ridge)
    for _ in range(MAX_STEPS):
        p = _sigmoid(x @ beta)
        gradient = x.T @ (weight * (y - p)) - ridge * beta
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * np.eye(d)
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(step).all():
            return None
        size = 1.0
        while size > 1e-6 and _loss(x, y, weight, beta + size * step, ridge) > loss + 1e-12:
            size /= 2
        beta = beta + size * step
        loss = _loss(x, y, weight, beta, ridge)
        if np.abs(beta).max(initial=0.0) > FAR:
            return None
        if np.abs(size * step).max(initial=0.0) < ENOUGH:
            break
    return _with_errors(x, y, weight, beta, clusters, ridge)


def _with_errors(
    x: Floats, y: Floats, weight: Floats, beta: Floats, clusters: Sequence[Hashable], ridge: float
) -> Fitted | None:
    p = _sigmoid(x @ beta)
    curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * np.eye(x.shape[1])
    index: dict[Hashable, int] = {}
    codes = np.array([index.setdefault(each, len(index)) for each in clusters], dtype=np.int64)
    n_clusters = len(index)
    if n_clusters < 2 or np.linalg.cond(curvature) > 1e12:
        return None
    summed = np.zeros((n_clusters, x.shape[1]))
    np.add.at(summed, codes, x * (weight * (y - p))[:, None])
    inverse = np.linalg.inv(curvature)
    covariance = inverse @ (summed.T @ summed) @ inverse * n_clusters / (n_clusters - 1)
    return Fitted(beta, covariance)


def _loss(x: Floats, y: Floats, weight: Floats, beta: Floats, ridge: float) -> float:
    score = x @ beta
    return float((weight * (np.logaddexp(0, score) - y * score)).sum() + ridge / 2 * beta @ beta)


def _sigmoid(score: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(score, -50, 50)))
    return found
