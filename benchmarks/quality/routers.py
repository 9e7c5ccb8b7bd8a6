"""The learned router beside the yardstick's stack, on the same splits in the same run: numbers 1, 2 and 4.

    python -m benchmarks.quality.routers [--data FOLDER] [--sources A,B] [--sizes 300,all] [--seeds 10]
        [--rival-seeds 5] [--json PATH]

Fitted on fold `dev` (a random subset of each size per seed; of the rest of dev the texts alone are known, to both),
measured on fold `val`; the text only, no task labels.
score: mean outcome of the model foretold best, which is the one that the router serves at quality alone where its
verdict lets it; chosen: the same with the verdict heeded. ±: one standard error of the mean over seeds, with the spread
of the seeds in it; that of AUC and Brier gains is over queries alone. The yardstick's texts are read once a source.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import yardstick
from benchmarks.quality.panel_data import PanelData, features_of, read_panel
from fairlead.learning.metrics.calibration import pooled_calibration_error
from fairlead.learning.metrics.pair_curve import apgr_by_rank
from fairlead.learning.metrics.ranking import mean_auc
from fairlead.learning.stacking import N_FOLDS, fit_stack, partitions_of
from fairlead.learning.text_groups import group_texts
from fairlead.learning.training import MAX_UNANSWERED, N_LANDMARKS
from fairlead.learning.verdict import judge
from fairlead.routing.policies.objective import Foretold, Objective
from fairlead.routing.predictors.kernel_basis import fit_basis
from fairlead.routing.predictors.part import sample_of
from fairlead.routing.predictors.stack import Quality

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SOURCES: Final = ("routellm", "llmrouter9", "zeroeval", "bfcl", "routerbench_part", "mmlu_pro", "kor_bench")
SIZES: Final = ("300", "1000", "all")
MIN_CELL: Final = 50
N_DRAWS: Final = 40


@dataclass(frozen=True, slots=True)
class Fit:
    """What one training foretells of the test queries. Shapes: quality.* and rival (n, m); chosen (n,)."""

    quality: Quality
    rival: Floats | None
    chosen: Ints
    best_single: int
    is_route: bool
    """Proven."""
    is_served: bool
    """Proven or likely."""


def fit_one(data: PanelData, features: Any, train: Ints, test: Ints, seed: int, texts: yardstick.Texts | None) -> Fit:
    """Ours and, where its texts are given, the yardstick's on the same training queries.

    Both know the texts of all of dev, as the reference script does, and the outcomes of the training queries alone.
    """
    basis = fit_basis(features.take(train), N_LANDMARKS, seed)
    beside = np.setdiff1d(np.flatnonzero(data.is_dev), train)
    beside = np.sort(np.random.default_rng(seed).permutation(beside)[:MAX_UNANSWERED])
    sample = sample_of(basis, basis.read(features.take(train)), seed, features.take(beside))
    groups = group_texts([data.texts[row] for row in train])
    scores = data.scores[train]
    folds, *more_folds = partitions_of(groups, N_FOLDS, seed)
    fit = fit_stack(sample, scores, folds, more_folds=more_folds)
    quality = fit.stack.predict(basis.read(features.take(test)))
    verdict = judge(fit.left_out, scores, None, groups, seed, data.models)
    unknown = np.full_like(quality.mean, np.nan)
    foretold = Foretold(quality.mean, quality.low, quality.high, unknown, unknown, unknown)
    instead = verdict.serve_instead(data.models, Objective())
    chosen = Objective().pick(foretold, None)
    if instead is not None:
        chosen = np.full(len(test), instead, dtype=np.int64)
    rival = None if texts is None else yardstick.predict_parts(texts, data.scores, train, test)["stack"]
    single = int(scores.mean(axis=0).argmax())
    return Fit(quality, rival, chosen, single, verdict.trials[0].is_route, instead is None)


def figures(fits: list[Fit], actual: Floats, rows: Ints) -> dict[str, float]:
    """Means over seeds on these test queries."""
    y, at = actual[rows], np.arange(len(rows))
    found: dict[str, list[float]] = {}

    def put(name: str, value: float | None) -> None:
        if value is not None:
            found.setdefault(name, []).append(value)

    for fit in fits:
        ours = fit.quality.mean[rows]
        both = [("ours", ours)] if fit.rival is None else [("ours", ours), ("yardstick", fit.rival[rows])]
        for name, quality in both:
            put(f"auc {name}", mean_auc(quality, y))
            put(f"brier {name}", float(((quality - y) ** 2).mean()))
            put(f"score {name}", float(y[at, quality.argmax(axis=1)].mean()))
            if y.shape[1] == 2:
                put(f"apgr {name}", apgr_of(quality, y))
        put("chosen", float(y[at, fit.chosen[rows]].mean()))
        put("best single", float(y[:, fit.best_single].mean()))
        put("ece", pooled_calibration_error(ours, y))
        put("proven", float(fit.is_route))
        put("served", float(fit.is_served))
    return {name: float(np.mean(values)) for name, values in found.items()}


def gains_of(fits: list[Fit], actual: Floats) -> dict[str, Floats]:
    """What each query gains over the best single model (n_seeds, n): by highest foretold and by chosen."""
    at = np.arange(len(actual))
    single = np.array([actual[:, fit.best_single] for fit in fits])
    highest = np.array([actual[at, fit.quality.mean.argmax(axis=1)] for fit in fits])
    chosen = np.array([actual[at, fit.chosen] for fit in fits])
    return {"score gain": highest - single, "chosen gain": chosen - single}


def error_of(gained: Floats) -> float:
    """Standard error of the mean gain (n_seeds, n): other queries would give another, and so would other seeds."""
    n_seeds, n = gained.shape
    of_queries = gained.mean(axis=0).var(ddof=1) / n
    of_seeds = gained.mean(axis=1).var(ddof=1) / n_seeds if n_seeds > 1 else 0.0
    return float(np.sqrt(of_queries + of_seeds))


def apgr_of(quality: Floats, actual: Floats) -> float | None:
    """The reference script's APGR of a pair: the strong one is the better one on these very queries."""
    strong = int(actual.mean(axis=0).argmax())
    return apgr_by_rank(quality[:, strong] - quality[:, 1 - strong], actual[:, strong] - actual[:, 1 - strong])


