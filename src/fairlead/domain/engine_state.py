"""EngineState: how the upstreams, the arms and the memories of one serving process stand now."""

from typing import Literal, NamedTuple

from fairlead.domain.names import ModelId, UpstreamName

Fitness = Literal["closed", "open", "probing"]


class UpstreamState(NamedTuple):
    """One upstream."""

    upstream: UpstreamName
    is_down: bool
    running: int
    waiting: int
    """Requests in the queue before it."""
    limit: float | None
    """How many may run at once; None is no limit."""
    fitness: Fitness = "closed"
    """Of its breaker: open while it rests, probing while one request tries it."""


class ArmState(NamedTuple):
    """What one arm has really delivered lately. Units: decayed count, shares, seconds; None where nothing was seen."""

    model: ModelId
    upstream: UpstreamName
    is_resting: bool
    n_attempts: float
    failure_share: float
    ttft_s: float | None
    """Median time to the first content."""
    ttft_p95_s: float | None
    s_per_token: float | None


class ShadowState(NamedTuple):
    """The requests that are asked again of another model."""

    n_waiting: int
    n_running: int
    usd_today: float
    dropped: tuple[tuple[str, int], ...]
    """Ground -> drawn requests that were not asked again."""


class EngineState(NamedTuple):
    """Everything."""

    upstreams: tuple[UpstreamState, ...] = ()
    arms: tuple[ArmState, ...] = ()
    n_running: int = 0
    """Requests being answered."""
    retry_tokens: float = 0.0
    """Extra attempts that the retry budget has left."""
    n_sessions: int = 0
    cache_bytes: int = 0
    cache_hits: int = 0
    cache_misses: int = 0
    exploration_usd_today: float | None = None
    """Expected extra cost of what was explored; None where nothing is."""
    shadows: ShadowState | None = None


NOTHING = EngineState()
