"""Whether a reworded request keeps its model, and what it costs where it does not.

    python -m benchmarks.quality.paraphrases [--data FOLDER] [--sources A,B] [--queries N] [--seed N] [--json PATH]

Trained on all of fold dev, asked for up to N queries of fold val and for each rule-made rewrite of them. Kept: share of
the rewrites that get the same model. Loss: mean score of the query's model less that of the rewrite's, on the query, in
points of 100; where cost counts, the score less its weighted mean cost. Once for quality alone, once at a cost weight
where costs are known; routed by what is foretold, and served: the verdict heeded, which may serve one model to all.
"other_frames" are frames that the rules for plain requests were not written with; they are not in the mean over
rewrites. Intervals are 95 %, from a bootstrap over queries.
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

from benchmarks.quality.encoder import encoder
from benchmarks.quality.panel_data import PanelData, read_panel
from fairlead.evaluation.outcome_data import outline_of
from fairlead.learning.metrics.robustness import robustness
from fairlead.learning.policies import chosen_at
from fairlead.learning.rewrites import REWRITES, rewrite
from fairlead.learning.stacking import N_FOLDS, fit_stack
from fairlead.learning.text_groups import group_texts, grouped_folds
from fairlead.learning.training import N_LANDMARKS
from fairlead.learning.verdict import judge
from fairlead.routing.features.query_features import QueryFeatures
from fairlead.routing.policies.objective import Objective
from fairlead.routing.policies.verdict import Verdict
from fairlead.routing.predictors.kernel_basis import KernelBasis, fit_basis
from fairlead.routing.predictors.part import sample_of
from fairlead.routing.predictors.stack import Stack

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SOURCES: Final = ("routellm", "llmrouter9", "zeroeval", "bfcl", "routerbench_part", "mmlu_pro", "kor_bench")
COST_WEIGHT: Final = 0.3
OTHER_FRAMES: Final = "other_frames"
FRAMES: Final = (
    ("Quick one for you: ", ""),
    ("Yo, got a sec? ", ""),
    ("I'm stuck on the following exercise, any pointers are welcome.\n\n", ""),
    ("As a student preparing for an exam, I'd love your thoughts on this. ", ""),
    ("", "\n\nLet me know what you think."),
    ("", "\n\nTake your time and explain if needed. Best, Anna"),
)


@dataclass(frozen=True, slots=True)
class Trained:
    """A router of one source. Shapes: relative_cost (m,), of the dearest model's mean; None unless all are known."""

    basis: KernelBasis
    stack: Stack
    verdict: Verdict
    relative_cost: Floats | None

    def picks(self, texts: Sequence[str], weight: float) -> Ints:
        """The model of each text at a cost weight (n,), the verdict left aside."""
        quality = self.stack.predict(self.basis.read(features_of(texts))).mean
        cost = np.zeros(quality.shape[1]) if self.relative_cost is None else self.relative_cost
        return chosen_at(weight, quality, cost[None], self.stack.usual)


def features_of(texts: Sequence[str]) -> QueryFeatures:
    return encoder().encode_all([outline_of(text) for text in texts])


def trained(dev: PanelData, seed: int) -> Trained:
    features = features_of(dev.texts)
    basis = fit_basis(features, N_LANDMARKS, seed)
    groups = group_texts(dev.texts)
    sample = sample_of(basis, basis.read(features), seed)
    fit = fit_stack(sample, dev.scores, grouped_folds(groups, N_FOLDS, seed))
    relative = relative_cost(dev)
    cost = None if relative is None else np.tile(relative, (len(dev.scores), 1))
    return Trained(basis, fit.stack, judge(fit.left_out, dev.scores, cost, groups, seed, dev.models), relative)


def reworded(texts: Sequence[str], kind: str, seed: int) -> list[str]:
    if kind != OTHER_FRAMES:
        return [rewrite(text, kind, seed) for text in texts]
    frames = [FRAMES[(place + seed) % len(FRAMES)] for place in range(len(texts))]
    return [f"{before}{text}{after}" for text, (before, after) in zip(texts, frames, strict=True)]


def relative_cost(dev: PanelData) -> Floats | None:
    """Each model's mean cost over that of the dearest (m,); None unless all are known."""
    known = np.isfinite(dev.cost_usd).all(axis=1)
    if not known.any():
        return None
    means = dev.cost_usd[known].mean(axis=0)
    result: Floats = means / means.max()
    return result


