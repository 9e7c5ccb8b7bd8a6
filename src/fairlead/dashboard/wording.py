"""Wording: numbers and moments as people read them. Unknown is a dash, never 0."""

from datetime import UTC, datetime
from typing import Final

from fairlead.dashboard.elements import Markup, element

UNKNOWN: Final = "–"
_NANO: Final = 1e-9


def count(value: float | None) -> str:
    """A whole number with its thousands."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def usd(value: float | None) -> str:
    """Money: cents from a dollar on, three figures below."""
    if value is None:
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


def nano_usd(value: int | None) -> str:
    """Nano-dollars as money."""
    return usd(None if value is None else value * _NANO)


def seconds(value: float | None) -> str:
    """A delay in the unit that suits it."""
    if value is None:
        return UNKNOWN
    if value >= 100:
        return f"{value:,.0f} s"
    if value >= 1:
        return f"{value:.2f} s"
    if value >= 0.001:
        return f"{value * 1e3:.0f} ms"
    return f"{value * 1e6:.0f} µs"


def share(value: float | None) -> str:
    """A share as a percentage."""
    return UNKNOWN if value is None else f"{value * 100:.1f} %"


def figure(value: float | None, digits: int = 3) -> str:
    """A plain number."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def moment(at_s: float) -> Markup:
    """A point in time, in UTC; scripts turn it into the reader's own time."""
    found = datetime.fromtimestamp(max(0.0, min(at_s, 253_402_300_799.0)), UTC)
    return element("time", found.strftime("%Y-%m-%d %H:%M:%S"), datetime=found.strftime("%Y-%m-%dT%H:%M:%SZ"))
