"""Figures of choices: the arrays that decided, as few bytes for a store."""

from collections.abc import Sequence
from itertools import compress
from typing import Final

import numpy as np

from fairlead.domain.decision import IneligibleCode
from fairlead.domain.figures import (
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
from fairlead.routing.features.language import LANGUAGE_SAMPLE_CHARS, quick_language_of
from fairlead.routing.pool import Pool
from fairlead.routing.router import Choice, Router

_FLAGS: Final = (HAS_TOOLS, HAS_IMAGES, HAS_AUDIO, HAS_FILES, IS_STRUCTURED, WANTS_REASONING, IN_TOOL_LOOP)


def figures_of(router: Router, choice: Choice, order: tuple[int, ...], reason: str | None = None) -> Figures:
    """The decision as it stands in `order`: the choice's own, or of who rests where nobody else is left.

    `reason`: its code, where it is known already.
    """
    pool = router.pool
    expected, outline = choice.expected, choice.outline
    forecast, first = expected.forecast, order[0]
    shares = forecast.kind_shares
    kept = order if len(order) <= MAX_CANDIDATES else order[:MAX_CANDIDATES]
    packed = None if choice.drawn is not None or router.kernel is None else router.kernel.pack(expected, kept)
    places, columns = packed or _packed(pool, choice, kept)
    return Figures(
        pool.arms,
        places,
        columns,
        _ineligible(choice) if choice.checks else (),
        reason or reason_code(pool, choice),
        KINDS[shares.index(max(shares))] if shares else None,
        forecast.difficulty,
        forecast.language or quick_language_of(outline.turn_text[:LANGUAGE_SAMPLE_CHARS]),
        round(expected.input_tokens),
        expected.cost_of(first) if pool.is_priced[first] else None,
        outline.n_messages,
        outline.n_tools,
        _flags(outline),
    )


def _packed(pool: Pool, choice: Choice, kept: Sequence[int]) -> tuple[bytes, bytes]:
    """Places and COLUMNS of the kept arms: as ArmKernel packs them, and for any chances."""
    places = np.array(kept, dtype=np.intp)
    expected, cards = choice.expected, pool.card_of[places]
    of_arm = (
        expected.quality,
        np.where(pool.is_priced, expected.cost_usd, np.nan),
        expected.output_tokens,
        expected.ttft_s,
        expected.total_s,
        choice.utility,
    )
    of_card = (expected.forecast.quality_low, expected.forecast.quality_high)
    chances = np.zeros(len(kept))
    sure = choice.chances[: len(kept)]
    chances[: len(sure)] = sure
    table = np.stack([*(column[places] for column in of_arm), *(column[cards] for column in of_card), chances])
    return places.astype("<u2").tobytes(), table.astype("<f4").tobytes()


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
    has = (
        outline.n_tools,
        outline.n_images,
        outline.n_audio,
        outline.n_files,
        outline.wants_structured,
        outline.wants_reasoning,
        outline.in_tool_loop,
    )
    return sum(compress(_FLAGS, has)) if any(has) else 0
