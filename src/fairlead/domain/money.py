"""Usd: money as whole nano-dollars, so that a million small charges add up exactly."""

from dataclasses import dataclass
from typing import Final

NANO_PER_USD: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, order=True)
class Usd:
    """An amount of US dollars, whole nano-dollars. An unknown amount is None, never Usd(0)."""

    nano: int

    def __add__(self, other: "Usd") -> "Usd":
        return Usd(self.nano + other.nano)

    @property
    def dollars(self) -> float:
        """The amount as a float, for display and statistics."""
        return self.nano / NANO_PER_USD

    def __str__(self) -> str:
        return f"{self.nano / NANO_PER_USD:.9f}"
