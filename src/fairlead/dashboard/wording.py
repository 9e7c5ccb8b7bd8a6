"""Wording: numbers and moments as people read them. Unknown is a dash, never 0."""

from datetime import UTC, datetime
from math import isfinite
from typing import Final

from fairlead.dashboard.elements import Markup, element

UNKNOWN: Final = "–"
_NANO: Final = 1e-9
SHORT_CHARS: Final = 48
"""Of a name in a row."""
WHOLE_CHARS: Final = 400
"""Of one that stands alone, or under the pointer."""
_LAST_S: Final = 253_402_300_799.0
"""The end of the year 9999, the last that a date can say."""


def count(value: float | None) -> str:
    """A whole number with its thousands."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def usd(value: float | None) -> str:
    """Money: cents from a dollar on, three figures below."""
    if value is None or not isfinite(value):
        return UNKNOWN
    sign, size = ("−" if value < 0 else ""), abs(value)
    if size == 0:
        return "$0"
    if size >= 1:
        return f"{sign}${size:,.2f}"
    if size < 1e-9:
        return f"{sign}$<0.000000001"
    digits = max(2, 2 - int(f"{size:e}".partition("e")[2]))
    return f"{sign}${size:.{digits}f}"


def saving(value: float | None) -> str:
    """What was saved, in whole nano-dollars as money is counted: what rounding leaves is neither saved nor lost."""
    return usd(None if value is None else round(value, 9))


def nano_usd(value: float | None) -> str:
    """Nano-dollars as money."""
    return usd(None if value is None else value * _NANO)


def seconds(value: float | None) -> str:
    """A delay in the unit that suits it, which no line break parts from it."""
    if value is None:
        return UNKNOWN
    if value >= 100:
        return f"{value:,.0f}\u00a0s"
    if value >= 1:
        return f"{value:.2f}\u00a0s"
    if value >= 0.001:
        return f"{value * 1e3:.0f}\u00a0ms"
    return f"{value * 1e6:.0f}\u00a0µs"


def share(value: float | None) -> str:
    """A share as a percentage."""
    return UNKNOWN if value is None else f"{value * 100:.1f}\u00a0%"


def figure(value: float | None, digits: int = 3) -> str:
    """A plain number."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def shortened(words: str | None, most: int = SHORT_CHARS) -> str:
    """As much of a name as there is room for."""
    if words is None:
        return UNKNOWN
    return words if len(words) <= most else f"{words[: most - 1]}…"


def name(words: str | None, most: int = SHORT_CHARS) -> Markup:
    """A name that somebody made, kept apart from the direction and the length of what stands around it."""
    shown = shortened(words, most)
    whole = words[:WHOLE_CHARS] if words is not None and shown != words else None
    return element("bdi", shown, title=whole)


def plain_moment(at_s: float) -> str:
    """A point in time, in UTC."""
    return _at(at_s).strftime("%Y-%m-%d %H:%M")


def moment(at_s: float, *, is_short: bool = False) -> Markup:
    """The same to the second, as an element; scripts add the reader's own time. In a list the year can be spared."""
    found = _at(at_s)
    shown = found.strftime("%m-%d %H:%M:%S" if is_short else "%Y-%m-%d %H:%M:%S")
    return element("time", shown, datetime=found.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _at(at_s: float) -> datetime:
    return datetime.fromtimestamp(max(0.0, min(at_s, _LAST_S)), UTC)
