"""Families with experts: Mixtral, Qwen MoE, gpt-oss, GLM, MiniMax, MiMo V2, Llama 4, Step, DeepSeek V2 to V4, Kimi K2.

Formulas: the published model code of each family, checked against published totals (docs/benchmarks.md, "Analysis").
"""

from dataclasses import replace
from typing import Final

from fairlead.analysis.architecture import (
    Architecture,
    Basis,
    CompressedAttention,
    ExpertFeedForward,
    FeedForward,
    GroupedAttention,
    LatentAttention,
    Layer,
)
from fairlead.analysis.blocks import (
    CHUNKED,
    FULL,
    SLIDING,
    Frame,
    attention,
    checked,
    dense,
    every_nth,
    expert_layers,
    experts,
    finished,
    frame,
    indexer,
    latent_attention,
    pattern,
    plain_layers,
)
from fairlead.analysis.config_keys import ConfigKeys
from fairlead.analysis.parameters import layer_parameters
from fairlead.domain.errors import AnalysisError

SPARSE: Final = "deepseek_sparse_attention"
_FULL_EVERY_FOURTH: Final = 4
"""Llama 4: three chunked layers, then one that sees all (no_rope_layer_interval of its model class)."""


def mixtral(keys: ConfigKeys, family: str) -> Architecture:
    """Mixtral: experts in every layer."""
    around = frame(keys)
    every = attention(keys, around)
    every = replace(every, window=keys.optional_size("sliding_window"))
    return _uniform(keys, family, around, every, "exact")


def qwen_moe(keys: ConfigKeys, family: str) -> Architecture:
    """Qwen2 and Qwen3 with experts; the former has biases and a gated shared expert, the latter norms."""
    around = frame(keys)
    is_second = family.startswith("qwen2")
    biased = keys.flag("qkv_bias", is_second) or keys.flag("attention_bias")
    keys.flag("use_qk_norm")
    every = attention(keys, around, qkv_bias=biased, norm="none" if is_second else "head")
    if not keys.flag("use_sliding_window"):
        keys.skip("sliding_window", "layer_types")
    found = experts(keys)
    found = replace(found, has_shared_gate=found.shared_width > 0)
    feeds = _mixed(keys, around, found)
    return finished(family, around, plain_layers(around, [every] * around.n_layers, feeds), "exact")


def gpt_oss(keys: ConfigKeys, family: str) -> Architecture:
    """gpt-oss: biases everywhere, sinks, sliding layers in between."""
    around = frame(keys)
    biased = keys.flag("attention_bias", default=True)
    every = attention(keys, around, qkv_bias=biased, output_bias=biased, sinks=True)
    window = keys.size("sliding_window")
    kinds = pattern(keys, around.n_layers, (FULL, SLIDING)) or every_nth(around.n_layers, 2, SLIDING)
    keys.skip("experts_per_token")
    feed = replace(experts(keys, router_bias=True), has_expert_biases=True)
    mixers = [replace(every, window=window if kind == SLIDING else None) for kind in kinds]
    return finished(family, around, plain_layers(around, mixers, [feed] * around.n_layers), "exact")


def glm4_moe(keys: ConfigKeys, family: str) -> Architecture:
    """GLM-4.5 to 4.7."""
    around = frame(keys)
    biased = keys.flag("attention_bias")
    every = attention(keys, around, qkv_bias=biased, norm="head" if keys.flag("use_qk_norm") else "none")
    feeds = _mixed(keys, around, experts(keys, router_bias=True))
    layers = plain_layers(around, [every] * around.n_layers, feeds)
    extra = _prediction(keys, around, layers[-1])
    return finished(family, around, layers, "exact", prediction_layers=extra)


def minimax_m2(keys: ConfigKeys, family: str) -> Architecture:
    """MiniMax M2: one norm over all heads together."""
    around = frame(keys)
    layered = keys.word("qk_norm_type", ("per_layer", "per_head"), "per_layer") == "per_layer"
    has_norm = keys.flag("use_qk_norm")
    every = attention(keys, around, norm=("layer" if layered else "head") if has_norm else "none")
    kinds = keys.sizes("attn_type_list", around.n_layers)
    if kinds is not None and set(kinds) != {1}:
        raise AnalysisError(f"{keys.where}.attn_type_list: only full attention (1) is supported.")
    n_extra = keys.size("num_mtp_modules", default=0, least=0)
    keys.skip("use_mtp", "mtp_transformer_layers")
    found = _uniform(keys, family, around, every, "exact", router_bias=keys.flag("use_routing_bias"))
    return replace(found, prediction_layers=None if n_extra else 0)


