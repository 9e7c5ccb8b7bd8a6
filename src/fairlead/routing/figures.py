"""Figures of a choice: the arrays that decided, as few bytes for a store. About ten microseconds; never fails."""

from functools import lru_cache
from typing import Final

import numpy as np

from fairlead.domain.decision import IneligibleCode
from fairlead.domain.figures import (
    COLUMNS,
    HAS_AUDIO,
    HAS_FILES,
    HAS_IMAGES,
    HAS_TOOLS,
    IN_TOOL_LOOP,
    IS_STRUCTURED,
    MAX_CANDIDATES,
    WANTS_REASONING,
    Figures,
)
from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.routing.explanation import reason_code
from fairlead.routing.features.language import quick_language_of
from fairlead.routing.pool import Pool
from fairlead.routing.router import Choice

_ARM_COLUMNS: Final = 6
_COST: Final = COLUMNS.index("cost_usd")
LANGUAGE_SAMPLE_CHARS: Final = 160
"""Two or three lines tell a language as well as two pages, at a tenth of the time."""


def figures_of(pool: Pool, choice: Choice, order: tuple[int, ...]) -> Figures:
    """The decision as it stands in `order`: the choice's own, or of who rests where nobody else is left."""
    expected, outline = choice.expected, choice.outline
    forecast, first = expected.forecast, order[0]
    kept = np.array(order[:MAX_CANDIDATES], dtype=np.intp)
    arms = np.concatenate(
        (
            expected.quality,
            expected.cost_usd,
            expected.output_tokens,
            expected.ttft_s,
            expected.total_s,
            choice.utility,
        ),
        dtype="<f4",
        casting="same_kind",
    )
    table = arms.reshape(_ARM_COLUMNS, -1).take(kept, axis=1)
    priced = pool.is_priced.take(kept)
    if not priced.all():
        table[_COST, ~priced] = np.nan
    ends = np.concatenate((forecast.quality_low, forecast.quality_high), dtype="<f4", casting="same_kind")
    bounds = ends.reshape(2, -1).take(pool.card_of.take(kept), axis=1)
    shares = forecast.kind_shares
    return Figures(
        arms=pool.arms,
        places=kept.astype("<u2").tobytes(),
        columns=b"".join((table.tobytes(), bounds.tobytes(), _chances(len(kept), choice.chances))),
        ineligible=_ineligible(choice),
        reason=reason_code(pool, choice),
        kind=KINDS[max(range(len(shares)), key=shares.__getitem__)] if shares else None,
        difficulty=forecast.difficulty,
        language=quick_language_of(outline.turn_text[:LANGUAGE_SAMPLE_CHARS]),
        input_tokens=round(expected.input_tokens),
        expected_usd=float(expected.cost_usd[first]) if pool.is_priced[first] else None,
        n_messages=outline.n_messages,
        n_tools=outline.n_tools,
        flags=_flags(outline),
    )


@lru_cache(maxsize=1_024)
def _chances(n: int, chances: tuple[float, ...]) -> bytes:
    """The column of propensities."""
    column = np.zeros(n, dtype="<f4")
    column[: len(chances)] = chances[:n]
    return column.tobytes()


def _ineligible(choice: Choice) -> tuple[tuple[IneligibleCode, tuple[int, ...]], ...]:
    """The first ground that each arm in question failed on, as the explanation tells it."""
    left = choice.asked.members
    found: list[tuple[IneligibleCode, tuple[int, ...]]] = []
    for check in choice.checks:
        places = (left & check.fails).nonzero()[0]
        if len(places):
            found.append((check.code, tuple(places.tolist())))
            left = left & ~check.fails
    return tuple(found)


def _flags(outline: Outline) -> int:
    return (
        HAS_TOOLS * (outline.n_tools > 0)
        | HAS_IMAGES * (outline.n_images > 0)
        | HAS_AUDIO * (outline.n_audio > 0)
        | HAS_FILES * (outline.n_files > 0)
        | IS_STRUCTURED * outline.wants_structured
        | WANTS_REASONING * outline.wants_reasoning
        | IN_TOOL_LOOP * outline.in_tool_loop
    )
