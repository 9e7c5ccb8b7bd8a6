"""Plots of the findings, as inline SVG drawn by hand: scores, score against cost, differences."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final

from fairlead.evaluation.reports.findings import Findings
from fairlead.learning.metrics.bootstrap import Figure

WIDTH: Final = 860
NAME_PX: Final = 260
"""Most room for names at the left."""
CHAR_PX: Final = 7
"""About as wide as a letter of theirs."""
STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Between two marks of an axis of differences."""
LEAST_EDGE: Final = 0.05
LINE_PX: Final = 14
"""From one line of text to the next."""
ROW_PX: Final = 26
MAX_NAME_CHARS: Final = 38


def score_plot(found: Findings) -> str:
    """A dot and its interval for each model; empty without a score."""
    rows = [(model.name, model.score) for model in found.models if model.score.value is not None]
    return _intervals(rows, [at / 5 for at in range(6)], "score") if rows else ""


def difference_plot(found: Findings) -> str:
    """A dot and its interval for each pair, and a line at 0; empty without a pair."""
    rows = [(f"{pair.one} less {pair.other}", pair.difference) for pair in found.pairs if pair.n]
    if not rows:
        return ""
    far = max(
        max(abs(each) for each in (figure.value, figure.low, figure.high) if each is not None) for _, figure in rows
    )
    far = max(far, LEAST_EDGE)
    step = next((each for each in STEPS if far <= 4 * each), STEPS[-1])
    n = max(1, ceil(far / step))
    return _intervals(rows, [step * at for at in range(-n, n + 1)], "difference of scores")


def cost_plot(found: Findings) -> str:
    """Each model by its cost a call and its score; empty where fewer than two have both."""
    places = [
        (model.name, model.mean_cost_usd, model.score)
        for model in found.models
        if model.mean_cost_usd and model.score.value is not None
    ]
    if len(places) < 2:
        return ""
    costs = [cost for _, cost, _ in places]
    low, high = floor(log10(min(costs)) - 0.1), ceil(log10(max(costs)) + 0.1)
    left, right, top, bottom = 60, WIDTH - 200, 16, 300
    parts = []
    for power in range(low, high + 1):
        x = left + (right - left) * (power - low) / (high - low)
        label = f"{10.0**power:.10f}".rstrip("0").rstrip(".")
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    for tenth in range(0, 11, 2):
        y = bottom - (bottom - top) * tenth / 10
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="soft" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>')
    labels: list[tuple[float, float]] = []
    for name, cost, figure in places:
        x = left + (right - left) * (log10(cost) - low) / (high - low)
        ys = [None if v is None else bottom - (bottom - top) * v for v in (figure.value, figure.low, figure.high)]
        if ys[1] is not None and ys[2] is not None:
            parts.append(f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" y1="{ys[1]:.1f}" y2="{ys[2]:.1f}"/>')
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{ys[0]:.1f}" r="5"/>')
        labels.append(_free((x + 9, (ys[0] or 0.0) + 4), labels))
        parts.append(f'<text x="{labels[-1][0]:.1f}" y="{labels[-1][1]:.1f}">{_name(name)}</text>')
    axis = f'<text class="soft" x="{(left + right) / 2:.0f}" y="{bottom + 38}" text-anchor="middle">USD a call</text>'
    return _svg(bottom + 46, [*parts, axis], "Score against cost of a call")


def _free(place: tuple[float, float], taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The place of a label, so far down that no other one stands in its way."""
    x, y = place
    near = sorted(down for across, down in taken if abs(across - x) < CHAR_PX * MAX_NAME_CHARS)
    for down in near:
        if abs(down - y) < LINE_PX:
            y = down + LINE_PX
    return x, y


def _intervals(rows: Sequence[tuple[str, Figure]], ticks: Sequence[float], axis: str) -> str:
    longest = max(len(name) for name, _ in rows)
    left, right, top = min(NAME_PX, 24 + CHAR_PX * longest), WIDTH - 90, 8
    low, high = ticks[0], ticks[-1]
    bottom = top + len(rows) * ROW_PX

    def x_of(value: float) -> float:
        return left + (right - left) * (min(max(value, low), high) - low) / (high - low)

    parts = []
    for value in ticks:
        x = x_of(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{value:.2f}</text>')
    if low < 0 < high:
        parts.append(f'<line class="zero" x1="{x_of(0):.1f}" x2="{x_of(0):.1f}" y1="{top}" y2="{bottom}"/>')
    for place, (name, figure) in enumerate(rows):
        y = top + ROW_PX * (place + 0.5)
        parts.append(f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{_name(name)}</text>')
        if figure.value is None:
            continue
        if figure.low is not None and figure.high is not None:
            ends = f'x1="{x_of(figure.low):.1f}" x2="{x_of(figure.high):.1f}"'
            parts.append(f'<line class="bar" {ends} y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<circle class="dot" cx="{x_of(figure.value):.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(f'<text class="soft" x="{right + 10}" y="{y + 4:.1f}">{figure.value:.3f}</text>')
    label = f'<text class="soft" x="{(left + right) / 2:.0f}" y="{bottom + 38}" text-anchor="middle">{axis}</text>'
    return _svg(bottom + 46, [*parts, label], axis)


def _name(name: str) -> str:
    flat = "".join(c if c.isprintable() else " " for c in name)
    return escape(flat if len(flat) <= MAX_NAME_CHARS else flat[: MAX_NAME_CHARS - 1] + "…", quote=True)


def _svg(height: int, parts: Sequence[str], label: str) -> str:
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
