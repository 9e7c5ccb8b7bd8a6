"""Pace: how often somebody may try to log in with a wrong key. Pure: the time comes in."""

from collections import OrderedDict
from typing import Final

TRIES: Final = 5
"""In a row, of one address; a key of 256 random bits needs no more protection, the log and the CPU do."""
PER_TRY_S: Final = 12.0
"""Until one of them comes back."""
TRIES_OF_ALL: Final = 60
PER_TRY_OF_ALL_S: Final = 1.0
MAX_ADDRESSES: Final = 10_000
_EVERYBODY: Final = ""


class Pace:
    """Tries that are left, by address and of all together."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now_s: float) -> float:
        """Use one try; 0, or the seconds to wait when none is left."""
        wait_s = self.wait_s(address, now_s)
        if wait_s > 0:
            return wait_s
        self._use(address or "?", now_s, TRIES, PER_TRY_S)
        self._use(_EVERYBODY, now_s, TRIES_OF_ALL, PER_TRY_OF_ALL_S)
        return 0.0

    def wait_s(self, address: str, now_s: float) -> float:
        """Seconds until a try is left; 0 where one is."""
        return max(
            self._wait_s(address or "?", now_s, TRIES, PER_TRY_S),
            self._wait_s(_EVERYBODY, now_s, TRIES_OF_ALL, PER_TRY_OF_ALL_S),
        )

    def _tries(self, address: str, now_s: float, most: int, per_try_s: float) -> float:
        tries, at_s = self._left.get(address, (float(most), now_s))
        return min(float(most), tries + max(0.0, now_s - at_s) / per_try_s)

    def _wait_s(self, address: str, now_s: float, most: int, per_try_s: float) -> float:
        return max(0.0, 1.0 - self._tries(address, now_s, most, per_try_s)) * per_try_s

    def _use(self, address: str, now_s: float, most: int, per_try_s: float) -> None:
        self._left[address] = (self._tries(address, now_s, most, per_try_s) - 1.0, now_s)
        self._left.move_to_end(address)
        if len(self._left) > MAX_ADDRESSES:
            self._left.popitem(last=False)
