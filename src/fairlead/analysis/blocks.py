"""Blocks read from a config: attention, feed-forward and the frame around them, as most families write them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fairlead.analysis.architecture import (
    Architecture,
    Basis,
    DenseFeedForward,
    ExpertFeedForward,
    FeedForward,
    GroupedAttention,
    Indexer,
    LatentAttention,
    Layer,
    Mixer,
    QueryKeyNorm,
    grouped,
)
from fairlead.analysis.config_keys import MAX_LAYERS, MAX_SIZE, ConfigKeys
from fairlead.domain.errors import AnalysisError

FULL: Final = "full_attention"
SLIDING: Final = "sliding_attention"
LINEAR: Final = "linear_attention"
CHUNKED: Final = "chunked_attention"


class Frame(NamedTuple):
    """What every model has around its layers."""

    hidden: int
    n_layers: int
    vocabulary: int
    is_tied: bool
    max_context_tokens: int | None


def frame(keys: ConfigKeys, *, tied: bool = False, n_layers: int | None = None) -> Frame:
    """Sizes of the embedding, the number of layers, and whether the head is the embedding (`tied` if not stated)."""
    stated = keys.optional_size("num_hidden_layers") if n_layers is not None else None
    if stated is not None and stated != n_layers:
        raise AnalysisError(f"{keys.where}.num_hidden_layers: {stated}, but {n_layers} layers are described.")
    return Frame(
        hidden=keys.size("hidden_size"),
        n_layers=keys.size("num_hidden_layers", most=MAX_LAYERS) if n_layers is None else n_layers,
        vocabulary=keys.size("vocab_size"),
        is_tied=keys.flag("tie_word_embeddings", tied),
        max_context_tokens=keys.optional_size("max_position_embeddings"),
    )


def finished(
    family: str,
    around: Frame,
    layers: Sequence[Layer],
    basis: Basis,
    *,
    final: int | None = None,
    prediction_layers: int | None = 0,
    counts_prediction: bool = False,
) -> Architecture:
    """The whole; `final` is one norm unless given."""
    return Architecture(
        family=family,
        hidden=around.hidden,
        vocabulary=around.vocabulary,
        is_tied=around.is_tied,
        layers=grouped(layers),
        final=around.hidden if final is None else final,
        basis=basis,
        max_context_tokens=around.max_context_tokens,
        prediction_layers=prediction_layers,
        counts_prediction=counts_prediction,
    )


def attention(
    keys: ConfigKeys,
    around: Frame,
    *,
    qkv_bias: bool = False,
    output_bias: bool = False,
    norm: QueryKeyNorm = "none",
    gate: bool = False,
    sinks: bool = False,
) -> GroupedAttention:
    """Grouped attention over everything, in the usual keys."""
    heads = keys.size("num_attention_heads")
    head_dim = keys.optional_size("head_dim", "attention_head_dim")
    if head_dim is None:
        if around.hidden % heads:
            raise AnalysisError(
                f"{keys.where}.num_attention_heads: {heads} heads do not divide hidden_size {around.hidden}, "
                "and head_dim is missing."
            )
        head_dim = around.hidden // heads
    return checked(
        GroupedAttention(
            heads=heads,
            kv_heads=keys.size("num_key_value_heads", default=heads),
            head_dim=head_dim,
            value_dim=head_dim,
            has_qkv_bias=qkv_bias,
            has_output_bias=output_bias,
            query_key_norm=norm,
            has_output_gate=gate,
            has_sinks=sinks,
        ),
        keys,
    )


def checked(found: GroupedAttention, keys: ConfigKeys) -> GroupedAttention:
    """The same. Raises: AnalysisError when query heads cannot be shared out over key heads."""
    if found.heads % found.kv_heads:
        raise AnalysisError(f"{keys.where}: {found.heads} query heads do not divide over {found.kv_heads} key heads.")
    return found


def latent_attention(keys: ConfigKeys) -> LatentAttention:
    """Multi-head latent attention, with the indexer of sparse attention where one is stated."""
    nope, rope = keys.size("qk_nope_head_dim"), keys.size("qk_rope_head_dim")
    stated = keys.optional_size("qk_head_dim")
    if stated is not None and stated != nope + rope:
        raise AnalysisError(f"{keys.where}.qk_head_dim: {stated} is not qk_nope_head_dim + qk_rope_head_dim.")
    keys.skip("num_key_value_heads", "head_dim")  # written for other readers; the latent has its own dimensions
    return LatentAttention(
        heads=keys.size("num_attention_heads"),
        query_rank=keys.optional_size("q_lora_rank"),
        kv_rank=keys.size("kv_lora_rank"),
        nope_dim=nope,
        rope_dim=rope,
        value_dim=keys.size("v_head_dim"),
        indexer=indexer(keys),
    )


def indexer(keys: ConfigKeys) -> Indexer | None:
    """The indexer of sparse attention; None when none is stated."""
    heads = keys.optional_size("index_n_heads")
    if heads is None:
        return None
    return Indexer(heads, keys.size("index_head_dim"), keys.size("index_topk"))


def dense(keys: ConfigKeys, *names: str, gated: bool = True) -> DenseFeedForward:
    """A dense feed-forward network."""
    return DenseFeedForward(keys.size(*(names or ("intermediate_size",))), gated)


def experts(keys: ConfigKeys, *, router_bias: bool = False) -> ExpertFeedForward:
    """Experts in any of the spellings of their count, their width and how many a token visits."""
    count = keys.size("num_local_experts", "num_experts", "n_routed_experts")
    top_k = keys.size("num_experts_per_tok", "experts_per_token", "num_experts_per_token", "top_k_experts")
    if top_k > count:
        raise AnalysisError(f"{keys.where}: a token visits {top_k} of {count} experts.")
    width = keys.size("moe_intermediate_size", "intermediate_size")
    n_shared = keys.size("n_shared_experts", "num_shared_experts", default=0, least=0)
    stated = keys.size(
        "shared_expert_intermediate_size", "shared_intermediate_size", "share_expert_dim", default=0, least=0
    )
    if n_shared * width > MAX_SIZE:
        raise AnalysisError(f"{keys.where}: {n_shared} shared experts of width {width} are wider than {MAX_SIZE}.")
    return ExpertFeedForward(
        experts=count,
        top_k=top_k,
        width=width,
        shared_width=stated or n_shared * width,
        router_bias=router_bias,
    )


def expert_layers(keys: ConfigKeys, n_layers: int) -> list[bool]:
    """Which layers have experts, in whichever of the ways this is written."""
    marks = keys.words("mlp_layer_types", ("dense", "sparse"), n_layers)
    first_dense = keys.size("first_k_dense_replace", default=0, least=0)
    only_dense = set(keys.sizes("mlp_only_layers") or ())
    step = keys.size("decoder_sparse_step", "interleave_moe_layer_step", default=1)
    every = _frequency(keys, n_layers)
    found = [
        (marks is None or marks[at] == "sparse")
        and at >= first_dense
        and at not in only_dense
        and (at + 1) % step == 0
        and every[at]
        for at in range(n_layers)
    ]
    if marks is not None and [mark == "sparse" for mark in marks] != found:
        raise AnalysisError(f"{keys.where}.mlp_layer_types: contradicts other keys that say which layers have experts.")
    return found


def _frequency(keys: ConfigKeys, n_layers: int) -> list[bool]:
    name = "moe_layer_freq"
    if keys.has(name) and not isinstance(keys.raw(name), int):
        return [bool(mark) for mark in keys.sizes(name, n_layers) or ()]
    every = keys.size(name, default=1)
    return [at % every == 0 for at in range(n_layers)]


def pattern(keys: ConfigKeys, n_layers: int, known: Sequence[str]) -> list[str] | None:
    """The kind of attention of each layer, as `layer_types` states it; None when it does not."""
    return keys.words("layer_types", known, n_layers)


def every_nth(n_layers: int, interval: int, usual: str, nth: str = FULL) -> list[str]:
    """`usual` but for each `interval`-th layer."""
    return [nth if (at + 1) % interval == 0 else usual for at in range(n_layers)]


def plain_layers(around: Frame, mixers: Sequence[Mixer], feeds: Sequence[FeedForward], norms: int = 2) -> list[Layer]:
    """One layer a mixer and feed-forward network, with `norms` norms of the hidden width each."""
    return [Layer(mixer, feed, norms=norms * around.hidden) for mixer, feed in zip(mixers, feeds, strict=True)]
