"""Breaker: is this upstream fit? A small state machine; the time comes in as a number.

CLOSED --(FAILURES_TO_OPEN in a row, or told to wait)--> OPEN --(cool-down over)--> PROBING --ok--> CLOSED
                                                         ^------------failure-----------'
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Final

from fairlead.domain.decision import Arm, Resting
from fairlead.domain.engine_state import Fitness as FitnessName
from fairlead.domain.errors import RejectedError, UpstreamError
from fairlead.gateway.shared_rests import SharedRests, keys_of

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

    __slots__ = ("_failures", "_openings", "fitness", "until_s")

    def __init__(self) -> None:
        self.fitness = Fitness.CLOSED
        self._failures = 0.0
        self._openings = 0
        self.until_s = 0.0
        """Until when to keep away, unless it is CLOSED."""

    def is_down(self, now_s: float) -> bool:
        """Whether to keep away now. Once the cool-down is over, whoever tries first is the probe (see `tried`)."""
        return self.fitness is not Fitness.CLOSED and now_s < self.until_s

    def tried(self, now_s: float) -> None:
        """An attempt begins; after a cool-down it is the probe, and others keep away until it is back."""
        if self.fitness is not Fitness.CLOSED and now_s >= self.until_s:
            self.fitness = Fitness.PROBING
            self.until_s = now_s + PROBE_LEASE_S

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
        is_straggler = self.fitness is Fitness.OPEN and now_s < self.until_s
        if is_straggler:
            # It was under way when the breaker opened: the same incident must not make the rest longer again and again.
            self.until_s = max(self.until_s, now_s + (rest_s or 0.0))
            return
        if rest_s is None:
            rest_s = min(FIRST_COOL_DOWN_S * 2**self._openings, LONGEST_COOL_DOWN_S)
        self._openings = min(self._openings + 1, 10)
        self.until_s = now_s + rest_s
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


_FITNESS: Final[Mapping[Fitness, FitnessName]] = {
    Fitness.CLOSED: "closed",
    Fitness.OPEN: "open",
    Fitness.PROBING: "probing",
}
_NOBODY: Final[frozenset[Resting]] = frozenset()


class Breakers:
    """All of one gateway's. Cheap while nothing has failed, which is nearly always.

    A rate limit rests one model at its upstream, everything else the whole upstream: providers count by model. With
    several workers, what one of them has found resting the others keep away from (see shared_rests); successes are each
    worker's own, and a probe under way counts as a rest, so that one worker probes.
    """

    def __init__(self, shared: SharedRests | None = None, arms: Iterable[Arm] = ()) -> None:
        self._suspects: dict[Resting, Breaker] = {}
        """Only what has failed since its last success."""
        self._shared = shared
        self._names: dict[int, Resting] = {}
        self.serve(arms)

    def serve(self, arms: Iterable[Arm]) -> None:
        """These are the arms of the configuration now."""
        if self._shared is not None:
            every = list(arms)
            self._names = keys_of([*every, *{arm.upstream for arm in every}])

    def down(self, now_s: float) -> frozenset[Resting]:
        """What to keep away from now."""
        heard = self._shared.heard(now_s) if self._shared is not None else None
        if not self._suspects and not heard:
            return _NOBODY
        found = {key for key, breaker in self._suspects.items() if breaker.is_down(now_s)}
        if heard:
            found.update(self._names[key] for key, until_s in heard.items() if now_s < until_s and key in self._names)
        return frozenset(found)

    def fitness(self, key: Resting) -> FitnessName:
        """Where this worker's breaker of it stands."""
        breaker = self._suspects.get(key)
        return "closed" if breaker is None else _FITNESS[breaker.fitness]

    def soonest_s(self, now_s: float) -> float | None:
        """Seconds until the first of those that this worker keeps away from may be tried again; None without any."""
        rests = [breaker.until_s - now_s for breaker in self._suspects.values() if breaker.is_down(now_s)]
        return min(rests, default=None)

    def tried(self, arm: Arm, now_s: float) -> None:
        """An attempt at this arm begins."""
        if self._suspects:
            for key in (arm, arm.upstream):
                if key in self._suspects:
                    self._suspects[key].tried(now_s)
                    self._tell()

    def succeeded(self, arm: Arm) -> None:
        """It brought content."""
        if self._suspects:
            found: list[Resting] = [key for key in (arm, arm.upstream) if key in self._suspects]
            for key in found:
                del self._suspects[key]
            if found:
                self._tell()

    def failed(self, arm: Arm, error: UpstreamError, now_s: float) -> None:
        """It did not."""
        if blames_upstream(error):
            is_rate_limit = isinstance(error, RejectedError) and error.upstream_status == 429
            key: Resting = arm if is_rate_limit else arm.upstream
            self._suspects.setdefault(key, Breaker()).failed(error, now_s)
            self._tell()

    def _tell(self) -> None:
        if self._shared is not None:
            rests = {key: each.until_s for key, each in self._suspects.items() if each.fitness is not Fitness.CLOSED}
            self._shared.tell(rests)
