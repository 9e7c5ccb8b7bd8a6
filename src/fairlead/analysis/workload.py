"""Workload and Load: what is asked of a server, and what one of its steps then costs at the figures of the data sheet.

A Load has no fitted constant in it: bytes over bandwidth, operations over peak, and counts. `step_time.py` makes times
of it. Everything is an array, so that one formula serves a single question and a whole table of measurements.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.analysis.compute import Work
from fairlead.analysis.hardware import Accelerator
from fairlead.analysis.quantisation import Recipe
from fairlead.domain.errors import AnalysisError

Floats = NDArray[np.float64]

USABLE_SHARE: Final = 0.9
"""Of an accelerator's memory: what vLLM takes by default."""
RESERVE_BYTES: Final = 3.5e9
"""For activations, graphs and the runtime (aiconfigurator's safety reserve, 2026-08-21)."""
RESIDENT_SHARE: Final = 0.75
"""Of a reply, how much stands in the cache when memory is short: between half, the mean, and the whole, which some
servers set aside. Running sequences implied by measured queues agree with it (docs/log.md)."""
REDUCES_PER_LAYER: Final = 2
"""After attention and after the feed-forward network."""
ACTIVATION_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests of one kind, so many at a time."""

    prompt_tokens: int
    reply_tokens: int
    concurrency: int
    prefix_hit_share: float = 0.0
    """Of the prompt's tokens, how many are in the cache already."""
    draft_tokens: int = 0
    """Speculative decoding: tokens that are proposed a step."""
    accepted_tokens: float = 1.0
    """Tokens that a step yields; 1 without speculation."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("prompt_tokens", 1, 100_000_000),
            ("reply_tokens", 1, 100_000_000),
            ("concurrency", 1, 1_000_000),
            ("prefix_hit_share", 0.0, 1.0),
            ("draft_tokens", 0, 1_000),
        ):
            if not least <= getattr(self, name) <= most:
                raise AnalysisError(f"workload.{name}: {getattr(self, name)!r} is outside {least} to {most}.")
        if not 1.0 <= self.accepted_tokens <= 1.0 + self.draft_tokens:
            raise AnalysisError(
                f"workload.accepted_tokens: {self.accepted_tokens!r} is outside 1 to draft_tokens + 1 = "
                f"{1 + self.draft_tokens}."
            )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model runs: so many accelerators of one kind, its weights and heads divided among them."""

    accelerator: Accelerator
    count: int


@dataclass(frozen=True, slots=True)
class Load:
    """One step of a server. Shapes: every array is (n,). Units: seconds at the data sheet's figures, or counts."""

    weights_s: Floats
    """To read what every step reads."""
    experts_s: Floats
    """To read the experts that the batch touches."""
    tiles_s: Floats
    """To multiply one row with each of these experts: times the rows of a tile, what small batches waste."""
    cache_s: Floats
    """To read the cache of all running sequences."""
    arithmetic_s: Floats
    prefill_s: Floats
    """Arithmetic of one prompt."""
    prefill_tokens: Floats
    reduce_s: Floats
    """To send one token's activations around, in all layers."""
    reduces: Floats
    """How often a step sends them; 0 on one accelerator."""
    layers: Floats
    running: Floats
    """Sequences that run at once: the concurrency, or what memory holds."""
    queued_share: Floats
    """Requests that wait for memory, for each that runs."""
    reply_tokens: Floats
    concurrency: Floats
    accepted_tokens: Floats

    def floor_s(self) -> Floats:
        """Below it no step can be: the cache read, and the slower of reading weights and multiplying."""
        mixed = self.arithmetic_s + self.running / self.reply_tokens * self.accepted_tokens * self.prefill_s
        return self.cache_s + np.maximum(self.weights_s + self.experts_s, mixed)


def load_of(work: Work, recipe: Recipe, place: Placement, asked: Workload) -> Load:
    """The load of one workload on one placement."""
    chip, count = place.accelerator, float(place.count)
    context = asked.prompt_tokens + asked.reply_tokens / 2
    held = capacity(work, place, asked.prompt_tokens, asked.reply_tokens)
    running = min(float(asked.concurrency), max(held, 1.0))
    tokens = running * (1.0 + asked.draft_tokens)
    peak, plain_peak = chip.flops(recipe.compute) * count, chip.flops("bf16") * count
    per_token = 2.0 * work.parameters.active_without_embedding
    attention = max(work.decode_flops(context) - per_token, 0.0)
    cached = asked.prompt_tokens * asked.prefix_hit_share
    new = asked.prompt_tokens - cached
    touched = work.expert_bytes_touched(tokens)
    reading = chip.bandwidth_bytes_per_s * count
    around = REDUCES_PER_LAYER * work.n_layers
    is_alone = place.count == 1
    sent = around * work.hidden * ACTIVATION_BYTES * 2.0 * (count - 1.0) / count / chip.link_bytes_per_s
    return Load(
        weights_s=_one(work.dense_bytes / reading),
        experts_s=_one(touched / reading),
        tiles_s=_one(2.0 * touched / recipe.expert_bytes / peak),
        cache_s=_one(running * work.cache.bytes_of(context, tensor_parallel=place.count) / chip.bandwidth_bytes_per_s),
        arithmetic_s=_one(tokens * (per_token / peak + attention / plain_peak)),
        prefill_s=_one(
            new * per_token / peak + (work.prefill_flops(asked.prompt_tokens, cached) - new * per_token) / plain_peak
        ),
        prefill_tokens=_one(new),
        reduce_s=_one(0.0 if is_alone else sent),
        reduces=_one(0.0 if is_alone else around),
        layers=_one(work.n_layers),
        running=_one(running),
        queued_share=_one(max(asked.concurrency - running, 0.0) / running),
        reply_tokens=_one(asked.reply_tokens),
        concurrency=_one(asked.concurrency),
        accepted_tokens=_one(asked.accepted_tokens),
    )


def stacked(loads: Sequence[Load]) -> Load:
    """Many loads as one."""
    return Load(*(np.concatenate([getattr(load, one.name) for load in loads]) for one in fields(Load)))


def free_bytes(work: Work, place: Placement) -> float:
    """What one accelerator has left for caches; negative where the weights do not fit."""
    return place.accelerator.memory_bytes * USABLE_SHARE - work.weight_bytes / place.count - RESERVE_BYTES


def capacity(work: Work, place: Placement, prompt_tokens: float, reply_tokens: float) -> float:
    """How many sequences memory holds at once, when most of each reply is there."""
    each = work.cache.bytes_of(prompt_tokens + RESIDENT_SHARE * reply_tokens, tensor_parallel=place.count)
    return max(free_bytes(work, place), 0.0) / each if each > 0 else float("inf")


def _one(value: float) -> Floats:
    return np.array([value], dtype=np.float64)
