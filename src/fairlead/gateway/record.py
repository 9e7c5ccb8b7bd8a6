"""Record: what one request did and cost, as it goes; told to the observers in whole moments."""

from collections.abc import Sequence

from fairlead.catalogue.prices import price_of
from fairlead.domain.errors import (
    FairleadError,
    GarbledError,
    RejectedError,
    SilentError,
    TruncatedError,
    UnreachableError,
    UpstreamError,
)
from fairlead.domain.moments import Attempted, AttemptOutcome, Observer, Replied, ReplyOutcome
from fairlead.domain.money import Usd
from fairlead.domain.names import DecisionId
from fairlead.domain.usage import Usage
from fairlead.gateway.ports import Clock
from fairlead.gateway.work import Work
from fairlead.routing.pool import ArmSpec


class Record:
    """One request's account."""

    __slots__ = (
        "_attempt_began_s", "_attempt_first_byte_s", "_clock", "_is_in_attempt", "_observers", "_waited_s", "_work",
        "cost", "decide_s", "decision_id", "first_byte_s", "n_attempts", "policy", "spec", "usage",
    )  # fmt: skip

    def __init__(self, decision_id: DecisionId, work: Work, observers: Sequence[Observer], clock: Clock) -> None:
        self.decision_id = decision_id
        self._work = work
        self._observers = observers
        self._clock = clock
        self._waited_s = 0.0
        self._attempt_began_s = 0.0
        self._attempt_first_byte_s: float | None = None
        self._is_in_attempt = False
        self.spec: ArmSpec | None = None
        self.policy = ""
        self.decide_s: float | None = None
        self.n_attempts = 0
        self.usage: Usage | None = None
        self.cost: Usd | None = None
        self.first_byte_s: float | None = None

    def attempt_begins(self, spec: ArmSpec) -> float:
        """An attempt at this arm begins; the time."""
        self.spec = spec
        self.n_attempts += 1
        self.usage = self.cost = None
        self._attempt_first_byte_s = None
        self._is_in_attempt = True
        self._attempt_began_s = self._clock()
        return self._attempt_began_s

    def answered(self) -> None:
        """The upstream has brought its first content, or its whole reply: the waiting is over."""
        now_s = self._clock()
        self._attempt_first_byte_s = now_s - self._attempt_began_s
        self._waited_s += self._attempt_first_byte_s
        self.first_byte_s = now_s - self._work.began_s

    def waited(self, seconds: float) -> None:
        """A pause between attempts."""
        self._waited_s += seconds

    def used(self, usage: Usage | None) -> None:
        """What the reply used; priced at the arm's rates, which for an unknown rate is unknown."""
        self.usage = usage
        self.cost = price_of(usage, self.spec.prices) if usage is not None and self.spec is not None else None

    def overhead_s(self) -> float:
        """Our own share of the time so far: all that was not waiting for an upstream."""
        return max(self._clock() - self._work.began_s - self._waited_s, 0.0)

    def attempt_ended(self, outcome: AttemptOutcome, status: int | None) -> None:
        """The attempt is over."""
        if not self._is_in_attempt or self.spec is None:
            return
        self._is_in_attempt = False
        total_s = self._clock() - self._attempt_began_s
        if self._attempt_first_byte_s is None:
            self._waited_s += total_s
        moment = Attempted(
            self.decision_id, self.spec.arm, outcome, status, self._attempt_first_byte_s, total_s, self.usage, self.cost
        )
        for observer in self._observers:
            observer.attempted(moment)

    def replied(self, outcome: ReplyOutcome, status: int, error: FairleadError | None, overhead_s: float) -> None:
        """The request is over."""
        work = self._work
        moment = Replied(
            decision_id=self.decision_id,
            tenant=work.tenant,
            door=work.way.label,
            asked=work.request.asked,
            policy=self.policy,
            arm=self.spec.arm if self.spec is not None else None,
            outcome=outcome,
            status=status,
            error_code=error.code if error is not None else None,
            is_streaming=work.request.is_streaming,
            n_attempts=self.n_attempts,
            usage=self.usage,
            cost=self.cost,
            decide_s=self.decide_s,
            overhead_s=overhead_s,
            first_byte_s=self.first_byte_s,
            total_s=self._clock() - work.began_s,
        )
        for observer in self._observers:
            observer.replied(moment)


def outcome_of(error: UpstreamError) -> tuple[AttemptOutcome, int | None]:
    """How an attempt that ended in this error is counted, with the upstream's status if it gave one."""
    if isinstance(error, RejectedError):
        return ("rejected" if error.is_retryable else "refused_request"), error.upstream_status
    if isinstance(error, SilentError):
        return "timeout", None
    if isinstance(error, UnreachableError):
        return "unreachable", None
    if isinstance(error, TruncatedError):
        return "truncated", 200
    return ("garbled" if isinstance(error, GarbledError) else "rejected"), 200
