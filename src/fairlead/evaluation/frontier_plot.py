"""The cost-quality frontier as an SVG picture: single models, their hull, and every method's curve.

Drawn by hand, without a plotting library; readable on light and dark grounds, which the reader's own setting chooses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import floor, log10
from typing import Final

import numpy as np

from fairlead.learning.baselines import BEST_SINGLE
from fairlead.learning.comparison import Comparison, Method, Point
from fairlead.learning.outcomes import Outcomes

WIDTH, HEIGHT = 960, 560
LEFT, RIGHT, TOP, BOTTOM = 64, 724, 56, 496
"""Edges of the plot proper; right of it stands the key."""
CHAR_PX: Final = 6.4
"""Mean width of a letter at 11 px, taken a little wide."""
LINE_PX: Final = 12
RING_PX: Final = 10
BEND_PX: Final = 5
LONGEST_NAME: Final = 30
# Okabe and Ito's colours, which stay apart for colour-blind eyes and on both grounds; vermilion is kept for routers.
ROUTER_COLOURS: Final = ("#d55e00", "#c2185b", "#8c510a")
OTHER_COLOURS: Final = ("#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#8a8a2b")
DASHES: Final = ("", "7 3", "2 3")

STYLE: Final = """
:root { --ground: #ffffff; --ink: #1c1c1c; --soft: #5f6368; --line: #dadce0; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181c; --ink: #e8eaed; --soft: #a4a9b0; --line: #3a3e45; }
}
text { font: 11px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink); }
.title { font-size: 15px; font-weight: 600; }
.soft { fill: var(--soft); }
.ground { fill: var(--ground); }
.grid { stroke: var(--line); stroke-width: 1; }
.single { fill: var(--ink); stroke: var(--ground); stroke-width: 1; }
.leader { stroke: var(--soft); stroke-width: .7; }
.hull { fill: none; stroke: var(--soft); stroke-width: 1.4; stroke-dasharray: 5 4; }
.halo { stroke: var(--ground); stroke-width: 3px; stroke-linejoin: round; }
"""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the picture, in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    def meets(self, other: "Box") -> bool:
        """Whether they share a pixel."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1


@dataclass(frozen=True, slots=True)
class Scale:
    """From cost (logarithmic) and score to pixels."""

    low_usd: float
    high_usd: float
    low_score: float
    high_score: float

    def x(self, cost_usd: float) -> float:
        """Pixels from the left; what is free stands at the edge."""
        place = log10(max(cost_usd, self.low_usd) / self.low_usd) / log10(self.high_usd / self.low_usd)
        return LEFT + place * (RIGHT - LEFT)

    def y(self, score: float) -> float:
        """Pixels from the top."""
        return BOTTOM - (score - self.low_score) / (self.high_score - self.low_score) * (BOTTOM - TOP)


