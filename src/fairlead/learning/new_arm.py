"""NewArm: a model that joins a pool, placed among it by few outcomes, or by none.

    logit P(success on q) = intercept + slope * easiness_q + sum of weight_k * component_qk + sum of lean_k * leaning_qk

Intercept and slope have the prior of the pool's own models, widened; the other weights are drawn to nothing.
Components are where the other models' outcomes put a query, leanings where its text does: the first are sharp and
noisy, the second smooth. The place of a probe that was asked in training is known from both, that of any other query
from its text alone, and its doubt flattens the curve (MacKay 1992, eq. 10). The mean over all known queries then
corrects for which of them were asked: a control variate whose coefficient is the model itself.
"""

from dataclasses import dataclass
from math import pi
from typing import Final, NamedTuple

import numpy as np

from fairlead.learning.outcomes import Floats, Ints
from fairlead.learning.query_places import fit_logistic_mode, logit
from fairlead.routing.modelmap.known_queries import KnownQueries
from fairlead.routing.predictors.item_response import sigmoid

N_COMPONENTS: Final = 8
COMPONENT_SD: Final = 0.28
"""Logits a standard deviation of a component or leaning. From .2 to .4 and from four components to eight the mean of
six pools is missed the same to .001; without leanings its tasks are missed by .063 instead of .054."""
WIDENING: Final = 3.0
"""The intercept's prior spread over the pool's: a new model is often better than all."""
POOL_NOISE_WEIGHT: Final = 30.0
MIX_RIDGE: Final = 1e-3
MISFIT: Final = 1.15
"""Of the variance of the mean: no curve is true. Without it 90 % intervals cover .89 where probes are chosen at once,
.87 in rounds (six panels, 60 probes)."""
QUERY_SHARE: Final = 0.25
"""Of the variance by which single queries are misplaced, what groups of queries that are foretold alike share."""


class ProbeOutcomes(NamedTuple):
    """Probes of a new model.

    Shapes: scores in [0, 1] (n,); places (n,) among the known, -1 where not; foretold (n,), the easiness that the text
    foretells; clusters (n,); leanings (n, n_components), the components that the text foretells.
    """

    scores: Floats
    places: Ints
    foretold: Floats
    clusters: Ints
    leanings: Floats


class Posterior(NamedTuple):
    """What is believed of a new model's weights. Shapes: mean (k,), covariance (k, k)."""

    mean: Floats
    covariance: Floats


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

    @property
    def posterior(self) -> Posterior:
        """What is believed of its weights."""
        return Posterior(self.weights, self.covariance)


def place_arm(known: KnownQueries, probes: ProbeOutcomes, pool_noise: float, expected: Expectation | None) -> NewArm:
    """Place a model. `pool_noise`: the variance of the pool's scores as a share of p (1 - p)."""
    columns = columns_of(known)
    prior = prior_of(known, columns, expected, is_asked=len(probes.scores) > 0)
    precision = np.asarray(np.linalg.inv(prior.covariance), dtype=np.float64)
    asked = asked_columns(known, columns, probes)
    weights, covariance = fit_logistic_mode(asked, probes.scores, prior.mean, precision)
    success = sigmoid(columns @ weights)
    noise = _noise(probes.scores, sigmoid(asked @ weights), pool_noise)
    overall = float(success.mean()) if len(success) else float(sigmoid(weights[:1])[0])
    of_mean, of_query = _lean(columns, success, overall, covariance)
    variance = MISFIT * float(of_mean @ covariance @ of_mean)
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


def columns_of(known: KnownQueries) -> Floats:
    """What the success on each known query depends on (n, k): 1, easiness, components, leanings."""
    return np.column_stack((np.ones(len(known)), known.easiness, known_scale(known).rows))


class _Scale(NamedTuple):
    """Components and leanings on their own scales. Shapes: rows (n, j), leaning_sd (n_leanings,)."""

    rows: Floats
    leaning_sd: Floats


def known_scale(known: KnownQueries) -> _Scale:
    """Components and leanings of the known queries, each column with a mean square of 1."""
    # The first component is the easiness once more: what follows tells models of one strength apart.
    sharp = known.components[:, 1 : 1 + N_COMPONENTS].astype(np.float64)
    rows, _ = _to_unit(sharp)
    if known.leanings is None:
        return _Scale(rows, np.ones(0))
    smooth, sd = _to_unit(known.leanings[:, 1 : 1 + N_COMPONENTS].astype(np.float64))
    return _Scale(np.column_stack((rows, smooth)), sd)


def _to_unit(rows: Floats) -> tuple[Floats, Floats]:
    sd = np.sqrt(np.mean(rows**2, axis=0)) if len(rows) else np.ones(rows.shape[1])
    sd = np.maximum(sd, 1e-9)
    return rows / sd, sd


def asked_columns(known: KnownQueries, columns: Floats, probes: ProbeOutcomes) -> Floats:
    """The columns of probes (n, k): known ones as they are, others as their text foretells, flattened by its doubt."""
    flat = 1.0 / np.sqrt(1.0 + pi / 8.0 * (known.response_mean[1] * known.text_sd) ** 2)
    asked = np.zeros((len(probes.places), columns.shape[1]))
    is_known = probes.places >= 0
    asked[is_known] = columns[probes.places[is_known]]
    strange = ~is_known
    asked[strange, 0] = flat
    asked[strange, 1] = flat * probes.foretold[strange]
    sd = known_scale(known).leaning_sd
    if len(sd) and strange.any():
        asked[strange, -len(sd) :] = flat * probes.leanings[strange, 1 : 1 + len(sd)] / sd
    return asked


def prior_of(known: KnownQueries, columns: Floats, expected: Expectation | None, *, is_asked: bool) -> Posterior:
    """What is believed of a new model before its outcomes; `is_asked`: there are some, which may tell otherwise."""
    k = columns.shape[1]
    mean, spread = np.zeros(k), np.eye(k) * COMPONENT_SD**2
    mean[:2] = known.response_mean
    widening = np.array([WIDENING if is_asked else 1.0, 1.0])
    spread[:2, :2] = known.response_covariance * np.outer(widening, widening)
    if expected is not None:
        # The curve is flatter than one query's: divide by the slope of the mean in the intercept.
        chance = sigmoid(columns @ mean)
        lean = float((chance * (1.0 - chance)).mean()) if len(chance) else 0.2
        shift = logit(np.array([expected.mean, float(chance.mean()) if len(chance) else 0.5]))
        mean[0] += float(shift[0] - shift[1]) * max(expected.mean * (1 - expected.mean), 0.05) / max(lean, 0.02)
        spread[0, :2] = spread[:2, 0] = 0.0
        spread[0, 0] = (expected.sd / max(lean, 0.02)) ** 2
    return Posterior(mean, spread)


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
