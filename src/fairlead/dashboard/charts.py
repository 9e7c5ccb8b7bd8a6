"""Charts: a figure of our own, replaced by one that can be touched where the chart library is installed."""

from fairlead.dashboard.elements import Markup, element


def chart(title: str, data_address: str, own: Markup) -> Markup:
    """`own` is the SVG of `figures`; at `data_address` a page of ours gives the same as JSON.

    {"kind": "scatter" | "lines" | "bars", "x": {"title", "log"?, "time"?}, "y": {"title", "log"?},
     "series": [{"name", "points": [{"x", "y", "low"?, "high"?, "label"?, "href"?}]}]}
    """
    return element(
        "figure",
        element("figcaption", title),
        element("div", own, class_="own"),
        class_="chart",
        data_chart=data_address,
    )
