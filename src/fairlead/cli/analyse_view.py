"""The findings of an analysis, for people."""

from collections.abc import Mapping
from typing import Any

from fairlead.cli.output import Printer


def print_findings(out: Printer, found: Mapping[str, Any]) -> None:
    """Everything that was found, part by part."""
    out.line(found["model"], "bold")
    _parameters(out, found)
    if found["kv_cache"] is not None:
        _memory(out, found)
    if found["fits"] is not None:
        _fits(out, found)
    if found["forecast"] is not None:
        _forecast(out, found["forecast"])
    if found["comparison"] is not None:
        _comparison(out, found["comparison"])
    for note in found["notes"]:
        out.line(f"note: {note}", "yellow")


def _parameters(out: Printer, found: Mapping[str, Any]) -> None:
    shape, counted = found["architecture"], found["parameters"]
    if shape is not None:
        mixers = ", ".join(f"{layers} {kind.replace('_', ' ')}" for kind, layers in shape["mixers"].items())
        out.pair(
            "architecture", f"{shape['family']}: {shape['layers']} layers ({mixers}), hidden {shape['hidden_size']}"
        )
        if shape["experts"] is not None:
            experts = shape["experts"]
            out.pair(
                "experts", f"{experts['count']} in {shape['expert_layers']} layers, {experts['per_token']} a token"
            )
    out.pair("parameters", f"{counted['total']:,}  ({counted['total'] / 1e9:.2f} B)")
    if counted["active"] is not None:
        without = counted["active_without_embedding"]
        out.pair("active", f"{counted['active']:,}  (without the input embedding {without:,})")
    if counted["prediction_layers"]:
        where = "counted in the total" if counted["total_includes_prediction_layers"] else "beside the total"
        out.pair("prediction layers", f"{counted['prediction_layers']:,}, {where}")
    if counted["parts"] is not None:
        out.line()
        rows = [
            (name.replace("_", " "), f"{value:,}", f"{counted['active_parts'][name]:,}")
            for name, value in counted["parts"].items()
            if value
        ]
        out.table(("part", "parameters", "of which a token uses"), rows, right=("parameters", "of which a token uses"))


def _memory(out: Printer, found: Mapping[str, Any]) -> None:
    weights, cache, compute = found["weights"], found["kv_cache"], found["compute"]
    out.line()
    out.pair("own precision", weights["native"] or "not stated")
    sizes = ", ".join(f"{name} {_gb(size)}" for name, size in weights["bytes"].items())
    out.pair("weights", sizes)
    if weights["file_bytes"] is not None:
        out.pair("in the file", _gb(weights["file_bytes"]))
    window = f", and {cache['window_bytes_per_token']:,} in windows of {cache['windows']}" if cache["windows"] else ""
    fixed = cache["fixed_bytes_per_sequence"]
    state = f", and {fixed:,} a sequence" if fixed else ""
    out.pair("cache at 16 bit", f"{cache['bytes_per_token']:,} bytes a token{window}{state}")
    lengths = ", ".join(f"{int(tokens):,}: {_gb(size)}" for tokens, size in cache["bytes_per_sequence"].items())
    out.pair("cache of tokens", lengths)
    out.pair(
        "decoding", f"{compute['decode_flops_per_token'] / 1e9:.1f} GFLOP a token at {compute['context_tokens']:,}"
    )
    out.pair("prefill", f"{compute['prefill_flops'] / 1e12:.1f} TFLOP for {compute['context_tokens']:,} tokens")


def _fits(out: Printer, found: Mapping[str, Any]) -> None:
    context, batch = found["compute"]["context_tokens"], found["compute"]["batch"]
    out.line()
    out.line(f"Fewest GPUs that hold it in {found['precision']} with {batch} x {context:,} tokens:", "bold")
    rows = [
        (
            room["title"],
            room["count"],
            _gb(room["weight_bytes_per_gpu"]),
            f"{room['batch']:,}",
            f"{room['context_tokens']:,}",
        )
        for room in found["fits"]
    ]
    heads = ("GPU", "count", "weights each", f"sequences of {context:,}", f"tokens at batch {batch}")
    out.table(heads, rows, right=heads[1:])
    if found["does_not_fit"]:
        out.line(f"Not within a node: {', '.join(found['does_not_fit'])}.", "dim")


def _forecast(out: Printer, found: Mapping[str, Any]) -> None:
    asked = found["workload"]
    out.line()
    out.line(
        f"Forecast: {found['engine']} on {found['count']} x {found['gpu']}, {found['precision']}, "
        f"{asked['prompt_tokens']:,} + {asked['reply_tokens']:,} tokens, {asked['concurrency']} at once",
        "bold",
    )
    rows = [
        ("first token", *_three(found["time_to_first_token_s"], "{:.3g} s")),
        ("per token", *_three({k: 1e3 * v for k, v in found["time_per_token_s"].items()}, "{:.3g} ms")),
        ("whole reply", *_three(found["request_s"], "{:.3g} s")),
        ("output tokens/s", *_three(found["output_tokens_per_s"], "{:,.0f}")),
    ]
    if found["usd_per_mtok"] is not None:
        rows.append(("USD per M output", *_three(found["usd_per_mtok"]["output_all_in"], "{:.3g}")))
        rows.append(("of it per M input", *_three(found["usd_per_mtok"]["input_share"], "{:.3g}")))
        rows.append(("and per M output", *_three(found["usd_per_mtok"]["output_share"], "{:.3g}")))
    out.table(("", "low", "likely", "high"), rows, right=("low", "likely", "high"))
    if found["usd_per_mtok"] is not None:
        out.line(
            f"At {found['usd_per_gpu_hour']:.2f} USD per GPU-hour, busy {found['utilisation']:.0%} of the time.", "dim"
        )
    if found["running"] < asked["concurrency"]:
        out.line(f"Memory holds {found['capacity']:.0f} sequences: the others wait.", "yellow")
    if not found["in_domain"]:
        beyond = ", ".join(name for name, inside in found["domain"].items() if not inside)
        out.line(f"Beyond what was measured: {beyond}. The interval is wider for it.", "yellow")


def _comparison(out: Printer, found: Mapping[str, Any]) -> None:
    capacity = found["capacity_requests_per_day"]
    out.line()
    out.line(f"Against {found['catalogue_model']} elsewhere", "bold")
    out.line(
        f"Own: {found['own_usd_per_day']:,.2f} USD a day, up to {capacity['likely']:,.0f} requests "
        f"({capacity['low']:,.0f} to {capacity['high']:,.0f})."
    )
    if not found["tariffs"]:
        out.line("The catalogue knows no price of these weights.")
        return
    rows = [
        (
            one["provider"],
            f"{one['input_usd_per_mtok']:g} / {one['output_usd_per_mtok']:g}",
            f"{1e3 * one['usd_per_request']:.4g}",
            f"{one['break_even_requests_per_day']:,.0f}",
            _verdict(one),
            one["as_of"],
        )
        for one in found["tariffs"]
    ]
    heads = ("provider", "USD per M in / out", "USD per 1,000 requests", "break-even a day", "own is cheaper", "as of")
    out.table(heads, rows, right=heads[1:4])


def _verdict(one: Mapping[str, Any]) -> str:
    doubt = "" if one["certain"] else ", likely"
    return ("above it" if one["reachable"] else "never") + doubt


def _three(interval: Mapping[str, float], form: str) -> tuple[str, str, str]:
    return form.format(interval["low"]), form.format(interval["likely"]), form.format(interval["high"])


def _gb(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.2f} MB"
