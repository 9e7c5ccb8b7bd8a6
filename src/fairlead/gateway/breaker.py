"""Breaker: is this upstream fit? A small state machine; the time comes in as a number.

CLOSED --(FAILURES_TO_OPEN in a row, or told to wait)--> OPEN --(cool-down over)--> PROBING --ok--> CLOSED
                                                         ^------------failure-----------'
"""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from fairlead.domain.errors import RejectedError, UpstreamError
from fairlead.domain.names import UpstreamName

FAILURES_TO_OPEN: Final = 5
FIRST_COOL_DOWN_S: Final = 2.0
LONGEST_COOL_DOWN_S: Final = 60.0
CREDENTIAL_COOL_DOWN_S: Final = 60.0
"""A refused credential does not mend itself in seconds."""
PROBE_LEASE_S: Final = 30.0
"""A probe that has not come back by then no longer holds the place of the next."""


class Fitness(Enum):
    """Where a breaker stands."""

    CLOSED = auto()
    OPEN = auto()
    PROBING = auto()


class Breaker:
    """One upstream's."""

    __slots__ = ("_failures", "_openings", "_until_s", "fitness")

    def __init__(self) -> None:
        self.fitness = Fitness.CLOSED
        self._failures = 0.0
        self._openings = 0
        self._until_s = 0.0

    def is_down(self, now_s: float) -> bool:
        """Whether to keep away now. Once the cool-down is over, whoever tries first is the probe (see `tried`)."""
        return self.fitness is not Fitness.CLOSED and now_s < self._until_s

    def tried(self, now_s: float) -> None:
        """An attempt begins; after a cool-down it is the probe, and others keep away until it is back."""
        if self.fitness is not Fitness.CLOSED and now_s >= self._until_s:
            self.fitness = Fitness.PROBING
            self._until_s = now_s + PROBE_LEASE_S

    def succeeded(self) -> None:
        """The attempt brought content."""
        self.fitness = Fitness.CLOSED
        self._failures = 0.0
        self._openings = 0

    def failed(self, error: UpstreamError, now_s: float) -> None:
        """The attempt failed in a way that speaks of the upstream (see `blames_upstream`)."""
        self._failures += _weight(error)
        rest_s = _rest_s(error)
        if rest_s is None and self.fitness is Fitness.CLOSED and self._failures < FAILURES_TO_OPEN:
            return
        is_straggler = self.fitness is Fitness.OPEN and now_s < self._until_s
        if is_straggler:
            # It was under way when the breaker opened: the same incident must not make the rest longer again and again.
            self._until_s = max(self._until_s, now_s + (rest_s or 0.0))
            return
        if rest_s is None:
            rest_s = min(FIRST_COOL_DOWN_S * 2**self._openings, LONGEST_COOL_DOWN_S)
        self._openings = min(self._openings + 1, 10)
        self._until_s = now_s + rest_s
        self.fitness = Fitness.OPEN


_BLAMED_STATUSES: Final = frozenset((401, 402, 403, 408, 429, 500, 502, 503, 504, 529))
_DOUBTFUL_WEIGHT: Final = 0.25
"""What a 500 counts: some servers answer it to a request that they cannot serve (llama.cpp to an image), and one
client's bad requests must not take an upstream away from everybody else. Twenty in a row are an outage all the same."""


def blames_upstream(error: UpstreamError) -> bool:
    """Whether a failure says something about the upstream rather than about this request or this model."""
    return not isinstance(error, RejectedError) or error.upstream_status in _BLAMED_STATUSES


def _weight(error: UpstreamError) -> float:
    return _DOUBTFUL_WEIGHT if isinstance(error, RejectedError) and error.upstream_status == 500 else 1.0


def _rest_s(error: UpstreamError) -> float | None:
    if isinstance(error, RejectedError):
        if error.upstream_status in (401, 402, 403):
            return CREDENTIAL_COOL_DOWN_S
        if error.upstream_status in (429, 503):
            return error.retry_after_s
    return None


class Breakers:
    """All of one gateway's. `down` is cheap while nothing is open, which is nearly always."""

    def __init__(self, upstreams: Iterable[UpstreamName]) -> None:
        self._breakers = {name: Breaker() for name in upstreams}
        self._suspect: set[UpstreamName] = set()

    def down(self, now_s: float) -> frozenset[UpstreamName]:
        """The upstreams to keep away from now."""
        if not self._suspect:
            return frozenset()
        return frozenset(name for name in self._suspect if self._breakers[name].is_down(now_s))

    def tried(self, name: UpstreamName, now_s: float) -> None:
        """An attempt at this upstream begins."""
        if name in self._suspect:
            self._breakers[name].tried(now_s)

    def succeeded(self, name: UpstreamName) -> None:
        """It brought content."""
        if name in self._suspect:
            self._breakers[name].succeeded()
            self._suspect.discard(name)

    def failed(self, name: UpstreamName, error: UpstreamError, now_s: float) -> None:
        """It did not."""
        if blames_upstream(error):
            self._suspect.add(name)
            self._breakers[name].failed(error, now_s)
