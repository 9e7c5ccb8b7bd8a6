"""Families with grouped attention and a dense network: Llama, Mistral, Qwen, Phi, Gemma, MiMo, Nemotron-NAS.

Formulas: the published model code of each family, checked against published totals (docs/benchmarks.md, "Analysis").
"""

from dataclasses import replace
from typing import Any

from fairlead.analysis.architecture import (
    Architecture,
    Basis,
    DenseFeedForward,
    ExpertFeedForward,
    GroupedAttention,
    Layer,
)
from fairlead.analysis.blocks import (
    FULL,
    SLIDING,
    attention,
    checked,
    dense,
    every_nth,
    experts,
    finished,
    frame,
    pattern,
    plain_layers,
)
from fairlead.analysis.config_keys import ConfigKeys
from fairlead.domain.errors import AnalysisError

_NAS_MULTIPLE = 256
"""Nemotron-NAS rounds the width of a feed-forward network up to it (its published model code)."""


def llama(keys: ConfigKeys, family: str) -> Architecture:
    """Llama and Mistral, and Phi-3, whose fused projections hold the same weights."""
    return _usual(keys, family, qkv_bias=keys.flag("attention_bias"), output_bias=keys.flag("attention_bias"))


def qwen2(keys: ConfigKeys, family: str) -> Architecture:
    """Qwen2 and Qwen2.5: queries, keys and values have a bias."""
    return _usual(keys, family, qkv_bias=True)


def qwen3(keys: ConfigKeys, family: str) -> Architecture:
    """Qwen3: norms of queries and keys in place of biases."""
    biased = keys.flag("attention_bias")
    return _usual(keys, family, qkv_bias=biased, output_bias=biased, norm=True)


def mimo(keys: ConfigKeys, family: str) -> Architecture:
    """MiMo: Qwen2's layer, and prediction layers besides."""
    found = _usual(keys, family, qkv_bias=keys.flag("attention_bias"), basis="computed")
    n_extra = keys.size("num_nextn_predict_layers", default=0, least=0)
    return replace(found, prediction_layers=None if n_extra else 0)


def _usual(
    keys: ConfigKeys,
    family: str,
    *,
    qkv_bias: bool = False,
    output_bias: bool = False,
    norm: bool = False,
    basis: Basis = "exact",
) -> Architecture:
    around = frame(keys)
    every = attention(keys, around, qkv_bias=qkv_bias, output_bias=output_bias, norm="head" if norm else "none")
    feed = dense(keys)
    if keys.flag("mlp_bias"):
        raise AnalysisError(f"{keys.where}.mlp_bias: a bias in the feed-forward network is not supported.")
    windows = _windows(keys, around.n_layers)
    mixers = [replace(every, window=window) for window in windows]
    return finished(family, around, plain_layers(around, mixers, [feed] * around.n_layers), basis)


def _windows(keys: ConfigKeys, n_layers: int) -> list[int | None]:
    """The window of each layer. Qwen states one that it does not use unless `use_sliding_window` says so."""
    window = keys.optional_size("sliding_window")
    kinds = pattern(keys, n_layers, (FULL, SLIDING))
    uses_it = keys.flag("use_sliding_window", default=True)
    if window is None or not uses_it:
        return [None] * n_layers
    if kinds is not None:
        return [window if kind == SLIDING else None for kind in kinds]
    return [window] * n_layers


def gemma(keys: ConfigKeys, family: str) -> Architecture:
    """Gemma 1, 2 and 3: tied head; two more norms a layer from Gemma 2 on; sliding layers between full ones."""
    around = frame(keys, tied=True)
    biased = keys.flag("attention_bias")
    is_third = family.startswith("gemma3")
    every = attention(keys, around, qkv_bias=biased, output_bias=biased, norm="head" if is_third else "none")
    feed = dense(keys)
    window = keys.optional_size("sliding_window")
    # Gemma 2 alternates, Gemma 3 has one full layer in six: the model class's defaults.
    interval = keys.size("sliding_window_pattern", "_sliding_window_pattern", default=6 if is_third else 2)
    kinds = pattern(keys, around.n_layers, (FULL, SLIDING)) or every_nth(around.n_layers, interval, SLIDING)
    mixers = [replace(every, window=window if kind == SLIDING else None) for kind in kinds]
    norms = 2 if family == "gemma" else 4
    return finished(family, around, plain_layers(around, mixers, [feed] * around.n_layers, norms), "exact")


