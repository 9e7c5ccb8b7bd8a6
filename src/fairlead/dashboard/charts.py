"""Charts: a figure of our own, replaced by one that can be touched where the chart library is installed."""

from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.dashboard.elements import Markup, element
from fairlead.dashboard.figures import Dot


def chart(title: str, data_address: str, own: Markup) -> Markup:
    """`own` is an SVG of ours; at `data_address` a page gives the same as `scatter_data`."""
    return element(
        "figure",
        element("figcaption", title),
        element("div", own, class_="own"),
        class_="chart",
        data_chart=data_address,
    )


def scatter_data(x_title: str, y_title: str, series: Mapping[str, Iterable[Dot]]) -> dict[str, Any]:
    """The dots of each series as plain values; x in logarithms."""
    return {
        "x": {"title": x_title, "log": True},
        "y": {"title": y_title},
        "series": [{"name": name, "points": [_point(dot) for dot in dots]} for name, dots in series.items()],
    }


def _point(dot: Dot) -> dict[str, str | float | None]:
    return {"x": dot.x, "y": dot.y, "low": dot.low, "high": dot.high, "label": dot.label}
