"""Bytes per weight of a precision, part by part, and the precision that a config says its weights are in.

Sources: block layouts of ggml (type size / block size) for GGUF types; 4-bit groups of 128 with a 16-bit scale and a
4-bit zero; NVFP4: one 8-bit scale for 16 weights; MXFP4: one 8-bit scale for 32. Embedding, head, router and norms stay
at 16 bits, as the published quantised checkpoints have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fairlead.analysis.parameters import Parts
from fairlead.domain.errors import AnalysisError


@dataclass(frozen=True, slots=True)
class Recipe:
    """Bytes per weight by part."""

    name: str
    body_bytes: float
    """Attention, dense networks, shared experts."""
    expert_bytes: float
    """Routed experts."""
    kept_bytes: float = 2.0
    """Embedding, head, router, norms."""
    kv_element_bytes: float = 2.0
    compute: str = "bf16"
    """The arithmetic that its weights are multiplied in: bf16, fp8 or fp4."""


def _recipe(name: str, bytes_per_weight: float, compute: str = "bf16", kept: float = 2.0) -> Recipe:
    return Recipe(name, bytes_per_weight, bytes_per_weight, kept, compute=compute)


_BLOCK_FP8: Final = 1.0 + 4.0 / 128**2
_INT4: Final = 0.5 + 2.0 / 128 + 0.5 / 128
_NVFP4: Final = 0.5 + 1.0 / 16
_MXFP4: Final = 0.5 + 1.0 / 32

GGUF_TYPES: Final[Mapping[str, tuple[int, int, int]]] = {
    "F32": (0, 4, 1), "F16": (1, 2, 1), "Q4_0": (2, 18, 32), "Q4_1": (3, 20, 32), "Q5_0": (6, 22, 32),
    "Q5_1": (7, 24, 32), "Q8_0": (8, 34, 32), "Q8_1": (9, 36, 32), "Q2_K": (10, 84, 256), "Q3_K": (11, 110, 256),
    "Q4_K": (12, 144, 256), "Q5_K": (13, 176, 256), "Q6_K": (14, 210, 256), "Q8_K": (15, 292, 256),
    "IQ2_XXS": (16, 66, 256), "IQ2_XS": (17, 74, 256), "IQ3_XXS": (18, 98, 256), "IQ1_S": (19, 50, 256),
    "IQ4_NL": (20, 18, 32), "IQ3_S": (21, 110, 256), "IQ2_S": (22, 82, 256), "IQ4_XS": (23, 136, 256),
    "I8": (24, 1, 1), "I16": (25, 2, 1), "I32": (26, 4, 1), "I64": (27, 8, 1), "F64": (28, 8, 1),
    "IQ1_M": (29, 56, 256), "BF16": (30, 2, 1), "TQ1_0": (34, 54, 256), "TQ2_0": (35, 66, 256),
    "MXFP4": (39, 17, 32),
}  # fmt: skip
"""Name -> number in the file, bytes of a block, weights of a block (ggml's table of types)."""

_Q4_K_M: Final = 0.61
"""Of a whole Q4_K_M file: .305 of the BF16 file in the median, .294 to .330 (public file sizes, 2026-09-30)."""

RECIPES: Final[Mapping[str, Recipe]] = {
    recipe.name: recipe
    for recipe in (
        _recipe("fp32", 4.0, kept=4.0),
        _recipe("bf16", 2.0),
        _recipe("fp16", 2.0),
        _recipe("fp8", 1.0, "fp8"),
        _recipe("fp8_block", _BLOCK_FP8, "fp8"),
        _recipe("int8", 1.0, "fp8"),
        _recipe("int4", _INT4),
        _recipe("nvfp4", _NVFP4, "fp4"),
        _recipe("mxfp4", _MXFP4, "fp4"),
        Recipe("int4_experts", 2.0, 0.5 + 2.0 / 32),
        Recipe("nvfp4_experts", 2.0, _NVFP4, compute="fp4"),
        Recipe("mxfp4_experts", 2.0, _MXFP4, compute="fp4"),
        Recipe("fp4_experts_fp8", _BLOCK_FP8, _MXFP4, compute="fp8"),
        _recipe("q4_k_m", _Q4_K_M, kept=_Q4_K_M),
        *(
            _recipe(name.lower(), size / block, kept=size / block)
            for name, (_, size, block) in GGUF_TYPES.items()
            if block > 1
        ),
    )
}
"""Every precision that can be asked for by name."""


def recipe_named(name: str) -> Recipe:
    """The recipe of a name. Raises: AnalysisError with the known names."""
    found = RECIPES.get(name.lower())
    if found is None:
        raise AnalysisError(f"precision: {name[:40]!r} is not known. Known are {', '.join(RECIPES)}.")
    return found


def weight_bytes(parts: Parts, recipe: Recipe) -> float:
    """What the weights take."""
    kept = parts.embedding + parts.output_head + parts.router + parts.other
    body = parts.attention + parts.fixed_state + parts.dense + parts.shared_experts
    return kept * recipe.kept_bytes + body * recipe.body_bytes + parts.experts * recipe.expert_bytes


_DTYPES: Final = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def native_recipe(config: Mapping[str, Any]) -> Recipe | None:
    """The precision that a config says its weights are stored in; None when it says nothing that we know."""
    text = config.get("text_config")
    inner: Mapping[str, Any] = text if isinstance(text, Mapping) else {}
    stated = config.get("quantization_config") or inner.get("quantization_config")
    if stated is None:
        dtype = next((one[key] for one in (inner, config) for key in ("dtype", "torch_dtype") if one.get(key)), None)
        name = _DTYPES.get(dtype) if isinstance(dtype, str) else None
        return RECIPES[name] if name else None
    if not isinstance(stated, Mapping):
        return None
    found = _stated_recipe(stated)
    if found is not None and found.name == "fp8_block" and config.get("expert_dtype") == "fp4":
        return RECIPES["fp4_experts_fp8"]
    return found if found is None else _with_cache(found, stated)


def _stated_recipe(stated: Mapping[str, Any]) -> Recipe | None:
    method = str(stated.get("quant_method", "")).lower()
    algorithm = str(stated.get("quant_algo", "")).upper()
    spared = str(stated.get("ignore") or stated.get("modules_to_not_convert") or stated.get("exclude_modules") or "")
    spares_attention = "self_attn" in spared
    if algorithm == "NVFP4":
        return RECIPES["nvfp4_experts" if spares_attention else "nvfp4"]
    if algorithm == "FP8":
        return RECIPES["fp8"]
    if algorithm == "MIXED_PRECISION":
        return None
    if method == "mxfp4":
        return RECIPES["mxfp4_experts" if spares_attention else "mxfp4"]
    if method in ("fp8", "fbgemm_fp8"):
        return RECIPES["fp8_block" if stated.get("weight_block_size") else "fp8"]
    if method in ("awq", "gptq"):
        return RECIPES["int4"] if stated.get("bits", stated.get("w_bit", 4)) == 4 else None
    if method == "compressed-tensors":
        return _compressed_tensors(stated, spares_attention)
    return None


def _compressed_tensors(stated: Mapping[str, Any], spares_attention: bool) -> Recipe | None:
    groups = stated.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, Mapping) and len(groups) == 1 else None
    weights = first.get("weights") if isinstance(first, Mapping) else None
    if not isinstance(weights, Mapping):
        return None
    kind = (weights.get("num_bits"), weights.get("type", "int"))
    if kind == (8, "float"):
        return RECIPES["fp8"]
    if kind == (8, "int"):
        return RECIPES["int8"]
    if kind == (4, "int"):
        return RECIPES["int4_experts" if spares_attention else "int4"]
    return None


def _with_cache(recipe: Recipe, stated: Mapping[str, Any]) -> Recipe:
    """The cache in 8 bits where the config says that it was calibrated for it."""
    scheme = stated.get("kv_cache_scheme")
    is_stated = stated.get("kv_cache_quant_algo") == "FP8"
    is_short = is_stated or (isinstance(scheme, Mapping) and scheme.get("num_bits") == 8)
    return replace(recipe, kv_element_bytes=1.0) if is_short else recipe


def as_served(recipe: Recipe) -> Recipe:
    """The recipe with its cache as the measured servers keep it: in 8 bits for models of 8 and 4 bits."""
    return replace(recipe, kv_element_bytes=1.0) if recipe.compute in ("fp8", "fp4") else recipe
