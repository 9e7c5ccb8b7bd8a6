"""Work of a model that serves: floating-point operations and bytes read, for one decoding step and for a prefill.

Units: FLOP and bytes of the whole model, not of one GPU. Two operations a weight and token; attention besides, which
grows with the context, or up to a window, or up to what an indexer picks.
"""

from dataclasses import dataclass

from fairlead.analysis.architecture import (
    Architecture,
    CompressedAttention,
    DeltaAttention,
    GroupedAttention,
    LatentAttention,
    Mixer,
    StateSpace,
)
from fairlead.analysis.memory import Cache, cache_of
from fairlead.analysis.parameters import Count, count, expert_parameters
from fairlead.analysis.quantisation import Recipe, weight_bytes


@dataclass(frozen=True, slots=True)
class AttentionTerm:
    """Attention of one kind of layer, all of its layers together."""

    flops_per_pair: float
    """For each pair of a new token and a token that it looks at."""
    window: int | None
    """Tokens that a token looks at, at most."""
    ratio: int = 1
    """Tokens that stand as one."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a model in one precision costs to run; made once, asked often."""

    parameters: Count
    cache: Cache
    weight_bytes: float
    expert_bytes: float
    """Of the routed experts, within the above."""
    dense_bytes: float
    """What every step reads: everything but routed experts and the table of the embedding."""
    expert_kinds: tuple[tuple[int, int, int, float], ...]
    """Layers, experts, experts a token, and bytes of one expert."""
    attention: tuple[AttentionTerm, ...]
    state_flops: float
    """Of linear attention and state spaces, per token."""
    n_layers: int
    hidden: int

    def decode_flops(self, context_tokens: float) -> float:
        """One new token after this context."""
        weights = 2.0 * self.parameters.active_without_embedding + self.state_flops
        return weights + sum(term.flops_per_pair * _seen(term, context_tokens) for term in self.attention)

    def prefill_flops(self, prompt_tokens: float, cached_tokens: float = 0.0) -> float:
        """A prompt of which some tokens are cached already; causal, so a pair counts once."""
        new = max(prompt_tokens - cached_tokens, 0.0)
        weights = (2.0 * self.parameters.active_without_embedding + self.state_flops) * new
        pairs = sum(
            term.flops_per_pair * (_pairs(term, prompt_tokens) - _pairs(term, cached_tokens)) for term in self.attention
        )
        return weights + pairs

    def expert_bytes_touched(self, n_tokens: float) -> float:
        """Of the routed experts, what so many tokens touch if each visits experts at random: an upper bound."""
        return sum(
            layers * each * experts * float(1.0 - (1.0 - top_k / experts) ** n_tokens)
            for layers, experts, top_k, each in self.expert_kinds
        )

    def decode_bytes(self, batch: float, context_tokens: float, draft_tokens: float = 0.0) -> float:
        """One step of a batch: weights that it touches, and every sequence's cache."""
        weights = self.dense_bytes + self.expert_bytes_touched(batch * (1.0 + draft_tokens))
        return weights + batch * self.cache.bytes_of(context_tokens)


def work_of(shape: Architecture, recipe: Recipe, kv_element_bytes: float | None = None) -> Work:
    """The work of a model in a precision; the cache is kept at 2 bytes an element unless the recipe or caller says."""
    counted = count(shape)
    parts = counted.parts
    element = recipe.kv_element_bytes if kv_element_bytes is None else kv_element_bytes
    everything = weight_bytes(parts, recipe)
    routed = parts.experts * recipe.expert_bytes
    table = 0.0 if shape.is_tied else parts.embedding * recipe.kept_bytes
    kinds = tuple(
        (layers, feed.experts, feed.top_k, expert_parameters(feed, shape.hidden) * recipe.expert_bytes)
        for feed, layers in shape.experts()
    )
    return Work(
        parameters=counted,
        cache=cache_of(shape, element),
        weight_bytes=everything,
        expert_bytes=routed,
        dense_bytes=everything - routed - table,
        expert_kinds=kinds,
        attention=tuple(term for mixer, layers in shape.mixers() for term in _attention(mixer, layers)),
        state_flops=sum(layers * _state_flops(mixer) for mixer, layers in shape.mixers()),
        n_layers=shape.n_layers,
        hidden=shape.hidden,
    )


def _attention(mixer: Mixer, layers: int) -> list[AttentionTerm]:
    match mixer:
        case GroupedAttention():
            return [AttentionTerm(2.0 * layers * mixer.heads * (mixer.head_dim + mixer.value_dim), mixer.window)]
        case LatentAttention():
            pair = 2.0 * layers * mixer.heads * (mixer.nope_dim + mixer.rope_dim + mixer.value_dim)
            if mixer.indexer is None:
                return [AttentionTerm(pair, None)]
            chosen = AttentionTerm(pair, mixer.indexer.top_k)
            choosing = 2.0 * layers * mixer.indexer.heads * mixer.indexer.head_dim
            return [chosen, AttentionTerm(choosing, None)] if mixer.owns_indexer else [chosen]
        case CompressedAttention():
            pair = 4.0 * layers * mixer.heads * mixer.head_dim
            found = [AttentionTerm(pair, mixer.window)]
            if mixer.ratio:
                picked = mixer.indexer.top_k * mixer.ratio if mixer.indexer else None
                found.append(AttentionTerm(pair, picked, mixer.ratio))
            if mixer.indexer is not None:
                picking = 2.0 * layers * mixer.indexer.heads * mixer.indexer.head_dim
                found.append(AttentionTerm(picking, None, max(mixer.ratio, 1)))
            return found
        case DeltaAttention() | StateSpace():
            return []


def _state_flops(mixer: Mixer) -> float:
    """Update and read a state: about three operations of two each an element (recalled; a small part of the whole)."""
    match mixer:
        case DeltaAttention():
            return 6.0 * mixer.value_heads * mixer.key_dim * mixer.value_dim
        case StateSpace():
            return 6.0 * mixer.heads * mixer.head_dim * mixer.state
        case _:
            return 0.0


def _seen(term: AttentionTerm, context_tokens: float) -> float:
    kept = context_tokens if term.window is None else min(context_tokens, term.window)
    return kept / term.ratio


def _pairs(term: AttentionTerm, tokens: float) -> float:
    """Pairs of a token and one before it, among so many tokens."""
    if term.window is None or tokens <= term.window:
        return tokens * tokens / 2.0 / term.ratio
    return (term.window * term.window / 2.0 + (tokens - term.window) * term.window) / term.ratio
