"""Figures of choices: the arrays that decided, as few bytes for a store; many at once for a few microseconds each."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
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
from fairlead.routing.pool import Floats, Pool
from fairlead.routing.router import Choice

_ARM_COLUMNS: Final = 6
_COST: Final = COLUMNS.index("cost_usd")
_CHANCE: Final = COLUMNS.index("propensity")
LANGUAGE_SAMPLE_CHARS: Final = 160
"""Two or three lines tell a language as well as two pages, at a tenth of the time."""


class Weighed:
    """A choice that may be asked for its figures later. Its repr tells nothing: the choice knows the prompt."""

    __slots__ = ("choice", "order", "pool")

    def __init__(self, pool: Pool, choice: Choice, order: tuple[int, ...]) -> None:
        self.pool = pool
        self.choice = choice
        self.order = order

    def __call__(self) -> Figures:
        """Its figures alone."""
        return figures_of(self.pool, self.choice, self.order)


def figures_of(pool: Pool, choice: Choice, order: tuple[int, ...]) -> Figures:
    """The decision as it stands in `order`: the choice's own, or of who rests where nobody else is left."""
    ((places, columns),) = _packed(pool, [choice], [order[:MAX_CANDIDATES]])
    return _told(pool, choice, order, places, columns)


def figures_together(asked: Sequence[Callable[[], Figures]]) -> list[Figures]:
    """The figures of each, at a third of the price: choices of one pool with as many candidates go together."""
    found: dict[int, Figures] = {}
    alike: dict[tuple[int, int], list[tuple[int, Weighed]]] = {}
    for at, one in enumerate(asked):
        if isinstance(one, Weighed):
            alike.setdefault((id(one.pool), len(one.order)), []).append((at, one))
        else:
            found[at] = one()
    for those in alike.values():
        pool = those[0][1].pool
        kept = [one.order[:MAX_CANDIDATES] for _, one in those]
        packed = _packed(pool, [one.choice for _, one in those], kept)
        for (at, one), (places, columns) in zip(those, packed, strict=True):
            found[at] = _told(pool, one.choice, one.order, places, columns)
    return [found[at] for at in range(len(asked))]


def _told(pool: Pool, choice: Choice, order: tuple[int, ...], places: bytes, columns: bytes) -> Figures:
    expected, outline = choice.expected, choice.outline
    forecast, first = expected.forecast, order[0]
    shares = forecast.kind_shares
    return Figures(
        pool.arms,
        places,
        columns,
        _ineligible(choice) if choice.checks else (),
        reason_code(pool, choice),
        KINDS[shares.index(max(shares))] if shares else None,
        forecast.difficulty,
        quick_language_of(outline.turn_text[:LANGUAGE_SAMPLE_CHARS]),
        round(expected.input_tokens),
        float(expected.cost_usd[first]) if pool.is_priced[first] else None,
        outline.n_messages,
        outline.n_tools,
        _flags(outline),
    )


def _packed(pool: Pool, choices: Sequence[Choice], kept: Sequence[tuple[int, ...]]) -> Iterator[tuple[bytes, bytes]]:
    """Places and COLUMNS of the kept arms of each choice. All of them keep as many."""
    n, n_kept = len(choices), len(kept[0])
    places = np.fromiter(chain.from_iterable(kept), dtype=np.intp, count=n * n_kept).reshape(n, n_kept)
    of_arm: list[Floats] = []
    of_card: list[Floats] = []
    for choice in choices:
        expected = choice.expected
        forecast = expected.forecast
        of_arm += (
            expected.quality,
            expected.cost_usd,
            expected.output_tokens,
            expected.ttft_s,
            expected.total_s,
            choice.utility,
        )
        of_card += (forecast.quality_low, forecast.quality_high)
    table = np.empty((n, len(COLUMNS), n_kept), dtype="<f4")
    rows = np.arange(n)[:, None, None]
    table[:, :_ARM_COLUMNS] = _stacked(of_arm, n)[rows, np.arange(_ARM_COLUMNS)[:, None], places[:, None, :]]
    table[:, _ARM_COLUMNS:_CHANCE] = _stacked(of_card, n)[rows, np.arange(2)[:, None], pool.card_of[places][:, None, :]]
    table[:, _COST][~pool.is_priced[places]] = np.nan
    table[:, _CHANCE] = 0.0
    table[:, _CHANCE, 0] = 1.0
    for row, choice in enumerate(choices):
        if choice.drawn is not None:
            chances = choice.drawn.chances[:n_kept]
            table[row, _CHANCE, : len(chances)] = chances
    return zip(_cut(places.astype("<u2").tobytes(), n), _cut(table.tobytes(), n), strict=True)


def _stacked(arrays: list[Floats], n: int) -> Floats:
    """Equally long arrays as shape (n, len(arrays) / n, length)."""
    shape = (n, len(arrays) // n, len(arrays[0]))
    try:
        joined = b"".join(arrays)  # type: ignore[arg-type]  # the stubs do not know that arrays are buffers
        return np.frombuffer(joined).reshape(shape)  # in a quarter of the time of the other way
    except (BufferError, ValueError):  # not all of them doubles that lie in one piece
        return np.concatenate(arrays).reshape(shape)


def _cut(raw: bytes, n: int) -> list[bytes]:
    """In n equal pieces."""
    step = len(raw) // n
    return [raw[at : at + step] for at in range(0, len(raw), step)]


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