def covered(fits: list[Fit], actual: Floats) -> tuple[int, int]:
    """Cells (model x decile of the prediction x seed) whose observed mean the mean interval holds, of how many."""
    hit = total = 0
    for fit in fits:
        for arm in range(actual.shape[1]):
            for cell in np.array_split(np.argsort(fit.quality.mean[:, arm], kind="stable"), 10):
                if len(cell) >= MIN_CELL:
                    mean = actual[cell, arm].mean()
                    hit += int(fit.quality.low[cell, arm].mean() <= mean <= fit.quality.high[cell, arm].mean())
                    total += 1
    return hit, total


def measure(folder: Path, source: str, sizes: Sequence[str], n_seeds: int, n_rivals: int) -> list[dict[str, Any]]:
    """One row a size."""
    data = read_panel(folder, source)
    features = features_of(data)
    dev, test = np.flatnonzero(data.is_dev), np.flatnonzero(~data.is_dev)
    actual = data.scores[test]
    texts = yardstick.read_texts(data.texts, dev) if n_rivals else None
    rows = []
    for size in sizes:
        n = len(dev) if size == "all" else min(int(size), len(dev))
        seeds = range(1 if size == "all" else n_seeds)
        fits = [
            fit_one(
                data, features, np.random.default_rng(seed).permutation(dev)[:n], test, seed,
                texts if seed < n_rivals else None,
            )
            for seed in seeds
        ]  # fmt: skip
        compared = [fit for fit in fits if fit.rival is not None]
        row: dict[str, Any] = {"source": source, "size": size, "n": n, "n_seeds": len(seeds)}
        row |= figures(fits, actual, np.arange(len(test)))
        draw = np.random.default_rng(0)
        drawn_of = compared[:3] or fits[:3]
        draws = [figures(drawn_of, actual, draw.integers(0, len(test), len(test))) for _ in range(N_DRAWS)]
        paired = figures(compared, actual, np.arange(len(test)))
        for name, one, other in (
            ("auc gain", "auc ours", "auc yardstick"), ("brier gain", "brier yardstick", "brier ours"),
            ("chosen gain", "chosen", "best single"), ("score gain", "score ours", "best single"),
        ):  # fmt: skip
            against = paired if "yardstick" in one + other else row
            if one not in against or other not in against:
                continue
            row[name] = against[one] - against[other]
            row[f"{name} se"] = float(np.std([each[one] - each[other] for each in draws], ddof=1))
        for name in ("score ours", "apgr ours"):
            if name in row:
                alone = [figures([fit], actual, np.arange(len(test)))[name] for fit in fits]
                of_seeds = np.var(alone, ddof=1) / len(fits) if len(fits) > 1 else 0.0
                row[f"{name} se"] = float(np.sqrt(np.var([each[name] for each in draws], ddof=1) + of_seeds))
        for name, gained in gains_of(fits, actual).items():
            row[f"{name} se"] = error_of(gained)
        row["covered"], row["cells"] = covered(fits, actual)
        rows.append(row)
        show(row)
    return rows


