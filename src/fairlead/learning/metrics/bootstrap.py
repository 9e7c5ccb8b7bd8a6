"""Paired bootstrap over queries: the interval of a figure, and of the difference of two, from seeded resamples.

A resample says how often each query was drawn, so a figure is a function of weights (n_draws, n_queries), and a whole
batch of resamples is measured at once. Resamples of one size and seed are the same resamples: whatever is measured on
them is paired. Undefined draws are NaN inside a batch; a figure that is given out is None instead.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.outcomes import Floats

Statistic = Callable[[Floats], Floats]
"""Weights (b, n) -> one value a row of weights (b,), NaN where undefined."""

Group = Callable[[Floats], Mapping[str, Floats]]
"""Several statistics of the same weights, by name, that share their work."""

N_DRAWS: Final = 1_000
LEVEL: Final = 0.95
MAX_CELLS: Final = 1_000_000
"""Weights held at once: a batch has so many draws as fit, which bounds the memory for any number of queries."""
LEAST_DEFINED_SHARE: Final = 0.95
"""An interval from fewer defined draws than this would hide that the figure is often undefined."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its bootstrap interval, or the reason why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """A statistic of all queries, and of each resample. Shapes: draws (n_draws,), NaN where undefined."""

    value: float
    draws: Floats


@dataclass(frozen=True, slots=True)
class Resamples:
    """Queries drawn with replacement, so many as there are, again and again; equal arguments give equal draws."""

    n: int
    n_draws: int = N_DRAWS
    seed: int = 0

    def rows(self) -> Iterator[NDArray[np.int64]]:
        """The places that were drawn, batch by batch. Shapes: (b, n) each."""
        drawer = np.random.default_rng(self.seed)
        size = max(1, MAX_CELLS // max(self.n, 1))
        for start in range(0, self.n_draws if self.n else 0, size):
            yield drawer.integers(0, self.n, (min(size, self.n_draws - start), self.n))

    def weights(self) -> Iterator[Floats]:
        """How often each query was drawn, batch by batch; each row sums to n. Shapes: (b, n) each."""
        for rows in self.rows():
            flat = (rows + np.arange(len(rows))[:, None] * self.n).ravel()
            yield np.bincount(flat, minlength=rows.size).reshape(rows.shape).astype(np.float64)


def value_of(statistic: Statistic, n: int) -> float | None:
    """The statistic of n queries as they are; None where it is undefined."""
    value = float(statistic(np.ones((1, n)))[0]) if n else np.nan
    return value if np.isfinite(value) else None


def sampled(group: Group, resamples: Resamples) -> dict[str, Sampled]:
    """Every statistic of a group on all queries and on each resample."""
    if not resamples.n:
        return {}
    values = group(np.ones((1, resamples.n)))
    drawn: dict[str, list[Floats]] = {name: [] for name in values}
    for weights in resamples.weights():
        for name, draws in group(weights).items():
            drawn[name].append(draws)
    return {
        name: Sampled(float(values[name][0]), np.concatenate([np.empty(0), *batches]))
        for name, batches in drawn.items()
    }


def figure_of(what: Sampled, reason: str | None = None, level: float = LEVEL) -> Figure:
    """The value with its bootstrap interval and standard error; `reason` is kept only where the value is undefined.

    Quantiles of the draws, less the draws' bias: resampling makes calibration errors and best-of-settings figures look
    larger than they are, so that a plain percentile interval may miss the value. What is drawn between 0 and 1 only
    gets no interval beyond them.
    """
    if not np.isfinite(what.value):
        return Figure(None, reason=reason or "not defined on these queries")
    defined = what.draws[np.isfinite(what.draws)]
    if len(defined) < 2 or len(defined) < LEAST_DEFINED_SHARE * len(what.draws):
        return Figure(what.value, reason="no interval: too few resamples define it")
    bias = defined.mean() - what.value
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]) - bias
    low = max(low, 0.0) if min(defined.min(), what.value) >= 0 else low
    high = min(high, 1.0) if max(defined.max(), what.value) <= 1 else high
    return Figure(what.value, float(low), float(high), float(defined.std(ddof=1)))


def difference_of(one: Sampled, other: Sampled, level: float = LEVEL) -> Figure:
    """`one` less `other`, paired: both must come from the same resamples."""
    return figure_of(Sampled(one.value - other.value, one.draws - other.draws), level=level)


def weighted_mean(values: Floats) -> Statistic:
    """The mean of one value a query, NaN where no weight falls. Shapes: values (n,)."""
    return lambda weights: share_of(weights @ values, weights.sum(axis=1))


def share_of(part: Floats, whole: Floats) -> Floats:
    """The part over the whole, NaN where the whole is 0. Shapes: equal."""
    share: Floats = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) != 0)
    return share


def interval_of(statistic: Statistic, resamples: Resamples) -> Figure:
    """A figure of any statistic of weights."""
    if not resamples.n:
        return Figure(None, reason="no queries")
    return figure_of(sampled(lambda weights: {"": statistic(weights)}, resamples)[""])


def interval_of_mean(values: Floats, *, seed: int, n_draws: int = N_DRAWS) -> Figure:
    """The mean of one value a query. Shapes: (n,)."""
    return interval_of(weighted_mean(values), Resamples(len(values), n_draws, seed))
