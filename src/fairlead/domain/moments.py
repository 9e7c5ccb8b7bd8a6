"""What happened, as frozen records: the gateway emits them, observers listen."""

from typing import Literal, NamedTuple, Protocol

from fairlead.domain.decision import Arm
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, TenantName
from fairlead.domain.usage import Usage

AttemptOutcome = Literal[
    "ok", "rejected", "unreachable", "timeout", "garbled", "truncated", "cancelled", "refused_request"
]
ReplyOutcome = Literal["ok", "error", "truncated", "cancelled", "refused"]


class Attempted(NamedTuple):
    """One call to one upstream for one request has ended."""

    decision_id: DecisionId
    arm: Arm
    outcome: AttemptOutcome
    upstream_status: int | None
    first_byte_s: float | None
    total_s: float
    usage: Usage | None
    cost: Usd | None


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


class Observer(Protocol):
    """Whoever listens. Called on the event loop: must not block and must not raise."""

    def attempted(self, moment: Attempted) -> None:
        """One attempt has ended."""
        ...

    def replied(self, moment: Replied) -> None:
        """One request has ended."""
        ...
