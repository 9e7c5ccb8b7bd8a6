"""Break-even as an SVG picture: what a day costs by requests a day, on one's own accelerators and at every tariff."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final

from fairlead.analysis.break_even import BreakEven, Comparison
from fairlead.evaluation.frontier_plot import BOTTOM, DASHES, HEIGHT, LEFT, OTHER_COLOURS, RIGHT, STYLE, TOP, WIDTH

OWN_COLOUR: Final = "#d55e00"
MAX_LINES: Final = 21
"""More tariffs than this are not told apart; the cheapest are drawn."""
DECADES: Final = 3.0
"""Of requests a day, how far below one placement's capacity the picture begins."""
LONGEST_NAME: Final = 26


def break_even_svg(found: BreakEven, title: str) -> str:
    """The picture; both scales are logarithmic."""
    scale = _Scale(found)
    drawn = found.comparisons[:MAX_LINES]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="{LEFT}" y="26">Break-even: {escape(title)}</text>',
        f'<text class="soft" x="{LEFT}" y="42">a day of serving in USD; the band is the interval of what one set '
        "of machines can serve</text>",
        *scale.axes(),
        scale.band(found),
        *(_tariff(one, at, scale) for at, one in enumerate(drawn)),
        scale.own(found),
        *_key(drawn),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """From requests a day and USD a day to pixels."""

    def __init__(self, found: BreakEven) -> None:
        most = max(found.capacity_per_day.high * 10, 10.0)
        self.x_low, self.x_high = most / 10 ** (DECADES + 1), most
        prices = [one.request_usd for one in found.comparisons] or [found.own_usd_per_day / most]
        low = min(found.own_usd_per_day, min(prices) * self.x_low)
        high = max(found.own_usd_per_day * 12, max(prices) * self.x_high)
        self.y_low, self.y_high = 10 ** floor(log10(low)), 10 ** ceil(log10(high))

    def x(self, requests: float) -> float:
        place = log10(min(max(requests, self.x_low), self.x_high) / self.x_low) / log10(self.x_high / self.x_low)
        return LEFT + place * (RIGHT - LEFT)

    def y(self, usd: float) -> float:
        place = log10(min(max(usd, self.y_low), self.y_high) / self.y_low) / log10(self.y_high / self.y_low)
        return BOTTOM - place * (BOTTOM - TOP)

    def axes(self) -> list[str]:
        parts = []
        for power in range(ceil(log10(self.x_low)), floor(log10(self.x_high)) + 1):
            x = self.x(10.0**power)
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{BOTTOM}"/>')
            parts.append(
                f'<text class="soft" x="{x:.1f}" y="{BOTTOM + 16}" text-anchor="middle">{10.0**power:,.12g}</text>'
            )
        for power in range(round(log10(self.y_low)), round(log10(self.y_high)) + 1):
            y = self.y(10.0**power)
            parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="soft" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">${10.0**power:,.12g}</text>'
            )
        middle = (LEFT + RIGHT) / 2
        parts.append(f'<text x="{middle}" y="{BOTTOM + 38}" text-anchor="middle">requests a day (log scale)</text>')
        return parts

    def band(self, found: BreakEven) -> str:
        x0, x1 = self.x(found.capacity_per_day.low), self.x(found.capacity_per_day.high)
        return (
            f'<rect x="{x0:.1f}" y="{TOP}" width="{max(x1 - x0, 1):.1f}" height="{BOTTOM - TOP}" '
            f'fill="{OWN_COLOUR}" opacity="0.12"/>'
        )

    def own(self, found: BreakEven) -> str:
        """Steps: another set of machines whenever the likely capacity is used up."""
        capacity, places = found.capacity_per_day.likely, [(self.x_low, found.own_usd_per_day)]
        n_sets = 1
        while n_sets * capacity < self.x_high and n_sets < 100:
            places += [(n_sets * capacity, n_sets * found.own_usd_per_day)]
            n_sets += 1
            places += [((n_sets - 1) * capacity, n_sets * found.own_usd_per_day)]
        places.append((self.x_high, n_sets * found.own_usd_per_day))
        points = " ".join(f"{self.x(requests):.1f},{self.y(usd):.1f}" for requests, usd in places)
        return f'<polyline fill="none" stroke="{OWN_COLOUR}" stroke-width="2.8" points="{points}"/>'


def _tariff(one: Comparison, at: int, scale: _Scale) -> str:
    """A straight line on two logarithmic scales; a ring where it crosses the first set of machines."""
    colour, dash = _look(at)
    x0, x1 = scale.x(scale.x_low), scale.x(scale.x_high)
    y0, y1 = scale.y(one.request_usd * scale.x_low), scale.y(one.request_usd * scale.x_high)
    line = f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}" stroke-width="1.5"{dash}/>'
    if not one.is_reachable or not scale.x_low < one.break_even_per_day < scale.x_high:
        return line
    x, y = scale.x(one.break_even_per_day), scale.y(one.break_even_per_day * one.request_usd)
    return line + f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="none" stroke="{colour}" stroke-width="1.8"/>'


def _look(at: int) -> tuple[str, str]:
    dash = DASHES[(at // len(OTHER_COLOURS)) % len(DASHES)]
    return OTHER_COLOURS[at % len(OTHER_COLOURS)], f' stroke-dasharray="{dash}"' if dash else ""


def _key(drawn: Sequence[Comparison]) -> list[str]:
    x, parts = RIGHT + 20, []
    rows = [("own machines", OWN_COLOUR, "")] + [(one.tariff.provider, *_look(at)) for at, one in enumerate(drawn)]
    for row, (name, colour, dash) in enumerate(rows):
        y = TOP + 6 + row * 19
        shown = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        parts.append(f'<line x1="{x}" y1="{y}" x2="{x + 22}" y2="{y}" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(f'<text x="{x + 28}" y="{y + 4}">{escape(shown)}</text>')
    return parts