def frontier_svg(comparison: Comparison) -> str | None:
    """The picture; None where no query has the cost of every model, or all are free: `why_undrawn` says which."""
    singles = [Point(cost, score) for _, cost, score in _placed_singles(comparison)]
    everything = [*singles, *(point for method in comparison.methods for point in method.curve)]
    if not comparison.n_priced or not any(point.cost_usd > 0 for point in everything):
        return None
    scale = _scale(everything)
    coloured = _coloured(comparison.methods)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{_text("Cost-quality frontier " + comparison.pool)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="{LEFT}" y="26">Quality for money: {_text(comparison.pool or "all outcomes")}</text>',
        f'<text class="soft" x="{LEFT}" y="42">{comparison.n_priced} queries, {len(comparison.arms)} models; '
        "each line is one method over its settings; up and left is better</text>",
        *_axes(scale),
        *(_method_mark(*one, scale) for one in coloured if one[0].kind != "router"),
        _line(comparison.zero_hull, scale, 'class="hull"'),
        *(_method_mark(*one, scale) for one in coloured if one[0].kind == "router"),
        *_singles(comparison, scale),
        *_key(coloured),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def why_undrawn(comparison: Comparison, outcomes: Outcomes) -> str:
    """Why there is no picture of this comparison of these outcomes."""
    if outcomes.cost_usd is None or not np.isfinite(outcomes.cost_usd).any():
        return "no cost is known"
    if comparison.n_priced:
        return "every cost is 0"
    lacking = "no query has the cost of every model" if comparison.n_scored else "no query has a score of every model"
    return f"costs are known, but {lacking}"


def _scale(points: Sequence[Point]) -> Scale:
    costs = [point.cost_usd for point in points if point.cost_usd > 0]
    scores = [point.score for point in points]
    low, high = min(costs) / 1.35, max(costs) * 1.35
    if any(point.cost_usd <= 0 for point in points):
        low /= 3
    room = max(0.04 * (max(scores) - min(scores)), 0.01)
    return Scale(low, high, min(scores) - room, max(scores) + room)


def _coloured(methods: Sequence[Method]) -> list[tuple[Method, str, str]]:
    found, n_routers, n_others = [], 0, 0
    for method in methods:
        if not method.curve:
            continue
        if method.kind == "router":
            found.append((method, ROUTER_COLOURS[n_routers % len(ROUTER_COLOURS)], ""))
            n_routers += 1
        else:
            colour = OTHER_COLOURS[n_others % len(OTHER_COLOURS)]
            found.append((method, colour, DASHES[(n_others // len(OTHER_COLOURS)) % len(DASHES)]))
            n_others += 1
    return found


def _axes(scale: Scale) -> list[str]:
    parts = []
    for usd in _cost_ticks(scale.low_usd * 1000, scale.high_usd * 1000):
        x = scale.x(usd / 1000)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{BOTTOM}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{BOTTOM + 16}" text-anchor="middle">${usd:g}</text>')
    for score in _score_ticks(scale.low_score, scale.high_score):
        y = scale.y(score)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="soft" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{score:.2f}</text>')
    middle = (LEFT + RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{BOTTOM + 38}" text-anchor="middle">cost of 1,000 queries (log scale)</text>')
    upright = f'transform="rotate(-90 18 {(TOP + BOTTOM) / 2})"'
    parts.append(f'<text x="18" y="{(TOP + BOTTOM) / 2}" text-anchor="middle" {upright}>mean score</text>')
    return parts


def _cost_ticks(low: float, high: float) -> list[float]:
    steps = (1.0, 2.0, 5.0) if high / low < 2000 else (1.0,)
    powers = range(floor(log10(low)), floor(log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]


def _score_ticks(low: float, high: float) -> list[float]:
    step = next((size for size in (0.01, 0.02, 0.05, 0.1) if (high - low) / size <= 9), 0.2)
    first, last = int(low / step) - 1, int(high / step) + 1
    return [place * step for place in range(first, last + 1) if low <= place * step <= high]


def _line(points: Sequence[Point], scale: Scale, style: str) -> str:
    """Through all points. A mix of two settings lies straight between them in dollars, so on a log scale it is bent."""
    places: dict[str, None] = {}
    for one, other in pairwise([*points[:1], *points]):
        n_steps = 1 + int(abs(scale.x(other.cost_usd) - scale.x(one.cost_usd)) / BEND_PX)
        for step in range(1, n_steps + 1):
            cost = one.cost_usd + (other.cost_usd - one.cost_usd) * step / n_steps
            score = one.score + (other.score - one.score) * step / n_steps
            places[f"{scale.x(cost):.1f},{scale.y(score):.1f}"] = None
    return f'<polyline {style} points="{" ".join(places)}"/>' if len(places) > 1 else ""


def _method_mark(method: Method, colour: str, dash: str, scale: Scale) -> str:
    """The curve; a ring where a method has one setting only."""
    width = 2.8 if method.kind == "router" else 1.5
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    line = _line(method.curve, scale, f'fill="none" stroke="{colour}" stroke-width="{width}"{dashes}')
    if line:
        return line
    x, y = scale.x(method.curve[0].cost_usd), scale.y(method.curve[0].score)
    radius = 7 if method.name == BEST_SINGLE else RING_PX
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="none" stroke="{colour}" stroke-width="1.8"/>'


def _singles(comparison: Comparison, scale: Scale) -> list[str]:
    """Points with names, each set where it covers no point and no other name, the best models first."""
    at = [(arm, scale.x(cost), scale.y(score)) for arm, cost, score in _placed_singles(comparison)]
    rings = {_place(method.curve[0], scale) for method in comparison.methods if method.curve and _is_one(method, scale)}
    taken = [Box(x - 4, y - 4, x + 4, y + 4) for _, x, y in at]
    parts = []
    for arm, x, y in at:
        name = arm if len(arm) <= LONGEST_NAME else arm[: LONGEST_NAME - 1] + "…"
        box, is_far = _free_place(len(name) * CHAR_PX, x, y, taken, RING_PX + 3 if (round(x), round(y)) in rings else 7)
        taken.append(box)
        if is_far:
            edge = min(max(x, box.x0), box.x1)
            ends = f'x2="{edge:.1f}" y2="{(box.y0 if box.y0 > y else box.y1):.1f}"'
            parts.append(f'<line class="leader" x1="{x:.1f}" y1="{y:.1f}" {ends}/>')
        # A halo of its own, because not every renderer knows `paint-order`.
        is_left = box.x1 <= x
        anchor = f'x="{box.x1:.1f}" text-anchor="end"' if is_left else f'x="{box.x0:.1f}"'
        place = f'{anchor} y="{box.y1 - 2.5:.1f}"'
        parts.append(f'<text class="halo" {place}>{_text(name)}</text><text {place}>{_text(name)}</text>')
    parts += [f'<circle class="single" cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>' for _, x, y in at]
    return parts


def _place(point: Point, scale: Scale) -> tuple[int, int]:
    return round(scale.x(point.cost_usd)), round(scale.y(point.score))


def _is_one(method: Method, scale: Scale) -> bool:
    return len({_place(point, scale) for point in method.curve}) == 1


def _placed_singles(comparison: Comparison) -> list[tuple[str, float, float]]:
    """Arm, cost in USD and score of what has both, the best first."""
    known = [
        (one.arm, one.cost_usd, one.score)
        for one in comparison.singles
        if one.cost_usd is not None and one.score is not None
    ]
    return sorted(known, key=lambda one: -one[2])


def _free_place(width: float, x: float, y: float, taken: Sequence[Box], gap: float) -> tuple[Box, bool]:
    """A box for a name near its point, and whether it stands so far off that a line must lead there."""
    plot = Box(LEFT, TOP - 8, RIGHT, BOTTOM)
    for away in range(9):
        lift = away * LINE_PX
        for x0, middle in (
            (x + gap, y + lift),
            (x + gap, y - lift),
            (x - gap - width, y + lift),
            (x - gap - width, y - lift),
            (x - width / 2, y + lift + 12),
            (x - width / 2, y - lift - 12),
        ):
            box = Box(x0, middle - LINE_PX / 2, x0 + width, middle + LINE_PX / 2)
            inside = box.x0 >= plot.x0 and box.x1 <= plot.x1 and box.y0 >= plot.y0 and box.y1 <= plot.y1
            if inside and not any(box.meets(other) for other in taken):
                return box, away > 0
    return Box(x + gap, y - LINE_PX / 2, x + 7 + width, y + LINE_PX / 2), False


def _key(coloured: Sequence[tuple[Method, str, str]]) -> list[str]:
    x, parts = RIGHT + 20, []
    for row, (method, colour, dash) in enumerate(coloured):
        y = TOP + 6 + row * 19
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        name = f"{method.name} (told)" if method.kind == "told" else method.name
        if len(method.curve) > 1:
            width = 2.8 if method.kind == "router" else 1.5
            ends = f'x1="{x}" y1="{y}" x2="{x + 26}" y2="{y}"'
            parts.append(f'<line {ends} stroke="{colour}" stroke-width="{width}"{dashes}/>')
        else:
            parts.append(f'<circle cx="{x + 13}" cy="{y}" r="5" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        parts.append(f'<text x="{x + 34}" y="{y + 4}">{_text(name[:LONGEST_NAME])}</text>')
    y = TOP + 6 + len(coloured) * 19 + 8
    parts.append(f'<line class="hull" x1="{x}" y1="{y}" x2="{x + 26}" y2="{y}"/>')
    parts.append(f'<text x="{x + 34}" y="{y + 4}">hull of single models</text>')
    parts.append(f'<circle class="single" cx="{x + 13}" cy="{y + 19}" r="3.6"/>')
    parts.append(f'<text x="{x + 34}" y="{y + 23}">single model</text>')
    return parts


def _text(text: str) -> str:
    """Safe inside SVG: names come from files that we do not control."""
    return escape("".join(c if c.isprintable() else " " for c in text))
