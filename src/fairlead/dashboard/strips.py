"""Strips: a share with its interval as a line of SVG in percentages, so that it is as wide as its place."""

from collections.abc import Mapping, Sequence
from typing import Final

from fairlead.dashboard.elements import Markup, element

_MIDDLE: Final = "50%"
_END_PERCENT: Final = 2.0
"""Room at both ends, so that a dot at 0 or 1 is whole."""


def strip(
    label: str, mean: float, low: float | None, high: float | None, marks: Mapping[str, float] | None = None
) -> Markup:
    """From 0 to 1: the interval, the marks (class -> share), the mean over all. `label` says it in words."""
    reach = None
    if low is not None and high is not None:
        reach = element("line", class_="reach", x1=percent(low), x2=percent(high), y1=_MIDDLE, y2=_MIDDLE)
    return element(
        "svg",
        element("line", class_="ground", x1=percent(0.0), x2=percent(1.0), y1=_MIDDLE, y2=_MIDDLE),
        reach,
        [
            element("line", class_=f"mark {name}", x1=percent(share), x2=percent(share), y1="15%", y2="85%")
            for name, share in (marks or {}).items()
        ],
        element("circle", class_="mean", cx=percent(mean), cy=_MIDDLE, r="4"),
        class_="strip",
        role="img",
        aria_label=label,
    )


def change_bar(label: str, old: float, new: float, most: float) -> Markup:
    """Two shares below one another, of which `most` fills the width."""
    scale = max(most, 1e-9)
    return element(
        "svg",
        element("rect", class_="old", x="0", y="10%", height="35%", width=_width(old / scale)),
        element("rect", class_="new", x="0", y="55%", height="35%", width=_width(new / scale)),
        class_="strip",
        role="img",
        aria_label=label,
    )


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """What the marks of strips mean: (class, words)."""
    return element(
        "ul",
        [element("li", element("span", class_=f"key {name}", aria_hidden="true"), words) for name, words in entries],
        class_="legend",
    )


def percent(share: float) -> str:
    """A place on a strip."""
    inside = min(max(share, 0.0), 1.0)
    return f"{_END_PERCENT + (100.0 - 2 * _END_PERCENT) * inside:.2f}%"


def _width(share: float) -> str:
    return f"{100.0 * min(max(share, 0.0), 1.0):.2f}%"
