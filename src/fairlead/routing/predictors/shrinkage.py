"""Ridge regression of several components at once, each with the penalty that its left-out residuals ask for.

For complete data the responses are rotated into components and every component has its own penalty, chosen by the exact
leave-one-out residual e_i / (1 - h_ii) (Allen 1974, PRESS). With holes the same penalties enter one penalised least
squares problem over the observed cells alone, solved by conjugate gradients; nothing is imputed. Who answered easy
queries alone has a high mean, and says nothing of hard ones. So where holes did not fall by chance the level that all
models share is fitted first, as a function of its own with the same weight for every model; means and components are of
what is left.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.components import Components, fit_components, shrunk_means

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

PENALTIES: Final = np.geomspace(0.03, 3e3, 24)
MAX_STEPS: Final = 60
TOLERANCE: Final = 1e-4
LEVEL_ROUNDS: Final = 6
"""Of means and level in turn; where two models share half of their queries, each round takes off half the error."""
CHOSEN_ERRORS: Final = 4.0
"""Standard errors by which the mean level of a model's queries differs from that of all: then they were chosen."""
LARGEST_SLOPE: Final = 1.5
"""A ridge tells less than there is. What it leaves would go to the means of the models that answered other queries."""
_CHUNK: Final = 8_192
_AT_ONCE: Final = 6
"""Penalties tried in one product."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Basis rows turned to their principal directions, once for any number of fits.

    Shapes: rows, rotated (n_queries, n_basis); vectors (n_basis, n_basis); values (n_basis,); freedom (n_queries,
    n_penalties), 1 - h_ii at each penalty: what one query's response leaves free of its own fit.
    """

    rows: Singles
    vectors: Floats
    values: Floats
    rotated: Singles
    freedom: Singles

    @classmethod
    def of(cls, rows: Singles) -> Self:
        """The spectrum of basis rows (n_queries, n_basis)."""
        gram = np.zeros((rows.shape[1], rows.shape[1]))
        for at in range(0, len(rows), _CHUNK):
            block = rows[at : at + _CHUNK]
            gram += block.T @ block
        values, vectors = np.linalg.eigh(gram)
        values = np.maximum(values, 0.0)
        rotated = rows @ vectors.astype(np.float32)
        inverses = (1.0 / (values[:, None] + PENALTIES)).astype(np.float32)
        freedom = np.empty((len(rows), len(PENALTIES)), dtype=np.float32)
        for at in range(0, len(rows), _CHUNK):
            freedom[at : at + _CHUNK] = 1.0 - rotated[at : at + _CHUNK] ** 2 @ inverses
        return cls(rows, vectors, values, rotated, np.maximum(freedom, 1e-6))


@dataclass(frozen=True, slots=True)
class ShrunkFit:
    """responses ~ mean + (rows @ weights) @ loadings'. Shapes: weights (n_basis, n_components).

    A component whose penalty is infinite is not foretold by the rows at all: its weights are 0. Where there is a common
    level it is the last component, with a loading of 1 for every arm.
    """

    components: Components
    weights: Floats
    penalties: Floats

    def predict(self, rows: Singles) -> Floats:
        """Predicted responses (n, n_arms) of basis rows (n, n_basis)."""
        values = (rows @ self.weights.astype(np.float32)).astype(np.float64)
        result: Floats = values @ self.components.loadings.T + self.components.mean
        return result


def fit_shrunk(spectrum: Spectrum, responses: Floats) -> ShrunkFit:
    """Fit. Shapes: responses (n_queries, n_arms), NaN = hole."""
    level = common_level(spectrum, responses)
    components = fit_components(responses, None if level is None else level.values)
    seen = np.isfinite(responses)
    residuals = responses - components.mean if level is None else responses - components.mean - level.values[:, None]
    residuals = np.where(seen, residuals, 0.0)
    weights, penalties = _by_component(spectrum, _project(residuals, seen, components.loadings))
    weights = spectrum.vectors @ weights
    if not seen.all():
        weights = _solve_with_holes(spectrum.rows, residuals, seen, components.loadings, weights, penalties)
    if level is None:
        return ShrunkFit(components, weights, penalties)
    ones = np.ones((responses.shape[1], 1))
    return ShrunkFit(
        Components(components.mean - level.mean, np.hstack((components.loadings, ones))),
        np.hstack((weights, level.weights[:, None])),
        np.append(penalties, level.penalty),
    )


class Level(NamedTuple):
    """By how much each query's responses are higher than the mean query's, for whatever model.

    Shapes: values (n_queries,), of mean 0; weights (n_basis,), a function of the rows, which they are but for its mean.
    """

    values: Floats
    mean: float
    weights: Floats
    penalty: float


def common_level(spectrum: Spectrum, responses: Floats) -> Level | None:
    """The level, as the rows foretell it; None where no model answered easier or harder queries than chance gives.

    Shapes: responses (n_queries, n_arms), NaN = hole.
    """
    seen = np.isfinite(responses)
    if seen.all():
        return None
    counts = np.maximum(seen.sum(axis=1), 1)
    values, mean, penalty = np.zeros(len(responses)), 0.0, np.inf
    weights = np.zeros(len(spectrum.values))
    for step in range(LEVEL_ROUNDS):
        beyond = np.where(seen, responses - shrunk_means(responses, values), 0.0).sum(axis=1) / counts
        if step == 0:
            trials, penalties = _by_component(spectrum, beyond[:, None])
            weights, penalty = trials[:, 0], float(penalties[0])
        elif np.isfinite(penalty):
            weights = spectrum.rotated.T @ beyond.astype(np.float32) / (spectrum.values + penalty)
        values = (spectrum.rotated @ weights.astype(np.float32)).astype(np.float64)
        mean = float(values.mean())
        values -= mean
    if np.isfinite(penalty):
        freedom = spectrum.freedom[:, int(np.flatnonzero(penalty == PENALTIES)[0])]
        told = beyond - (beyond - values - mean) / freedom
        slope = _slope_within_arms(responses, seen, told)
        values, mean, weights = slope * values, slope * mean, slope * weights
    if not is_chosen(seen, values):
        return None
    return Level(values, mean, spectrum.vectors @ weights, penalty)


