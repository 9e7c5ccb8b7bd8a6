"""DailyMoney: a sum that may be spent in one day (UTC), and what is left of it."""

from collections.abc import Callable
from typing import Final

_DAY_S: Final = 86_400.0


class DailyMoney:
    """One purpose's, in one process; a restart begins the day anew."""

    __slots__ = ("_day", "_most_usd", "_spent_usd", "_unix_s")

    def __init__(self, most_usd: float, unix_s: Callable[[], float]) -> None:
        self._most_usd = most_usd
        self._unix_s = unix_s
        self._day = 0
        self._spent_usd = 0.0

    @property
    def spent_usd(self) -> float:
        """What today has cost."""
        day = int(self._unix_s() // _DAY_S)
        if day != self._day:
            self._day, self._spent_usd = day, 0.0
        return self._spent_usd

    @property
    def left_usd(self) -> float:
        """What today may still cost."""
        return max(0.0, self._most_usd - self.spent_usd)

    def spend(self, usd: float) -> None:
        """So much is spent; below 0 it is given back."""
        self._spent_usd = max(0.0, self.spent_usd + usd)

    def inherit(self, old: "DailyMoney") -> None:
        """Go on with what was spent under another bound."""
        self._day, self._spent_usd = old._day, old._spent_usd
