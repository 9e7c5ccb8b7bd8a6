"""read_architecture: a config.json -> Architecture, by the family that it names; an unknown one is refused by name."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fairlead.analysis import expert_families as moe
from fairlead.analysis import hybrid_families as hybrid
from fairlead.analysis import plain_families as plain
from fairlead.analysis.architecture import Architecture
from fairlead.analysis.config_keys import ConfigKeys
from fairlead.domain.errors import AnalysisError

Reader = Callable[[ConfigKeys, str], Architecture]

READERS: Final[Mapping[str, Reader]] = {
    "llama": plain.llama,
    "mistral": plain.llama,
    "ministral": plain.llama,
    "phi3": plain.llama,
    "qwen2": plain.qwen2,
    "qwen3": plain.qwen3,
    "qwen3_vl_text": plain.qwen3,
    "mimo": plain.mimo,
    "gemma": plain.gemma,
    "gemma2": plain.gemma,
    "gemma3_text": plain.gemma,
    "gemma4_text": plain.gemma4,
    "nemotron-nas": plain.nemotron_nas,
    "mixtral": moe.mixtral,
    "qwen2_moe": moe.qwen_moe,
    "qwen3_moe": moe.qwen_moe,
    "qwen3_vl_moe_text": moe.qwen_moe,
    "gpt_oss": moe.gpt_oss,
    "glm4_moe": moe.glm4_moe,
    "minimax_m2": moe.minimax_m2,
    "mimo_v2_flash": moe.mimo_v2,
    "llama4_text": moe.llama4,
    "step3p7": moe.step3p7,
    "deepseek_v2": moe.deepseek,
    "deepseek_v3": moe.deepseek,
    "deepseek_v32": moe.deepseek,
    "kimi_k2": moe.deepseek,
    "glm_moe_dsa": moe.deepseek,
    "deepseek_v4": moe.deepseek_v4,
    "qwen3_next": hybrid.qwen_hybrid,
    "qwen3_5_text": hybrid.qwen_hybrid,
    "qwen3_5_moe_text": hybrid.qwen_hybrid,
    "nemotron_h": hybrid.nemotron_h,
}
"""model_type -> how its config is read."""

_BY_ARCHITECTURE: Final = {("deepseek_ref", "DeepseekV4ForCausalLM"): "deepseek_v4"}
"""Redistributions that renamed the model_type but kept the architecture's name."""

_TEXT_PARTS: Final = ("text_config", "llm_config", "language_config")


def read_architecture(config: Mapping[str, Any], ignored: frozenset[str] = frozenset()) -> Architecture:
    """The text model's shape; the vision and audio parts of a multimodal config are left aside.

    Raises: AnalysisError that names an unknown family, an unknown key, or a value that is missing or makes no sense.
    """
    outer = ConfigKeys(config)
    for name in _TEXT_PARTS:
        inner = outer.inner(name)
        if inner is not None:
            return _multimodal(config, inner, name, ignored)
    return _read(outer, _family(config, "config"), ignored)


def _multimodal(config: Mapping[str, Any], inner: ConfigKeys, name: str, ignored: frozenset[str]) -> Architecture:
    part = config[name]
    outer = ConfigKeys({key: value for key, value in config.items() if key != name})
    if "tie_word_embeddings" not in part and "tie_word_embeddings" in config:
        # Some write it beside the text part.
        inner = ConfigKeys({**part, "tie_word_embeddings": config["tie_word_embeddings"]}, inner.where)
    family = _family(part, inner.where)
    outer.skip("tie_word_embeddings")
    outer.refuse_unread(ignored)
    return _read(inner, family, ignored)


def _family(fields: Mapping[str, Any], where: str) -> str:
    name = fields.get("model_type")
    architectures = fields.get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else None
    if isinstance(name, str) and isinstance(first, str) and (name, first) in _BY_ARCHITECTURE:
        return _BY_ARCHITECTURE[name, first]
    if not isinstance(name, str) or not name:
        raise AnalysisError(f"{where}.model_type is missing: without it nothing says what the other keys mean.")
    if name not in READERS:
        raise AnalysisError(
            f"{where}.model_type: the architecture {name[:60]!r} is not known, and nothing is guessed. "
            f"Known are {', '.join(sorted(READERS))}."
        )
    return name


def _read(keys: ConfigKeys, family: str, ignored: frozenset[str]) -> Architecture:
    found = READERS[family](keys, family)
    keys.refuse_unread(ignored)
    return found
