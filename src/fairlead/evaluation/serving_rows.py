"""Measured serving: rows of aiconfigurator's silicon sample that a time model may be fitted to, and why the others not.

Source of the rows: ai-dynamo/aiconfigurator (Apache-2.0), `silicon_sample.csv`. Kept: one pool for prefill and decode,
a precision that is stated, attention not data-parallel, once each, and not faster than the data sheets allow.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from fairlead.analysis.architecture import Architecture
from fairlead.analysis.compute import Work, work_of
from fairlead.analysis.config_keys import config_of
from fairlead.analysis.families import read_architecture
from fairlead.analysis.hardware import Hardware
from fairlead.analysis.quantisation import RECIPES, Recipe, as_served
from fairlead.analysis.workload import Load, Placement, Workload, load_of
from fairlead.domain.errors import AnalysisError

SAMPLE: Final = "silicon_sample.csv"
_COLUMNS: Final = (
    "backend", "model_path", "system", "precision", "mode", "isl", "osl", "batch_size", "tp_size",
    "attention_dp_size", "moe_tp_size", "moe_ep_size", "silicon_ttft_ms", "silicon_tpot_ms",
)  # fmt: skip
MODELS: Final[Mapping[str, tuple[str, str]]] = {
    "meta-llama/Llama-3.1-70B": ("Llama-3.1-70B", "meta-llama--Meta-Llama-3.1-70B"),
    "meta-llama/Llama-3.1-8B-Instruct": ("Llama-3.1-8B", "meta-llama--Meta-Llama-3.1-8B"),
    "nvidia/Llama-3.1-8B-Instruct-FP8": ("Llama-3.1-8B", "meta-llama--Meta-Llama-3.1-8B"),
    "deepseek-ai/DeepSeek-R1": ("DeepSeek-V3", "deepseek-ai--DeepSeek-V3"),
    "deepseek-ai/DeepSeek-V3": ("DeepSeek-V3", "deepseek-ai--DeepSeek-V3"),
    "nvidia/DeepSeek-R1-NVFP4": ("DeepSeek-V3", "deepseek-ai--DeepSeek-V3"),
    "nvidia/DeepSeek-V3.1-NVFP4": ("DeepSeek-V3", "deepseek-ai--DeepSeek-V3"),
    "openai/gpt-oss-120b": ("gpt-oss-120b", "openai--gpt-oss-120b"),
    "MiniMaxAI/MiniMax-M2.5": ("MiniMax-M2.5", "MiniMaxAI--MiniMax-M2.5"),
    "Qwen/Qwen3.5-397B-A17B": ("Qwen3.5-397B", "Qwen--Qwen3.5-397B-A17B"),
    "moonshotai/Kimi-K2.5": ("Kimi-K2.5", "moonshotai--Kimi-K2.5"),
    "zhipuai/GLM-5": ("GLM-5", "zai-org--GLM-5"),
}
"""Name in the rows -> model, and file of its config. What shares its shape counts as one model."""

# The published recipes of these sweeps keep caches of 8- and 4-bit models in 8 bits, and the running sequences that
# their queues imply agree with it: hence `as_served`.
_PRECISIONS: Final[Mapping[str, Recipe]] = {
    "bf16": RECIPES["bf16"],
    "fp8": as_served(RECIPES["fp8_block"]),
    "fp4": as_served(RECIPES["nvfp4"]),
    "int4": RECIPES["int4_experts"],
}
_OWN_PRECISION: Final = {"gpt-oss-120b": as_served(RECIPES["mxfp4_experts"])}
"""Models that come in one precision, whatever the rows call it."""


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """One measured operating point. Units: seconds."""

    name: str
    model: str
    gpu: str
    engine: str
    precision: str
    count: int
    asked: Workload
    first_token_s: float
    token_s: float
    is_mixture: bool
    fingerprint: str
    load: Load


@dataclass(frozen=True, slots=True)
class MeasuredRows:
    """What is kept, and how many rows are left out for which reason."""

    rows: tuple[MeasuredRow, ...]
    left_out: Mapping[str, int]
    sha256: str
    """Of the file."""


def fingerprint(shape: Architecture, total: int) -> str:
    """What says that a model is one that was measured: its family and its number of weights."""
    return f"{shape.family}:{total}"


def read_rows(folder: Path, hardware: Hardware, file: str = SAMPLE) -> MeasuredRows:
    """The rows of a folder that holds the sample and `model_configs/`.

    Raises: AnalysisError when a file or a column is missing, or a row names what nobody knows.
    """
    path = folder / file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AnalysisError(f"{path}: cannot read: {error.strerror}.") from None
    table = list(csv.DictReader(data.decode("utf-8").splitlines()))
    missing = [name for name in _COLUMNS if not table or name not in table[0]]
    if missing:
        raise AnalysisError(f"{path}: no column {missing[0]}; is this aiconfigurator's silicon sample?")
    left_out: Counter[str] = Counter()
    kept: list[MeasuredRow] = []
    seen: set[tuple[object, ...]] = set()
    works: dict[tuple[str, str], tuple[Architecture, Work]] = {}
    for fields in table:
        reason = _unfit(fields)
        if reason is None:
            row = _row(fields, folder, hardware, works)
            reason = _unfit_row(row, seen)
        if reason is None:
            kept.append(row)
        else:
            left_out[reason] += 1
    return MeasuredRows(tuple(kept), dict(left_out), sha256(data).hexdigest())


def _unfit(fields: Mapping[str, str]) -> str | None:
    if fields["mode"] != "agg":
        return "separate pools for prefill and decode"
    if not fields["precision"]:
        return "no precision stated"
    if fields["attention_dp_size"] not in ("", "1"):
        return "attention is data-parallel"
    return None


def _unfit_row(row: MeasuredRow, seen: set[tuple[object, ...]]) -> str | None:
    key = (row.model, row.gpu, row.engine, row.precision, row.count, row.asked, round(row.token_s, 6))
    if key in seen:
        return "the same measurement again"
    seen.add(key)
    if row.token_s < row.load.floor_s()[0]:
        return f"faster than the data sheet allows ({row.model} on {row.gpu})"
    return None


def _row(
    fields: Mapping[str, str], folder: Path, hardware: Hardware, works: dict[tuple[str, str], tuple[Architecture, Work]]
) -> MeasuredRow:
    try:
        model, file = MODELS[fields["model_path"]]
        recipe = _OWN_PRECISION.get(model) or _PRECISIONS[fields["precision"]]
    except KeyError as error:
        raise AnalysisError(f"{SAMPLE}: {error} is not known.") from None
    shape, work = _work(file, recipe, folder, works)
    chip = hardware.accelerator(fields["system"])
    asked = Workload(int(fields["isl"]), int(fields["osl"]), int(fields["batch_size"]))
    count = _count(fields, chip.node_count)
    return MeasuredRow(
        name=fields["id"],
        model=model,
        gpu=chip.key,
        engine=fields["backend"],
        precision=fields["precision"],
        count=count,
        asked=asked,
        first_token_s=float(fields["silicon_ttft_ms"]) / 1e3,
        token_s=float(fields["silicon_tpot_ms"]) / 1e3,
        is_mixture=shape.is_mixture,
        fingerprint=fingerprint(shape, work.parameters.main),
        load=load_of(work, recipe, Placement(chip, count), asked),
    )


def _count(fields: Mapping[str, str], node_count: int) -> int:
    """How many accelerators: some dumps write tensor times expert parallelism, though both lie on the same ones.

    Their names and their twins (same figures, tp 4 and ep 4 instead of tp 16) say so.
    """
    stated, experts, tensors = (int(fields[key] or 1) for key in ("tp_size", "moe_ep_size", "moe_tp_size"))
    is_product = stated > node_count and experts == tensors and stated == experts * tensors
    return experts if is_product else stated


def _work(
    file: str, recipe: Recipe, folder: Path, works: dict[tuple[str, str], tuple[Architecture, Work]]
) -> tuple[Architecture, Work]:
    if (file, recipe.name) not in works:
        path = folder / "model_configs" / f"{file}_config.json"
        try:
            text = path.read_bytes()
        except OSError as error:
            raise AnalysisError(f"{path}: cannot read: {error.strerror}.") from None
        shape = read_architecture(config_of(text, path.name))
        works[file, recipe.name] = (shape, work_of(shape, recipe))
    return works[file, recipe.name]


def by_reason(left_out: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    """Reasons and counts, the most frequent first."""
    return sorted(left_out.items(), key=lambda one: (-one[1], one[0]))
