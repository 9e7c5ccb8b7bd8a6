"""How well reply lengths and delays are foretold on questions never seen, beside what a task label would tell.

    python -m benchmarks.quality.lengths_and_delays [--data FOLDER] [--json PATH]

Fitted on fold dev, measured on fold val. Lengths: median of |foretold - true| / true over all calls; the task median is
told the true task and takes that model's median over it. Tokens of bfcl are measured, the others' are estimates from
the text of the reply. Delays: R^2 of log seconds on bfcl, given the call's output tokens, per model. Its ceiling: two
runs of one call leave residuals (after their own tokens) that correlate by rho, so that no more than R^2 of the tokens
+ rho (1 - R^2) can be foretold from the call: with each model's own rho, and with one of .47 for all.
Intervals are 95 %, from a bootstrap over queries.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.quality.panel_data import PanelData, features_of, read_panel
from fairlead.routing.predictors.delays import Delays
from fairlead.routing.predictors.kernel_basis import Reading, fit_basis
from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.part import Sample, sample_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SOURCES: Final = ("bfcl", "zeroeval", "routerbench_part", "kor_bench", "mmlu_pro")
N_LANDMARKS: Final = 1_024
N_BOOTSTRAP: Final = 500
Z_ONE_SIDED_90: Final = 1.2816
MIN_PAIRS: Final = 50
STATED_SHARE: Final = 0.47
"""Of what tokens leave unexplained, what two runs of one call share by an earlier reading of the same table."""


def fitted(data: PanelData) -> tuple[Sample, Reading, Ints, Ints]:
    """The dev queries as a sample, the val queries beside it, and where both stand."""
    features = features_of(data)
    dev, val = np.flatnonzero(data.is_dev), np.flatnonzero(~data.is_dev)
    basis = fit_basis(features.take(dev), N_LANDMARKS, 0)
    return sample_of(basis, basis.read(features.take(dev)), 0), basis.read(features.take(val)), dev, val


def with_interval(measure: Callable[[Ints], float], n: int) -> dict[str, float]:
    """A figure of queries with its 95 % interval."""
    draw = np.random.default_rng(0)
    values = [measure(draw.integers(0, n, n)) for _ in range(N_BOOTSTRAP)]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return {"value": measure(np.arange(n)), "low": float(low), "high": float(high)}


def relative_error(foretold: Floats, true: Floats) -> Callable[[Ints], float]:
    """The median relative error over the cells of some queries."""
    error = np.abs(foretold - true) / true
    return lambda rows: float(np.nanmedian(error[rows]))


def task_median(data: PanelData, dev: Ints, val: Ints) -> Floats:
    """Each model's median tokens over the true task; over all tasks where dev has none of it."""
    found = np.tile(np.nanmedian(data.output_tokens[dev], axis=0), (len(val), 1))
    for task in set(data.tasks[val].tolist()):
        inside = data.tasks[dev] == task
        if inside.any():
            found[data.tasks[val] == task] = np.nanmedian(data.output_tokens[dev][inside], axis=0)
    return found


def length_rows(data: PanelData) -> list[dict[str, object]]:
    """The length head of a source beside a model's median and the true task's."""
    sample, reading, dev, val = fitted(data)
    head = Lengths.fit(sample, data.output_tokens[dev])
    true = np.where(data.output_tokens[val] > 0, data.output_tokens[val], np.nan)
    low, high = head.interval(reading)
    seen = np.isfinite(true)
    covered = float(((true >= np.floor(low)) & (true <= np.ceil(high)))[seen].mean())
    bias = float(np.median(np.nansum(np.where(seen, head.mean(reading), 0.0), axis=0) / np.nansum(true, axis=0)))
    foretold = {
        "head": head.predict(reading),
        "task median": task_median(data, dev, val),
        "model median": np.tile(np.nanmedian(data.output_tokens[dev], axis=0), (len(val), 1)),
    }
    return [
        {"source": data.source, "figure": "length_relative_error", "method": name, "n": len(val),
         **with_interval(relative_error(tokens, true), len(val)),
         **({"interval_coverage": covered, "sum_ratio": bias} if name == "head" else {})}
        for name, tokens in foretold.items()
    ]  # fmt: skip


def r_squared(foretold: Floats, true: Floats) -> Floats:
    """R^2 of each column over its known cells; both (n, m)."""
    seen = np.isfinite(foretold) & np.isfinite(true)
    true, gap = np.where(seen, true, np.nan), np.where(seen, true - foretold, np.nan)
    explained: Floats = 1.0 - np.nansum(gap**2, axis=0) / np.nansum((true - np.nanmean(true, axis=0)) ** 2, axis=0)
    return explained


def median_r_squared(foretold: Floats, true: Floats) -> Callable[[Ints], float]:
    """The median of R^2 over models, over some queries."""
    return lambda rows: float(np.nanmedian(r_squared(foretold[rows], true[rows])))


