"""What flips: which single change would have led elsewhere, from what is kept of a decision. Pure.

The weights of a request are not kept, but its candidates' utilities are, and a utility is a sum of three known terms:
the weights come out of them. Where they do not come out exactly, something else was weighed, and nothing is claimed.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from fairlead.domain.decision import Flip
from fairlead.domain.names import ModelId, UpstreamName
from fairlead.routing.flips import Standing, flips_of, terms_of
from fairlead.routing.preferences import Floats, sure_quality
from fairlead.store.candidates import CandidateRow

LARGEST_MISFIT: Final = 1e-4
"""In utility: what is kept are single floats of about 1, good to 1e-7; a term that we do not know is larger."""
LEAST_CANDIDATES: Final = 4
"""Three weights fit three candidates always: the fourth is the proof."""


class Found(NamedTuple):
    """Shares of quality, cost and speed; they sum to 1."""

    quality: float
    cost: float
    speed: float


class _Known(NamedTuple):
    """Candidates of which every figure is kept, in their order."""

    rows: list[CandidateRow]
    quality: Floats
    cost_usd: Floats
    total_s: Floats
    utility: Floats
    terms: Floats


def weights_of(candidates: Sequence[CandidateRow]) -> Found | None:
    """The weights that these utilities were made with; None where they cannot be told."""
    return _weights(_known(candidates))


def changes(candidates: Sequence[CandidateRow]) -> tuple[Flip, ...]:
    """Changes that would have turned the choice; nothing where the first was not chosen for its utility."""
    known = _known(candidates)
    weights = _weights(known)
    if weights is None or known.rows[0].place != 0:
        return ()
    arms = [(ModelId(row.model), UpstreamName(row.upstream)) for row in known.rows]
    shares = np.array(weights, dtype=np.float64)
    return flips_of(Standing(arms, known.quality, known.cost_usd, known.total_s, known.terms, shares))


def _known(candidates: Sequence[CandidateRow]) -> _Known:
    rows, figures = [], []
    for each in candidates:
        kept = (each.quality, each.quality_low, each.cost_usd, each.total_s, each.utility)
        if each.place is not None and None not in kept:
            rows.append(each)
            figures.append(kept)
    quality, low, cost_usd, total_s, utility = np.array(figures, dtype=np.float64).reshape(-1, 5).T
    terms = terms_of(sure_quality(quality, low), cost_usd, total_s)
    return _Known(rows, quality, cost_usd, total_s, utility, terms)


def _weights(known: _Known) -> Found | None:
    if len(known.rows) < LEAST_CANDIDATES:
        return None
    table, utilities = known.terms, known.utility
    weights, _, rank, _ = np.linalg.lstsq(table, utilities, rcond=1e-6)
    misfit = float(np.abs(table @ weights - utilities).max())
    if rank < table.shape[1] or misfit > LARGEST_MISFIT or weights.min() < -1e-3 or abs(weights.sum() - 1) > 1e-2:
        return None
    return Found(*(max(0.0, float(weight)) for weight in weights))
