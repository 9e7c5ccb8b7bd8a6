"""What the gateway needs of its neighbours, as Protocols; assembly proves that the real ones fit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fairlead.domain.call import Answer, Call
from fairlead.domain.content import FormatName
from fairlead.domain.decision import Arm
from fairlead.domain.engine_state import EngineState
from fairlead.domain.moments import DecisionObserver, Observer, ShadowObserver
from fairlead.domain.names import DecisionId, UpstreamName
from fairlead.domain.opinion import Opinion
from fairlead.domain.page_call import PageAnswer, PageCall, PageCaller
from fairlead.domain.store_state import StoreState
from fairlead.gateway.access import Access
from fairlead.gateway.exploring import ExploreLimits
from fairlead.gateway.replay_cache import CacheLimits
from fairlead.gateway.shared_rests import SharedRests
from fairlead.routing.router import Router
from fairlead.wire.format import Back
from fairlead.wire.formats import BACKS
from fairlead.wire.quirks import Quirks


class Upstream(Protocol):
    """A live endpoint."""

    @property
    def formats(self) -> tuple[FormatName, ...]:
        """The wire formats that it speaks; the first is the one to translate to."""
        ...

    @property
    def quirks(self) -> Quirks:
        """What it takes otherwise than OpenAI's chat format says."""
        ...

    async def send(self, call: Call) -> Answer:
        """Send one call. Raises: UpstreamError."""
        ...

    def masked(self, text: str) -> str:
        """Words of this endpoint without its own secrets, which it may quote."""
        ...


class Tracing(Protocol):
    """Who is told of requests and calls as they begin, since their ids travel; of their ends observers are told."""

    def begins(
        self, decision_id: DecisionId, door: str, headers: Sequence[tuple[bytes, bytes]], *, is_streaming: bool
    ) -> None:
        """A request begins, with these headers of its client."""
        ...

    def calls(self, decision_id: DecisionId, number: int, arm: Arm) -> tuple[tuple[bytes, bytes], ...]:
        """An attempt begins: the headers to send with it."""
        ...


class Traffic(Protocol):
    """What is kept of the traffic, as far as the gateway asks."""

    def state(self) -> StoreState:
        """How the keeping goes."""
        ...

    async def keep(self, opinion: Opinion) -> None:
        """Keep what somebody thinks of a reply. Raises: UnknownDecisionError, UnavailableError."""
        ...


class Pages(Protocol):
    """Pages for people, at /ui."""

    async def answer(self, call: PageCall) -> PageAnswer:
        """The page. Never raises, and never keeps the event loop."""
        ...

    def caller(self, call: PageCall, needs: str) -> PageCaller:
        """Who asks for something from a page of ours. Raises: UnauthenticatedError, ForbiddenError."""
        ...


Clock = Callable[[], float]
"""Seconds that only go forward; the zero is arbitrary."""


@dataclass(frozen=True, slots=True)
class HedgeLimits:
    """When a second attempt begins beside one that is slow to begin: after so many seconds, or as measured."""

    after_s: float | None = None
    after_quantile: float | None = None
    max_share: float = 0.05
    """Most hedges, as a share of all requests."""


@dataclass(frozen=True, slots=True)
class ShadowLimits:
    """Which other model is asked the same, how often, and for how much."""

    arms: tuple[int, ...]
    """The model's places in the pool."""
    share: float
    """Of the requests that were answered well."""
    max_usd_per_day: float
    max_concurrency: int
    max_queue: int
    deadline_s: float
    draw: Callable[[], float]
    """Uniform in [0, 1)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request."""

    max_body_bytes: int = 32 * 1024 * 1024
    max_reply_bytes: int = 64 * 1024 * 1024
    deadline_s: float = 600.0
    """From the request's arrival until its answer's first content."""
    max_attempts: int = 4
    retry_budget_share: float = 0.2
    """Extra attempts, as a share of all requests."""
    max_stream_bytes: int = 256 * 1024 * 1024
    queue_s: float = 10.0
    """How long a request may wait for a busy upstream."""
    max_queue: int = 100
    """How many may wait before one upstream."""
    heartbeat_s: float = 15.0
    """After so much silence a client that waits for a stream gets a sign of life."""
    hedge: HedgeLimits | None = None
    max_concurrency: Mapping[UpstreamName, int] = field(default_factory=dict)
    """The operator's own limits, this worker's share of them."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the gateway is given; made once, by assembly."""

    router: Router
    upstreams: Mapping[UpstreamName, Upstream]
    access: Access
    limits: Limits
    observers: Sequence[Observer]
    """Told of attempts and replies."""
    clock: Clock
    unix_s: Callable[[], float]
    """Seconds since 1970, for the dates in replies."""
    new_id: Callable[[], str]
    draw: Callable[[], float]
    """Uniform in [0, 1): spreads retries; never decides between models (see `exploring` for what does)."""
    model_list: Sequence[Mapping[str, Any]]
    """What GET /v1/models shows, ready to encode."""
    render_metrics: Callable[[EngineState], tuple[bytes, str]]
    """The metrics page and its content type."""
    backs: Mapping[FormatName, Back] = field(default_factory=lambda: BACKS)
    """The formats that upstreams are spoken to in."""
    config_version: str = ""
    allowed_hosts: frozenset[str] = frozenset()
    """Host names that this server answers to; empty answers to any."""
    allowed_origins: frozenset[str] = frozenset()
    notes: Sequence[str] = field(default=())
    """Remarks for /health/ready, such as that the models are simulated."""
    keeps_sessions: bool = True
    """Whether running conversations keep their model where that pays."""
    cache: CacheLimits | None = None
    """None keeps no answers."""
    shared_rests: SharedRests | None = None
    """What the other workers have found resting; None for a single process."""
    n_workers: int = 1
    decision_observers: Sequence[DecisionObserver] = ()
    """Told of decisions; without any, none are told: it costs more than the decision's bookkeeping."""
    keeps_words: bool = False
    """Whether the operator wants prompts and replies told to the observers as well."""
    opinion_weights: Mapping[str, float] = field(default_factory=dict)
    """How much the feedback of each tenant counts; 1 for one that is not named."""
    traffic: Traffic | None = None
    """What is kept of the traffic; None keeps nothing."""
    pages: Pages | None = None
    """The dashboard; None has none."""
    exploring: ExploreLimits | None = None
    """None explores nothing."""
    shadowing: ShadowLimits | None = None
    """None asks nobody else."""
    shadow_observers: Sequence[ShadowObserver] = ()
    tracing: Tracing | None = None
    """None traces nothing."""
