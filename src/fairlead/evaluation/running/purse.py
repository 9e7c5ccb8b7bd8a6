"""Purse: the hard cap of a run. Money is reserved before a call is sent and settled when it has ended.

Spent, held (perhaps paid, nobody knows) and reserved together never pass the cap, as long as no upstream charges more
than the most that a call was reserved for; if one does, `overrun_nano` says by how much.
"""


class Purse:
    """Whole nano-dollars."""

    def __init__(self, cap_nano: int, *, spent_nano: int = 0, held_nano: int = 0) -> None:
        self.cap_nano = cap_nano
        self.spent_nano = spent_nano
        self.held_nano = held_nano
        self.reserved_nano = 0

    @property
    def left_nano(self) -> int:
        """What may still be reserved."""
        return self.cap_nano - self.spent_nano - self.held_nano - self.reserved_nano

    @property
    def overrun_nano(self) -> int:
        """By how much more was charged than the cap allows; 0 when the upstreams kept to their prices."""
        return max(0, self.spent_nano + self.held_nano - self.cap_nano)

    def reserve(self, most_nano: int) -> bool:
        """Put the most that a call may cost aside; False when that is not left."""
        if most_nano > self.left_nano:
            return False
        self.reserved_nano += most_nano
        return True

    def settle(self, most_nano: int, spent_nano: int) -> None:
        """A reserved call has cost this."""
        self.reserved_nano -= most_nano
        self.spent_nano += spent_nano

    def hold(self, most_nano: int) -> None:
        """A reserved call may have been paid, and nobody knows: it stays counted."""
        self.reserved_nano -= most_nano
        self.held_nano += most_nano

    def unhold(self, nano: int) -> None:
        """What was held turns out not to have been charged."""
        self.held_nano -= nano
