"""Architecture: the shape of a network, in the few kinds of block that today's language models are built of.

Only shapes stand here, no formula: `parameters.py` counts them, `memory.py` and `compute.py` say what they need.
Every figure is a whole number of elements.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

QueryKeyNorm: TypeAlias = Literal["none", "head", "layer"]
"""No norm of queries and keys; one of head_dim that all heads share; one over all heads together."""

Basis: TypeAlias = Literal["exact", "computed"]
"""exact: for this family a published total is met to the unit. computed: from the published formula, unconfirmed."""


@dataclass(frozen=True, slots=True)
class GroupedAttention:
    """Attention whose query heads share key and value heads; multi-head attention is the case heads = kv_heads."""

    heads: int
    kv_heads: int
    head_dim: int
    value_dim: int
    window: int | None = None
    """Tokens that a sliding or chunked layer still sees; None sees all."""
    has_qkv_bias: bool = False
    has_output_bias: bool = False
    query_key_norm: QueryKeyNorm = "none"
    has_sinks: bool = False
    has_output_gate: bool = False
    """The query projection is doubled, its second half gates the output."""
    is_value_key: bool = False
    """Values are the keys: no projection of their own and no cache of their own."""


@dataclass(frozen=True, slots=True)
class Indexer:
    """What picks the tokens that sparse attention looks at."""

    heads: int
    head_dim: int
    top_k: int


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention: keys and values are kept as one short vector a token."""

    heads: int
    query_rank: int | None
    kv_rank: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    indexer: Indexer | None = None
    """None: attends to everything; set: only to what its indexer, or a shared one, picks."""
    owns_indexer: bool = True


@dataclass(frozen=True, slots=True)
class CompressedAttention:
    """One key-value head kept raw for a window, and compressed by `ratio` beyond it (0: the window alone)."""

    heads: int
    head_dim: int
    query_rank: int
    output_groups: int
    output_rank: int
    window: int
    ratio: int
    indexer: Indexer | None


@dataclass(frozen=True, slots=True)
class DeltaAttention:
    """Gated delta network: linear attention with a state of fixed size."""

    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    kernel: int


@dataclass(frozen=True, slots=True)
class StateSpace:
    """A Mamba-2 block: a state of fixed size."""

    heads: int
    head_dim: int
    groups: int
    state: int
    kernel: int


Mixer: TypeAlias = GroupedAttention | LatentAttention | CompressedAttention | DeltaAttention | StateSpace


@dataclass(frozen=True, slots=True)
class DenseFeedForward:
    """Two matrices, or three where a gate stands beside the first."""

    width: int
    is_gated: bool = True


@dataclass(frozen=True, slots=True)
class ExpertFeedForward:
    """Many small feed-forward networks of which each token visits `top_k`, and perhaps a shared one."""

    experts: int
    top_k: int
    width: int
    shared_width: int = 0
    is_gated: bool = True
    router_bias: bool = False
    """One bias an expert, in whichever place: a correction of the scores or a bias of the router."""
    has_expert_biases: bool = False
    has_shared_gate: bool = False
    latent: int | None = None
    """Experts work at this width instead of the hidden one, between two projections."""
    dense_width: int = 0
    """A dense network beside the experts in the same layer."""
    extra_router: int = 0
    """Further weights of the router: scales, or a table from tokens to experts."""


FeedForward: TypeAlias = DenseFeedForward | ExpertFeedForward


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: what mixes tokens, what works on each, and its further weights."""

    mixer: Mixer | None
    feed_forward: FeedForward | None
    norms: int
    """Weights of its norms and scalars."""
    mixing: int = 0
    """Weights that mix parallel residual streams."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A language model's shape."""

    family: str
    """The `model_type` that it was read from."""
    hidden: int
    vocabulary: int
    is_tied: bool
    """The output head is the embedding."""
    layers: tuple[tuple[Layer, int], ...]
    """Each kind of layer and how often it comes."""
    final: int
    """Weights after the last layer, without the head."""
    basis: Basis
    max_context_tokens: int | None = None
    prediction_layers: int | None = 0
    """Weights of further layers that foretell several tokens (multi-token prediction); None: not known."""
    counts_prediction: bool = False
    """Whether the family's publisher counts these layers in the total."""

    @property
    def n_layers(self) -> int:
        """How many layers there are."""
        return sum(count for _, count in self.layers)

    def mixers(self) -> Iterable[tuple[Mixer, int]]:
        """Each kind of mixer and how often it comes."""
        return [(layer.mixer, count) for layer, count in self.layers if layer.mixer is not None]

    def experts(self) -> Iterable[tuple[ExpertFeedForward, int]]:
        """Each kind of expert layer and how often it comes."""
        return [
            (layer.feed_forward, count)
            for layer, count in self.layers
            if isinstance(layer.feed_forward, ExpertFeedForward)
        ]

    @property
    def is_mixture(self) -> bool:
        """Whether some layer has experts."""
        return any(True for _ in self.experts())


def grouped(layers: Iterable[Layer]) -> tuple[tuple[Layer, int], ...]:
    """Equal layers together, in the order of their first coming."""
    return tuple(Counter(layers).items())
