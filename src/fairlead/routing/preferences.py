"""Preferences: what quality, cost and speed are worth to each other, as one number per candidate.

    utility = w_q * quality - w_c * COST_WORTH * log10(cost) - w_s * DELAY_WORTH * log10(delay)

with the weights scaled to sum to 1. Logarithms on purpose (docs/decisions/0003): a request ten times as long costs ten
times as much with *every* model, and must not by that alone be sent to a weaker one. So a tenfold price always weighs
the same number of quality points, whatever the request's size, and adding a candidate never changes how two others
compare.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.wishes import NO_WISHES, Weights, Wishes

Floats = NDArray[np.float64]

COST_WORTH: Final = 0.20
"""Quality given up for a tenfold lower cost when quality and cost weigh the same."""
DELAY_WORTH: Final = 0.20
"""Quality given up for a tenfold shorter wait when quality and speed weigh the same."""
CHEAPEST_USD: Final = 1e-7
"""Below this a request counts as free: a local model at marginal cost 0 is as cheap as 100 tokens at $0.001 per M."""
SHORTEST_S: Final = 0.05
CAUTION: Final = 0.25
"""How far towards the low end of its interval a quality is taken: of two models that look alike, the known one wins."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A named preference behind a virtual model: `auto:NAME`."""

    name: str
    weights: Weights
    wishes: Wishes = NO_WISHES
    """Limits and candidates that the operator sets for this preset; a request's own wishes only narrow them."""


BUILT_IN_PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset("balanced", Weights(quality=0.60, cost=0.30, speed=0.10)),
        Preset("quality", Weights(quality=0.94, cost=0.04, speed=0.02)),
        Preset("cost", Weights(quality=0.45, cost=0.50, speed=0.05)),
        Preset("speed", Weights(quality=0.35, cost=0.10, speed=0.55)),
    )
}
"""`auto` means `auto:balanced`."""


def sure_quality(quality: Floats, quality_low: Floats) -> Floats:
    """The quality to reckon with: the expected one less a share of the doubt about it.

    Shapes: (n,) -> (n,). Without it a model of which only the price is known looks as good as a measured one.
    """
    return quality - CAUTION * (quality - quality_low)


def utility(quality: Floats, cost_usd: Floats, total_s: Floats, weights: Weights) -> Floats:
    """One number per candidate; the highest wins.

    Shapes: quality, cost_usd, total_s (n,) -> (n,).
    Units: quality in [0, 1]; the result is in quality points times the (scaled) quality weight.
    """
    scale = 1.0 / (weights.quality + weights.cost + weights.speed)
    worth = (weights.quality * scale) * quality
    if weights.cost:
        worth = worth - (weights.cost * scale * COST_WORTH) * np.log10(np.maximum(cost_usd, CHEAPEST_USD))
    if weights.speed:
        worth = worth - (weights.speed * scale * DELAY_WORTH) * np.log10(np.maximum(total_s, SHORTEST_S))
    return worth
