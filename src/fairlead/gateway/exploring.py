"""Explorer: draws now and then another model than the best, and keeps what that may cost within the day's bound."""

from collections.abc import Callable
from dataclasses import dataclass

from fairlead.gateway.daily_money import DailyMoney
from fairlead.routing.explore import Exploration, explore
from fairlead.routing.pool import Pool
from fairlead.routing.router import Choice, Drawn


@dataclass(frozen=True, slots=True)
class ExploreLimits:
    """How much may be explored."""

    exploration: Exploration
    max_usd_per_day: float
    """Most that explored requests may be expected to cost more than the best would have, in one day (UTC)."""
    draw: Callable[[], float]
    """Uniform in [0, 1)."""


class Explorer:
    """One process's."""

    def __init__(self, limits: ExploreLimits, pool: Pool, unix_s: Callable[[], float]) -> None:
        self._limits = limits
        self._pool = pool
        self.money = DailyMoney(limits.max_usd_per_day, unix_s)
        """Expected extra cost of what is explored."""

    def explored(self, choice: Choice, *, draws: bool) -> Choice:
        """The choice with its chances; drawn from them, if `draws`, and what that may cost is spent."""
        limits = self._limits
        draw = limits.draw() if draws else 0.0
        found = explore(limits.exploration, choice, draw, self._pool.is_priced, self.money.left_usd)
        if not found.chances or found.chances[0] == 1.0:
            return choice
        plain, first = choice.order[0], found.order[0]
        if first != plain:
            cost = choice.expected.cost_usd
            self.money.spend(max(0.0, float(cost[first] - cost[plain])))
        return choice._replace(order=found.order, drawn=Drawn(found.chances, plain))
