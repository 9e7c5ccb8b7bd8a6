"""Count parameters, part by part: all of them, and those that one token uses, in both conventions.

Formulas as in the published model code; docs/benchmarks.md lists the published totals that they meet to the unit.
"""

from dataclasses import dataclass, fields

from fairlead.analysis.architecture import (
    Architecture,
    CompressedAttention,
    DeltaAttention,
    DenseFeedForward,
    ExpertFeedForward,
    GroupedAttention,
    Indexer,
    LatentAttention,
    Layer,
    Mixer,
    StateSpace,
)

# The overlapping compressor of ratio 4 holds two projections side by side.
_OVERLAPPING_RATIO = 4


@dataclass(frozen=True, slots=True)
class Parts:
    """Numbers of weights by what they do."""

    embedding: int = 0
    output_head: int = 0
    """0 where the embedding is used again."""
    attention: int = 0
    fixed_state: int = 0
    """Linear attention and state-space blocks."""
    dense: int = 0
    experts: int = 0
    """Routed experts."""
    shared_experts: int = 0
    router: int = 0
    other: int = 0
    """Norms, scalars and what mixes residual streams."""

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(getattr(self, one.name) for one in fields(self))

    def plus(self, other: "Parts", times: int = 1) -> "Parts":
        """These and `times` the others."""
        return Parts(**{one.name: getattr(self, one.name) + times * getattr(other, one.name) for one in fields(self)})


@dataclass(frozen=True, slots=True)
class Count:
    """What a model's parameters come to."""

    parts: Parts
    """Of the main model."""
    active: Parts
    """What one token uses."""
    main: int
    """The main model, without prediction layers."""
    prediction_layers: int | None
    """Of multi-token prediction; None: they exist and cannot be counted from the config."""
    total: int
    """As the family's publisher counts: with the prediction layers where its listing has them."""
    active_with_embedding: int
    active_without_embedding: int
    """Without the input embedding, which is only looked up; the figure for arithmetic."""


def count(shape: Architecture) -> Count:
    """Every weight of the main model, exactly."""
    embedding = shape.vocabulary * shape.hidden
    outside = Parts(embedding=embedding, output_head=0 if shape.is_tied else embedding, other=shape.final)
    parts = active = outside
    for layer, times in shape.layers:
        parts = parts.plus(layer_parameters(layer, shape.hidden), times)
        active = active.plus(layer_parameters(layer, shape.hidden, is_active=True), times)
    further = shape.prediction_layers
    return Count(
        parts=parts,
        active=active,
        main=parts.total,
        prediction_layers=further,
        total=parts.total + (further if shape.counts_prediction and further else 0),
        active_with_embedding=active.total,
        active_without_embedding=active.total - (0 if shape.is_tied else embedding),
    )


def layer_parameters(layer: Layer, hidden: int, *, is_active: bool = False) -> Parts:
    """The weights of one layer, or those that a token uses of them."""
    parts = Parts(other=layer.norms + layer.mixing)
    if layer.mixer is not None:
        weights = mixer_parameters(layer.mixer, hidden)
        is_fixed = isinstance(layer.mixer, DeltaAttention | StateSpace)
        parts = parts.plus(Parts(fixed_state=weights) if is_fixed else Parts(attention=weights))
    if isinstance(layer.feed_forward, DenseFeedForward):
        parts = parts.plus(Parts(dense=_feed_forward(hidden, layer.feed_forward.width, layer.feed_forward.is_gated)))
    elif layer.feed_forward is not None:
        parts = parts.plus(_experts(layer.feed_forward, hidden, is_active=is_active))
    return parts


def expert_parameters(feed: ExpertFeedForward, hidden: int) -> int:
    """The weights of one routed expert."""
    inner = feed.latent or hidden
    biases = 2 * feed.width + hidden if feed.has_expert_biases else 0
    return _feed_forward(inner, feed.width, feed.is_gated) + biases


