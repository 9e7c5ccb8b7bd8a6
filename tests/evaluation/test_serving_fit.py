"""The fit of serving constants: it finds what rows were made with, and the shipped file says what it was made of."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from fairlead.analysis.engines import parse_engines
from fairlead.analysis.step_time import NAMES, Constants, token_s
from fairlead.analysis.workload import stacked
from fairlead.assembly.hosting import hardware_in_force, shipped_engines
from fairlead.domain.errors import AnalysisError
from fairlead.evaluation.serving_fit import (
    CONSTANTS_PATH,
    ENGINES,
    constants_file,
    coverage,
    fit,
    half_width,
    left_out_errors,
    mean_error,
    new_model_half_width,
    parted,
    recalibrated_errors,
    sweep_of,
)
from fairlead.evaluation.serving_rows import SAMPLE, MeasuredRow, MeasuredRows, read_rows
from tests.analysis.small_configs import LLAMA_8B, MINIMAX_M2

MACHINES = hardware_in_force()
COLUMNS = (
    "id", "backend", "model_path", "system", "precision", "mode", "isl", "osl", "batch_size", "tp_size",
    "attention_dp_size", "moe_tp_size", "moe_ep_size", "silicon_ttft_ms", "silicon_tpot_ms",
)  # fmt: skip


def line(**changes: object) -> dict[str, object]:
    """One row of a sample."""
    return {
        "id": "a", "backend": "vllm", "model_path": "meta-llama/Llama-3.1-8B-Instruct", "system": "h100_sxm",
        "precision": "fp8", "mode": "agg", "isl": 1024, "osl": 1024, "batch_size": 16, "tp_size": 1,
        "attention_dp_size": 1, "moe_tp_size": 1, "moe_ep_size": 1, "silicon_ttft_ms": 100, "silicon_tpot_ms": 9.0,
    } | changes  # fmt: skip


def folder_of(folder: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A folder of the sample's form."""
    (folder / "model_configs").mkdir()
    for name, config in (("meta-llama--Meta-Llama-3.1-8B", LLAMA_8B), ("MiniMaxAI--MiniMax-M2.5", MINIMAX_M2)):
        (folder / "model_configs" / f"{name}_config.json").write_text(json.dumps(config))
    with (folder / SAMPLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_rows_are_kept_or_left_out_for_a_reason_that_is_counted(tmp_path: Path) -> None:
    rows = [
        line(),
        line(),
        line(mode="disagg"),
        line(precision=""),
        line(attention_dp_size=4),
        line(silicon_tpot_ms=0.5, batch_size=64),
    ]
    found = read_rows(folder_of(tmp_path, rows), MACHINES)
    assert [row.name for row in found.rows] == ["a"]
    assert found.left_out == {
        "the same measurement again": 1,
        "separate pools for prefill and decode": 1,
        "no precision stated": 1,
        "attention is data-parallel": 1,
        "faster than the data sheet allows (Llama-3.1-8B on h100_sxm)": 1,
    }


def test_tensor_times_expert_parallelism_is_read_as_the_gpus_that_there_are(tmp_path: Path) -> None:
    twins = [
        line(model_path="MiniMaxAI/MiniMax-M2.5", tp_size=16, moe_tp_size=4, moe_ep_size=4, silicon_tpot_ms=20),
        line(model_path="MiniMaxAI/MiniMax-M2.5", tp_size=4, moe_tp_size=1, moe_ep_size=4, silicon_tpot_ms=20),
    ]
    found = read_rows(folder_of(tmp_path, twins), MACHINES)
    assert [row.count for row in found.rows] == [4]
    assert found.left_out == {"the same measurement again": 1}


def test_a_folder_without_the_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="cannot read"):
        read_rows(tmp_path, MACHINES)
    (tmp_path / SAMPLE).write_text("a,b\n1,2\n")
    with pytest.raises(AnalysisError, match="no column backend"):
        read_rows(tmp_path, MACHINES)


def made_rows(folder: Path) -> tuple[MeasuredRow, ...]:
    """Rows of three GPUs and two engines, made with known constants and a little noise."""
    lines = [
        line(
            id=f"{gpu}{engine}{count}{at_once}{prompt}{reply}", system=gpu, backend=engine, tp_size=count,
            batch_size=at_once, isl=prompt, osl=reply, silicon_tpot_ms=1e6,
        )
        for gpu in ("h100_sxm", "h200_sxm", "b200_sxm")
        for engine in ("vllm", "trtllm")
        for count in (1, 2, 4)
        for at_once in (1, 4, 16, 64, 256)
        for prompt, reply in ((1024, 1024), (8192, 1024), (1024, 8192))
    ]  # fmt: skip
    rows = read_rows(folder_of(folder, lines), MACHINES).rows
    truth = dict(zip(NAMES, (8, 0.7, 0.6, 0.7, 0.5, 0.5, 4e-5, 2e-3, 8e-6, 2e-5, 0.3, 0.5), strict=True))
    columns = {name: np.full(len(rows), value, dtype=np.float64) for name, value in truth.items()}
    columns["layer_s"] *= [1.5 if row.engine == "vllm" else 1.0 for row in rows]
    times = token_s(stacked([row.load for row in rows]), Constants(**columns), np.ones(len(rows)))
    noise = np.exp(np.random.default_rng(7).normal(0, 0.03, len(rows)))
    return tuple(replace(row, token_s=float(time)) for row, time in zip(rows, times * noise, strict=True))