def mimo_v2(keys: ConfigKeys, family: str) -> Architecture:
    """MiMo V2: sliding layers with their own heads, keys wider than values."""
    around = frame(keys)
    base = attention(keys, around, qkv_bias=keys.flag("attention_bias"))
    full = replace(
        base,
        value_dim=keys.size("v_head_dim", default=base.head_dim),
        has_sinks=keys.flag("add_full_attention_sink_bias"),
    )
    sliding = checked(
        GroupedAttention(
            heads=keys.size("swa_num_attention_heads"),
            kv_heads=keys.size("swa_num_key_value_heads"),
            head_dim=keys.size("swa_head_dim"),
            value_dim=keys.size("swa_v_head_dim"),
            window=keys.size("sliding_window", "sliding_window_size"),
            has_qkv_bias=base.has_qkv_bias,
            has_sinks=keys.flag("add_swa_attention_sink_bias"),
        ),
        keys,
    )
    keys.skip("attention_chunk_size")  # the same window, under another name
    kinds = keys.sizes("hybrid_layer_pattern", around.n_layers)
    if kinds is None:
        raise AnalysisError(f"{keys.where}: hybrid_layer_pattern is missing; without it nothing can be counted.")
    feeds = _mixed(keys, around, experts(keys, router_bias=True))
    mixers = [sliding if kind else full for kind in kinds]
    return finished(family, around, plain_layers(around, mixers, feeds), "computed", prediction_layers=None)


def llama4(keys: ConfigKeys, family: str) -> Architecture:
    """Llama 4: chunked layers in between, one expert a token beside a shared one, dense layers in between."""
    around = frame(keys)
    every = attention(keys, around, qkv_bias=keys.flag("attention_bias"))
    keys.flag("use_qk_norm")  # without weights in this family
    chunk = keys.size("attention_chunk_size")
    kinds = pattern(keys, around.n_layers, (FULL, CHUNKED)) or every_nth(around.n_layers, _FULL_EVERY_FOURTH, CHUNKED)
    found = experts(keys)
    # The shared expert is as wide as one expert.
    routed = replace(found, shared_width=found.width)
    wide = keys.size("intermediate_size_mlp")
    step = keys.size("interleave_moe_layer_step", default=1)
    marked = keys.sizes("moe_layers")
    has_experts = [(at in set(marked)) if marked is not None else (at + 1) % step == 0 for at in range(around.n_layers)]
    plain = replace(dense(keys), width=wide)
    feeds: list[FeedForward] = [routed if mark else plain for mark in has_experts]
    mixers = [replace(every, window=chunk if kind == CHUNKED else None) for kind in kinds]
    return finished(family, around, plain_layers(around, mixers, feeds), "computed")


def step3p7(keys: ConfigKeys, family: str) -> Architecture:
    """Step 3.7: sliding layers in between, a shared expert."""
    around = frame(keys)
    every = attention(keys, around, norm="head")
    window = keys.size("sliding_window")
    kinds = pattern(keys, around.n_layers, (FULL, SLIDING)) or [FULL] * around.n_layers
    feeds = _mixed(keys, around, experts(keys, router_bias=keys.flag("use_moe_router_bias")))
    mixers = [replace(every, window=window if kind == SLIDING else None) for kind in kinds]
    n_extra = keys.size("num_nextn_predict_layers", default=0, least=0)
    layers = plain_layers(around, mixers, feeds)
    return finished(family, around, layers, "computed", prediction_layers=None if n_extra else 0)


def deepseek(keys: ConfigKeys, family: str) -> Architecture:
    """DeepSeek V2 to V3.2, Kimi K2 and GLM-5: latent attention, perhaps sparse, and many small experts."""
    around = frame(keys)
    every = latent_attention(keys)
    if keys.flag("attention_bias"):
        raise AnalysisError(f"{keys.where}.attention_bias: a bias in latent attention is not supported.")
    kinds = keys.words("indexer_types", ("full", "shared"), around.n_layers)
    keys.words("layer_types", (SPARSE,) if every.indexer else (FULL,), around.n_layers)
    if kinds is not None and every.indexer is None:
        raise AnalysisError(f"{keys.where}.indexer_types: there is no indexer; index_n_heads is missing.")
    keys.skip("index_topk_pattern")
    if keys.has("index_topk_pattern"):
        raise AnalysisError(f"{keys.where}.index_topk_pattern: not supported; nothing is guessed.")
    mixers = [replace(every, owns_indexer=kinds is None or kinds[at] == "full") for at in range(around.n_layers)]
    # V2 scores by softmax and has no correction; from V3 on each expert has one.
    bias = keys.raw("topk_method") == "noaux_tc" or family != "deepseek_v2"
    feeds = _mixed(keys, around, experts(keys, router_bias=bias))
    layers = plain_layers(around, mixers, feeds)
    own = replace(layers[-1], mixer=replace(every, owns_indexer=True))
    basis: Basis = "computed" if family == "deepseek_v2" else "exact"
    return finished(family, around, layers, basis, prediction_layers=_prediction(keys, around, own))


