"""Probes: which known queries to ask a new model, so that few answers say most.

Queries that every model gets right or wrong teach little: chances grow with the spread of the outcome expected there.
Within that, queries are taken evenly along easiness and, in turns up and down, along the first direction in which
models of one strength differ; so no corner of the queries is left to luck.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.modelmap.known_queries import KnownQueries
from fairlead.routing.predictors.item_response import sigmoid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POWER: Final = 1.5
"""Chance ~ (p (1 - p))^(POWER / 2). With 1 the mean of five pools is missed by .033, with 1.5 by .032, with 3 by .032
but with single pools worse; equal chances miss by .037 (leave-one-model-out, 60 probes)."""
LEAST_SPREAD: Final = 1e-4
"""Of an outcome: nothing is so certain that it is never asked."""
N_BANDS: Final = 8


def choose_probes(known: KnownQueries, n_probes: int, seed: int) -> Ints:
    """Places of at most n_probes different known queries, ascending; all of them if there are no more.

    Raises: ValueError for a number below 1.
    """
    if n_probes < 1:
        raise ValueError(f"{n_probes} probes are none")
    n = len(known)
    if n <= n_probes:
        return np.arange(n)
    draw = np.random.default_rng(seed)
    chance = sigmoid(known.response_mean[0] + known.response_mean[1] * known.easiness.astype(np.float64))
    size = np.maximum(chance * (1.0 - chance), LEAST_SPREAD) ** (POWER / 2.0)
    order = _winding(known, draw)
    # Never more than one draw a query: a size above its fair step would be drawn twice.
    reach = np.cumsum(_capped(size[order], n_probes))
    at = np.searchsorted(reach, np.arange(n_probes) + draw.random(n_probes), side="right")
    chosen = np.unique(order[np.minimum(at, n - 1)])
    spare = np.setdiff1d(order, chosen, assume_unique=False)
    missing = n_probes - len(chosen)
    weights = size[spare] / size[spare].sum()
    more = draw.choice(spare, missing, replace=False, p=weights) if missing else np.empty(0, dtype=np.int64)
    return np.sort(np.concatenate((chosen, more))).astype(np.int64)


def _capped(size: Floats, total: int) -> Floats:
    """Sizes scaled to this total, none above 1."""
    scaled = size * (total / size.sum())
    for _ in range(20):
        over = scaled >= 1.0
        rest = scaled[~over].sum()
        if not over.any() or rest <= 0.0:
            break
        factor = (total - over.sum()) / rest
        scaled = np.where(over, 1.0, scaled * factor)
        if factor <= 1.0 + 1e-9:
            break
    result: Floats = scaled
    return result


def _winding(known: KnownQueries, draw: np.random.Generator) -> Ints:
    """All queries from hard to easy in bands, each band along the second component, up and down in turns."""
    n = len(known)
    by_ease = np.lexsort((draw.random(n), known.easiness))
    second = known.components[:, 1] if known.components.shape[1] > 1 else known.foretold
    bands = []
    for number, band in enumerate(np.array_split(by_ease, N_BANDS)):
        inner = band[np.argsort(second[band], kind="stable")]
        bands.append(inner if number % 2 == 0 else inner[::-1])
    return np.concatenate(bands)
