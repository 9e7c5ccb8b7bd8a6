"""Query places: how easy each query is for a pool of models and which of them it tells apart, from their outcomes.

logit P(model m succeeds on query q) = b_m + easiness_q: Rasch's model with the models' places given, the easiness drawn
to what the text foretells (one Newton iteration a step, all queries at once). What is left lies on the components.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fairlead.learning.outcomes import Floats
from fairlead.routing.predictors.components import fit_components, shrunk_means
from fairlead.routing.predictors.item_response import sigmoid
from fairlead.routing.predictors.shrinkage import is_chosen

EASINESS_SD: Final = 1.5
"""Logits: how far a query's easiness is from what its text foretells, before outcomes."""
MAX_ARMS: Final = 16
MAX_QUERIES: Final = 4_000
"""So many arms and queries tell how models respond to easiness."""
SLOPE_SD: Final = 0.3
INTERCEPT_SD: Final = 1.0
"""The least spread of the models' responses that is believed: a pool of three alike says little of the next."""
_ROUNDS: Final = 8
_LARGEST_STEP: Final = 2.0


@dataclass(frozen=True, slots=True)
class Places:
    """Shapes: easiness, foretold (n,); components, leanings (n, n_components); the rest as in KnownQueries."""

    easiness: Floats
    foretold: Floats
    components: Floats
    leanings: Floats
    arm_means: Floats
    loadings: Floats
    response_mean: Floats
    response_covariance: Floats
    text_sd: float


def place_queries(scores: Floats, expected: Floats, seed: int) -> Places:
    """Places of queries. Shapes: scores (n, n_arms), NaN = hole; expected (n, n_arms), foretold from the text."""
    seen = np.isfinite(scores)
    level = expected.mean(axis=1) - expected.mean() if len(expected) else np.zeros(0)
    chosen = level if is_chosen(seen, level) else None
    means = shrunk_means(scores, chosen)
    foretold = foretold_easiness(expected, means)
    parts = fit_components(scores, chosen)
    components = np.where(seen, scores - parts.mean, 0.0) @ parts.loadings
    if not seen.all():
        components /= np.maximum(seen @ parts.loadings**2, 0.2)
    easiness = easiness_of(scores, means, foretold)
    response_mean, response_covariance = _responses(scores, means, expected, seed)
    text_sd = float(np.sqrt(np.mean((easiness - foretold) ** 2))) if len(easiness) else EASINESS_SD
    return Places(
        easiness, foretold, components, leanings_of(expected, parts.mean, parts.loadings), parts.mean, parts.loadings,
        response_mean, response_covariance, text_sd,
    )  # fmt: skip


def logit(share: Floats) -> Floats:
    """Log odds of shares, kept off 0 and 1."""
    kept = np.clip(share, 0.01, 0.99)
    result: Floats = np.log(kept / (1.0 - kept))
    return result


def foretold_easiness(expected: Floats, means: Floats) -> Floats:
    """How much easier than usual the pool finds each query, by expected scores (n, n_arms) -> (n,)."""
    result: Floats = (logit(expected) - logit(means)).mean(axis=1)
    return result


def leanings_of(expected: Floats, means: Floats, loadings: Floats) -> Floats:
    """Where queries are expected to lie on the components, by expected scores (n, n_arms) -> (n, n_components)."""
    result: Floats = (expected - means) @ loadings
    return result


def easiness_of(scores: Floats, means: Floats, foretold: Floats) -> Floats:
    """The mode of each query's easiness given outcomes (n, n_arms), NaN = hole -> (n,)."""
    seen = np.isfinite(scores)
    won = np.where(seen, scores, 0.0).sum(axis=1)
    at = logit(means)
    weight = EASINESS_SD**-2
    easiness = foretold.copy()
    for _ in range(_ROUNDS):
        chance = np.where(seen, sigmoid(at + easiness[:, None]), 0.0)
        slope = won - chance.sum(axis=1) - weight * (easiness - foretold)
        curvature = (chance * (1.0 - chance)).sum(axis=1) + weight
        easiness += np.clip(slope / curvature, -_LARGEST_STEP, _LARGEST_STEP)
    return easiness


def fit_logistic_mode(
    columns: Floats, scores: Floats, mean: Floats, precision: Floats, n_rounds: int = 25
) -> tuple[Floats, Floats]:
    """Mode and covariance of a logistic regression with a Gaussian prior; scores between 0 and 1 count in part.

    Shapes: columns (n, k); scores (n,); mean (k,), precision (k, k) -> (k,), (k, k).
    """
    weights = mean.copy()
    for _ in range(n_rounds):
        chance = sigmoid(columns @ weights)
        curvature = (columns * (chance * (1.0 - chance))[:, None]).T @ columns + precision
        step = np.linalg.solve(curvature, columns.T @ (scores - chance) - precision @ (weights - mean))
        step *= min(1.0, _LARGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        weights = weights + step
        if float(np.abs(step).max()) < 1e-5:
            break
    chance = sigmoid(columns @ weights)
    curvature = (columns * (chance * (1.0 - chance))[:, None]).T @ columns + precision
    return weights, np.asarray(np.linalg.inv(curvature), dtype=np.float64)


def _responses(scores: Floats, means: Floats, expected: Floats, seed: int) -> tuple[Floats, Floats]:
    """Mean and covariance of how models respond to the easiness that the *other* models' outcomes tell."""
    draw = np.random.default_rng(seed)
    n, n_arms = scores.shape
    rows = np.sort(draw.permutation(n)[:MAX_QUERIES])
    arms = np.sort(draw.permutation(n_arms)[:MAX_ARMS])
    found = []
    for arm in arms.tolist():
        others = np.flatnonzero(np.arange(n_arms) != arm)
        own = rows[np.isfinite(scores[rows, arm])]
        if not len(others) or len(own) < 10:
            continue
        foretold = foretold_easiness(expected[np.ix_(own, others)], means[others])
        easiness = easiness_of(scores[np.ix_(own, others)], means[others], foretold)
        columns = np.column_stack((np.ones(len(own)), easiness))
        found.append(fit_logistic_mode(columns, scores[own, arm], np.array([0.0, 1.0]), np.diag([0.1, 0.1])))
    floor = np.diag([INTERCEPT_SD**2, SLOPE_SD**2])
    if not found:
        return np.array([float(logit(means).mean()), 1.0]), floor
    pairs, covariances = np.array([pair for pair, _ in found]), np.array([each for _, each in found])
    spread = np.cov(pairs.T) if len(pairs) > 2 else np.zeros((2, 2))
    if np.isfinite(scores).all():
        return pairs.mean(axis=0), spread + floor / len(pairs)
    # Who was asked easy queries alone says next to nothing of how models respond to hard ones.
    says = np.linalg.inv(covariances + floor)
    mean: Floats = np.linalg.solve(says.sum(axis=0), np.einsum("aij,aj->i", says, pairs))
    return mean, spread + floor / len(pairs)