def is_chosen(seen: NDArray[np.bool_], values: Floats) -> bool:
    """Whether any model's queries are of another mean level than so many drawn by chance."""
    counts = seen.sum(axis=0)
    some = (counts > 0) & (counts < len(seen))
    n = counts[some]
    moved = (values @ seen[:, some]) / n
    by_chance = values.std() * np.sqrt((1.0 - n / len(seen)) / n)
    return bool((np.abs(moved) > CHOSEN_ERRORS * by_chance + 1e-9).any())


def _slope_within_arms(responses: Floats, seen: NDArray[np.bool_], told: Floats) -> float:
    """How much the responses of the same arm rise with the level that was told of each query without its own."""
    counts = np.maximum(seen.sum(axis=0), 1)
    levels = np.where(seen, told[:, None], 0.0)
    levels = np.where(seen, levels - levels.sum(axis=0) / counts, 0.0)
    spread = float((levels**2).sum())
    slope = float((levels * np.where(seen, responses, 0.0)).sum()) / spread if spread > 0.0 else 1.0
    return min(max(slope, 1.0), LARGEST_SLOPE)


def query_levels(spectrum: Spectrum, responses: Floats) -> Floats | None:
    """The level alone, of every query (n_queries,)."""
    level = common_level(spectrum, responses)
    return None if level is None else level.values


def usual_scores(scores: Floats, level: Floats | None) -> Floats:
    """Each model's mean score over all queries (n_arms,), from 0 to 1; `level` as query_levels says it.

    Shapes: scores (n_queries, n_arms), NaN = hole; level (n_queries,).
    """
    means = shrunk_means(scores, level)
    if level is None:
        return means
    # Levels add and scores end: who does well on hard queries alone would pass 1 on easy ones.
    result: Floats = np.clip(means + level[:, None], 0.0, 1.0).mean(axis=0)
    return result


def _project(residuals: Floats, seen: NDArray[np.bool_], loadings: Floats) -> Floats:
    """Each query's place on each component (n_queries, n_components), from the models that answered it."""
    projected: Floats = residuals @ loadings
    if not seen.all():
        # With few models seen a component is read off weakly: it is drawn to nothing rather than blown up.
        projected /= np.maximum(seen @ (loadings**2), 0.2)
    return projected


def _by_component(spectrum: Spectrum, responses: Floats) -> tuple[Floats, Floats]:
    """Weights in the turned basis and penalties, component by component, by the left-out residuals."""
    cross = (spectrum.rotated.T @ responses.astype(np.float32)).astype(np.float64)
    best = (responses**2).sum(axis=0)
    weights = np.zeros((len(spectrum.values), responses.shape[1]))
    penalties = np.full(responses.shape[1], np.inf)
    for at in range(0, len(PENALTIES), _AT_ONCE):
        some = PENALTIES[at : at + _AT_ONCE]
        # Several penalties in one product: the rows are read from memory once for all of them.
        trials = cross * (1.0 / (spectrum.values + some[:, None]))[:, :, None]
        fitted = spectrum.rotated @ np.hstack(list(trials.astype(np.float32)))
        for place, (penalty, trial) in enumerate(zip(some.tolist(), trials, strict=True)):
            residual = responses - fitted[:, place * len(best) : (place + 1) * len(best)]
            residual /= spectrum.freedom[:, at + place, None]
            loss = np.einsum("ij,ij->j", residual, residual)
            better = loss < best
            best = np.where(better, loss, best)
            weights[:, better] = trial[:, better]
            penalties[better] = penalty
    return weights, penalties


def _solve_with_holes(
    rows: Singles, residuals: Floats, seen: NDArray[np.bool_], loadings: Floats, start: Floats, penalties: Floats
) -> Floats:
    """Penalised least squares over the observed cells, by conjugate gradients from the start given."""
    live = np.isfinite(penalties)
    if not live.any():
        return start
    directions, ridge = loadings[:, live], penalties[live]
    coverage = max(float(seen.mean()), 1e-6)
    squares = np.einsum("ij,ij->j", rows, rows).astype(np.float64)
    diagonal = squares[:, None] * coverage + ridge * coverage

    def normal(weights: Floats) -> Floats:
        fitted = np.where(seen, (rows @ weights.astype(np.float32)) @ directions.T, 0.0)
        result: Floats = rows.T @ (fitted @ directions).astype(np.float32) + weights * (ridge * coverage)
        return result

    target = (rows.T @ (residuals @ directions).astype(np.float32)).astype(np.float64)
    weights = start[:, live].copy()
    gap = target - normal(weights)
    scaled = gap / diagonal
    step, power = scaled.copy(), float((gap * scaled).sum())
    stop = TOLERANCE**2 * float((target**2).sum()) + 1e-30
    for _ in range(MAX_STEPS):
        if float((gap**2).sum()) <= stop:
            break
        image = normal(step)
        length = power / max(float((step * image).sum()), 1e-300)
        weights += length * step
        gap -= length * image
        scaled = gap / diagonal
        power, before = float((gap * scaled).sum()), power
        step = scaled + (power / max(before, 1e-300)) * step
    result = start.copy()
    result[:, live] = weights
    return result