def _experts(feed: ExpertFeedForward, hidden: int, *, is_active: bool) -> Parts:
    shared = _feed_forward(hidden, feed.shared_width, feed.is_gated) + (hidden if feed.has_shared_gate else 0)
    around = 2 * hidden * feed.latent if feed.latent else 0
    router = hidden * feed.experts + (feed.experts if feed.router_bias else 0) + feed.extra_router
    return Parts(
        experts=(feed.top_k if is_active else feed.experts) * expert_parameters(feed, hidden),
        shared_experts=shared + around,
        router=router,
        dense=_feed_forward(hidden, feed.dense_width, feed.is_gated),
    )


def _feed_forward(hidden: int, width: int, is_gated: bool) -> int:
    return (3 if is_gated else 2) * hidden * width


def mixer_parameters(mixer: Mixer, hidden: int) -> int:
    """The weights of what mixes tokens."""
    match mixer:
        case GroupedAttention():
            return _grouped(mixer, hidden)
        case LatentAttention():
            return _latent(mixer, hidden)
        case CompressedAttention():
            return _compressed(mixer, hidden)
        case DeltaAttention():
            return _delta(mixer, hidden)
        case StateSpace():
            return _state_space(mixer, hidden)


def _grouped(one: GroupedAttention, hidden: int) -> int:
    queries, keys = one.heads * one.head_dim, one.kv_heads * one.head_dim
    values = 0 if one.is_value_key else one.kv_heads * one.value_dim
    outputs = one.heads * one.value_dim
    found = hidden * (queries * (2 if one.has_output_gate else 1) + keys + values) + outputs * hidden
    if one.has_qkv_bias:
        found += queries + keys + values
    if one.has_output_bias:
        found += hidden
    if one.query_key_norm == "head":
        found += 2 * one.head_dim
    elif one.query_key_norm == "layer":
        found += queries + keys
    return found + (one.heads if one.has_sinks else 0)


def _latent(one: LatentAttention, hidden: int) -> int:
    wide = one.heads * (one.nope_dim + one.rope_dim)
    queries = hidden * wide if one.query_rank is None else hidden * one.query_rank + one.query_rank * (1 + wide)
    keys = hidden * (one.kv_rank + one.rope_dim) + one.kv_rank * (1 + one.heads * (one.nope_dim + one.value_dim))
    found = queries + keys + one.heads * one.value_dim * hidden
    if one.indexer is not None and one.owns_indexer:
        found += _indexer(one.indexer, one.query_rank or hidden, hidden)
        # Its keys are projected from the hidden state and normed, with a bias.
        found += hidden * one.indexer.head_dim + 2 * one.indexer.head_dim
    return found


def _indexer(one: Indexer, rank: int, hidden: int) -> int:
    return rank * one.heads * one.head_dim + hidden * one.heads


def _compressor(width: int, ratio: int, hidden: int) -> int:
    """Values and gates from the hidden state, a table of positions, a norm."""
    side = (2 if ratio == _OVERLAPPING_RATIO else 1) * width
    return 2 * hidden * side + ratio * side + width


def _compressed(one: CompressedAttention, hidden: int) -> int:
    wide = one.heads * one.head_dim
    queries = hidden * one.query_rank + one.query_rank * (1 + wide)
    keys = hidden * one.head_dim + one.head_dim
    outputs = wide * one.output_rank + one.output_groups * one.output_rank * hidden
    found = queries + keys + outputs + one.heads  # a sink a head
    if one.ratio:
        found += _compressor(one.head_dim, one.ratio, hidden)
    if one.indexer is not None:
        found += _indexer(one.indexer, one.query_rank, hidden) + _compressor(one.indexer.head_dim, one.ratio, hidden)
    return found


def _delta(one: DeltaAttention, hidden: int) -> int:
    keys, values = one.key_heads * one.key_dim, one.value_heads * one.value_dim
    mixed = 2 * keys + values
    projections = hidden * (mixed + values + 2 * one.value_heads) + values * hidden
    return projections + mixed * one.kernel + 2 * one.value_heads + one.value_dim


def _state_space(one: StateSpace, hidden: int) -> int:
    inner = one.heads * one.head_dim
    mixed = inner + 2 * one.groups * one.state
    projections = hidden * (inner + mixed + one.heads) + inner * hidden
    return projections + mixed * (one.kernel + 1) + 3 * one.heads + inner
