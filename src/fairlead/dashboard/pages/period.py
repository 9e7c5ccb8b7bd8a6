"""Period: the stretch of time that a page is about, as its address says it."""

from collections.abc import Mapping
from math import isfinite
from typing import Final, NamedTuple

from fairlead.dashboard.ask import Ask
from fairlead.dashboard.elements import Markup, element
from fairlead.dashboard.links import address
from fairlead.store.store import Window

PERIODS: Final[Mapping[str, float]] = {
    "1h": 3_600.0,
    "6h": 21_600.0,
    "24h": 86_400.0,
    "7d": 604_800.0,
    "30d": 2_592_000.0,
    "90d": 7_776_000.0,
}
"""A name in addresses -> seconds back from now."""
USUAL: Final = "24h"


class Period(NamedTuple):
    """What was asked for."""

    name: str
    window: Window


def period_of(ask: Ask, usual: str = USUAL) -> Period:
    """The window of this call: of its own rows; an unknown name means the usual one."""
    name = ask.query.get("period", usual)
    if name not in PERIODS:
        name = usual
    return Period(name, Window(ask.now_s - PERIODS[name], ask.now_s, ask.visitor.tenant))


def periods(path: str, current: str, **asked: str | None) -> Markup:
    """The choice of them."""
    return element(
        "nav",
        element(
            "ul",
            [
                element(
                    "li",
                    element(
                        "a", name, href=address(path, **asked, period=name),
                        aria_current="true" if name == current else None,
                    ),
                )
                for name in PERIODS
            ],
            class_="periods",
        ),
        aria_label="Time",
    )  # fmt: skip


def seconds_in(query: Mapping[str, str], name: str) -> float | None:
    """Unix seconds as an address holds them; None where it holds none, or no number."""
    try:
        value = float(query.get(name, ""))
    except ValueError:
        return None
    return value if isfinite(value) and 0 <= value <= 1e12 else None
