"""What happened, as frozen records: the gateway emits them, observers listen."""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from fairlead.domain.decision import Arm
from fairlead.domain.figures import Figures
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, ModelId, TenantName
from fairlead.domain.request import ChatRequest
from fairlead.domain.usage import Usage

AttemptOutcome = Literal[
    "ok", "rejected", "unreachable", "timeout", "garbled", "truncated", "cancelled", "refused_request"
]
ReplyOutcome = Literal["ok", "error", "truncated", "cancelled", "refused"]
Stage = Literal["waiting", "opening", "speaking", "whole"]
"""How far an attempt came: no answer yet; an answer without content; content; a whole reply."""


class Decided(NamedTuple):
    """It is decided who should serve one request."""

    decision_id: DecisionId
    tenant: TenantName
    door: str
    asked: AskedModel
    policy: str
    arm: Arm
    """The first candidate."""
    chance: float
    """The probability with which it was chosen: 1 unless we explore."""
    n_candidates: int
    session: str | None
    """The key of the conversation: never the client's own words. None where none is known."""
    kept: str | None
    """What the conversation did to the choice (see docs/reference/decision.md); None without one."""
    without: Arm | None
    """The counterfactual: who would have been chosen without the conversation."""
    without_usd: float | None
    config_version: str
    figures: Callable[[], Figures]
    """Every candidate with its estimates. On the event loop, and soon: it holds what it is read from."""
    key_name: str = ""
    """The name of the access key that asked."""
    prompt: Callable[[], ChatRequest] | None = None
    """The request's own words; None unless the operator wants them kept. Raises: RequestError."""


class Attempted(NamedTuple):
    """One call to one upstream for one request has ended."""

    decision_id: DecisionId
    arm: Arm
    outcome: AttemptOutcome
    upstream_status: int | None
    first_byte_s: float | None
    total_s: float
    usage: Usage | None
    """Tokens by class; marked where they are our estimate."""
    cost: Usd | None
    place: int = 0
    """The arm's place among the candidates, 0 the best."""
    is_hedge: bool = False
    """Begun beside another attempt, because that one was slow."""
    stage: Stage = "waiting"
    losses: tuple[str, ...] = ()
    """What this upstream's format could not carry, by name."""
    number: int = 1
    """Which attempt of its request it is, in the order of their beginnings."""
    after_s: float = 0.0
    """Seconds from the request's arrival until it began."""
    served: str | None = None
    """The model that the upstream says has served: its words, not ours."""


class Replied(NamedTuple):
    """One request has been answered, or has ended without an answer."""

    decision_id: DecisionId
    tenant: TenantName
    door: str
    asked: AskedModel
    policy: str
    arm: Arm | None
    outcome: ReplyOutcome
    status: int
    error_code: str | None
    is_streaming: bool
    n_attempts: int
    usage: Usage | None
    cost: Usd | None
    decide_s: float | None
    overhead_s: float
    """Our own share: all of the time to the first byte to the client that was not spent waiting for an upstream."""
    first_byte_s: float | None
    total_s: float
    session: str | None = None
    is_cached: bool = False
    """Answered from the replay cache: nobody was called, and it costs nothing."""
    config_version: str = ""
    kept: str | None = None
    """What the conversation did to the choice, as in Decided."""
    key_name: str = ""
    words: Callable[[], str | None] | None = None
    """What the client was told; None unless the operator wants it kept."""
    reason: str | None = None
    """What decided, as a code (docs/reference/decision.md); None where nothing was decided."""


class Shadowed(NamedTuple):
    """Another model was asked the same as a client who had been answered; the client never hears of it."""

    decision_id: DecisionId
    tenant: TenantName
    arm: Arm
    outcome: AttemptOutcome
    upstream_status: int | None
    first_byte_s: float | None
    total_s: float
    usage: Usage | None
    cost: Usd | None
    words: Callable[[], str | None] | None = None
    """What it said; None unless the operator wants words kept."""


class ShadowObserver(Protocol):
    """Whoever listens to shadows. Called on the event loop: must not block and must not raise."""

    def shadowed(self, moment: Shadowed) -> None:
        """One shadow's call has ended."""
        ...


class Judged(NamedTuple):
    """Somebody has given a score to what a model said."""

    model: ModelId
    foretold: float | None
    """The quality that was expected of it; None where that was not kept."""
    score: float
    """From 0 to 1."""
    weight: float


class OpinionObserver(Protocol):
    """Whoever listens to opinions. Called on the event loop: must not block and must not raise."""

    def judged(self, moment: Judged) -> None:
        """One score has come in."""
        ...


class DecisionObserver(Protocol):
    """Whoever listens to decisions. Called on the event loop: must not block and must not raise."""

    def decided(self, moment: Decided) -> None:
        """One decision was made."""
        ...


class Observer(Protocol):
    """Whoever listens. Called on the event loop: must not block and must not raise."""

    def attempted(self, moment: Attempted) -> None:
        """One attempt has ended."""
        ...

    def replied(self, moment: Replied) -> None:
        """One request has ended."""
        ...
