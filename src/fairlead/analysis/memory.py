"""Memory of a model that serves: the cache of keys and values, the states of fixed size, and what a GPU holds of them.

Units: bytes. Formulas: `2 · kv heads · head_dim` elements a token and layer for grouped attention, one latent for
multi-head latent attention (which tensor parallelism does not divide), a window's worth for sliding layers, nothing a
token for linear attention and state spaces.
"""

from dataclasses import dataclass
from typing import Final

from fairlead.analysis.architecture import (
    Architecture,
    CompressedAttention,
    DeltaAttention,
    GroupedAttention,
    LatentAttention,
    Mixer,
    StateSpace,
)

STATE_BYTES: Final = 4
"""States of linear attention and of state spaces are kept in float32 (the published configs say so)."""
CONVOLUTION_BYTES: Final = 2
INDEX_KEY_BYTES: Final = 1
INDEX_SCALE_BYTES: Final = 4
"""The indexer's keys are kept in 8 bits with one scale a token: an assumption, as no config states it."""
BLOCK_TOKENS: Final = 16
"""Caches are given out in blocks (vLLM's default), so a context takes whole ones."""


@dataclass(frozen=True, slots=True)
class CacheTerm:
    """What one kind of layer keeps."""

    layers: int
    bytes_per_token: float
    window: int | None
    """Tokens beyond which it keeps no more; None keeps all."""
    heads: int
    """Over how many the cache can be divided by tensor parallelism; 1 is not divided."""


@dataclass(frozen=True, slots=True)
class Cache:
    """What one sequence keeps in memory."""

    terms: tuple[CacheTerm, ...]
    fixed_bytes: int
    """States whose size no length changes."""

    @property
    def full_bytes_per_token(self) -> float:
        """Of the layers that keep every token."""
        return sum(term.layers * term.bytes_per_token for term in self.terms if term.window is None)

    @property
    def window_bytes_per_token(self) -> float:
        """Of the layers that keep a window only, until it is full."""
        return sum(term.layers * term.bytes_per_token for term in self.terms if term.window is not None)

    @property
    def windows(self) -> tuple[int, ...]:
        """The windows that occur, in tokens."""
        return tuple(sorted({term.window for term in self.terms if term.window is not None}))

    def bytes_of(self, context_tokens: float, *, tensor_parallel: int = 1) -> float:
        """What one sequence of this length takes on one GPU."""
        divided = self.fixed_bytes / tensor_parallel
        for term in self.terms:
            kept = context_tokens if term.window is None else min(context_tokens, term.window)
            divided += term.layers * term.bytes_per_token * kept / min(tensor_parallel, term.heads)
        return divided

    def reserved_bytes(self, context_tokens: int, *, tensor_parallel: int = 1) -> float:
        """The same in whole blocks, as a server sets it aside."""
        blocks = -(-context_tokens // BLOCK_TOKENS)
        return self.bytes_of(blocks * BLOCK_TOKENS, tensor_parallel=tensor_parallel)


def cache_of(shape: Architecture, element_bytes: float = 2) -> Cache:
    """What a sequence keeps, at so many bytes an element of keys and values."""
    terms: list[CacheTerm] = []
    fixed = 0
    for mixer, count in shape.mixers():
        terms += _terms(mixer, count, element_bytes)
        fixed += count * _fixed_bytes(mixer)
    return Cache(tuple(terms), fixed)


def _terms(mixer: Mixer, count: int, element_bytes: float) -> list[CacheTerm]:
    match mixer:
        case GroupedAttention():
            width = mixer.kv_heads * (mixer.head_dim + (0 if mixer.is_value_key else mixer.value_dim))
            return [CacheTerm(count, width * element_bytes, mixer.window, mixer.kv_heads)]
        case LatentAttention():
            found = [CacheTerm(count, (mixer.kv_rank + mixer.rope_dim) * element_bytes, None, 1)]
            if mixer.indexer is not None and mixer.owns_indexer:
                found.append(CacheTerm(count, _index_bytes(mixer.indexer.head_dim), None, 1))
            return found
        case CompressedAttention():
            found = [CacheTerm(count, mixer.head_dim * element_bytes, mixer.window, 1)]
            if mixer.ratio:
                found.append(CacheTerm(count, mixer.head_dim * element_bytes / mixer.ratio, None, 1))
            if mixer.indexer is not None:
                found.append(CacheTerm(count, _index_bytes(mixer.indexer.head_dim) / max(mixer.ratio, 1), None, 1))
            return found
        case DeltaAttention() | StateSpace():
            return []


def _index_bytes(head_dim: int) -> float:
    return head_dim * INDEX_KEY_BYTES + INDEX_SCALE_BYTES


def _fixed_bytes(mixer: Mixer) -> int:
    match mixer:
        case DeltaAttention():
            mixed = 2 * mixer.key_heads * mixer.key_dim + mixer.value_heads * mixer.value_dim
            state = mixer.value_heads * mixer.key_dim * mixer.value_dim * STATE_BYTES
            return state + mixed * (mixer.kernel - 1) * CONVOLUTION_BYTES
        case StateSpace():
            inner = mixer.heads * mixer.head_dim
            mixed = inner + 2 * mixer.groups * mixer.state
            return inner * mixer.state * STATE_BYTES + mixed * (mixer.kernel - 1) * CONVOLUTION_BYTES
        case _:
            return 0
