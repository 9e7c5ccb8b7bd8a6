"""Effort: the sections of the configuration that bound what one request may cause, and what is kept of its answer."""

from typing import Annotated

from pydantic import Field

from fairlead.settings.sections import Seconds, Section, Share


class HedgeSection(Section):
    """A second attempt beside one that is slow to begin; the first content wins, the other is cancelled."""

    after_s: Seconds | None = Field(default=None, description="Seconds without content after which it begins.")
    after_quantile: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Or: the share of its recent first contents that came sooner, such as 0.95; needs traffic.",
    )
    max_share: Share = Field(default=0.05, description="Most hedges, as a share of requests; each is an extra call.")


class CacheSection(Section):
    """Exact answers kept for the same question of the same tenant. Nothing that calls tools is ever kept."""

    ttl_s: Seconds = Field(default=3_600.0, description="Seconds that an answer is kept.")
    max_bytes: int = Field(default=64_000_000, ge=1_024, le=100_000_000_000, description="Most memory, per worker.")
    sampled: bool = Field(default=False, description="Also keep answers that were sampled (temperature not 0).")


class LimitsSection(Section):
    """How much effort one request may cause."""

    deadline_s: Seconds = Field(default=600.0, description="Seconds until a request without content ends with a 504.")
    max_attempts: int = Field(default=4, ge=1, le=100, description="Most calls to upstreams for one request.")
    retry_budget_share: Share = Field(
        default=0.2, description="Extra calls, as a share of requests, before retries stop."
    )
    max_reply_bytes: int = Field(
        default=67_108_864, ge=1_024, le=2_000_000_000, description="Largest reply in one piece; more is a 502."
    )
    max_stream_bytes: int = Field(
        default=268_435_456, ge=1_024, le=100_000_000_000, description="Largest stream; more ends it with an error."
    )
    queue_s: Seconds = Field(
        default=10.0, description="Seconds that a request may wait for a busy upstream when nobody else can serve."
    )
    max_queue: int = Field(
        default=100, ge=0, le=100_000, description="Most requests that wait before one upstream; more is a 503."
    )
    hedge: HedgeSection | None = Field(
        default=None,
        description="A second attempt beside a slow one; off unless given. Give after_s, after_quantile or both.",
    )
