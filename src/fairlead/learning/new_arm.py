"""NewArm: a model that joins a pool, placed among it by few outcomes, or by none.

    logit P(success on q) = intercept + slope * easiness_q + sum of weight_k * component_qk

Intercept and slope have the prior of the pool's own models, widened; the weights are drawn to nothing. The place of a
probe that was asked in training is known from the other models' outcomes, that of any other query foretold from its
text, and its doubt flattens the curve (MacKay 1992, eq. 10). The mean over all known queries then corrects for which of
them were asked: a control variate whose coefficient is the model itself.
"""

from dataclasses import dataclass
from math import pi
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.query_places import fit_logistic_mode, logit
from fairlead.routing.modelmap.known_queries import KnownQueries
from fairlead.routing.predictors.item_response import sigmoid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_COMPONENTS: Final = 8
COMPONENT_SD: Final = 0.4
"""Logits a standard deviation of a component. From three components to eight and from .3 to .6 the mean of five pools
is missed by .032 all the same; more of them foretell single queries better once there are 200 probes."""
WIDENING: Final = 3.0
"""The intercept's prior spread over the pool's: a new model is often better than all."""
POOL_NOISE_WEIGHT: Final = 30.0
MIX_RIDGE: Final = 1e-3
QUERY_SHARE: Final = 0.25
"""Of the variance by which single queries are misplaced, what groups of queries that are foretold alike share."""


class ProbeOutcomes(NamedTuple):
    """Probes of a new model.

    Shapes: scores in [0, 1] (n,); places (n,) among the known, -1 where not; foretold (n,), the easiness that the text
    foretells; clusters (n,).
    """

    scores: Floats
    places: Ints
    foretold: Floats
    clusters: Ints


class Expectation(NamedTuple):
    """What published figures let one expect of a model's mean score, when nothing was asked."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class NewArm:
    """A placed model.

    Shapes: success (n_known,), expected of every known query; mix (n_arms,), the sum of the pool's models that it
    differs from its mean as; weights (2 + n_components,) with covariance.
    """

    success: Floats
    mix: Floats
    mean: float
    mean_error: float
    """Standard error of the mean."""
    group_error: float
    """The same for the mean of a group of queries: what is not known of the model's leanings comes on top."""
    noise: float
    weights: Floats
    covariance: Floats
    n: int


def place_arm(known: KnownQueries, probes: ProbeOutcomes, pool_noise: float, expected: Expectation | None) -> NewArm:
    """Place a model. `pool_noise`: the variance of the pool's scores as a share of p (1 - p)."""
    columns = _columns(known)
    mean, spread = _prior(known, columns, expected, len(probes.scores))
    precision = np.asarray(np.linalg.inv(spread), dtype=np.float64)
    flat = 1.0 / np.sqrt(1.0 + pi / 8.0 * (known.response_mean[1] * known.text_sd) ** 2)
    asked = np.zeros((len(probes.scores), columns.shape[1]))
    is_known = probes.places >= 0
    asked[is_known] = columns[probes.places[is_known]]
    asked[~is_known, 0] = flat
    asked[~is_known, 1] = flat * probes.foretold[~is_known]
    weights, covariance = fit_logistic_mode(asked, probes.scores, mean, precision)
    success = sigmoid(columns @ weights)
    noise = _noise(probes.scores, sigmoid(asked @ weights), pool_noise)
    overall = float(success.mean()) if len(success) else float(sigmoid(weights[:1])[0])
    of_mean, of_query = _lean(columns, success, overall, covariance)
    variance = float(of_mean @ covariance @ of_mean) * max(noise, 0.3)
    of_group = variance + QUERY_SHARE * of_query
    return NewArm(
        success, _mix(known, success - overall), overall, float(np.sqrt(variance)),
        float(np.sqrt(of_group)), noise, weights,
        covariance, len(probes.scores),
    )  # fmt: skip


def _lean(columns: Floats, success: Floats, overall: float, covariance: Floats) -> tuple[Floats, float]:
    """How the mean moves with the weights (k,), and the mean variance of a single query's success beyond it."""
    if not len(success):
        first = np.zeros(columns.shape[1])
        first[0] = overall * (1.0 - overall)
        return first, 0.0
    lean = (success * (1.0 - success))[:, None] * columns
    of_mean = lean.mean(axis=0)
    away = lean - of_mean
    return of_mean, float(np.einsum("ij,jk,ik->i", away, covariance, away).mean())


def _columns(known: KnownQueries) -> Floats:
    """What the success on each known query depends on (n, 2 + N_COMPONENTS at most)."""
    # The first component is the easiness once more: what follows tells models of one strength apart.
    more = known.components[:, 1 : 1 + N_COMPONENTS].astype(np.float64)
    spread = np.sqrt(np.mean(more**2, axis=0)) if len(more) else np.ones(more.shape[1])
    return np.column_stack((np.ones(len(known)), known.easiness, more / np.maximum(spread, 1e-9)))


def _prior(known: KnownQueries, columns: Floats, expected: Expectation | None, n: int) -> tuple[Floats, Floats]:
    k = columns.shape[1]
    mean, spread = np.zeros(k), np.eye(k) * COMPONENT_SD**2
    mean[:2] = known.response_mean
    widening = np.array([WIDENING if n else 1.0, 1.0])
    spread[:2, :2] = known.response_covariance * np.outer(widening, widening)
    if expected is not None:
        # The curve is flatter than one query's: divide by the slope of the mean in the intercept.
        chance = sigmoid(columns @ mean)
        lean = float((chance * (1.0 - chance)).mean()) if len(chance) else 0.2
        shift = logit(np.array([expected.mean, float(chance.mean()) if len(chance) else 0.5]))
        mean[0] += float(shift[0] - shift[1]) * max(expected.mean * (1 - expected.mean), 0.05) / max(lean, 0.02)
        spread[0, :2] = spread[:2, 0] = 0.0
        spread[0, 0] = (expected.sd / max(lean, 0.02)) ** 2
    return mean, spread


def _mix(known: KnownQueries, differences: Floats) -> Floats:
    """The pool's models whose weighted differences from their means are most like these (n_arms,)."""
    if not len(differences):
        return np.full(len(known.arm_means), 1.0 / max(len(known.arm_means), 1))
    parts = known.components.astype(np.float64)
    gram = parts.T @ parts
    gram += MIX_RIDGE * max(float(np.trace(gram)), 1e-9) * np.eye(len(gram)) / len(gram)
    result: Floats = known.loadings @ np.linalg.solve(gram, parts.T @ differences)
    return result


def _noise(scores: Floats, foretold: Floats, pool_noise: float) -> float:
    usual = float((foretold * (1.0 - foretold)).sum())
    error = float(((scores - foretold) ** 2).sum())
    weight = POOL_NOISE_WEIGHT * 0.2
    return float(np.clip((error + weight * pool_noise) / (usual + weight), 0.05, 1.2))
