"""Parameter counts against published ones, and the serving forecast against measured rows it has not seen.

    python -m benchmarks.analysis.check_analysis [--data FOLDER] [--json PATH]

FOLDER holds `hardware/` of the data (FAIRLEAD_DATA). Counts: every row of truth.csv, by how sure its figure is.
Forecast: rows as `evaluation/serving_rows.py` keeps them; what is left out is listed. Each row is forecast by constants
fitted without its GPU, and again without its model. Error: mean of |forecast / measured - 1| of the time per token.
Coverage: how often the measured figure lies in the 90 % interval whose width the other GPUs' (models', sweeps') errors
set; a new model's width is set by models of both classes. First token: how often it lies in the range that rows of
other GPUs set. Everything is deterministic.
"""

import argparse
import csv
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fairlead.analysis.config_keys import config_of
from fairlead.analysis.families import read_architecture
from fairlead.analysis.memory import cache_of
from fairlead.analysis.parameters import count
from fairlead.analysis.workload import Floats
from fairlead.assembly.hosting import hardware_in_force, shipped_engines
from fairlead.domain.errors import AnalysisError
from fairlead.evaluation.serving_fit import (
    FIRST_TOKEN_BINS,
    FIRST_TOKEN_TAIL,
    by_group,
    coverage,
    fit,
    half_width,
    left_out_errors,
    left_out_ratios,
    mean_error,
    new_model_half_width,
    parted,
    recalibrated_errors,
    sweep_of,
)
from fairlead.evaluation.serving_rows import MeasuredRow, by_reason, read_rows

CLASSES = {"dense": False, "mixtures of experts": True}
LIMITS = {"exact": 0.0, "formula": 0.003, "published": 0.01}
MIN_NEAR = 10
CACHE_COLUMNS = (
    "kv_bytes_per_token_bf16_full_attention_layers",
    "kv_bytes_per_token_bf16_window_layers",
    "fixed_state_bytes_per_sequence",
)


def counts(folder: Path) -> list[dict[str, Any]]:
    """Every model of truth.csv: its count here and there."""
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        return [_one_count(row, folder) for row in csv.DictReader(file)]


def _one_count(row: dict[str, str], folder: Path) -> dict[str, Any]:
    known = row["total_params"] or row["published_total"]
    basis = row["total_basis"].split(":")[0].split()[0]
    found: dict[str, Any] = {"model": row["model"], "basis": basis, "stated": int(known)}
    try:
        shape = read_architecture(config_of((folder / row["config"]).read_bytes(), row["config"]))
    except AnalysisError as error:
        return found | {"refused": str(error), "holds": basis == "published"}
    counted, cache = count(shape), cache_of(shape)
    active = [row["active_params_no_input_embedding"], row["active_params_with_embedding"]]
    ours = [counted.active_without_embedding, counted.active_with_embedding]
    kept = [cache.full_bytes_per_token, cache.window_bytes_per_token, cache.fixed_bytes]
    stated = [row[name] for name in CACHE_COLUMNS]
    return found | {
        "counted": counted.total,
        "error": counted.total / int(known) - 1,
        "holds": abs(counted.total / int(known) - 1) <= LIMITS[basis],
        "active_agrees": all(not theirs or int(theirs) == mine for theirs, mine in zip(active, ours, strict=True)),
        "cache_agrees": all(not theirs or float(theirs) == mine for theirs, mine in zip(stated, kept, strict=True)),
    }


