"""Sourced numbers as markup: the number, its interval as a strip, and a small word for whose it is."""

from collections.abc import Callable
from typing import Final

from fairlead.dashboard.elements import Markup, element, text
from fairlead.dashboard.models_view import ModelRow
from fairlead.dashboard.sourced_number import SOURCE_WORDS, Source, Sourced
from fairlead.dashboard.strips import strip
from fairlead.dashboard.wording import UNKNOWN, shortened
from fairlead.routing.standing import Standing

MOST_NAME_CHARS: Final = 120
"""No lab's model has a longer one; whoever sends it as a name does not mean one."""


def whole(value: float | None) -> str:
    """A share in whole percents: more figures than its interval bears would be false."""
    return UNKNOWN if value is None else f"{100 * value:.0f} %"


def reach(mean: float, low: float | None, high: float | None) -> str:
    """A share with its interval."""
    return whole(mean) if low is None or high is None else f"{whole(mean)} ({100 * low:.0f} to {100 * high:.0f})"


def source_tag(source: Source, told: str = "") -> Markup:
    """Whose word a number is; `told` is shown when it is pointed at, and stands on the model's page in full."""
    return element("small", SOURCE_WORDS[source], class_=f"source {source}", title=told or None)


def amount(figure: Sourced, write: Callable[[float | None], str]) -> Markup:
    """A number with its source."""
    if figure.value is None:
        return source_tag("unknown")
    return text(write(figure.value), source_tag(figure.source, figure.told))


def chance(row: ModelRow, standing: Standing | None, kind: str) -> Markup:
    """A standing as a strip and in words."""
    if standing is None:
        return source_tag("unknown")
    words = reach(standing.mean, standing.low, standing.high)
    label = f"{row.title} at {kind}: {words}; the median of the current models is {whole(standing.median)}"
    return element(
        "div",
        strip(label, standing.mean, standing.low, standing.high, {"median": standing.median}),
        element("span", words, source_tag(row.ability, row.ability_told)),
        class_="chance",
    )


def model_name(name: str) -> Markup:
    """A model's name, which may break after its lab; of one that is no name, its beginning."""
    shown = shortened(name, MOST_NAME_CHARS)
    lab, slash, own = shown.partition("/")
    return element("bdi", lab, slash, element("wbr") if slash else None, own)


def score(row: ModelRow, kind: str) -> Markup | None:
    """What the own router learned, as a strip and in words."""
    learned = row.learned.get(kind)
    if learned is None or learned.value is None:
        return None
    words = reach(learned.value, learned.low, learned.high)
    return element(
        "div",
        strip(f"{row.title} at {kind}, by your own router: {words}", learned.value, learned.low, learned.high),
        element("span", words, source_tag(learned.source, learned.told)),
        class_="chance",
    )


def badges(row: ModelRow) -> Markup:
    """What is special of a model."""
    return text(
        element("span", "simulated", class_="badge") if row.is_simulated and "simulated" not in row.title else None,
        None if row.is_default else element("span", "by name only", class_="badge"),
        element("span", "in doubt", class_="badge warn", title=row.stale) if row.stale else None,
    )