def test_rows_of_known_constants_are_foretold_without_their_gpu(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    errors = left_out_errors(rows, lambda row: row.gpu)
    assert mean_error(errors) < 0.08
    assert mean_error(np.log(fit(rows).token_s(rows) / np.array([row.token_s for row in rows]))) < 0.04


def test_an_engine_that_a_fold_has_never_seen_is_still_foretold(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    found = fit([row for row in rows if row.engine == "vllm"])
    unseen = [row for row in rows if row.engine == "trtllm"]
    assert mean_error(np.log(found.token_s(unseen) / np.array([row.token_s for row in unseen]))) < 0.4


def test_the_file_that_is_written_is_the_file_that_is_read(tmp_path: Path) -> None:
    rows = tuple(replace(row, model=f"{row.model} {at % 2}") for at, row in enumerate(made_rows(tmp_path)))
    as_mixture = tuple(replace(row, is_mixture=True) for row in rows)
    written = constants_file(MeasuredRows((*rows, *as_mixture), {"a reason": 3}, "0" * 64), date(2026, 11, 30))
    read = parse_engines(json.dumps(written))
    assert read.names == ENGINES
    assert read.card["rows"] == {"dense": len(rows), "mixture": len(rows)}
    assert read.dense.domain.gpus == ("b200_sxm", "h100_sxm", "h200_sxm")
    assert read.dense.spread.known <= read.dense.spread.new_model <= read.dense.spread.outside


def test_intervals_hold_what_they_say() -> None:
    rng = np.random.default_rng(3)
    errors = rng.normal(0, 0.1, 3_000)
    assert half_width(errors) == pytest.approx(0.1645, rel=0.05)
    assert coverage(errors, [f"{at % 10}" for at in range(3_000)]) == pytest.approx(0.9, abs=0.02)


def test_the_interval_of_an_unmeasured_model_holds_nine_of_ten_rows_of_models_that_err_as_a_whole() -> None:
    rng = np.random.default_rng(4)
    inside = []
    for _ in range(200):
        shift = rng.normal(0, 0.2, 9)
        errors = {f"m{at}": rng.normal(shift[at], 0.2, 10 + 60 * at) for at in range(9)}
        new = errors.pop("m8")
        inside.append(float((np.abs(new) <= new_model_half_width(errors)).mean()))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.025)


def test_one_row_takes_a_sweeps_common_error_away() -> None:
    errors = np.array([0.5, 0.52, 0.48, -0.3, -0.31])
    left = recalibrated_errors(errors, ["a", "a", "a", "b", "b"], np.random.default_rng(1))
    assert left.size == 3
    assert np.abs(left).max() < 0.05


def test_the_shipped_constants_say_what_they_were_fitted_to() -> None:
    engines = shipped_engines()
    assert CONSTANTS_PATH.is_file()
    assert engines.names == ENGINES
    card = engines.card
    assert card["error"]["dense"]["leave_one_gpu_out"] <= 0.15
    assert card["error"]["mixture"]["leave_one_gpu_out"] <= 0.25
    assert sum(card["left_out"].values()) + sum(card["rows"].values()) <= 4_250
    assert len(card["sha256"]) == 64
    for known in (engines.dense, engines.mixture):
        at_once = [one.concurrency for one in known.first_token]
        assert at_once == sorted(at_once)
        assert all(one.low < one.middle < one.high for one in known.first_token)


def test_racks_are_reported_and_never_fitted(tmp_path: Path) -> None:
    rows = read_rows(folder_of(tmp_path, [line(), line(system="gb200", silicon_tpot_ms=8)]), MACHINES).rows
    fitted, reported = parted(rows, is_mixture=False)
    assert [row.gpu for row in fitted] == ["h100_sxm"]
    assert [row.gpu for row in reported] == ["gb200"]
    assert sweep_of(fitted[0]) != sweep_of(reported[0])


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("FAIRLEAD_DATA"), reason="FAIRLEAD_DATA is not set")
def test_curated_points_lie_in_the_intervals_of_the_shipped_constants() -> None:
    found = read_rows(Path(os.environ["FAIRLEAD_DATA"]) / "hardware", MACHINES, "silicon_refs.csv")
    rows, _ = parted(found.rows, is_mixture=True)
    known = shipped_engines().mixture
    inside = []
    for row in rows:
        factor = np.array([known.models[row.fingerprint]])
        likely = token_s(row.load, known.engines[row.engine], factor)[0]
        inside.append(abs(np.log(likely / row.token_s)) <= known.spread.known)
    assert len(inside) >= 8
    assert np.mean(inside) >= 0.85
