"""Probes: which queries to ask a new model, so that few answers say most.

Asked is what would narrow the figures wanted most: the variance of a figure f of the weights w is, to first order,
g' C g with g = df/dw and C the covariance of w, and an answer to query x takes p (1 - p) (x' C g)^2 / (1 + p (1 - p)
x' C x) off it (c-optimal design, Elfving 1952; one step of it at a time, as in adaptive testing). The first figure is
the model's mean score; others, such as the worth of routing to it, may stand beside it. Chosen at once for n answers or
in rounds, each with what the rounds before have taught.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from fairlead.learning.new_arm import Posterior, columns_of, prior_of
from fairlead.learning.outcomes import Floats, Ints
from fairlead.routing.modelmap.known_queries import KnownQueries
from fairlead.routing.predictors.item_response import sigmoid

JITTER: Final = 0.3
"""Standard deviation of the logarithm by which each query's worth is blurred, so that one query's oddity is not asked
of every model. With .1 the mean of six pools is missed by .029, with .3 by .027, with .6 by .029."""


def choose_probes(known: KnownQueries, n_probes: int, seed: int) -> Ints:
    """Places of at most n_probes different known queries, ascending, for a model of which nothing is known yet.

    Raises: ValueError for a number below 1.
    """
    columns = columns_of(known)
    prior = prior_of(known, columns, None, is_asked=True)
    return choose_rows(columns, prior, [mean_slope(columns, prior)], n_probes, seed)


def choose_rows(
    columns: Floats,
    belief: Posterior,
    slopes: Sequence[Floats],
    n_probes: int,
    seed: int,
    *,
    asked: Sequence[int] | Ints = (),
) -> Ints:
    """The rows to ask next, ascending: at most n_probes, none of those already asked.

    Shapes: columns (n, k) of the queries that can be asked; slopes, one (k,) a figure wanted, weighed by its length.
    Raises: ValueError for a number below 1.
    """
    if n_probes < 1:
        raise ValueError(f"{n_probes} probes are none")
    free = np.ones(len(columns), dtype=bool)
    free[np.asarray(asked, dtype=np.int64)] = False
    if free.sum() <= n_probes:
        return np.flatnonzero(free)
    draw = np.random.default_rng(seed)
    chance = sigmoid(columns @ belief.mean)
    information = np.maximum(chance * (1.0 - chance), 1e-9)
    covariance = belief.covariance.copy()
    wanted = np.column_stack(list(slopes))
    reach = columns @ covariance
    spread, towards = np.einsum("ij,ij->i", reach, columns), reach @ wanted
    chosen = []
    for _ in range(n_probes):
        worth = information * np.sum(towards**2, axis=1) / (1.0 + information * spread)
        worth = np.where(free, worth * np.exp(JITTER * draw.standard_normal(len(worth))), -1.0)
        best = int(worth.argmax())
        free[best] = False
        chosen.append(best)
        moved = covariance @ columns[best]
        share = information[best] / (1.0 + information[best] * spread[best])
        along = columns @ moved
        towards -= share * np.outer(along, moved @ wanted)
        spread -= share * along**2
        covariance -= share * np.outer(moved, moved)
    return np.sort(np.array(chosen, dtype=np.int64))


def mean_slope(columns: Floats, belief: Posterior, weights: Floats | None = None) -> Floats:
    """How the mean success over these queries moves with a model's weights (k,); `weights` (n,) of the queries."""
    chance = sigmoid(columns @ belief.mean)
    lean = chance * (1.0 - chance)
    if weights is not None:
        lean = lean * weights
    result: Floats = columns.T @ lean / max(len(columns), 1)
    return result


def narrowed(columns: Floats, belief: Posterior, rows: Sequence[int] | Ints) -> Posterior:
    """The belief as it would be after answers to these rows, whatever they are: the same mean, less doubt."""
    asked = columns[np.asarray(rows, dtype=np.int64)]
    chance = sigmoid(asked @ belief.mean)
    precision = np.linalg.inv(belief.covariance) + (asked * (chance * (1.0 - chance))[:, None]).T @ asked
    return Posterior(belief.mean, np.asarray(np.linalg.inv(precision), dtype=np.float64))
