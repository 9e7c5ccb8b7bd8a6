"""Objective: which arm to take, given what is foretold of each: weights or a cost weight, within limits."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.wishes import Weights
from fairlead.routing.policies.steady import steadied
from fairlead.routing.preferences import Preset, sure_quality, utility

Floats = NDArray[np.float64]

TYPICAL_DELAY_S: Final = 1.0
"""What an unknown delay counts as when no arm's delay is known: the same for all, so that it decides nothing."""

MOST_COST_WEIGHT: Final = 1e9
"""Far beyond where the cheapest model always wins; much more would overflow."""

FAR_OUT: Final = 1e9
"""By what share an unknown cost or delay passes a limit: it may be chosen only where nothing else is left."""


class Foretold(NamedTuple):
    """What is expected of every arm on every query.

    Shapes: all (n, n_arms). Units: quality in [0, 1] with 90 % bounds, tokens as billed, USD and seconds a call. NaN
    where an arm's tokens, cost or delay are not known.
    """

    quality: Floats
    quality_low: Floats
    quality_high: Floats
    output_tokens: Floats
    cost_usd: Floats
    latency_s: Floats


@dataclass(frozen=True, slots=True)
class Objective:
    """What to maximise, within which limits.

    Either `weights` (as a preset has them: logarithmic in cost and delay) or `cost_weight` W: quality - W * cost /
    cost_scale, where cost_scale is the mean cost of the pool's dearest arm, so that W = 1 gives up one whole point of
    quality for that call. Raises: ValueError for both, a W below 0, or a limit that nothing can keep.
    """

    weights: Weights | None = None
    cost_weight: float | None = None
    max_cost_usd: float | None = None
    max_latency_s: float | None = None
    min_quality: float | None = None

    def __post_init__(self) -> None:
        if self.weights is not None and self.cost_weight is not None:
            raise ValueError("weights and a cost weight exclude each other")
        if self.cost_weight is not None and not 0.0 <= self.cost_weight <= MOST_COST_WEIGHT:
            raise ValueError(
                f"a cost weight is a number of 0 or more and at most {MOST_COST_WEIGHT:g}, not {self.cost_weight:g}"
            )
        for name, limit in (("max_cost_usd", self.max_cost_usd), ("max_latency_s", self.max_latency_s)):
            if limit is not None and not limit > 0.0:
                raise ValueError(f"{name} is above 0, not {limit}")
        if self.min_quality is not None and not 0.0 <= self.min_quality <= 1.0:
            raise ValueError(f"min_quality is between 0 and 1, not {self.min_quality}")

    def worth(self, foretold: Foretold, cost_scale_usd: float | None, usual: Floats | None = None) -> Floats:
        """The worth of every arm (n, n_arms); the highest wins.

        `usual`: each arm's quality on the usual query (n_arms,); where it is known the worth under a cost weight is
        steadied by it (policies/steady), as the quality is by whoever foretells.
        """
        if self.cost_weight is not None:
            # Where every arm is free, or no price is known, quality alone can decide.
            if not self.cost_weight or not cost_scale_usd:
                return foretold.quality
            price = self.cost_weight / cost_scale_usd * as_dear_as_the_dearest(foretold.cost_usd)
            worth = foretold.quality - price
            return worth if usual is None else steadied(worth, usual - price)
        if self.weights is None:
            return foretold.quality
        delay = as_dear_as_the_dearest(foretold.latency_s, TYPICAL_DELAY_S)
        cost = as_dear_as_the_dearest(foretold.cost_usd, 1.0)
        return utility(sure_quality(foretold.quality, foretold.quality_low), cost, delay, self.weights)

    def pick(self, foretold: Foretold, cost_scale_usd: float | None, usual: Floats | None = None) -> NDArray[np.int64]:
        """The chosen arm of every query (n,): the best within the limits; where none is within, the least far out."""
        return self.best_of(self.worth(foretold, cost_scale_usd, usual), foretold)

    def best_of(self, worth: Floats, foretold: Foretold) -> NDArray[np.int64]:
        """The same from what `worth` said."""
        # Ties go to the cheaper, unknown costs last, then to the arm that stands first; never to a name.
        keys = [np.where(np.isnan(foretold.cost_usd), np.inf, foretold.cost_usd), -worth]
        if self.is_limited:
            keys.append(self._excess(foretold))
        result: NDArray[np.int64] = np.lexsort(keys, axis=1)[:, 0]
        return result

    @property
    def is_limited(self) -> bool:
        """Whether any limit is set."""
        return any(limit is not None for limit in (self.max_cost_usd, self.max_latency_s, self.min_quality))

    def _excess(self, foretold: Foretold) -> Floats:
        """How far every arm is beyond the limits (n, n_arms); 0 within them."""
        excess = np.zeros_like(foretold.quality)
        if self.max_cost_usd is not None:
            excess += excess_of(foretold.cost_usd, self.max_cost_usd)
        if self.max_latency_s is not None:
            excess += excess_of(foretold.latency_s, self.max_latency_s)
        if self.min_quality is not None:
            excess += np.maximum(self.min_quality - foretold.quality, 0.0)
        return excess


@dataclass(frozen=True, slots=True)
class PairThreshold:
    """Two arms and a line: the strong one where its foretold gain over the weak one passes it."""

    strong: int
    weak: int
    min_gain: float

    def pick(self, foretold: Foretold) -> NDArray[np.int64]:
        """The chosen arm of every query (n,)."""
        gain = foretold.quality[:, self.strong] - foretold.quality[:, self.weak]
        return np.where(gain > self.min_gain, self.strong, self.weak)


def excess_of(values: Floats, limit: float) -> Floats:
    """By what share a limit is passed, 0 within it; an unknown value is taken to pass it far."""
    share = np.minimum(values / limit - 1.0, FAR_OUT)
    result: Floats = np.maximum(np.where(np.isnan(share), FAR_OUT, share), 0.0)
    return result


def as_dear_as_the_dearest(values: Floats, when_none: float = 0.0) -> Floats:
    """Unknown values take the highest known one of their query: what is not known is not held to be cheap."""
    known = np.isfinite(values)
    if known.all():
        return values
    highest = np.where(known, values, -np.inf).max(axis=1, keepdims=True)
    return np.where(known, values, np.where(np.isfinite(highest), highest, when_none))


def objective_of_preset(preset: Preset) -> Objective:
    """What a preset maximises, within its limits; which models it may choose is not part of that."""
    wishes = preset.wishes
    return Objective(
        weights=preset.weights,
        max_cost_usd=wishes.max_cost_usd,
        max_latency_s=wishes.max_latency_s,
        min_quality=wishes.min_quality,
    )
