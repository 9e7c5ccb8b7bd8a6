"""NewArm: a model that joins a pool, placed among it by few outcomes, or by none.

    logit P(success on q) = intercept + slope * easiness_q + shift of q's cluster
                            + sum of weight_k * component_qk + sum of lean_k * leaning_qk

Intercept and slope have the prior of the pool's own models, widened; the other weights are drawn to nothing, as hard as
the outcomes speak for.
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
STRETCHES: Final = (1.0, 2.0, 4.0, 8.0)
STRETCH_COST: Final = 1.0
"""Nats for each e-fold by which a model is held to differ more than usual."""
WIDENING: Final = 3.0
"""The intercept's prior spread over the pool's: a new model is often better than all."""
POOL_NOISE_WEIGHT: Final = 30.0
MIX_RIDGE: Final = 0.1
"""Of the mean square of a leaning: what texts hardly tell apart is not blown up."""
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
    asked = asked_columns(known, columns, probes)
    weights, covariance = _fit(asked, probes.scores, prior)
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


def _fit(asked: Floats, scores: Floats, prior: Posterior) -> tuple[Floats, Floats]:
    """Mode and covariance of the weights, the spread of all but the first two being what the outcomes speak for most.

    Most models differ from the pool about as its own models do among themselves; one that was made for other tasks
    differs by more, and outcomes that say so clearly must not be drawn back (type II maximum likelihood by Laplace's
    method; MacKay 1992, "Bayesian interpolation").
    """
    best: tuple[float, Floats, Floats] | None = None
    for stretch in STRETCHES if len(scores) else STRETCHES[:1]:
        spread = prior.covariance.copy()
        spread[2:, 2:] *= stretch**2
        precision = np.asarray(np.linalg.inv(spread), dtype=np.float64)
        weights, covariance = fit_logistic_mode(asked, scores, prior.mean, precision)
        chance = np.clip(sigmoid(asked @ weights), 1e-9, 1.0 - 1e-9)
        away = weights - prior.mean
        likely = float((scores * np.log(chance) + (1.0 - scores) * np.log1p(-chance)).sum())
        volumes = np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(spread)[1]
        evidence = likely - 0.5 * float(away @ precision @ away) + 0.5 * float(volumes)
        evidence -= STRETCH_COST * np.log(stretch)
        if best is None or evidence > best[0]:
            best = evidence, weights, covariance
    assert best is not None
    return best[1], best[2]


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
    """What the success on each known query depends on (n, k): 1, easiness, cluster, components, leanings."""
    return np.column_stack((np.ones(len(known)), known.easiness, _cluster_columns(known), known_scale(known).rows))


def _cluster_columns(known: KnownQueries, clusters: Ints | None = None) -> Floats:
    """A column a cluster of the known queries, its rows 1 less its share, so that none moves the mean (n, n_clusters).

    They hold what no sum of the pool's models is: a newcomer that is bad at one kind of task alone.
    """
    own = known.clusters.astype(np.int64)
    n_clusters = int(own.max()) + 1 if len(own) else 0
    shares = np.bincount(own, minlength=n_clusters) / max(len(own), 1)
    places = own if clusters is None else clusters
    result: Floats = (places[:, None] == np.arange(n_clusters)) - shares
    return result


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
    of_cluster = _cluster_columns(known, probes.clusters)
    asked[strange, 2 : 2 + of_cluster.shape[1]] = flat * of_cluster[strange]
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
    """The pool's models whose weighted differences from their means are most like these (n_arms,).

    By what texts foretell of the pool, since that is what the sum is taken of when a text is read: on the outcomes
    themselves, which are mostly luck, the sum would be flattened.
    """
    if not len(differences):
        return np.full(len(known.arm_means), 1.0 / max(len(known.arm_means), 1))
    parts = (known.components if known.leanings is None else known.leanings).astype(np.float64)
    gram = parts.T @ parts
    gram += MIX_RIDGE * max(float(np.trace(gram)), 1e-9) * np.eye(len(gram)) / len(gram)
    result: Floats = known.loadings @ np.linalg.solve(gram, parts.T @ differences)
    return result


def _noise(scores: Floats, foretold: Floats, pool_noise: float) -> float:
    usual = float((foretold * (1.0 - foretold)).sum())
    error = float(((scores - foretold) ** 2).sum())
    weight = POOL_NOISE_WEIGHT * 0.2
    return float(np.clip((error + weight * pool_noise) / (usual + weight), 0.05, 1.2))
