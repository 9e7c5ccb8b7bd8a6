"""Which accelerators hold a model: how many, divided how, with how long a context and how many sequences at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fairlead.analysis.architecture import Architecture, CompressedAttention, GroupedAttention, LatentAttention
from fairlead.analysis.compute import Work
from fairlead.analysis.hardware import Accelerator
from fairlead.analysis.memory import BLOCK_TOKENS
from fairlead.analysis.workload import Placement, free_bytes

COUNTS: Final = (1, 2, 4, 8)
"""How tensor parallelism is used; more than a node is not foretold."""
MAX_CONTEXT: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Room:
    """What one placement holds."""

    place: Placement
    weight_bytes: float
    """On each accelerator."""
    free_bytes: float
    """On each, for caches."""
    batch: int
    """Sequences of the asked context."""
    context_tokens: int
    """Of one sequence at the asked batch; what memory allows, not what the model was trained for."""


def rooms(
    shape: Architecture, work: Work, accelerators: Iterable[Accelerator], context_tokens: int, batch: int
) -> list[Room]:
    """For each accelerator the fewest that hold `batch` sequences of `context_tokens`; none where a node does not."""
    found = []
    for chip in accelerators:
        room = next(
            (
                room
                for room in every_count(shape, work, chip, context_tokens, batch)
                if room.batch >= batch and room.free_bytes > 0
            ),
            None,
        )
        if room is not None:
            found.append(room)
    return found


def every_count(shape: Architecture, work: Work, chip: Accelerator, context_tokens: int, batch: int) -> Iterable[Room]:
    """What each usable count of one accelerator holds, within a node."""
    for count in COUNTS:
        if count <= chip.node_count and divides(shape, count):
            yield room_of(work, Placement(chip, count), context_tokens, batch)


def room_of(work: Work, place: Placement, context_tokens: int, batch: int) -> Room:
    """What one placement holds."""
    free = max(free_bytes(work, place), 0.0)
    each = work.cache.reserved_bytes(context_tokens, tensor_parallel=place.count)
    return Room(
        place=place,
        weight_bytes=work.weight_bytes / place.count,
        free_bytes=free,
        batch=int(free / each) if each > 0 else (MAX_CONTEXT if free > 0 else 0),
        context_tokens=_longest(work, place, free, batch),
    )


def divides(shape: Architecture, count: int) -> bool:
    """Whether every attention layer's heads can be shared out over so many."""
    heads = (
        mixer.heads
        for mixer, _ in shape.mixers()
        if isinstance(mixer, GroupedAttention | LatentAttention | CompressedAttention)
    )
    return all(one % count == 0 for one in heads)


def _longest(work: Work, place: Placement, free: float, batch: int) -> int:
    """The longest context of `batch` sequences, by halving; in whole blocks."""
    low, high = 0, MAX_CONTEXT // BLOCK_TOKENS
    while low < high:
        middle = (low + high + 1) // 2
        if batch * work.cache.reserved_bytes(middle * BLOCK_TOKENS, tensor_parallel=place.count) <= free:
            low = middle
        else:
            high = middle - 1
    return low * BLOCK_TOKENS
