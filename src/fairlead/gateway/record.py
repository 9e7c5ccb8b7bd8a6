"""Record: what one request did and cost, as it goes; told to the observers in whole moments."""

from collections.abc import Sequence
from typing import Final

from fairlead.catalogue.prices import price_of
from fairlead.domain.decision import Arm
from fairlead.domain.errors import (
    FairleadError,
    GarbledError,
    RejectedError,
    SilentError,
    TruncatedError,
    UnreachableError,
    UpstreamError,
)
from fairlead.domain.moments import (
    Attempted,
    AttemptOutcome,
    Decided,
    DecisionObserver,
    Observer,
    Replied,
    ReplyOutcome,
    Stage,
)
from fairlead.domain.money import Usd
from fairlead.domain.names import DecisionId
from fairlead.domain.usage import Usage
from fairlead.gateway.heard import Heard
from fairlead.gateway.ports import Clock
from fairlead.gateway.work import Work
from fairlead.routing.figures import figures_of
from fairlead.routing.pool import ArmSpec
from fairlead.routing.router import Choice, Router

MOST_TOKENS: Final = 10**12
"""A count above a million long contexts is none: money and measures reckoned from it would not be either."""
_NOTHING: Final = Usd(0)


class Numbers:
    """Of one request's attempts, from 1: whoever has one to tell takes the next; and what those that are over cost."""

    __slots__ = ("cost", "last")

    def __init__(self) -> None:
        self.last = 0
        self.cost: Usd | None = _NOTHING
        """None once tokens were used at an unknown price. What fails without a word of tokens is taken for unbilled."""

    def next(self) -> int:
        """One more."""
        self.last += 1
        return self.last

    def add(self, usage: Usage | None, cost: Usd | None) -> None:
        """An attempt is over that has used this."""
        if cost is not None and self.cost is not None:
            self.cost = cost if self.cost is _NOTHING else self.cost + cost
        elif usage is not None:
            self.cost = None


class AttemptRecord:
    """One attempt's account. Several of one request may run at once."""

    __slots__ = (
        "_clock", "_numbers", "_observers", "after_s", "began_s", "cost", "decision_id", "first_byte_s", "is_hedge",
        "is_over", "losses", "number", "place", "served", "spec", "stage",
        "usage",
    )  # fmt: skip

    def __init__(
        self,
        decision_id: DecisionId,
        spec: ArmSpec,
        observers: Sequence[Observer],
        clock: Clock,
        *,
        place: int = 0,
        is_hedge: bool = False,
        numbers: Numbers | None = None,
    ) -> None:
        """`numbers`: those of its request's attempts; an attempt that stands alone has its own."""
        self.decision_id = decision_id
        self.spec = spec
        self._observers = observers
        self._clock = clock
        self.is_over = False
        self.place = place
        self.is_hedge = is_hedge
        self.stage: Stage = "waiting"
        self.losses: tuple[str, ...] = ()
        self.first_byte_s: float | None = None
        self.served: str | None = None
        self.usage: Usage | None = None
        self.cost: Usd | None = None
        self.began_s = clock()
        self._numbers = numbers or Numbers()
        self.number = self._numbers.next()
        self.after_s = 0.0
        """Seconds from the request's arrival until it began."""

    def answered(self, stage: Stage) -> None:
        """The upstream has brought its first content, or its whole reply: the waiting is over."""
        self.stage = stage
        self.first_byte_s = self._clock() - self.began_s

    def used(self, usage: Usage | None) -> None:
        """What the reply used; priced at the arm's rates, which for an unknown rate is unknown."""
        if usage is not None and max(usage[:5]) > MOST_TOKENS:
            usage = None
        self.usage = usage
        self.cost = price_of(usage, self.spec.prices) if usage is not None else None

    def ended(self, outcome: AttemptOutcome, status: int | None) -> None:
        """The attempt is over; only the first word counts."""
        if self.is_over:
            return
        self.is_over = True
        self._numbers.add(self.usage, self.cost)
        self._tell(outcome, status)

    def repeated(self) -> None:
        """The request was lost on a connection that had rested, and is sent again: a line for the one that was lost.

        What comes of the other is told under the next number. The upstream may have read the first; its breaker is not
        told, since only the connection is known to have failed.
        """
        self._tell("unreachable", None)
        self.number = self._numbers.next()

    def _tell(self, outcome: AttemptOutcome, status: int | None) -> None:
        moment = Attempted(
            self.decision_id,
            self.spec.arm,
            outcome,
            status,
            self.first_byte_s,
            self._clock() - self.began_s,
            self.usage,
            self.cost,
            self.place,
            self.is_hedge,
            self.stage,
            self.losses,
            self.number,
            self.after_s,
            self.served,
        )
        for observer in self._observers:
            observer.attempted(moment)