def one_class(rows: Sequence[MeasuredRow], reported: Sequence[MeasuredRow]) -> tuple[dict[str, Any], Floats]:
    """Errors and coverages of one class of models; and the errors of each row with its model left out."""
    measured = np.array([row.token_s for row in rows])
    sweeps = [sweep_of(row) for row in rows]
    everything = fit(rows)
    errors = np.zeros(0)
    found: dict[str, Any] = {"rows": len(rows), "in_sample": mean_error(np.log(everything.token_s(rows) / measured))}
    groupings: dict[str, Callable[[MeasuredRow], str]] = {"gpu": lambda row: row.gpu, "model": lambda row: row.model}
    for name, group_of in groupings.items():
        groups = [group_of(row) for row in rows]
        errors = left_out_errors(rows, group_of)
        at = np.array(groups)
        found[f"leave_one_{name}_out"] = {
            "error": mean_error(errors),
            "median": float(np.median(np.abs(np.exp(errors) - 1))),
            "each": {
                group: {
                    "rows": int((at == group).sum()),
                    "error": mean_error(errors[at == group]),
                    "bias": float((np.exp(errors[at == group]) - 1).mean()),
                }
                for group in sorted(set(groups))
            },
        }
        if name == "gpu":
            found["leave_one_gpu_out"] |= {
                "half_width": half_width(errors),
                "coverage_other_groups": coverage(errors, groups),
                "coverage_other_sweeps": coverage(errors, sweeps),
            }
            again = recalibrated_errors(errors, sweeps, np.random.default_rng(18))
            found["recalibrated_by_one_row"] = mean_error(again)
    floors = np.array([row.load.floor_s()[0] for row in rows])
    found["faster_than_physics"] = int((everything.token_s(rows) < floors).sum())
    found["first_token_coverage"] = {
        "other_gpus": first_token_coverage(rows, lambda row: row.gpu),
        "other_gpus_widened": first_token_coverage(rows, lambda row: row.gpu, beyond_measured(rows)),
        "other_sweeps": first_token_coverage(rows, sweep_of),
    }
    if reported:
        theirs = np.log(everything.token_s(reported) / np.array([row.token_s for row in reported]))
        found["gb200"] = {
            "rows": len(reported),
            "error": mean_error(theirs),
            "bias": float((np.exp(theirs) - 1).mean()),
        }
    return found, errors


def model_coverage(classes: Sequence[tuple[Sequence[MeasuredRow], Floats]]) -> list[dict[str, float]]:
    """Of each class, how often a row lies in the interval that the other models' (sweeps') errors set."""
    rows = [row for members, _ in classes for row in members]
    errors = np.concatenate([each for _, each in classes])
    models = np.array([f"{row.is_mixture}/{row.model}" for row in rows])
    is_mixture = np.array([row.is_mixture for row in rows])
    found = {}
    for name, groups in (("groups", models), ("sweeps", np.array([sweep_of(row) for row in rows]))):
        inside = np.zeros(len(rows), dtype=bool)
        for group in sorted(set(groups.tolist())):
            others = groups != group
            width = new_model_half_width(by_group(errors[others], models[others].tolist()))
            inside[~others] = np.abs(errors[~others]) <= width
        found[name] = inside
    width = new_model_half_width(by_group(errors, models.tolist()))
    return [
        {"half_width": width, **{f"coverage_other_{name}": float(each[is_mixture == mixture].mean())
                                 for name, each in found.items()}}
        for mixture in (False, True)
    ]  # fmt: skip


def beyond_measured(rows: Sequence[MeasuredRow]) -> float:
    """By how much the shipped forecast widens the range for a GPU that was not measured, in logarithms."""
    spread = shipped_engines().of(is_mixture=rows[0].is_mixture).spread
    return spread.outside - spread.known


def first_token_coverage(
    rows: Sequence[MeasuredRow], group_of: Callable[[MeasuredRow], str], beyond: float = 0.0
) -> float:
    """How often the time to the first token lies in the range that the other groups' rows set at that concurrency."""
    ratios, groups = left_out_ratios(rows), np.array([group_of(row) for row in rows])
    bins = np.digitize([row.asked.concurrency for row in rows], FIRST_TOKEN_BINS, right=True)
    inside = []
    for at, ratio in enumerate(ratios):
        others = groups != groups[at]
        near = ratios[others & (bins == bins[at])]
        known = near if near.size >= MIN_NEAR else ratios[others]
        low, high = np.quantile(known, [FIRST_TOKEN_TAIL, 1 - FIRST_TOKEN_TAIL])
        inside.append(low * np.exp(-beyond) <= ratio <= high * np.exp(beyond))
    return float(np.mean(inside))


