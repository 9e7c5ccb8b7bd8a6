"""PolicyWish: the policy that somebody tries on past traffic, read from a page's query, and its lines for the file."""

from collections.abc import Mapping
from math import isfinite
from typing import Final, NamedTuple

from fairlead.domain.wishes import MOST_WEIGHT, PRESET_NAME, Weights
from fairlead.routing.policies.objective import Objective
from fairlead.routing.preferences import BUILT_IN_PRESETS

QUERY_KEYS: Final = (
    "quality", "cost", "speed", "max_cost_usd", "max_latency_s", "min_quality", "days", "scope", "without",
)  # fmt: skip
MOST_DAYS: Final = 90.0
"""What the store keeps unless it is told otherwise."""
USUAL_DAYS: Final = 7.0
MOST_NAMES: Final = 50
MOST_NAME_CHARS: Final = 200
EVERYTHING: Final = "*"
"""The scope that holds every decision that a policy made."""
AUTO: Final = "auto"


class PolicyWish(NamedTuple):
    """What to try, on which decisions. `quality`, `cost`, `speed` are weights: only their proportions matter."""

    quality: float
    cost: float
    speed: float
    max_cost_usd: float | None = None
    max_latency_s: float | None = None
    min_quality: float | None = None
    days: float = USUAL_DAYS
    scope: str = AUTO
    """The policy whose decisions are looked at, such as `auto` or `auto:cost`."""
    without: tuple[str, ...] = ()
    """Models never to choose: names or patterns."""

    @property
    def objective(self) -> Objective:
        """As replay takes it."""
        return Objective(
            weights=Weights(self.quality, self.cost, self.speed),
            max_cost_usd=self.max_cost_usd,
            max_latency_s=self.max_latency_s,
            min_quality=self.min_quality,
        )


class Fault(NamedTuple):
    """What is wrong with one field."""

    field: str
    message: str


def read_wish(query: Mapping[str, str], usual: Weights) -> tuple[PolicyWish, tuple[Fault, ...]]:
    """The wish of a query, and its faults: a field with one counts as not stated. Never raises."""
    faults: list[Fault] = []

    def number(name: str, most: float, *, least: float = 0.0) -> float | None:
        text = query.get(name, "").strip()
        if not text:
            return None
        try:
            value = float(text[:MOST_NAME_CHARS])
        except ValueError:
            value = float("nan")
        if isfinite(value) and least <= value <= most:
            return value
        faults.append(Fault(name, f"a number from {least:g} to {most:,.15g}"))
        return None

    weights = [number(name, MOST_WEIGHT) for name in ("quality", "cost", "speed")]
    if not any(weights):
        if all(weight is not None for weight in weights):
            faults.append(Fault("quality", "one of the three weights is above 0"))
        weights = _as_percent(usual)
    quality, cost, speed = (weight or 0.0 for weight in weights)
    scope = query.get("scope", AUTO)
    if len(scope) > MOST_NAME_CHARS:
        faults.append(Fault("scope", f"a name of at most {MOST_NAME_CHARS} characters"))
        scope = AUTO
    wish = PolicyWish(
        quality, cost, speed,
        max_cost_usd=number("max_cost_usd", 1_000_000.0, least=1e-9),
        max_latency_s=number("max_latency_s", 86_400.0, least=1e-3),
        min_quality=number("min_quality", 1.0),
        days=number("days", MOST_DAYS, least=0.01) or USUAL_DAYS,
        scope=scope,
        without=_names(query.get("without", ""), faults),
    )  # fmt: skip
    return wish, tuple(faults)


def preset_name(text: str) -> str | None:
    """A name for a preset; None for one that the settings would refuse, or that is built in."""
    name = text.strip().lower()
    return name if PRESET_NAME.fullmatch(name) and name not in BUILT_IN_PRESETS else None


def as_yaml(wish: PolicyWish, name: str | None) -> str:
    """The lines that make this the policy behind plain `auto` (None), or behind `auto:NAME`.

    Limits and exclusions belong to a preset, so with any of them `auto` gets one of its own, called `mine`.
    """
    total = wish.quality + wish.cost + wish.speed
    parts = ", ".join(
        f"{key}: {round(value / total, 4):g}"
        for key, value in (("quality", wish.quality), ("cost", wish.cost), ("speed", wish.speed))
    )
    limits = [
        f"      {key}: {value:.15g}"
        for key in ("max_cost_usd", "max_latency_s", "min_quality")
        if (value := getattr(wish, key)) is not None
    ]
    if name is None and not limits and not wish.without:
        return f"preferences:\n  weights: {{{parts}}}\n"
    called = name or "mine"
    lines = ["presets:", f"  {called}:", f"    weights: {{{parts}}}"]
    if limits:
        lines += ["    limits:", *limits]
    if wish.without:
        lines += ["    exclude:", *(f"      - {_quoted(each)}" for each in wish.without)]
    if name is None:
        lines += ["preferences:", f"  default: {called}"]
    return "\n".join(lines) + "\n"


def _as_percent(weights: Weights) -> list[float | None]:
    total = weights.quality + weights.cost + weights.speed
    return [round(100.0 * part / total, 2) for part in (weights.quality, weights.cost, weights.speed)]


def _names(text: str, faults: list[Fault]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(filter(None, (each.strip() for each in text.replace("\n", ",").split(",")))))
    if len(names) > MOST_NAMES or any(len(name) > MOST_NAME_CHARS for name in names):
        faults.append(Fault("without", f"at most {MOST_NAMES} names or patterns of up to {MOST_NAME_CHARS} characters"))
        return ()
    return names


def _quoted(text: str) -> str:
    """A YAML scalar in single quotes: nothing in it means anything; what cannot stand on a line is a blank."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return "'" + plain.replace("'", "''") + "'"
