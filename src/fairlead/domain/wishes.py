"""Wishes: what the caller of one request values and allows."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Sort = Literal["price", "throughput", "latency"]

MOST_WEIGHT: Final = 1_000_000.0
"""Set by hand: only the proportions of weights matter."""
PRESET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""What an operator may call a preset: it stands behind `auto:` in the name of a model."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much quality, cost and speed count; only their proportions matter. None is negative, not all are 0."""

    quality: float
    cost: float
    speed: float

    def __post_init__(self) -> None:
        parts = (self.quality, self.cost, self.speed)
        if not all(0 <= part < float("inf") for part in parts) or not any(parts):
            raise ValueError("weights are numbers of 0 or more, and one of them is above 0")


@dataclass(frozen=True, slots=True)
class Wishes:
    """The constraints and weights of one request; an absent wish is None or empty.

    The names of the `provider_*` fields and their meaning follow OpenRouter's `provider` object
    (https://openrouter.ai/docs, read 2026-11-23).
    """

    weights: Weights | None = None
    max_cost_usd: float | None = None
    max_latency_s: float | None = None
    min_quality: float | None = None
    models: tuple[str, ...] = ()
    """Alternatives of the asked model, in order (for `auto`: the pool to choose from)."""
    allowed_models: tuple[str, ...] = ()
    """Names or `*` patterns; empty allows all."""
    excluded_models: tuple[str, ...] = ()
    provider_order: tuple[str, ...] = ()
    provider_only: tuple[str, ...] = ()
    provider_ignore: tuple[str, ...] = ()
    allow_fallbacks: bool = True
    max_price_input_per_mtok: float | None = None
    max_price_output_per_mtok: float | None = None
    sort: Sort | None = None
    require_parameters: bool = False
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool = False
    """Only endpoints with zero data retention."""
    regions: tuple[str, ...] = ()
    keeps_session: bool = True
    """Whether a running conversation may keep its model."""
    uses_cache: bool = True
    """Whether an answer that was kept may be given, and this one be kept."""


NO_WISHES: Final = Wishes()