def print_counts(found: Sequence[dict[str, Any]]) -> None:
    """The table of counts, and one line a miss."""
    print(
        "## Parameter counts\n\n| basis | models | to the unit | largest error | held |\n"
        "| --- | --: | --: | --: | --- |"
    )
    for basis, limit in LIMITS.items():
        mine = [one for one in found if one["basis"] == basis]
        counted = [one for one in mine if "counted" in one]
        largest = max((abs(one["error"]) for one in counted), default=0.0)
        exact = sum(one["error"] == 0 for one in counted)
        held = "yes" if all(one["holds"] for one in mine) else "no"
        print(f"| {basis} (within {limit:.1%}) | {len(mine)} | {exact} | {largest:.2%} | {held} |")
    for one in found:
        if one.get("error") != 0:
            print(f"- {one['model']}: {one.get('counted', one.get('refused'))} against {one['stated']}")
    for what in ("active", "cache"):
        wrong = [one["model"] for one in found if not one.get(f"{what}_agrees", True)]
        print(f"- {what} figures that differ from the table: {', '.join(wrong) or 'none'}")


def print_class(name: str, found: dict[str, Any]) -> None:
    """The table of one class."""
    print(f"\n## Time per token, {name} ({found['rows']} rows)\n")
    print("| test | rows | mean error | bias |\n| --- | --: | --: | --: |")
    print(f"| in sample | {found['rows']} | {found['in_sample']:.1%} | |")
    for test in ("gpu", "model"):
        mine = found[f"leave_one_{test}_out"]
        print(
            f"| **leave one {test} out** | {found['rows']} | **{mine['error']:.1%}** (median {mine['median']:.1%}) | |"
        )
        for group, one in mine["each"].items():
            print(f"| without {group} | {one['rows']} | {one['error']:.1%} | {one['bias']:+.1%} |")
    if "gb200" in found:
        one = found["gb200"]
        print(f"| gb200, racks of up to 72, not fitted | {one['rows']} | {one['error']:.1%} | {one['bias']:+.1%} |")
    print(f"\n- one own row recalibrates: {found['recalibrated_by_one_row']:.1%} of the rest of its sweep")
    for test in ("gpu", "model"):
        mine = found[f"leave_one_{test}_out"]
        print(
            f"- 90 % interval, {test} left out (factor {np.exp(mine['half_width']):.2f}): covers "
            f"{mine['coverage_other_groups']:.1%} with its width from the other {test}s, "
            f"{mine['coverage_other_sweeps']:.1%} from the other sweeps"
        )
    first = found["first_token_coverage"]
    print(f"- first token within the other sweeps' range: {first['other_sweeps']:.1%}")
    print(f"- first token within the other GPUs' range: {first['other_gpus']:.1%}")
    print(f"- the same, widened as the forecast widens it for a new GPU: {first['other_gpus_widened']:.1%}")
    print(f"- forecasts faster than the data sheets allow: {found['faster_than_physics']}")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=os.environ.get("FAIRLEAD_DATA"))
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    if chosen.data is None:
        options.error("give --data or FAIRLEAD_DATA")
    folder = Path(chosen.data) / "hardware"
    found: dict[str, Any] = {"counts": counts(folder)}
    print_counts(found["counts"])
    measured = read_rows(folder, hardware_in_force())
    print(f"\n## Rows left out ({len(measured.rows)} of {len(measured.rows) + sum(measured.left_out.values())} kept)\n")
    for reason, n in by_reason(measured.left_out):
        print(f"- {n}: {reason}")
    classes: list[tuple[Sequence[MeasuredRow], Floats]] = []
    for name, is_mixture in CLASSES.items():
        rows, reported = parted(measured.rows, is_mixture=is_mixture)
        found[name], errors = one_class(rows, reported)
        classes.append((rows, errors))
    for name, covered in zip(CLASSES, model_coverage(classes), strict=True):
        found[name]["leave_one_model_out"] |= covered
        print_class(name, found[name])
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