def gemma4(keys: ConfigKeys, family: str) -> Architecture:
    """Gemma 4: wider heads in full layers, whose values are their keys; in some sizes experts too."""
    around = frame(keys, tied=True)
    sliding = attention(keys, around, norm="head")
    keys.flag("attention_bias")
    for key in ("hidden_size_per_layer_input", "num_kv_shared_layers"):
        if keys.size(key, default=0, least=0):
            raise AnalysisError(f"{keys.where}.{key}: not supported; nothing is guessed.")
    if keys.flag("use_double_wide_mlp"):
        raise AnalysisError(f"{keys.where}.use_double_wide_mlp: not supported; nothing is guessed.")
    wide = keys.size("global_head_dim", default=sliding.head_dim)
    full = checked(
        replace(
            sliding,
            head_dim=wide,
            value_dim=wide,
            kv_heads=keys.size("num_global_key_value_heads", default=sliding.kv_heads),
            is_value_key=keys.flag("attention_k_eq_v"),
        ),
        keys,
    )
    local = replace(sliding, window=keys.size("sliding_window"))
    kinds = pattern(keys, around.n_layers, (FULL, SLIDING)) or every_nth(around.n_layers, 6, SLIDING)
    feed: DenseFeedForward | ExpertFeedForward = dense(keys)
    n_norms = 4
    if keys.flag("enable_moe_block"):
        # The router has a scale of the hidden width and one an expert; three more norms stand around the experts.
        found = experts(keys)
        feed = replace(found, dense_width=feed.width, extra_router=around.hidden + found.experts)
        n_norms = 7
    layers = [
        Layer(full if kind == FULL else local, feed, norms=n_norms * around.hidden + 1)  # 1: the layer's scalar
        for kind in kinds
    ]
    return finished(family, around, layers, "computed")


def nemotron_nas(keys: ConfigKeys, family: str) -> Architecture:
    """Llama with its own attention and width in each layer, or none, as a search has left them."""
    around = frame(keys)
    heads = keys.size("num_attention_heads")
    head_dim = keys.size("head_dim", default=max(around.hidden // heads, 1))
    keys.skip("num_key_value_heads", "intermediate_size")  # null: each block states its own
    if keys.flag("attention_bias") or keys.flag("mlp_bias"):
        raise AnalysisError(f"{keys.where}: biases are not supported in {family}.")
    blocks = keys.row("block_configs", around.n_layers)
    if blocks is None:
        raise AnalysisError(f"{keys.where}: block_configs is missing; without it nothing can be counted.")
    layers = []
    for at, block in enumerate(blocks):
        inner = _section(block, f"{keys.where}.block_configs[{at}]")
        mixer = _nas_attention(inner, GroupedAttention(heads, heads, head_dim, head_dim))
        width = _nas_width(inner, around.hidden)
        feed = None if width is None else DenseFeedForward(width)
        layers.append(Layer(mixer, feed, norms=around.hidden * ((mixer is not None) + (feed is not None))))
        inner.refuse_unread()
    return finished(family, around, layers, "computed")


def _section(block: Any, where: str) -> ConfigKeys:
    if not isinstance(block, dict):
        raise AnalysisError(f"{where}: a section is expected.")
    return ConfigKeys(block, where)


def _nas_attention(block: ConfigKeys, usual: GroupedAttention) -> GroupedAttention | None:
    inner = block.inner("attention")
    if inner is None or inner.flag("no_op"):
        return None
    per_group = inner.size("n_heads_in_group")
    if usual.heads % per_group:
        raise AnalysisError(f"{inner.where}.n_heads_in_group: {per_group} does not divide {usual.heads} heads.")
    found = replace(usual, kv_heads=usual.heads // per_group, window=inner.optional_size("window_length"))
    # `replace_with_linear`, `sparsify`, sinks: switched on, they are refused by their name.
    inner.refuse_unread()
    return found


def _nas_width(block: ConfigKeys, hidden: int) -> int | None:
    inner = block.inner("ffn")
    if inner is None or inner.flag("no_op"):
        return None
    inner.skip("ffn_mult")
    inner.refuse_unread()
    multiple = inner.raw("ffn_mult")
    if isinstance(multiple, bool) or not isinstance(multiple, int | float) or not 0 < multiple < 1000:
        raise AnalysisError(f"{inner.where}.ffn_mult: a number between 0 and 1000 is expected.")
    width = int(2 * multiple * hidden / 3)
    return -(-width // _NAS_MULTIPLE) * _NAS_MULTIPLE