def deepseek_v4(keys: ConfigKeys, family: str) -> Architecture:
    """DeepSeek V4: compressed attention, parallel residual streams, hashed experts in the first layers."""
    around = frame(keys)
    n_extra = keys.size("num_nextn_predict_layers", default=0, least=0, most=64)
    ratios = keys.sizes("compress_ratios", around.n_layers + n_extra)
    if ratios is None:
        raise AnalysisError(f"{keys.where}: compress_ratios is missing; without it nothing can be counted.")
    if keys.size("num_key_value_heads", default=1) != 1:
        raise AnalysisError(f"{keys.where}.num_key_value_heads: only 1 is supported in {family}.")
    keys.size("qk_rope_head_dim")
    keys.flag("attention_bias")
    streams = keys.size("hc_mult", most=1024)
    n_hashed = keys.size("num_hash_layers", default=0, least=0)
    found = experts(keys)
    mixes = streams * (streams + 2)
    # Two mixings a layer: a matrix from all streams, a base and three scales.
    mixing = 2 * (mixes * streams * around.hidden + mixes + 3)
    layers = []
    for at, ratio in enumerate(ratios):
        mixer = _compressed(keys, ratio)
        # The first layers look their experts up by token; the others correct scores by a bias an expert.
        hashed = at < n_hashed
        feed = replace(found, router_bias=not hashed, extra_router=around.vocabulary * found.top_k if hashed else 0)
        layers.append(Layer(mixer, feed, norms=2 * around.hidden, mixing=mixing))
    head_mixing = streams * streams * around.hidden + streams + 1
    further = sum(
        layer_parameters(layer, around.hidden).total + 2 * around.hidden**2 + 3 * around.hidden + head_mixing
        for layer in layers[around.n_layers :]
    )
    return finished(
        family,
        around,
        layers[: around.n_layers],
        "exact",
        final=around.hidden + head_mixing,
        prediction_layers=further,
        counts_prediction=True,
    )


def _compressed(keys: ConfigKeys, ratio: int) -> CompressedAttention:
    found = CompressedAttention(
        heads=keys.size("num_attention_heads"),
        head_dim=keys.size("head_dim"),
        query_rank=keys.size("q_lora_rank"),
        output_groups=keys.size("o_groups"),
        output_rank=keys.size("o_lora_rank"),
        window=keys.size("sliding_window"),
        ratio=ratio,
        # Only where four tokens become one there are still so many that some must be picked.
        indexer=indexer(keys) if ratio == 4 else None,
    )
    if (found.heads * found.head_dim) % found.output_groups:
        raise AnalysisError(f"{keys.where}.o_groups: {found.output_groups} does not divide the heads' width.")
    return found


def _uniform(
    keys: ConfigKeys,
    family: str,
    around: Frame,
    every: GroupedAttention | LatentAttention,
    basis: Basis,
    *,
    router_bias: bool = False,
) -> Architecture:
    feeds = [experts(keys, router_bias=router_bias)] * around.n_layers
    return finished(family, around, plain_layers(around, [every] * around.n_layers, feeds), basis)


def _mixed(keys: ConfigKeys, around: Frame, routed: ExpertFeedForward) -> list[FeedForward]:
    """Experts where the config says so, a dense network elsewhere."""
    marks = expert_layers(keys, around.n_layers)
    plain = dense(keys) if not all(marks) else None
    keys.skip("intermediate_size")
    return [routed if mark or plain is None else plain for mark in marks]


def _prediction(keys: ConfigKeys, around: Frame, last: Layer) -> int:
    """Weights of the prediction layers: each is one more layer, a projection of two states to one, and three norms."""
    n_extra = keys.size("num_nextn_predict_layers", default=0, least=0, most=64)
    if not n_extra:
        return 0
    each = layer_parameters(last, around.hidden).total + 2 * around.hidden**2 + 3 * around.hidden
    return n_extra * each
