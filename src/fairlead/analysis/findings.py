"""What was found of a model, as JSON with stable keys (docs/reference/analyse.md). Unknown is null."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fairlead.analysis.architecture import Architecture
from fairlead.analysis.break_even import BreakEven
from fairlead.analysis.compute import Work
from fairlead.analysis.fits import Room
from fairlead.analysis.memory import Cache
from fairlead.analysis.parameters import Count
from fairlead.analysis.quantisation import RECIPES, Recipe, weight_bytes
from fairlead.analysis.serving import Ask, Forecast, Interval
from fairlead.analysis.tensor_table import TensorCount

SHOWN_RECIPES = ("bf16", "fp8", "int8", "int4", "nvfp4", "mxfp4", "q8_0", "q4_k_m")
"""Precisions whose weight bytes are always told."""


def architecture_json(shape: Architecture) -> dict[str, Any]:
    """The shape, in short."""
    kinds: dict[str, int] = {}
    for mixer, layers in shape.mixers():
        kinds[_MIXERS[type(mixer).__name__]] = kinds.get(_MIXERS[type(mixer).__name__], 0) + layers
    first = next(iter(shape.experts()), None)
    return {
        "family": shape.family,
        "layers": shape.n_layers,
        "hidden_size": shape.hidden,
        "vocabulary": shape.vocabulary,
        "tied_embedding": shape.is_tied,
        "max_context_tokens": shape.max_context_tokens,
        "mixers": kinds,
        "experts": None if first is None else {"count": first[0].experts, "per_token": first[0].top_k},
        "expert_layers": sum(layers for _, layers in shape.experts()),
    }


_MIXERS = {
    "GroupedAttention": "grouped_attention",
    "LatentAttention": "latent_attention",
    "CompressedAttention": "compressed_attention",
    "DeltaAttention": "linear_attention",
    "StateSpace": "state_space",
}


def parameters_json(shape: Architecture, counted: Count) -> dict[str, Any]:
    """Counts, as whole numbers."""
    return {
        "total": counted.total,
        "active": counted.active_with_embedding,
        "active_with_embedding": counted.active_with_embedding,
        "active_without_embedding": counted.active_without_embedding,
        "main": counted.main,
        "prediction_layers": counted.prediction_layers,
        "total_includes_prediction_layers": counted.total != counted.main,
        "basis": shape.basis,
        "parts": asdict(counted.parts),
        "active_parts": asdict(counted.active),
    }


def tensor_parameters_json(found: TensorCount) -> dict[str, Any]:
    """The same keys, from a header alone: what a config would tell is unknown."""
    unknown = (
        "active", "active_with_embedding", "active_without_embedding", "prediction_layers", "parts", "active_parts",
    )  # fmt: skip
    return {
        "total": found.weights,
        "main": found.weights,
        "total_includes_prediction_layers": False,
        "basis": "header",
        **dict.fromkeys(unknown),
    }


def tensors_json(found: TensorCount) -> dict[str, Any]:
    """What a header's tensors come to."""
    return asdict(found)


def weights_json(counted: Count, native: Recipe | None, found: TensorCount | None) -> dict[str, Any]:
    """Bytes of the main model's weights by precision; of a file whose header was read, as they lie there."""
    recipes = {recipe.name: round(weight_bytes(counted.parts, recipe)) for recipe in _shown(native)}
    return {
        "native": None if native is None else native.name,
        "native_bytes": None if native is None else recipes[native.name],
        "file_bytes": None if found is None else found.weight_bytes,
        "bytes": recipes,
    }


def _shown(native: Recipe | None) -> list[Recipe]:
    from_names = [RECIPES[name] for name in SHOWN_RECIPES]
    return from_names if native is None or native.name in SHOWN_RECIPES else [native, *from_names]


def cache_json(cache: Cache, contexts: Sequence[int], element_bytes: float) -> dict[str, Any]:
    """What a sequence keeps."""
    return {
        "element_bytes": element_bytes,
        "bytes_per_token": round(cache.full_bytes_per_token),
        "window_bytes_per_token": round(cache.window_bytes_per_token),
        "windows": list(cache.windows),
        "fixed_bytes_per_sequence": cache.fixed_bytes,
        "bytes_per_sequence": {str(context): round(cache.bytes_of(context)) for context in contexts},
    }


def compute_json(work: Work, context: int, batch: int) -> dict[str, Any]:
    """Operations and bytes of the whole model."""
    return {
        "context_tokens": context,
        "batch": batch,
        "decode_flops_per_token": round(work.decode_flops(context)),
        "decode_bytes_per_step": round(work.decode_bytes(batch, context)),
        "prefill_flops": round(work.prefill_flops(context)),
    }


def room_json(room: Room) -> dict[str, Any]:
    """What one placement holds."""
    return {
        "gpu": room.place.accelerator.key,
        "title": room.place.accelerator.title,
        "count": room.place.count,
        "tensor_parallel": room.place.count,
        "weight_bytes_per_gpu": round(room.weight_bytes),
        "free_bytes_per_gpu": round(room.free_bytes),
        "batch": room.batch,
        "context_tokens": room.context_tokens,
    }


def forecast_json(found: Forecast, ask: Ask, recipe: Recipe) -> dict[str, Any]:
    """The forecast with everything that it depends on."""
    asked = ask.workload
    return {
        "gpu": ask.place.accelerator.key,
        "count": ask.place.count,
        "engine": ask.engine,
        "precision": recipe.name,
        "kv_element_bytes": recipe.kv_element_bytes,
        "workload": asdict(asked),
        "utilisation": ask.utilisation,
        "usd_per_gpu_hour": ask.usd_per_hour,
        "recalibrated": ask.measured_token_s is not None,
        "time_to_first_token_s": _interval(found.first_token_s),
        "time_per_token_s": _interval(found.token_s),
        "request_s": _interval(found.request_s),
        "output_tokens_per_s": _interval(found.output_tokens_per_s),
        "requests_per_s": _interval(found.requests_per_s),
        "running": found.running,
        "capacity": found.capacity,
        "physical_floor_s": found.floor_token_s,
        "usd_per_mtok": None
        if found.cost is None
        else {
            "output_all_in": _interval(found.cost.output),
            "input_share": _interval(found.cost.input_share),
            "output_share": _interval(found.cost.output_share),
        },
        "usd_per_request": None if found.cost is None else _interval(found.cost.request_usd),
        "interval": 0.9,
        "in_domain": found.in_domain,
        "domain": dict(found.domain),
    }


def break_even_json(found: BreakEven) -> dict[str, Any]:
    """The comparison with every tariff."""
    return {
        "own_usd_per_day": found.own_usd_per_day,
        "capacity_requests_per_day": _interval(found.capacity_per_day),
        "tariffs": [
            {
                "provider": one.tariff.provider,
                "name": one.tariff.name,
                "input_usd_per_mtok": one.tariff.input_usd,
                "output_usd_per_mtok": one.tariff.output_usd,
                "as_of": one.tariff.as_of,
                "source": one.tariff.source,
                "usd_per_request": one.request_usd,
                "own_usd_per_request_at_capacity": _interval(one.own_usd_at_capacity),
                "break_even_requests_per_day": one.break_even_per_day,
                "reachable": one.is_reachable,
                "certain": one.is_certain,
            }
            for one in found.comparisons
        ],
    }


def _interval(one: Interval) -> Mapping[str, float]:
    return {"low": one.low, "likely": one.likely, "high": one.high}
