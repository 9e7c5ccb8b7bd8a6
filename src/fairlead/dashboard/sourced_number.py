"""Sourced: a number with its interval, and whose word it is. None is unknown."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Source = Literal["own", "measured", "published", "prior", "stated", "unknown"]
"""own: this server's own traffic; measured: outcomes behind an artefact or a router file; published: benchmark figures;
prior: a guess from size, price and date; stated: a price list or the operator."""

SOURCE_WORDS: Final[Mapping[Source, str]] = {
    "own": "own traffic",
    "measured": "measured",
    "published": "published",
    "prior": "prior",
    "stated": "stated",
    "unknown": "unknown",
}


class Sourced(NamedTuple):
    """A number with its interval, and whose word it is. None is unknown."""

    value: float | None
    source: Source
    told: str = ""
    """Of how many, and of when."""
    low: float | None = None
    high: float | None = None


UNKNOWN: Final = Sourced(None, "unknown")
