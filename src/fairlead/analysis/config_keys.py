"""ConfigKeys: a model's config.json, read key by key within bounds; what nobody has read in the end is refused by name.

A config is somebody else's file: a number may be a text, a list or 10^30. Every dimension has a bound far beyond any
real model, so that nothing is ever allocated or looped over on a file's say-so.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from fairlead.domain.errors import AnalysisError

MAX_CONFIG_BYTES: Final = 8_000_000
"""The largest published config.json is below 1 MB (lists of quantised layers)."""
MAX_DEPTH: Final = 64
MAX_LAYERS: Final = 10_000
MAX_SIZE: Final = 100_000_000
"""Of any dimension: vocabularies are below 300,000, widths below 100,000."""

# Keys that say nothing of the number of weights, whatever their value: generation, training, positions, names.
_HARMLESS_TEXT: Final = """
_attn_implementation _name_or_path activation_situ_beta activation_situ_linear_beta add_cross_attention
architectures attention_dropout attention_multiplier attention_value_scale attn_logit_softcapping attn_scale
attn_temperature_tuning audio_config auto_map aux_loss_alpha bad_words_ids begin_suppress_tokens boi_token_index
bos_token chunk_size chunk_size_feed_forward compress_rope_theta cross_attention_hidden_size decoder_start_token
dense_attention_every_n_layers diversity_penalty do_sample dtype early_stopping embd_pdrop embedding_multiplier
encoder_no_repeat_ngram_size eoa_token_index eoi_token_index ep_size expand expert_dtype expert_intermediate_size
exponential_decay_length_penalty final_logit_softcapping finetuning_task floor_scale for_llm_class hc_eps
hc_sinkhorn_iters hidden_act hidden_activation hidden_dropout hidden_dropout_prob id2label ignore_index
image_placeholder image_seq_length image_token_index index_share_for_mtp_iteration index_skip_topk_offset
index_topk_freq indexer_rope_interleave initial_context_length initializer_range input_jitter_noise is_decoder
is_encoder_decoder kv_cache_scheme label2id language_model_only layer_norm_epsilon layernorm_epsilon length_penalty
logits_scaling logits_to_keep mamba_hidden_act mamba_ssm_cache_dtype mamba_ssm_dtype max_length
max_position_embeddings max_window_layers media_placeholder_token_id min_length mlp_hidden_act mm_tokens_per_image
model_max_length model_type moe_renormalize moe_router_activation_func moe_router_dtype moe_router_scaling_factor
moe_router_use_score_function moe_shared_expert_overlap multimodal_projector_bias n_group no_repeat_ngram_size
no_rope_layer_interval no_rope_layers norm_eps norm_topk_prob num_beam_groups num_beams num_expert_group
num_logits_to_keep num_return_sequences original_max_position_embeddings output_attentions output_gate_type
output_hidden_states output_router_logits output_scores partial_rotary_factor prefix pretraining_tp problem_type
projector_hidden_act pruned_heads quantization_config query_pre_attn_scalar query_rescale_scalar
remove_invalid_values repetition_penalty rescale_prenorm_residual resid_pdrop residual_in_fp32 residual_multiplier
return_dict return_dict_in_generate rms_norm_eps rope_interleave rope_local_base_freq rope_parameters rope_scaling
rope_theta rotary_dim rotary_pct routed_scaling_factor router_aux_loss_coef router_jitter_noise
router_logit_softcapping scale_fmt scoring_func sep_token seq_aux spatial_merge_size suppress_tokens swa_rope_theta
swiglu_alpha swiglu_limit task_specific_params temperature tf_legacy_loss tie_encoder_decoder time_step_floor
time_step_limit time_step_max time_step_min time_step_rank tokenizer_class tokens_per_image top_k top_p topk_group
topk_method torch_dtype torchscript transformers_version typical_p unsloth_fixed unsloth_version use_bfloat16
use_bidirectional_attention use_cache use_gemma_norm use_grouped_topk use_mamba_kernels use_mrope
use_unified_vision_chunk video_placeholder vision_config vision_feature_layer vision_soft_tokens_per_image
vocab_size_per_layer_input
"""
HARMLESS: Final = frozenset(_HARMLESS_TEXT.split())
_HARMLESS_ENDINGS: Final = ("_token_id", "_token_ids", "_token")


class ConfigKeys:
    """One level of a config: reads with bounds, and remembers what was read."""

    def __init__(self, fields: Mapping[str, Any], where: str = "config") -> None:
        self.where = where
        self._fields = fields
        self._read: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether it is there with a value other than null."""
        return self._fields.get(key) is not None

    def raw(self, key: str) -> object:
        """The value as it stands, None when it is absent."""
        return self._fields.get(key)

    def skip(self, *keys: str) -> None:
        """Mark keys as understood."""
        self._read.update(keys)

    def size(self, *names: str, default: int | None = None, least: int = 1, most: int = MAX_SIZE) -> int:
        """A whole number under the first of these names that is there.

        Raises: AnalysisError when none is there and no default, or the value is no whole number within bounds.
        """
        self._read.update(names)
        for name in names:
            value = self._fields.get(name)
            if value is not None:
                return self._whole(name, value, least, most)
        if default is None:
            raise AnalysisError(f"{self.where}: {' or '.join(names)} is missing; without it nothing can be counted.")
        return default

    def optional_size(self, *names: str, least: int = 1) -> int | None:
        """The same, None when none of the names is there."""
        self._read.update(names)
        return self.size(*names, least=least) if any(self.has(name) for name in names) else None

    def _whole(self, name: str, value: object, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise AnalysisError(f"{self.where}.{name}: a whole number is expected, not {_shown(value)}.")
        if not least <= value <= most:
            raise AnalysisError(f"{self.where}.{name}: {_shown(value)} is outside {least} to {most}.")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false; null and absence are the default."""
        self._read.add(name)
        value = self._fields.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise AnalysisError(f"{self.where}.{name}: true or false is expected, not {_shown(value)}.")
        return value

    def word(self, name: str, known: Sequence[str], default: str | None = None) -> str:
        """One of the known words."""
        self._read.add(name)
        value = self._fields.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in known:
            raise AnalysisError(f"{self.where}.{name}: one of {', '.join(known)} is expected, not {_shown(value)}.")
        return value

    def row(self, name: str, length: int | None = None) -> list[Any] | None:
        """A list with one item a layer; None when it is absent.

        Raises: AnalysisError when it is no list, or of another length.
        """
        self._read.add(name)
        value = self._fields.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > MAX_LAYERS:
            raise AnalysisError(f"{self.where}.{name}: a list with one item a layer is expected, not {_shown(value)}.")
        if length is not None and len(value) != length:
            raise AnalysisError(f"{self.where}.{name}: has {len(value)} items for {length} layers.")
        return value

    def words(self, name: str, known: Sequence[str], length: int | None = None) -> list[str] | None:
        """A list of known words, one a layer."""
        found = self.row(name, length)
        for value in found or ():
            if not isinstance(value, str) or value not in known:
                raise AnalysisError(f"{self.where}.{name}: knows {', '.join(known)}, not {_shown(value)}.")
        return found

    def sizes(self, name: str, length: int | None = None, least: int = 0) -> list[int] | None:
        """A list of whole numbers."""
        found = self.row(name, length)
        return None if found is None else [self._whole(name, value, least, MAX_SIZE) for value in found]

    def inner(self, name: str) -> "ConfigKeys | None":
        """The section under a name; None when it is absent."""
        self._read.add(name)
        value = self._fields.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise AnalysisError(f"{self.where}.{name}: a section is expected, not {_shown(value)}.")
        return ConfigKeys(cast("Mapping[str, Any]", value), f"{self.where}.{name}")

    def refuse_unread(self, ignored: frozenset[str] = frozenset()) -> None:
        """End of reading: a key that is switched on and that nobody knows may change the count.

        Raises: AnalysisError that names the keys.
        """
        left = [
            key
            for key, value in self._fields.items()
            if key not in self._read
            and key not in HARMLESS
            and key not in ignored
            and not str(key).endswith(_HARMLESS_ENDINGS)
            and value not in (None, False, 0, "", [], {})
        ]
        if left:
            names = ", ".join(_shown(key) for key in left[:8])
            raise AnalysisError(
                f"{self.where}: unknown key {names}: it may change what is counted, so nothing is guessed. "
                "If you know that it does not, pass it as --ignore-key."
            )


def config_of(text: str | bytes, where: str = "config") -> Mapping[str, Any]:
    """The JSON of a config as a mapping.

    Raises: AnalysisError when it is too long, no JSON, nested too deeply, or no object.
    """
    if len(text) > MAX_CONFIG_BYTES:
        raise AnalysisError(f"{where}: {len(text)} bytes; a config is smaller than {MAX_CONFIG_BYTES}.")
    try:
        found = json.loads(text)
    except RecursionError:
        raise AnalysisError(f"{where}: nested too deeply to be a config.") from None
    except ValueError as error:
        # json says line and column; the text of a UnicodeDecodeError or a digits limit is as plain.
        raise AnalysisError(f"{where}: not readable as JSON: {str(error)[:200]}.") from None
    if not isinstance(found, dict):
        raise AnalysisError(f"{where}: a JSON object is expected, not {_shown(found)}.")
    _bounded(found, where)
    return found


def _bounded(value: object, where: str) -> None:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for each in level
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise AnalysisError(f"{where}: nested deeper than {MAX_DEPTH} levels.")


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return f"a {'section' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 100:
        return f"a number of {value.bit_length()} bits"
    return repr(value)[:60]
