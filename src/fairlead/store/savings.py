"""Savings: what was saved against one model that might have served everything, and how sure that is. Pure."""

from collections.abc import Sequence
from typing import Final

from fairlead.store.rows import AlternativeRow

INTERVAL_Z: Final = 1.959963984540054
"""Standard normal quantile of 97.5 %: the intervals are at 95 %."""


def interval(row: AlternativeRow) -> tuple[float, float] | None:
    """Where the saving lies at 95 %; None of fewer than two requests."""
    if row.saved_se_usd is None:
        return None
    return row.saved_usd - INTERVAL_Z * row.saved_se_usd, row.saved_usd + INTERVAL_Z * row.saved_se_usd


def best_single(alternatives: Sequence[AlternativeRow]) -> AlternativeRow | None:
    """The model with the highest expected quality, of those that could have served at least half as much as any."""
    return max(_frequent(alternatives), key=lambda row: row.quality, default=None)


def dearest(alternatives: Sequence[AlternativeRow]) -> AlternativeRow | None:
    """The one that would have cost most a request, of the same."""
    return max(_frequent(alternatives), key=lambda row: row.alternative_usd / row.n, default=None)


def _frequent(alternatives: Sequence[AlternativeRow]) -> list[AlternativeRow]:
    most = max((row.n for row in alternatives), default=0)
    return [row for row in alternatives if row.n * 2 >= most]
