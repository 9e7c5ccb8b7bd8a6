"""Flips: changes of one number that would have turned a choice, each rounded past the point where it does. Pure."""

from collections.abc import Iterator, Sequence
from math import floor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.decision import Flip
from fairlead.domain.names import ModelId, UpstreamName
from fairlead.domain.wishes import Weights
from fairlead.routing.preferences import CHEAPEST_USD, COST_WORTH, DELAY_WORTH, SHORTEST_S, Floats

PARTS: Final = ("quality", "cost", "speed")
LEAST_FACTOR: Final = 0.1
"""Of a cost or a delay: beyond a tenth of it nobody is helped by knowing."""
LEAST_SHARE: Final = 1e-3
"""Of the weights: one that counts less turns nothing by itself."""
MAX_WEIGHT: Final = 10.0
"""A weight stands beside two others that sum to less than 1: beyond this it decides alone."""


class Standing(NamedTuple):
    """Arms that may serve, the chosen one first. Shapes: quality, cost_usd, total_s (n,), terms (n, 3), shares (3,)."""

    arms: Sequence[tuple[ModelId, UpstreamName]]
    quality: Floats
    cost_usd: Floats
    total_s: Floats
    terms: Floats
    """See `terms_of`."""
    shares: Floats
    """Of the weights, in the order of PARTS; they sum to 1."""


def terms_of(sure_quality: Floats, cost_usd: Floats, total_s: Floats) -> Floats:
    """What each share of the weights is multiplied by in `preferences.utility`. Shapes: (n,) -> (n, 3)."""
    cost = -COST_WORTH * np.log10(np.maximum(cost_usd, CHEAPEST_USD))
    delay = -DELAY_WORTH * np.log10(np.maximum(total_s, SHORTEST_S))
    return np.stack([sure_quality, cost, delay], axis=1)


def shares_of(weights: Weights) -> Floats:
    """Each weight as a share of all three."""
    parts = np.array([getattr(weights, name) for name in PARTS], dtype=np.float64)
    return np.asarray(parts / parts.sum(), dtype=np.float64)


def flips_of(standing: Standing) -> tuple[Flip, ...]:
    """Changes of the best other model's figures, and of one weight; none where no utility decided."""
    is_own = np.array([model == standing.arms[0][0] for model, _ in standing.arms])
    if is_own.all():
        return ()
    worth = standing.terms @ standing.shares
    rival = int(np.argmax(np.where(is_own, -np.inf, worth)))
    lead = float(worth[0] - worth[rival])
    if lead < 0:
        return ()
    model, upstream = standing.arms[rival]
    changes = [*_figures(standing, rival, lead)]
    turned = (_other_weight(standing, is_own, part) for part in range(len(PARTS)))
    weights = [flip for flip in turned if flip is not None]
    delays = [Flip(model, upstream, change) for change in _delay(standing, rival, lead)]
    return (*(Flip(model, upstream, change) for change in changes), *weights, *delays)


def _figures(standing: Standing, rival: int, lead: float) -> Iterator[str]:
    quality, cost, _ = standing.shares.tolist()
    if quality > LEAST_SHARE:
        needed = _next(lead / quality, 1_000)
        if standing.quality[rival] + needed <= 1.0:
            yield f"if its expected quality were {needed:.3f} higher"
    if cost > LEAST_SHARE:
        factor = _factor(lead / (cost * COST_WORTH))
        if factor >= LEAST_FACTOR and factor * standing.cost_usd[rival] >= CHEAPEST_USD:
            yield f"if its cost were {factor:.2f} times what it is"


def _delay(standing: Standing, rival: int, lead: float) -> Iterator[str]:
    speed = float(standing.shares[2])
    if speed > LEAST_SHARE:
        factor = _factor(lead / (speed * DELAY_WORTH))
        if factor >= LEAST_FACTOR and factor * standing.total_s[rival] >= SHORTEST_S:
            yield f"if it took {factor:.2f} times as long"


def _other_weight(standing: Standing, is_own: NDArray[np.bool_], part: int) -> Flip | None:
    """The nearest value of one weight, the others unchanged, at which another model wins; None when there is none."""
    share = float(standing.shares[part])
    if share <= LEAST_SHARE:
        return None
    slope = standing.terms[:, part]
    rest = standing.terms @ standing.shares - slope * share
    gain = np.subtract.outer(slope[~is_own], slope[is_own])
    behind = -np.subtract.outer(rest[~is_own], rest[is_own])
    crossings = (behind[gain != 0] / gain[gain != 0]).tolist()
    stated = {_next(v, 100) if v > share else 0.0 - _next(-v, 100) for v in crossings if v <= MAX_WEIGHT}
    for value in sorted((v for v in stated if v >= 0), key=lambda v: (abs(v - share), v)):
        place = int(np.argmax(rest + value * slope))
        if not is_own[place]:
            change = f"if the weight of {PARTS[part]} were {value:.2f} instead of {share:.2f}"
            return Flip(*standing.arms[place], change)
    return None


def _factor(decades: float) -> float:
    """The next hundredth below the factor that so many decades are: below it by more than rounding errors."""
    return -_next(-(10.0**-decades), 100)


def _next(value: float, per_unit: int) -> float:
    """The next multiple of 1 / per_unit that is above a value by more than rounding errors."""
    return (floor(value * per_unit + 1e-6) + 1) / per_unit
