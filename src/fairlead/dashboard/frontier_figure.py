"""Frontier figure: cost against quality as SVG in percentages, and the same as data for the chart library."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any, Final

from fairlead.dashboard.charts import scatter_data
from fairlead.dashboard.elements import Markup, element, text
from fairlead.dashboard.figures import Dot
from fairlead.dashboard.frontier import LEAST_USD, NEARLY_ALL, FrontierView, Point, What
from fairlead.dashboard.sourced import MOST_NAME_CHARS
from fairlead.dashboard.wording import share as percent
from fairlead.dashboard.wording import shortened, usd

_LEFT, _RIGHT, _TOP, _BOTTOM = 8.0, 97.0, 4.0, 88.0
"""Where the field of the figure lies, in percent of it; labels of the axes stand outside."""
_LABEL_WIDTH, _LABEL_HEIGHT = 24.0, 7.0
"""Percent of the field that a name takes on a phone."""
_LABEL_CHARS: Final = 20
_NAMES: Final = {"model": "models", "preset": "auto, by preference", "now": "what was chosen"}
_ORDER: Final[tuple[What, ...]] = ("model", "now", "preset")
"""The chart library's colours in their order are those of our own figure."""


def frontier_figure(view: FrontierView) -> Markup:
    """The figure; every point says its name and numbers when it is pointed at."""
    assert view.points, "a page asks for a figure of something"
    field = _Field(view.points)
    best = [point for point in view.of("model") if point.is_best]
    names = ", ".join(shortened(point.label, MOST_NAME_CHARS) for point in best[:5])
    words = f"{len(view.of('model'))} models; nobody is cheaper and better than {names}"
    return element(
        "svg",
        _axes(field),
        _stairs(field, best),
        [_interval(field, point) for point in view.points],
        [_dot(field, point) for point in view.points],
        _labels(field, best),
        class_="frontier",
        role="img",
        aria_label=f"Cost against quality: {words}",
    )


def frontier_data(view: FrontierView) -> dict[str, Any]:
    """As `charts.chart` reads it."""
    series = {
        _NAMES[what]: [Dot(point.cost_usd, point.quality, told(point), point.low, point.high) for point in points]
        for what in _ORDER
        if (points := view.of(what))
    }
    return scatter_data("USD a request, expected (log)", "expected quality", series)


def told(point: Point) -> str:
    """A point in words."""
    reach = "" if point.low is None else f" ({percent(point.low)} to {percent(point.high)})"
    price = "nothing" if point.cost_usd <= LEAST_USD else usd(point.cost_usd)
    partly = f"; of the {percent(point.share)} that it could serve" if point.share < NEARLY_ALL else ""
    return f"{shortened(point.label, MOST_NAME_CHARS)}: {percent(point.quality)}{reach} at {price} a request{partly}"


class _Field:
    """Where a cost and a quality lie."""

    def __init__(self, points: Sequence[Point]) -> None:
        costs = [log10(point.cost_usd) for point in points]
        self.first, self.last = floor(min(costs)), max(ceil(max(costs)), floor(min(costs)) + 1)
        lows = [point.quality if point.low is None else point.low for point in points]
        highs = [point.quality if point.high is None else point.high for point in points]
        self.least = max(0.0, floor(min(lows) * 10) / 10)
        self.most = max(min(1.0, ceil(max(highs) * 10) / 10), self.least + 0.1)

    def x(self, cost_usd: float) -> str:
        return f"{self.x_percent(cost_usd):.2f}%"

    def y(self, quality: float) -> str:
        return f"{self.y_percent(quality):.2f}%"

    def x_percent(self, cost_usd: float) -> float:
        share = (log10(cost_usd) - self.first) / (self.last - self.first)
        return _LEFT + (_RIGHT - _LEFT) * share

    def y_percent(self, quality: float) -> float:
        share = (quality - self.least) / (self.most - self.least)
        return _BOTTOM - (_BOTTOM - _TOP) * share


def _axes(field: _Field) -> Markup:
    lines = []
    for decade in range(field.first, field.last + 1):
        x = field.x(10.0**decade)
        anchor = "start" if decade == field.first else "end" if decade == field.last else "middle"
        lines.append(element("line", class_="grid", x1=x, x2=x, y1=f"{_TOP}%", y2=f"{_BOTTOM}%"))
        lines.append(element("text", _decade(decade), class_="axis", x=x, y="95%", text_anchor=anchor))
    n_steps = round((field.most - field.least) * 10)
    for step in range(0, n_steps + 1, 2 if n_steps > 5 else 1):
        quality = field.least + step / 10
        y = field.y(quality)
        lines.append(element("line", class_="grid", x1=f"{_LEFT}%", x2=f"{_RIGHT}%", y1=y, y2=y))
        lines.append(
            element("text", f"{quality * 100:.0f} %", class_="axis", x=f"{_LEFT - 1}%", y=y, text_anchor="end", dy="4")
        )
    return text(lines)


def _stairs(field: _Field, best: Sequence[Point]) -> Markup:
    """What the best of every budget is worth."""
    lines = []
    for here, there in pairwise(best):
        x1, x2, y1, y2 = field.x(here.cost_usd), field.x(there.cost_usd), field.y(here.quality), field.y(there.quality)
        lines.append(element("line", class_="stairs", x1=x1, x2=x2, y1=y1, y2=y1))
        lines.append(element("line", class_="stairs", x1=x2, x2=x2, y1=y1, y2=y2))
    return text(lines)


def _interval(field: _Field, point: Point) -> Markup | None:
    if point.low is None or point.high is None or point.what != "model":
        return None
    x = field.x(point.cost_usd)
    faint = "" if point.is_best else " faint"
    return element("line", class_=f"reach{faint}", x1=x, x2=x, y1=field.y(point.low), y2=field.y(point.high))


def _dot(field: _Field, point: Point) -> Markup:
    faint = " faint" if point.what == "model" and not point.is_best else ""
    size = {"model": "5", "preset": "6", "now": "8"}[point.what]
    return element(
        "circle",
        element("title", told(point)),
        class_=f"dot {point.what}{faint}",
        cx=field.x(point.cost_usd),
        cy=field.y(point.quality),
        r=size,
    )


def _labels(field: _Field, best: Sequence[Point]) -> Markup:
    """Names of the models on the frontier, without their labs; none over another, the best first."""
    middle = (field.first + field.last) / 2
    taken: list[tuple[float, float]] = []
    found = []
    for point in reversed(best):
        x, y = field.x_percent(point.cost_usd), field.y_percent(point.quality)
        if any(abs(x - left) < _LABEL_WIDTH and abs(y - top) < _LABEL_HEIGHT for left, top in taken):
            continue
        taken.append((x, y))
        is_left = log10(point.cost_usd) < middle
        found.append(
            element(
                "text",
                point.label.rpartition("/")[2][:_LABEL_CHARS],
                class_="name",
                x=field.x(point.cost_usd),
                y=field.y(point.quality),
                dx="8" if is_left else "-8",
                dy="-8",
                text_anchor="start" if is_left else "end",
            )
        )
    return text(found)


def _decade(power: int) -> str:
    """A power of ten in USD; what is less than every price is the place of the free."""
    if 10.0**power <= LEAST_USD:
        return "free"
    return f"${10.0**power:,.{max(-power, 0)}f}"