class Record:
    """One request's account."""

    __slots__ = (
        "_cached_arm", "_clock", "_observers", "_waited_s", "_work", "config_version", "decide_s", "decision_id",
        "first_byte_s", "heard", "kept", "last", "numbers", "policy", "reason", "session",
    )  # fmt: skip

    def __init__(
        self,
        decision_id: DecisionId,
        work: Work,
        observers: Sequence[Observer],
        clock: Clock,
        config_version: str = "",
        heard: Heard | None = None,
    ) -> None:
        self.decision_id = decision_id
        self._work = work
        self._observers = observers
        self._clock = clock
        self._waited_s = work.upload_s
        self.config_version = config_version
        self.policy = ""
        self.decide_s: float | None = None
        self.session: str | None = None
        self.kept: str | None = None
        """What the conversation did to the choice."""
        self.reason: str | None = None
        self.numbers = Numbers()
        self.last: AttemptRecord | None = None
        """The attempt that serves, or the last that tried."""
        self._cached_arm: Arm | None = None
        self.heard = heard
        """Whoever listens to what the client is told; None unless the operator wants it kept."""
        self.first_byte_s: float | None = None

    def decided(
        self, listeners: Sequence[DecisionObserver], router: Router, choice: Choice, order: tuple[int, ...]
    ) -> None:
        """Who is to serve, for those who want to know."""
        kept, pool, reason = choice.kept, router.pool, self.reason
        moment = Decided(
            self.decision_id,
            self._work.tenant,
            self._work.way.label,
            self._work.request.asked,
            self.policy,
            pool.specs[order[0]].arm,
            choice.chances[0],
            len(order),
            self.session,
            kept.code if kept is not None else None,
            pool.specs[kept.plain].arm if kept is not None else None,
            kept.plain_usd if kept is not None else None,
            self.config_version,
            lambda: figures_of(router, choice, order, reason),  # not a partial: its repr would show the prompt
            self._work.key_name,
            self._work.request.chat if self.heard is not None else None,
        )
        for listener in listeners:
            listener.decided(moment)

    @property
    def n_attempts(self) -> int:
        """So far, those that were lost and sent again among them."""
        return self.numbers.last

    @property
    def cost(self) -> Usd | None:
        """Of all attempts: of those that are over, and of the one that serves as far as it is known; None is unknown.

        A race's losers are over before its winner delivers, and what they cost is our estimate.
        """
        last = self.last
        if last is None:
            return _NOTHING  # nobody was called
        others = self.numbers.cost
        if others is None or last.cost is None:
            return None
        return others if last.is_over else last.cost if others is _NOTHING else others + last.cost

    def attempt_begins(self, attempt: AttemptRecord) -> None:
        """An attempt begins; it has an account of its own."""
        self.last = attempt
        attempt.after_s = attempt.began_s - self._work.began_s

    def delivers(self, attempt: AttemptRecord) -> None:
        """This attempt's content goes to the client."""
        self.last = attempt
        self.first_byte_s = self._clock() - self._work.began_s

    def cached(self, arm: Arm) -> None:
        """An answer that this arm once gave goes to the client: nobody is called, and it costs nothing."""
        self._cached_arm = arm
        self.first_byte_s = self._clock() - self._work.began_s

    def waited(self, seconds: float) -> None:
        """Time spent waiting for upstreams, or pausing between attempts."""
        self._waited_s += seconds

    def overhead_s(self) -> float:
        """Our own share of the time so far: all that was not waiting for the client's body or for an upstream."""
        return max(self._clock() - self._work.began_s - self._waited_s, 0.0)

    def replied(self, outcome: ReplyOutcome, status: int, error: FairleadError | None, overhead_s: float) -> None:
        """The request is over."""
        work, last, cached = self._work, self.last, self._cached_arm
        moment = Replied(
            decision_id=self.decision_id,
            tenant=work.tenant,
            door=work.way.label,
            asked=work.request.asked,
            policy=self.policy,
            arm=last.spec.arm if last is not None else cached,
            outcome=outcome,
            status=status,
            error_code=error.code if error is not None else None,
            is_streaming=work.request.is_streaming,
            n_attempts=self.n_attempts,
            usage=last.usage if last is not None else None,
            cost=self.cost,
            decide_s=self.decide_s,
            overhead_s=overhead_s,
            first_byte_s=self.first_byte_s,
            total_s=self._clock() - work.began_s,
            session=self.session,
            is_cached=cached is not None,
            config_version=self.config_version,
            kept=self.kept,
            key_name=work.key_name,
            words=self.heard.text if self.heard is not None else None,
            reason=self.reason,
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
