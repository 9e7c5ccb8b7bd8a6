"""Frontier: what each model and each preference is foretold to cost and to be worth on the same requests."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from fairlead.dashboard.models_view import ModelRow
from fairlead.domain.model_names import MeantBy
from fairlead.learning.outcomes import Floats
from fairlead.learning.replay import Change, choose
from fairlead.learning.replay_rows import ReplayTable
from fairlead.routing.policies.objective import objective_of_preset
from fairlead.routing.preferences import Preset

What = Literal["model", "preset", "now"]

LEAST_SHARE: Final = 0.5
"""Of the decisions that an arm could have served: below it, its mean is of other requests than the others'."""
NEARLY_ALL: Final = 0.99
"""Below it the share is told with the point."""
TYPICAL_INPUT_TOKENS: Final = 1_000
TYPICAL_OUTPUT_TOKENS: Final = 500
"""A usual chat turn; without traffic of one's own there is no better request to price."""
LEAST_USD: Final = 1e-9
"""A cost axis in logarithms shows no free model: such a one stands at its left edge."""


class Point(NamedTuple):
    """One model, preference, or what was really chosen."""

    label: str
    what: What
    cost_usd: float
    """Of one request, expected."""
    quality: float
    low: float | None
    high: float | None
    share: float
    """Of the decisions that it could have served."""
    is_best: bool = False
    """No other model is both cheaper and better."""


class FrontierView(NamedTuple):
    """All of them."""

    points: tuple[Point, ...]
    n: int
    """Decisions; 0 where the figures are the models' own and no traffic's."""
    is_own_traffic: bool
    left_out: tuple[str, ...]
    """Models that could serve too few of the decisions, or whose price is unknown."""

    @property
    def is_telling(self) -> bool:
        """Whether cost tells anybody apart: where all are free, or nobody has a price, there is nothing to draw."""
        return any(point.cost_usd > LEAST_USD for point in self.points)

    def of(self, what: What) -> tuple[Point, ...]:
        """Those of one sort."""
        return tuple(point for point in self.points if point.what == what)


def frontier_of_traffic(
    table: ReplayTable, presets: Mapping[str, Preset], meant_by: MeantBy | None = None
) -> FrontierView:
    """On these decisions, of which there is at least one. Every figure is the router's own estimate.

    `meant_by`: as a Change has it.
    """
    n = len(table)
    points, left_out = _models(table)
    target = np.zeros_like(table.chance)
    target[np.arange(n), table.chosen] = 1.0
    now = _of_choices(table, target, "what was chosen", "now")
    settings = []
    for name, preset in presets.items():
        wishes = preset.wishes
        change = Change(
            objective_of_preset(preset),
            allowed=wishes.allowed_models,
            excluded=wishes.excluded_models,
            meant_by=meant_by,
        )
        chosen, _, _ = choose(table, change)
        settings.append(_of_choices(table, chosen, f"auto:{name}", "preset"))
    found = [*_with_best(points), *(point for point in settings if point is not None), *([now] if now else [])]
    return FrontierView(tuple(found), n, is_own_traffic=True, left_out=tuple(left_out))


def frontier_of_figures(rows: Sequence[ModelRow]) -> FrontierView:
    """Without traffic: each model's standing among the others, at the price of a typical request."""
    points, left_out = [], []
    for row in rows:
        standing = row.of("all")
        if standing is None:
            continue
        if row.input_usd.value is None or row.output_usd.value is None:
            left_out.append(row.model)
            continue
        cost = (row.input_usd.value * TYPICAL_INPUT_TOKENS + row.output_usd.value * TYPICAL_OUTPUT_TOKENS) * 1e-6
        points.append(Point(row.model, "model", max(cost, LEAST_USD), standing.mean, standing.low, standing.high, 1.0))
    return FrontierView(tuple(_with_best(points)), 0, is_own_traffic=False, left_out=tuple(left_out))


def _models(table: ReplayTable) -> tuple[list[Point], list[str]]:
    foretold, n = table.foretold, len(table)
    cheapest: dict[str, Point] = {}
    names = dict.fromkeys(model for model, _ in table.arms)
    for at, (model, _) in enumerate(table.arms):
        rows = table.is_candidate[:, at] & np.isfinite(foretold.quality[:, at]) & np.isfinite(foretold.cost_usd[:, at])
        share = float(rows.sum()) / n
        if share < LEAST_SHARE:
            continue
        quality, low, high, cost = (
            float(matrix[rows, at].mean())
            for matrix in (foretold.quality, foretold.quality_low, foretold.quality_high, foretold.cost_usd)
        )
        point = Point(model, "model", max(cost, LEAST_USD), quality, low, high, share)
        there = cheapest.get(model)
        if there is None or point.cost_usd < there.cost_usd:
            cheapest[model] = point
    return list(cheapest.values()), [model for model in names if model not in cheapest]


def _of_choices(table: ReplayTable, target: Floats, label: str, what: What) -> Point | None:
    """What these choices are foretold to cost and to be worth; None where too little of it is known."""
    picked = target.argmax(axis=1)
    rows = np.arange(len(table))
    quality, cost = table.foretold.quality[rows, picked], table.foretold.cost_usd[rows, picked]
    known = np.isfinite(quality) & np.isfinite(cost)
    share = float(known.mean())
    if share < LEAST_SHARE:
        return None
    cost_usd = max(float(cost[known].mean()), LEAST_USD)
    return Point(label, what, cost_usd, float(quality[known].mean()), None, None, share)


def _with_best(points: Sequence[Point]) -> list[Point]:
    """The cheapest first; of each it is said whether no other model is as cheap and better."""
    best, found = -1.0, []
    for point in sorted(points, key=lambda point: (point.cost_usd, -point.quality)):
        found.append(point._replace(is_best=point.quality > best))
        best = max(best, point.quality)
    return found
