"""What flips: which single change would have led elsewhere, from what is kept of a decision. Pure.

The weights of a request are not kept, but its candidates' utilities are, and a utility is a sum of three known terms:
the weights come out of them. Where they do not come out exactly, something else was weighed, and nothing is claimed.
"""

from collections.abc import Sequence
from math import floor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.preferences import CAUTION, CHEAPEST_USD, COST_WORTH, DELAY_WORTH, SHORTEST_S
from fairlead.store.candidates import CandidateRow

Floats = NDArray[np.float64]
LARGEST_MISFIT: Final = 1e-4
"""In utility: what is kept are single floats of about 1, good to 1e-7; a term that we do not know is larger."""
LEAST_FACTOR: Final = 0.1
"""Of a cost or a delay: beyond a tenth of it nobody is helped by knowing."""
LEAST_CANDIDATES: Final = 4
"""Three weights fit three candidates always: the fourth is the proof."""


class Found(NamedTuple):
    """Shares of quality, cost and speed; they sum to 1."""

    quality: float
    cost: float
    speed: float


class Change(NamedTuple):
    """One change, and who would then have been chosen."""

    model: str
    upstream: str
    words: str


def weights_of(candidates: Sequence[CandidateRow]) -> Found | None:
    """The weights that these utilities were made with; None where they cannot be told."""
    known = [terms for candidate in candidates if (terms := _terms(candidate)) is not None]
    if len(known) < LEAST_CANDIDATES:
        return None
    table = np.array([terms for terms, _ in known])
    utilities = np.array([utility for _, utility in known])
    weights, _, rank, _ = np.linalg.lstsq(table, utilities, rcond=1e-6)
    misfit = float(np.abs(table @ weights - utilities).max())
    if rank < table.shape[1] or misfit > LARGEST_MISFIT or weights.min() < -1e-3 or abs(weights.sum() - 1) > 1e-2:
        return None
    return Found(*(max(0.0, float(weight)) for weight in weights))


def changes(candidates: Sequence[CandidateRow]) -> tuple[Change, ...]:
    """Changes of the best rival that would have turned the choice; each is rounded past the point where it does."""
    standing = [each for each in candidates if each.place is not None and each.utility is not None]
    if len(standing) < 2:
        return ()
    first = standing[0]
    rival = max(
        (each for each in standing if each.model != first.model), key=lambda each: each.utility or 0.0, default=None
    )
    weights = weights_of(standing)
    if rival is None or weights is None or rival.utility is None or first.utility is None:
        return ()
    lead = first.utility - rival.utility
    if lead < 0:
        return ()  # it was not chosen for its utility
    found = []
    if weights.quality > 1e-3 and rival.quality is not None:
        needed = _past(lead / weights.quality, 1_000)
        if rival.quality + needed <= 1.0:
            found.append(Change(rival.model, rival.upstream, f"if its expected quality were {needed:.3f} higher"))
    if weights.cost > 1e-3 and rival.cost_usd is not None and rival.cost_usd > CHEAPEST_USD:
        factor = floor(10 ** (-lead / (weights.cost * COST_WORTH)) * 100 - 1e-6) / 100
        if factor >= LEAST_FACTOR and factor * rival.cost_usd >= CHEAPEST_USD:
            found.append(Change(rival.model, rival.upstream, f"if its cost were {factor:.2f} times what it is"))
    if weights.speed > 1e-3 and rival.total_s is not None and rival.total_s > SHORTEST_S:
        factor = floor(10 ** (-lead / (weights.speed * DELAY_WORTH)) * 100 - 1e-6) / 100
        if factor >= LEAST_FACTOR and factor * rival.total_s >= SHORTEST_S:
            found.append(Change(rival.model, rival.upstream, f"if it took {factor:.2f} times as long"))
    return (*found, *_other_weights(standing, weights))


def _other_weights(standing: Sequence[CandidateRow], weights: Found) -> list[Change]:
    """For each weight the nearest value, in hundredths, at which another model comes first."""
    known = [(each, terms[0]) for each in standing if (terms := _terms(each)) is not None]
    if not known or known[0][0] is not standing[0]:
        return []
    table = np.array([terms for _, terms in known])
    found = []
    for place, (name, share) in enumerate(weights._asdict().items()):
        if share <= 1e-3:
            continue
        for value in sorted((n / 100 for n in range(201)), key=lambda value: abs(value - share)):
            other = np.array(weights)
            other[place] = value
            best = known[int(np.argmax(table @ other))][0]
            if best.model != standing[0].model:
                words = f"if the weight of {name} were {value:.2f} instead of {share:.2f}"
                found.append(Change(best.model, best.upstream, words))
                break
    return found


def _terms(candidate: CandidateRow) -> tuple[tuple[float, float, float], float] | None:
    """What each weight is multiplied by, and the utility; None where a figure is unknown."""
    each = candidate
    if None in (each.quality, each.quality_low, each.cost_usd, each.total_s, each.utility):
        return None
    assert each.quality is not None and each.quality_low is not None and each.cost_usd is not None
    assert each.total_s is not None and each.utility is not None
    sure = each.quality - CAUTION * (each.quality - each.quality_low)
    cost = -COST_WORTH * float(np.log10(max(each.cost_usd, CHEAPEST_USD)))
    delay = -DELAY_WORTH * float(np.log10(max(each.total_s, SHORTEST_S)))
    return (sure, cost, delay), each.utility


def _past(value: float, per_unit: int) -> float:
    """The next multiple of 1 / per_unit above a value."""
    return (floor(value * per_unit + 1e-6) + 1) / per_unit
