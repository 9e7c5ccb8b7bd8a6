"""Figures: simple pictures as SVG, from numbers alone. Words stand beside them as HTML, so that they stay readable."""

from collections.abc import Callable, Sequence
from math import floor, log10
from typing import Final, NamedTuple

from fairlead.dashboard.elements import Markup, element

HEIGHT: Final = 100.0
_STEP: Final = 10.0
_PLOT_WIDTH, _PLOT_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420.0, 270.0, 40.0, 14.0, 18.0, 38.0


class Step(NamedTuple):
    """One bar of a series: its value, the part of it that went wrong, what it says, and where it leads."""

    value: float
    bad: float
    label: str
    href: str


class Part(NamedTuple):
    """A piece of a track, from and to in the units of its whole; `look` is its class in the style."""

    begin: float
    end: float
    look: str


class Dot(NamedTuple):
    """One dot of a scatter, with its interval in y where that is known."""

    x: float
    y: float
    label: str
    low: float | None = None
    high: float | None = None
    is_first: bool = False


def heights(steps: Sequence[Step]) -> list[tuple[float, float]]:
    """Each bar's height and that of its failed part, of 100: what the script redraws from."""
    most = max((step.value for step in steps), default=0.0)
    if most <= 0:
        return [(0.0, 0.0) for _ in steps]
    return [(round(HEIGHT * step.value / most, 2), round(HEIGHT * step.bad / most, 2)) for step in steps]


def bars(label: str, steps: Sequence[Step], *, name: str | None = None) -> Markup:
    """Bars in time. Its links are reached by the mouse alone: the page has the same numbers as a table."""
    drawn = []
    for place, (step, (whole, bad)) in enumerate(zip(steps, heights(steps), strict=True)):
        x = place * _STEP + _STEP * 0.06
        width = _STEP * 0.88
        drawn.append(
            element(
                "a",
                element("title", step.label),
                _rect(x, HEIGHT - whole, width, whole - bad, "bar"),
                _rect(x, HEIGHT - bad, width, bad, "bar bad"),
                href=step.href,
                tabindex="-1",
            )
        )
    return element(
        "svg", drawn, viewBox=f"0 0 {max(len(steps), 1) * _STEP:.0f} {HEIGHT:.0f}", preserveAspectRatio="none",
        role="img", aria_label=label, data_bars=name,
    )  # fmt: skip


def track(label: str, whole: float, parts: Sequence[Part]) -> Markup:
    """Pieces on a line from 0 to `whole`, for a cell of a table: a waterfall or intervals, one row each."""

    def at(value: float) -> float:
        return max(0.0, min(100.0, 100.0 * value / (whole or 1.0)))

    drawn = []
    for part in parts:
        begin, end = at(part.begin), at(part.end)
        length = max(end - begin, 0.8)  # a piece too short to see would be taken for none
        thin = part.look == "span"
        drawn.append(_rect(min(begin, 100.0 - length), 3.5 if thin else 1.5, length, 3.0 if thin else 7.0, part.look))
    return element(
        "svg", element("title", label), drawn, viewBox="0 0 100 10", preserveAspectRatio="none", role="img",
        aria_label=label, class_="track",
    )  # fmt: skip


def scatter(label: str, dots: Sequence[Dot], x_title: str, y_title: str) -> Markup:
    """Dots with intervals; each says what it is under the pointer. x is drawn in logarithms, and above 0."""
    xs = [log10(dot.x) for dot in dots]
    ys = [value for dot in dots for value in (dot.y, dot.low, dot.high) if value is not None]
    x_least, x_most = _around(xs)
    y_least, y_most = _around(ys)

    def place_x(value: float) -> float:
        return _LEFT + (_PLOT_WIDTH - _LEFT - _RIGHT) * (value - x_least) / (x_most - x_least)

    def place_y(value: float) -> float:
        return _PLOT_HEIGHT - _BOTTOM - (_PLOT_HEIGHT - _TOP - _BOTTOM) * (value - y_least) / (y_most - y_least)

    drawn = [_rule_y(place_y(value), f"{value:.2f}") for value in _marks(y_least, y_most)]
    for value in _log_marks(x_least, x_most):
        drawn.append(
            element(
                "text",
                f"{10**value:.6g}",
                x=f"{place_x(value):.1f}",
                y=f"{_PLOT_HEIGHT - _BOTTOM + 16:.1f}",
                text_anchor="middle",
            )
        )
    for dot, x_value in zip(dots, xs, strict=True):
        drawn.append(_dot(dot, place_x(x_value), place_y))
    drawn.append(
        element("text", x_title, x=f"{_PLOT_WIDTH - _RIGHT:.0f}", y=f"{_PLOT_HEIGHT - 4:.0f}", text_anchor="end")
    )
    drawn.append(element("text", y_title, x="0", y="10"))
    return element(
        "svg", drawn, viewBox=f"0 0 {_PLOT_WIDTH:.0f} {_PLOT_HEIGHT:.0f}", role="img", aria_label=label, class_="plot"
    )


def _dot(dot: Dot, x: float, place_y: Callable[[float], float]) -> Markup:
    shape = [
        element("title", dot.label),
        element(
            "circle", cx=f"{x:.1f}", cy=f"{place_y(dot.y):.1f}", r="5", class_="dot first" if dot.is_first else "dot"
        ),
    ]
    if dot.low is not None and dot.high is not None:
        low, high = place_y(dot.low), place_y(dot.high)
        shape.insert(1, element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=f"{low:.1f}", y2=f"{high:.1f}", class_="span"))
    return element("g", shape)


def _rule_y(y: float, shown: str) -> Markup:
    line = element(
        "line", x1=f"{_LEFT:.0f}", x2=f"{_PLOT_WIDTH - _RIGHT:.0f}", y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid-line"
    )
    return element("g", line, element("text", shown, x=f"{_LEFT - 6:.0f}", y=f"{y + 4:.1f}", text_anchor="end"))


def _around(values: Sequence[float]) -> tuple[float, float]:
    """A little more than the values need."""
    least, most = min(values, default=0.0), max(values, default=1.0)
    margin = (most - least) * 0.08 or max(abs(most) * 0.1, 0.1)
    return least - margin, most + margin


def _marks(least: float, most: float) -> list[float]:
    """About five round numbers between two."""
    rough = (most - least) / 5
    unit = 10.0 ** floor(log10(rough))
    step = next(size * unit for size in (1.0, 2.0, 5.0, 10.0) if size * unit >= rough)
    first = floor(least / step) + 1
    return [number * step for number in range(first, floor(most / step) + 1)]


def _log_marks(least: float, most: float) -> list[float]:
    """Logarithms of 1, 2 and 5 times the powers of ten between two; of a wide stretch the powers alone."""
    sizes = (1.0,) if most - least > 3 else (1.0, 2.0, 5.0) if most - least < 1.5 else (1.0, 3.0)
    known = [power + log10(size) for power in range(floor(least), floor(most) + 1) for size in sizes]
    return [value for value in known if least <= value <= most]


def _rect(x: float, y: float, width: float, height: float, look: str) -> Markup:
    return element(
        "rect", x=f"{x:.2f}", y=f"{y:.2f}", width=f"{width:.2f}", height=f"{max(height, 0.0):.2f}", class_=look
    )