def measure(folder: Path, source: str, n_queries: int, seed: int) -> list[dict[str, Any]]:
    data = read_panel(folder, source)
    dev = data.take(np.flatnonzero(data.is_dev))
    val = np.flatnonzero(~data.is_dev)
    asked = data.take(np.sort(np.random.default_rng(seed).permutation(val)[:n_queries]))
    kinds = (*REWRITES, OTHER_FRAMES)
    texts = {kind: reworded(asked.texts, kind, seed) for kind in kinds}
    router = trained(dev, seed)
    rows = []
    for weight in (0.0,) if router.relative_cost is None else (0.0, COST_WEIGHT):
        price = 0.0 if router.relative_cost is None else weight * router.relative_cost
        picks = router.picks(asked.texts, weight)
        new = {kind: router.picks(texts[kind], weight) for kind in kinds}
        instead = router.verdict.serve_instead(data.models, Objective(cost_weight=weight))
        for way in ("routed", "served"):
            if way == "served" and instead is not None:
                picks = np.full_like(picks, instead)
                new = dict.fromkeys(kinds, picks)
            rows.append(
                {"source": source, "reading": way, "cost_weight": weight}
                | figures(picks, new, asked.scores, price, seed)
            )
    return rows


def figures(picks: Ints, new: dict[str, Ints], scores: Floats, price: Floats | float, seed: int) -> dict[str, Any]:
    worth = scores - price
    every = robustness(picks, np.stack([new[kind] for kind in REWRITES], axis=1), worth, seed=seed)
    rows = np.arange(len(picks))
    return {
        "n_queries": len(picks),
        "score": float(scores[rows, picks].mean()),
        "worth": float(worth[rows, picks].mean()),
        "best_single_worth": float(worth.mean(axis=0).max()),
        "kept": {kind: float((chosen == picks).mean()) for kind, chosen in new.items()},
        "loss": {kind: float((worth[rows, picks] - worth[rows, chosen]).mean()) for kind, chosen in new.items()},
        "mean_kept": [every.kept.value, every.kept.low, every.kept.high],
        "mean_loss": [every.loss.value, every.loss.low, every.loss.high],
    }


def print_row(row: dict[str, Any]) -> None:
    kept = " ".join(f"{share:8.3f}" for share in row["kept"].values())
    (share, low, high), (loss, least, most) = row["mean_kept"], row["mean_loss"]
    print(
        f"{row['source']:16s} {row['reading']:13s} {row['cost_weight']:4g} {row['score']:6.3f} "
        f"{kept} "
        f"| {share:.3f} [{low:.3f},{high:.3f}] {100 * loss:+6.2f} [{100 * least:+.2f},{100 * most:+.2f}]",
        flush=True,
    )


def mean_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The mean over sources of each router and cost weight."""
    found = []
    for reading in ("routed", "served"):
        for weight in (0.0, COST_WEIGHT):
            alike = [row for row in rows if (row["reading"], row["cost_weight"]) == (reading, weight)]
            if alike:
                found.append(
                    {
                        "source": f"mean of {len(alike)}",
                        "reading": reading,
                        "cost_weight": weight,
                        "score": float(np.mean([row["score"] for row in alike])),
                        "worth": float(np.mean([row["worth"] for row in alike])),
                        "kept": {
                            kind: float(np.mean([row["kept"][kind] for row in alike])) for kind in alike[0]["kept"]
                        },
                        "mean_kept": np.mean([row["mean_kept"] for row in alike], axis=0).tolist(),
                        "mean_loss": np.mean([row["mean_loss"] for row in alike], axis=0).tolist(),
                    }
                )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "")))
    parser.add_argument("--sources", default=",".join(SOURCES))
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.data / "outcomes").is_dir():
        parser.error("set FAIRLEAD_DATA (or --data) to the folder of the measured outcomes")
    heads = " ".join(f"{kind[:8]:>8s}" for kind in (*REWRITES, OTHER_FRAMES))
    print(f"{'source':16s} {'reading':13s} cost  score {heads} | kept of all, loss in points")
    rows = []
    for source in arguments.sources.split(","):
        rows += measure(arguments.data, source, arguments.queries, arguments.seed)
        for row in rows:
            if row["source"] == source:
                print_row(row)
    means = mean_rows(rows)
    print("\nmeans over sources (their intervals' ends are means as well)")
    for row in means:
        print_row(row)
    if arguments.json:
        arguments.json.write_text(json.dumps({"sources": rows, "means": means}, indent=1))


if __name__ == "__main__":
    main()