def show(row: dict[str, Any]) -> None:
    """One line."""
    apgr = ""
    if "apgr ours" in row:
        rival = f" (yardstick {row['apgr yardstick']:.4f})" if "apgr yardstick" in row else ""
        apgr = f" apgr {row['apgr ours']:.4f} ±{row['apgr ours se']:.4f}{rival}"
    auc = brier = score = ""
    if "auc gain" in row:
        auc = f" {row['auc gain']:+.4f} ±{row['auc gain se']:.4f}"
        brier = f" {-row['brier gain']:+.4f} ±{row['brier gain se']:.4f}"
        score = f"yardstick {row['score yardstick']:.4f}, "
    cells = f"{row['covered'] / row['cells']:.3f} of {row['cells']}" if row["cells"] else "-"
    print(
        f"{row['source']:16} {row['size']:>5}"
        f"  auc {row['auc ours']:.4f}{auc}  brier {row['brier ours']:.4f}{brier}"
        f"  score {row['score ours']:.4f} ±{row['score ours se']:.4f}"
        f" ({score}single {row['best single']:.4f},"
        f" gain {row['score gain']:+.4f} ±{row['score gain se']:.4f})  chosen {row['chosen']:.4f} (proven"
        f" {row['proven']:.0%}, served {row['served']:.0%},"
        f" gain {row['chosen gain']:+.4f} ±{row['chosen gain se']:.4f}){apgr}"
        f"  ece {row['ece']:.4f}  covers {cells}",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "data")))
    parser.add_argument("--sources", default=",".join(SOURCES))
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rival-seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sizes = arguments.sizes.split(",")
    rows = [
        row
        for source in arguments.sources.split(",")
        for row in measure(arguments.data, source, sizes, arguments.seeds, arguments.rival_seeds)
    ]
    for size in sizes if arguments.rival_seeds else ():
        of_size = [row for row in rows if row["size"] == size]
        means = {name: float(np.mean([row[name] for row in of_size])) for name in ("auc gain", "brier gain")}
        print(f"{size:>5}: AUC {means['auc gain']:+.4f}, Brier {-means['brier gain']:+.4f} on average")
    if arguments.rival_seeds:
        means = {name: float(np.mean([row[name] for row in rows])) for name in ("auc gain", "brier gain")}
        print(f"all sizes: AUC {means['auc gain']:+.4f}, Brier {-means['brier gain']:+.4f} on average")
    print(
        f"intervals cover "
        f"{sum(row['covered'] for row in rows) / max(sum(row['cells'] for row in rows), 1):.3f} of the cells"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
