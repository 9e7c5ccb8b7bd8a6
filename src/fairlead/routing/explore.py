"""Exploring: now and then another model than the best one, with a stated chance, so that logs can tell of others.

Nobody is explored who is not near the choice, costs more than a stated ratio of it or a stated sum above it, or has an
unknown price. So the expected cost of a request rises by at most share * (max_cost_ratio - 1) of itself. Never in a
tool loop, in a signed or running conversation, or where the caller said who should serve. The draw is an argument:
equal draws, equal choices.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from fairlead.domain.figures import MAX_CANDIDATES
from fairlead.routing.pool import Bools, Floats
from fairlead.routing.router import Choice

MAX_SHARE: Final = 0.1
"""Of traffic: weights of 40 with four others, beyond which a log tells little more for what it costs."""
MAX_OTHERS: Final = 4
"""More would share the chance into weights that no estimate can use."""
NEAR: Final = 0.1
"""Quality points below the choice: what a model can be wrong by, before own outcomes are known."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """How much. Raises: ValueError for a share above MAX_SHARE or a ratio that allows nobody."""

    share: float
    """Of the requests that may be explored."""
    max_cost_ratio: float
    """Most that an explored model may be expected to cost, as a multiple of the choice."""
    max_extra_usd: float = float("inf")
    """Most that one request may be expected to cost more than with the choice."""
    with_tools: bool = False
    """Also where tools are offered: a tool loop that follows stays with the drawn model to its end."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= MAX_SHARE:
            raise ValueError(f"the share of exploration is between 0 and {MAX_SHARE}, not {self.share}")
        if not 0.0 < self.max_cost_ratio < float("inf"):
            raise ValueError(f"the cost ratio of exploration is above 0, not {self.max_cost_ratio}")


class Explored(NamedTuple):
    """What comes of it."""

    order: tuple[int, ...]
    """Eligible arms, the drawn one first, the others as they were."""
    chances: tuple[float, ...]
    """The chance of each arm of `order` to be first; they sum to 1. Empty where nobody is eligible."""


def explore(
    exploration: Exploration, choice: Choice, draw: float, is_priced: Bools, left_usd: float = float("inf")
) -> Explored:
    """The order that this draw from [0, 1) gives, with so much left to spend. Shapes: is_priced (n_arms,), of the pool.

    The chances depend on everything but the draw.
    """
    order = choice.order
    may = exploration.share > 0 and may_explore(choice, with_tools=exploration.with_tools)
    others = _others(exploration, choice, is_priced, left_usd) if may else ()
    if not others:
        return Explored(order, tuple(1.0 if place == 0 else 0.0 for place in range(len(order))))
    each = exploration.share / len(others)
    chance_of = dict.fromkeys(others, each)
    chance_of[order[0]] = 1.0 - exploration.share
    first = order[0]
    if draw >= 1.0 - exploration.share:
        first = others[min(len(others) - 1, int((draw - (1.0 - exploration.share)) / each))]
    drawn = (first, *(arm for arm in order if arm != first))
    return Explored(drawn, tuple(chance_of.get(arm, 0.0) for arm in drawn))


def may_explore(choice: Choice, *, with_tools: bool = False) -> bool:
    """Whether the choice is ours and a change of model harms no conversation."""
    wishes, outline = choice.wishes, choice.outline
    is_ours = not choice.asked.is_concrete and wishes.sort is None and not wishes.provider_order
    is_alone = choice.kept is None and not outline.in_tool_loop and outline.signed_by is None
    is_alone = is_alone and (with_tools or not outline.n_tools)
    return is_ours and is_alone and len(choice.order) > 1


def _others(exploration: Exploration, choice: Choice, is_priced: Bools, left_usd: float) -> tuple[int, ...]:
    """The arms that may be drawn, best first."""
    best, weights = choice.order[0], choice.weights
    if not is_priced[best]:
        return ()
    cost: Floats = choice.expected.cost_usd
    margin = NEAR * weights.quality / (weights.quality + weights.cost + weights.speed)
    near = choice.utility >= choice.utility[best] - margin
    most = min(exploration.max_cost_ratio * cost[best], cost[best] + min(exploration.max_extra_usd, left_usd))
    fit = near & is_priced & np.isfinite(cost) & (cost <= most)
    # What stands below is not kept in a log, and a chance that is not logged is worth nothing.
    return tuple(arm for arm in choice.order[1:MAX_CANDIDATES] if fit[arm])[:MAX_OTHERS]
