"""Families that mix attention with blocks of fixed state: Qwen3-Next to 3.6 (gated delta network), Nemotron-H (Mamba).

Formulas: the published model code of each family, checked against published totals (docs/benchmarks.md, "Analysis").
"""

from dataclasses import replace
from typing import Final

from fairlead.analysis.architecture import (
    Architecture,
    DeltaAttention,
    DenseFeedForward,
    ExpertFeedForward,
    FeedForward,
    Layer,
    StateSpace,
)
from fairlead.analysis.blocks import (
    FULL,
    LINEAR,
    attention,
    dense,
    every_nth,
    expert_layers,
    experts,
    finished,
    frame,
    pattern,
    plain_layers,
)
from fairlead.analysis.config_keys import MAX_LAYERS, ConfigKeys
from fairlead.analysis.parameters import layer_parameters
from fairlead.domain.errors import AnalysisError

_LETTERS: Final = {"M": "mamba", "*": "attention", "E": "moe", "-": "mlp"}
"""Nemotron-H's layers, as its pattern abbreviates them."""


def qwen_hybrid(keys: ConfigKeys, family: str) -> Architecture:
    """Qwen3-Next, 3.5 and 3.6, dense or with experts: three linear layers, then one of full attention with a gate."""
    around = frame(keys)
    full = attention(
        keys,
        around,
        qkv_bias=keys.flag("attention_bias"),
        norm="head",
        gate=keys.flag("attn_output_gate", default=True),
    )
    linear = DeltaAttention(
        key_heads=keys.size("linear_num_key_heads"),
        value_heads=keys.size("linear_num_value_heads"),
        key_dim=keys.size("linear_key_head_dim"),
        value_dim=keys.size("linear_value_head_dim"),
        kernel=keys.size("linear_conv_kernel_dim"),
    )
    interval = keys.size("full_attention_interval", default=4)
    kinds = pattern(keys, around.n_layers, (FULL, LINEAR)) or every_nth(around.n_layers, interval, LINEAR)
    mixers = [full if kind == FULL else linear for kind in kinds]
    feeds: list[FeedForward]
    if any(keys.has(name) for name in ("num_experts", "num_local_experts")):
        found = experts(keys)
        routed = replace(found, has_shared_gate=found.shared_width > 0)
        marks = expert_layers(keys, around.n_layers)
        plain = dense(keys) if not all(marks) else None
        keys.skip("intermediate_size")
        feeds = [routed if mark or plain is None else plain for mark in marks]
    else:
        keys.sizes("mlp_only_layers")
        feeds = [dense(keys)] * around.n_layers
    n_extra = keys.size("mtp_num_hidden_layers", default=0, least=0)
    keys.flag("mtp_use_dedicated_embeddings")
    layers = plain_layers(around, mixers, feeds)
    return finished(family, around, layers, "exact", prediction_layers=None if n_extra else 0)


def nemotron_h(keys: ConfigKeys, family: str) -> Architecture:
    """Nemotron-H and Nemotron 3: each layer is one block alone, with one norm."""
    kinds = _kinds(keys)
    around = frame(keys, n_layers=len(kinds))
    blocks = {kind: _block(keys, kind, around.hidden) for kind in dict.fromkeys((*kinds, *(_extra_kinds(keys))))}
    for name in ("use_bias", "mlp_bias", "mamba_proj_bias", "attention_bias"):
        if keys.flag(name):
            raise AnalysisError(f"{keys.where}.{name}: a bias is not supported in {family}.")
    if not keys.flag("use_conv_bias", default=True):
        raise AnalysisError(f"{keys.where}.use_conv_bias: only true is supported in {family}.")
    if keys.has("sliding_window"):
        raise AnalysisError(f"{keys.where}.sliding_window: not supported in {family}.")
    keys.skip("sliding_window")
    # Keys of blocks that this size does not have.
    keys.skip(
        "intermediate_size", "n_routed_experts", "n_shared_experts", "num_experts_per_tok", "moe_intermediate_size",
        "moe_shared_expert_intermediate_size", "moe_latent_size", "num_attention_heads", "num_key_value_heads",
        "head_dim",
    )  # fmt: skip
    n_extra = keys.size("num_nextn_predict_layers", default=0, least=0, most=64)
    further = sum(layer_parameters(blocks[kind], around.hidden).total for kind in _extra_kinds(keys))
    # A projection of two states to one, and three norms.
    further += 2 * around.hidden**2 + 3 * around.hidden
    return finished(
        family,
        around,
        [blocks[kind] for kind in kinds],
        "exact",
        prediction_layers=n_extra * further,
        counts_prediction=n_extra > 0,
    )


def _kinds(keys: ConfigKeys) -> list[str]:
    known = tuple(_LETTERS.values())
    listed = keys.words("layers_block_type", known)
    letters = keys.raw("hybrid_override_pattern")
    keys.skip("hybrid_override_pattern")
    if listed:
        return listed
    if not isinstance(letters, str) or not 0 < len(letters) <= MAX_LAYERS or set(letters) - set(_LETTERS):
        raise AnalysisError(
            f"{keys.where}.hybrid_override_pattern: a text of the letters {' '.join(_LETTERS)} is expected."
        )
    return [_LETTERS[letter] for letter in letters]


def _extra_kinds(keys: ConfigKeys) -> list[str]:
    listed = keys.words("mtp_layers_block_type", tuple(_LETTERS.values()))
    letters = keys.raw("mtp_hybrid_override_pattern")
    keys.skip("mtp_hybrid_override_pattern")
    if listed:
        return listed
    if letters is None:
        return []
    if not isinstance(letters, str) or len(letters) > 64 or set(letters) - set(_LETTERS):
        raise AnalysisError(f"{keys.where}.mtp_hybrid_override_pattern: the letters {' '.join(_LETTERS)} are expected.")
    return [_LETTERS[letter] for letter in letters]


def _block(keys: ConfigKeys, kind: str, hidden: int) -> Layer:
    if kind == "mamba":
        mixer = StateSpace(
            heads=keys.size("mamba_num_heads"),
            head_dim=keys.size("mamba_head_dim"),
            groups=keys.size("n_groups"),
            state=keys.size("ssm_state_size"),
            kernel=keys.size("conv_kernel"),
        )
        return Layer(mixer, None, norms=hidden)
    if kind == "attention":
        return Layer(attention(keys, frame(keys, n_layers=len(_kinds(keys)))), None, norms=hidden)
    if kind == "mlp":
        return Layer(None, DenseFeedForward(keys.size("intermediate_size"), is_gated=False), norms=hidden)
    found = experts(keys)
    n_shared = keys.size("n_shared_experts", default=0, least=0)
    # The correction of the router's scores is a buffer here, which published totals leave out.
    routed = ExpertFeedForward(
        experts=found.experts,
        top_k=found.top_k,
        width=found.width,
        shared_width=n_shared * keys.size("moe_shared_expert_intermediate_size", default=0, least=0),
        is_gated=False,
        latent=keys.optional_size("moe_latent_size"),
    )
    return Layer(None, routed, norms=hidden)
