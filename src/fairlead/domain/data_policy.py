"""DataPolicy: what an endpoint does with the prompts that it is sent, as its operator or the catalogue states it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DataPolicy:
    """Stated, not guessed: None is unknown, and an unknown policy satisfies no demand."""

    collects_data: bool | None = None
    """Prompts may be kept for training."""
    zero_retention: bool | None = None
    region: str | None = None
    """Where prompts are processed, such as `eu` or `us`."""


UNSTATED: Final = DataPolicy()
