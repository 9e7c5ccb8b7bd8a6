"""Failover: whom to try next, when, or to give up. A state machine of one request; time and chance come in as numbers.

Law: it only runs until the first content has reached the client. After that nothing is ever retried.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fairlead.domain.errors import (
    DeadlineError,
    FairleadError,
    RejectedError,
    SilentError,
    UnreachableError,
    UpstreamError,
)

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 8.0
_WHOLE_UPSTREAM_STATUSES: Final = frozenset((401, 402, 403, 502, 503, 504))
WAIT_SPREAD: Final = 0.5
"""A wait is lengthened by up to this share, so that many clients do not come back at once."""


@dataclass(frozen=True, slots=True)
class Try:
    """Try this candidate (its place in the order) after waiting so long."""

    place: int
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing is left to try."""

    error: FairleadError


class RetryBudget:
    """Extra attempts of all requests together stay below a share of the requests, so that a storm is not doubled."""

    __slots__ = ("_capacity", "_share", "tokens")

    CAPACITY: Final = 20.0

    def __init__(self, share: float, capacity: float = CAPACITY) -> None:
        self._share = share
        self._capacity = capacity
        self.tokens = capacity

    def request(self) -> None:
        """A request has come: it earns a share of an attempt."""
        self.tokens = min(self.tokens + self._share, self._capacity)

    def spend(self) -> bool:
        """Take one extra attempt, if there is one."""
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class Failover:
    """One request's attempts over an ordered list of candidates.

    After a failure of a whole upstream (no connection, silence, a refused credential) the candidates at other upstreams
    come first, in their order: the next best model behind the same dead door is no better.
    """

    __slots__ = (
        "_avoided",
        "_budget",
        "_deadline_s",
        "_max_attempts",
        "_place",
        "_untried",
        "_upstream_of",
        "_waits",
        "n_attempts",
    )

    def __init__(
        self,
        n_candidates: int,
        *,
        max_attempts: int,
        deadline_s: float,
        budget: RetryBudget,
        upstream_of: Callable[[int], str] = str,
    ) -> None:
        self._untried: Sequence[int] = range(1, n_candidates)
        self._upstream_of = upstream_of
        self._avoided: set[str] = set()
        self._max_attempts = max_attempts
        self._deadline_s = deadline_s
        self._budget = budget
        self._place = 0
        self._waits = 0
        self.n_attempts = 0

    def start(self, *, is_repeat: bool = False) -> Try:
        """The first attempt. A request that is itself a client's retry earns nothing: retries must not pay for more."""
        if not is_repeat:
            self._budget.request()
        self.n_attempts = 1
        return Try(0)

    def failed(self, error: UpstreamError, now_s: float, draw: float) -> Try | GiveUp:
        """An attempt has failed before any content: what now."""
        if not _may_repeat(error):
            return GiveUp(error)
        if now_s >= self._deadline_s:
            return GiveUp(DeadlineError("The request's deadline passed before any upstream had answered."))
        if self.n_attempts >= self._max_attempts:
            return GiveUp(error)
        is_last = not self._untried
        wait_s = self._wait_s(error, draw) if is_last else 0.0
        if is_last and (not _is_passing(error) or wait_s > LONGEST_WAIT_S or now_s + wait_s >= self._deadline_s):
            return GiveUp(error)
        if not self._budget.spend():
            return GiveUp(error)
        self.n_attempts += 1
        if is_last:
            self._waits += 1
        else:
            self._move_on(error)
        return Try(self._place, wait_s)

    def again(self) -> bool:
        """Whether a request that was lost on a rested connection may be sent once more: it counts as an attempt."""
        if self.n_attempts >= self._max_attempts:
            return False
        self.n_attempts += 1
        return True

    def unfit(self) -> Try | None:
        """The current candidate cannot be given this request, and was not called: the next one, if there is any."""
        if not self._untried:
            return None
        self._place, *rest = self._untried
        self._untried = rest
        return Try(self._place)

    def elsewhere(self, is_free: Callable[[int], bool]) -> Try | None:
        """The current candidate is busy, and was not called: the next one that is free, if any; this one stays."""
        found = next((place for place in self._untried if is_free(place)), None)
        if found is None:
            return None
        self._untried = sorted([self._place, *(place for place in self._untried if place != found)])
        self._place = found
        return Try(found)

    def hedge(self, is_free: Callable[[int], bool]) -> Try | None:
        """The current attempt is slow: whom to try beside it, at another upstream and once only; None for nobody."""
        own = self._upstream_of(self._place)
        found = next((place for place in self._untried if self._upstream_of(place) != own and is_free(place)), None)
        if found is None or self.n_attempts >= self._max_attempts or not self._budget.spend():
            return None
        self.n_attempts += 1
        self._untried = [place for place in self._untried if place != found]
        return Try(found)

    def _move_on(self, error: UpstreamError) -> None:
        if _is_of_the_upstream(error):
            self._avoided.add(self._upstream_of(self._place))
        elsewhere = (place for place in self._untried if self._upstream_of(place) not in self._avoided)
        self._place = next(elsewhere, self._untried[0])
        self._untried = [place for place in self._untried if place != self._place]

    def _wait_s(self, error: UpstreamError, draw: float) -> float:
        stated = error.retry_after_s if isinstance(error, RejectedError) else None
        wait_s = stated if stated is not None else min(FIRST_WAIT_S * 2**self._waits, LONGEST_WAIT_S)
        return wait_s * (1.0 + WAIT_SPREAD * draw) if stated is None else wait_s + FIRST_WAIT_S * draw


def _may_repeat(error: UpstreamError) -> bool:
    return not isinstance(error, RejectedError) or error.is_retryable


def _is_of_the_upstream(error: UpstreamError) -> bool:
    """Whether other models at this upstream would meet the same."""
    if isinstance(error, RejectedError):
        return error.upstream_status in _WHOLE_UPSTREAM_STATUSES
    return isinstance(error, UnreachableError | SilentError)


def _is_passing(error: UpstreamError) -> bool:
    """Whether the same upstream may do better in a moment."""
    return (
        not isinstance(error, RejectedError)
        or error.upstream_status in (408, 409, 425, 429)
        or error.upstream_status >= 500
    )
