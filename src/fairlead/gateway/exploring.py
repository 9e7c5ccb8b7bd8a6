"""Explorer: draws now and then another model than the best, and keeps what that may cost within the day's bound."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fairlead.routing.explore import Exploration, explore
from fairlead.routing.pool import Pool
from fairlead.routing.router import Choice, Drawn

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class ExploreLimits:
    """How much may be explored."""

    exploration: Exploration
    max_usd_per_day: float
    """Most that explored requests may be expected to cost more than the best would have, in one day (UTC)."""
    draw: Callable[[], float]
    """Uniform in [0, 1)."""


class Explorer:
    """One process's. A restart begins the day anew."""

    def __init__(self, limits: ExploreLimits, pool: Pool, unix_s: Callable[[], float]) -> None:
        self._limits = limits
        self._pool = pool
        self._unix_s = unix_s
        self._day = 0
        self._spent_usd = 0.0

    def inherit(self, old: "Explorer") -> None:
        """Go on with what another has spent."""
        self._day, self._spent_usd = old._day, old._spent_usd

    def spent_usd(self) -> float:
        """Expected extra cost of what was explored today."""
        day = int(self._unix_s() // _DAY_S)
        if day != self._day:
            self._day, self._spent_usd = day, 0.0
        return self._spent_usd

    def explored(self, choice: Choice, *, draws: bool) -> Choice:
        """The choice with its chances; drawn from them, if `draws`, and what that may cost is spent."""
        limits = self._limits
        left_usd = max(0.0, limits.max_usd_per_day - self.spent_usd())
        found = explore(limits.exploration, choice, limits.draw() if draws else 0.0, self._pool.is_priced, left_usd)
        if not found.chances or found.chances[0] == 1.0:
            return choice
        plain, first = choice.order[0], found.order[0]
        if first != plain:
            cost = choice.expected.cost_usd
            self._spent_usd += max(0.0, float(cost[first] - cost[plain]))
        return choice._replace(order=found.order, drawn=Drawn(found.chances, plain))