def delay_rows(folder: Path, data: PanelData) -> list[dict[str, object]]:
    """The delay head on bfcl: R^2 of log seconds given measured tokens, with and without the text, and the ceiling."""
    sample, reading, dev, val = fitted(data)
    head = Delays.fit(sample, data.latency_s[dev], data.output_tokens[dev], data.input_tokens[dev])
    tokens, inputs, seconds = data.output_tokens[val], data.input_tokens[val], data.latency_s[val]
    foretold = head.predict(reading, tokens, inputs)
    by_tokens = head.ttft(tokens.shape, inputs) + head.s_per_token * tokens
    task = np.tile(np.nanmedian(data.latency_s[dev], axis=0), (len(val), 1))
    true = np.log(seconds)
    rows: list[dict[str, object]] = [
        {"source": data.source, "figure": "log_seconds_r2_median", "method": name, "n": len(val),
         **with_interval(median_r_squared(np.log(guess), true), len(val))}
        for name, guess in (("head", foretold), ("tokens alone", by_tokens), ("model median", task))
    ]  # fmt: skip
    below = seconds <= foretold * head.factor(Z_ONE_SIDED_90, tokens)
    rows[0] |= {
        "below_90_quantile": float(below[np.isfinite(foretold)].mean()),
        "by_model": dict(zip(data.models, r_squared(np.log(foretold), true).round(3).tolist(), strict=True)),
    }
    return rows + ceiling_rows(
        folder,
        dict(zip(data.models, r_squared(np.log(by_tokens), true).tolist(), strict=True)),
        dict(zip(data.models, r_squared(np.log(foretold), true).tolist(), strict=True)),
    )


def repeat_shares(folder: Path) -> dict[str, float]:
    """By model, how far two runs of one call agree in what their own tokens leave: the correlation of log residuals."""
    table = pq.read_table(folder / "latency" / "bfcl_repeat_latency.parquet").to_pydict()
    model = np.array(table["model"])
    runs = [
        (
            np.array(table[f"latency_{run}_s"], dtype=np.float64),
            np.array(table[f"output_tokens_{run}"], dtype=np.float64),
        )
        for run in ("2024_07", "2024_08")
    ]
    known = np.isfinite(runs[0][0] * runs[1][0] * runs[0][1] * runs[1][1])
    shares = {}
    for name in sorted(set(model[known].tolist())):
        rows = known & (model == name)
        if rows.sum() < MIN_PAIRS:
            continue
        gaps = []
        for seconds, tokens in runs:
            x, y = np.log(np.maximum(tokens[rows], 1.0)), np.log(seconds[rows])
            columns = np.column_stack((np.ones_like(x), x, x**2))
            gaps.append(y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0])
        shares[name] = float(np.corrcoef(gaps[0], gaps[1])[0, 1])
    return shares


def ceiling_rows(folder: Path, by_tokens: dict[str, float], by_head: dict[str, float]) -> list[dict[str, object]]:
    """What could be foretold at best, for the models whose calls were made twice, with the head on the same models."""
    shares = repeat_shares(folder)
    found = {
        name: explained + max(shares[name], 0.0) * (1.0 - explained)
        for name, explained in by_tokens.items()
        if name in shares
    }
    stated = [explained + STATED_SHARE * (1.0 - explained) for explained in by_tokens.values()]
    told = {
        "head, same models": [by_head[name] for name in found],
        "ceiling, two runs": list(found.values()),
        "ceiling at .47": stated,
    }
    return [
        {"source": "bfcl", "figure": "log_seconds_r2_median", "method": method, "value": float(np.median(values)),
         "low": min(values), "high": max(values), "n": len(values),
         **({"by_model": found, "shares": {name: shares[name] for name in found}} if "two" in method else {})}
        for method, values in told.items()
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "")))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.data / "outcomes").is_dir():
        parser.error("set FAIRLEAD_DATA (or --data) to the folder of the measured outcomes")
    rows: list[dict[str, object]] = []
    for source in SOURCES:
        data = read_panel(arguments.data, source)
        rows += length_rows(data)
        if source == "bfcl":
            rows += delay_rows(arguments.data, data)
    print(
        f"{'source':18s} {'figure':24s} {'method':18s} {'value':>7s}  95 % (of the last three: lowest, highest model)"
    )
    for row in sorted(rows, key=lambda row: str(row["figure"])):
        extra = [f"{key} {row[key]:.3f}" for key in ("interval_coverage", "sum_ratio", "below_90_quantile")
                 if key in row]  # fmt: skip
        print(
            f"{row['source']:18s} {row['figure']:24s} {row['method']:18s} {row['value']:7.4f} "
            f"[{row['low']:.4f}, {row['high']:.4f}]  {', '.join(extra)}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
