"""What equal quality costs: routers that know prices beside blind ones, over resplits of the measured outcomes.

    python -m benchmarks.quality.cost_curves [--data FOLDER] [--sources A,B] [--resplits 20] [--json PATH]

Dev and val are pooled and split again by groups of equal and nearly equal texts, as many to train on as in dev. A
router serves, for each weight of cost, the model of the highest expected quality less weight x expected cost; the curve
is its mean cost and mean score on the test side. Figures per resplit:

  share97   least cost with at least 97 % of the score of the dev-best model, as a share of that model's cost; 1 where
            the router cannot keep it, since the dev-best model itself always can
  area      mean of the best score so far over 200 costs between the cheapest and the dearest model, straight lines
            between settings, 0 left of the cheapest setting

Then the mean difference to each baseline with two standard errors: over resplits, which share their queries and so say
little of other queries, and over queries, by the jackknife (each of 20 blocks of text groups is left out of every test
side in turn; routers are not fitted anew). The yardstick is asked on the first five alone.

Costs: as billed where the source has them; kor_bench and mmlu_pro cost their tokens at the list prices of panels.toml,
for those models of the reference panel that have one (7 of 10 and 7 of 9), or with --listed for all models that
panels.toml names there (10 and 8). mmlu_pro's tokens lack its five examples.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import yardstick
from benchmarks.quality.panel_data import PanelData, features_of, list_prices, read_panel
from fairlead.learning.metrics.cost_curve import area_over_grid, neutral_cost
from fairlead.learning.policies import chosen_at
from fairlead.learning.stacking import N_FOLDS, fit_stack
from fairlead.learning.text_groups import group_texts, grouped_folds
from fairlead.routing.features.query_features import QueryFeatures
from fairlead.routing.predictors.costs import Calls, Costs
from fairlead.routing.predictors.kernel_basis import fit_basis
from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.part import sample_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SOURCES: Final = ("zeroeval", "bfcl", "routerbench_part", "kor_bench", "mmlu_pro")
KEPT: Final = 0.97
ADEQUATE: Final = 0.95
WEIGHTS: Final = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 80)])
"""Of cost, in units of the dearest model's mean cost on the training side."""
N_MIXES: Final = 21
"""Shares of two neighbours on the zero router's hull."""
OURS: Final = "fairlead"
BASELINES: Final = ("zero router", "cheapest adequate", "clusters", "kNN", "yardstick")
N_BLOCKS: Final = 20
"""Of text groups, each left out of the test sides in turn."""
LESS_IS_BETTER: Final = {"share97": True, "area": False}


class Curve(NamedTuple):
    """Mean cost and mean score at each setting, on the whole test side and on it without each block.

    Shapes: both (1 + N_BLOCKS, n_settings).
    """

    cost: Floats
    score: Floats


class Foretold(NamedTuple):
    """Expected quality and expected cost in USD of the test queries; both (n_test, m)."""

    quality: Floats
    cost_usd: Floats
    usual: Floats | None = None
    """Quality on the usual query (m,), where choices are steadied by it, as a trained router's are."""


@dataclass(frozen=True, slots=True)
class Split:
    """One resplit. Shapes: train, test are places of queries; blocks (n,), each query's, of the whole source."""

    data: PanelData
    features: QueryFeatures
    train: Ints
    test: Ints
    seed: int
    blocks: Ints

    def curve_of(self, foretold: Foretold) -> Curve:
        """The curve of best expected quality less weighted expected cost."""
        test_scores, test_cost = self.data.scores[self.test], self.data.cost_usd[self.test]
        scale = self.data.cost_usd[self.train].mean(axis=0).max()
        rows = np.arange(len(self.test))
        relative = foretold.cost_usd / scale
        picks = [chosen_at(weight, foretold.quality, relative, foretold.usual) for weight in WEIGHTS.tolist()]
        return Curve(
            self.means(np.stack([test_cost[rows, pick] for pick in picks], axis=1)),
            self.means(np.stack([test_scores[rows, pick] for pick in picks], axis=1)),
        )

    def means(self, values: Floats) -> Floats:
        """Means over the test side, and over it without each block. Shapes: (n_test, k) -> (1 + N_BLOCKS, k)."""
        keeps = np.ones((1 + N_BLOCKS, len(self.test)))
        keeps[1:] = self.blocks[self.test] != np.arange(N_BLOCKS)[:, None]
        result: Floats = keeps @ values / keeps.sum(axis=1, keepdims=True)
        return result


def priced_panel(folder: Path, source: str, *, is_listed: bool = False) -> PanelData:
    """The queries and models of a source whose costs are all known and whole."""
    data = read_panel(folder, source)
    if not np.isfinite(data.cost_usd).any():
        prices = list_prices(folder, source)
        if is_listed:
            data = read_panel(folder, source, tuple(prices))
        data = data.of_models(np.flatnonzero([model in prices for model in data.models]))
        rates = np.array([prices[model] for model in data.models]) * 1e-6
        data.cost_usd[:] = data.input_tokens * rates[:, 0] + data.output_tokens * rates[:, 1]
    data = data.of_models(np.flatnonzero(~data.hides_cost))
    return data.take(np.flatnonzero(np.isfinite(data.cost_usd).all(axis=1)))


def resplit(groups: Ints, n_train: int, seed: int) -> tuple[Ints, Ints]:
    """Places to train and to test on: whole groups in random order until the training side is full."""
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    sizes = np.bincount(groups)[order]
    trained = order[np.concatenate(([0], sizes.cumsum()[:-1])) < n_train]
    is_train = np.isin(groups, trained)
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)


def our_forecasts(split: Split) -> dict[str, Foretold]:
    """Ours, and its parts that are baselines too: the one function to change when the router changes."""
    data, train, test = split.data, split.train, split.test
    features, scores, tokens = split.features, data.scores[train], data.output_tokens[train]
    basis = fit_basis(features.take(train), 1_024, split.seed)
    sample = sample_of(basis, basis.read(features.take(train)), split.seed)
    reading = basis.read(features.take(test))
    lengths = Lengths.fit(sample, tokens)
    calls = Calls(data.n_chars[train], data.cost_usd[train], data.input_tokens[train], tokens)
    costs = Costs.fit(sample, calls, None, len(data.models))
    expected = costs.predict(reading, data.n_chars[test], lengths.mean(reading))
    blind = np.tile(data.cost_usd[train].mean(axis=0), (len(test), 1))
    groups = group_texts([data.texts[row] for row in train])
    fit = fit_stack(sample, scores, grouped_folds(groups, N_FOLDS, split.seed))
    parts = {name: part.predict(reading) for name, part in fit.stack.parts.items()}
    quality = fit.stack.predict(reading).mean
    return {
        OURS: Foretold(quality, expected, fit.stack.usual),
        "not steadied": Foretold(quality, expected),
        "mean costs": Foretold(quality, blind, fit.stack.usual),
        "kernel ridge": Foretold(parts["kernel_ridge"], expected),
        "clusters": Foretold(parts["cluster_table"], blind),
        "kNN": Foretold(parts["neighbours"], blind),
    }


def yardstick_forecasts(split: Split) -> dict[str, Foretold]:
    """The yardstick's stack, which knows a model's mean cost."""
    texts = yardstick.read_texts(split.data.texts, split.train)
    found = yardstick.predict_parts(texts, split.data.scores, split.train, split.test)
    blind = np.tile(split.data.cost_usd[split.train].mean(axis=0), (len(split.test), 1))
    return {
        "yardstick": Foretold(found["stack"], blind),
        "its clusters": Foretold(found["clusters"], blind),
        "its kNN": Foretold(found["knn50"], blind),
    }


def blind_curves(split: Split) -> dict[str, Curve]:
    """Routers that never look at the query: the zero router's mixes and the cheapest adequate model."""
    data = split.data
    cost, score = data.cost_usd[split.train].mean(axis=0), data.scores[split.train].mean(axis=0)
    test_cost, test_score = split.means(data.cost_usd[split.test]), split.means(data.scores[split.test])
    corners = hull_models(cost, score)
    shares = np.zeros((0, len(cost)))
    for one, other in pairwise(corners):
        mix = np.zeros((N_MIXES, len(cost)))
        mix[:, other] = np.linspace(0.0, 1.0, N_MIXES)
        mix[:, one] += 1.0 - mix[:, other]
        shares = np.vstack([shares, mix])
    if len(corners) == 1:
        shares = np.eye(len(cost))[corners]
    adequate = np.flatnonzero(score >= ADEQUATE * score.max())
    cheapest = adequate[cost[adequate].argmin()]
    return {
        "zero router": Curve(test_cost @ shares.T, test_score @ shares.T),
        "cheapest adequate": Curve(test_cost[:, [cheapest]], test_score[:, [cheapest]]),
        "dev-best": Curve(test_cost[:, [score.argmax()]], test_score[:, [score.argmax()]]),
    }


def hull_models(cost: Floats, score: Floats) -> list[int]:
    """Models on the upper hull of cost and score, from the cheapest to the best."""
    at = int(np.lexsort((-score, cost))[0])
    found = [at]
    while True:
        ahead = np.flatnonzero((cost > cost[at]) & (score > score[at]))
        if not len(ahead):
            return found
        at = int(ahead[((score[ahead] - score[at]) / (cost[ahead] - cost[at])).argmax()])
        found.append(at)


def figures(split: Split, curve: Curve) -> dict[str, Floats]:
    """share97 and area of a curve, on the whole test side and on it without each block (1 + N_BLOCKS,)."""
    data = split.data
    best = int(data.scores[split.train].mean(axis=0).argmax())
    cost, score = split.means(data.cost_usd[split.test]), split.means(data.scores[split.test])
    share = neutral_cost(curve.cost, curve.score, cost[:, best], KEPT * score[:, best])
    share = np.minimum(np.where(np.isnan(share), 1.0, share), 1.0)
    return {"share97": share, "area": area_over_grid(curve.cost, curve.score, cost.min(axis=1), cost.max(axis=1))}


def measure(
    data: PanelData, n_resplits: int, forecasters: Sequence[tuple[int, Callable[[Split], dict[str, Foretold]]]]
) -> dict[str, dict[str, list[Floats]]]:
    """Figures by method: {method: {figure: one array a resplit, as of `figures`}}.

    `forecasters`: each on the first so many resplits.
    """
    features, groups = features_of(data), group_texts(data.texts)
    blocks = np.random.default_rng(0).permutation(int(groups.max()) + 1)[groups] % N_BLOCKS
    found: dict[str, dict[str, list[Floats]]] = {}
    for seed in range(n_resplits):
        train, test = resplit(groups, int(data.is_dev.sum()), seed)
        split = Split(data, features, train, test, seed, blocks)
        curves = blind_curves(split)
        for forecaster in (each for n_own, each in forecasters if seed < n_own):
            curves |= {name: split.curve_of(foretold) for name, foretold in forecaster(split).items()}
        for name, curve in curves.items():
            for figure, value in figures(split, curve).items():
                found.setdefault(name, {}).setdefault(figure, []).append(value)
        print(f"\r{data.source}: {seed + 1} of {n_resplits} resplits", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


class Gain(NamedTuple):
    """By how much ours is better on one source; above 0 is better."""

    mean: float
    resplit_error: float
    """Standard error over resplits."""
    query_error: float
    """Standard error over queries, by the jackknife."""

    @property
    def error(self) -> float:
        """The larger of the two."""
        return max(self.resplit_error, self.query_error)


def gain_of(ours: Sequence[Floats], theirs: Sequence[Floats], sign: float) -> Gain:
    """On the resplits that the baseline was measured on, the first ones."""
    gains = sign * (np.array(ours)[: len(theirs)] - np.array(theirs))
    over_resplits = float(gains[:, 0].std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("nan")
    without = gains[:, 1:].mean(axis=0)
    over_queries = float(np.sqrt((N_BLOCKS - 1) / N_BLOCKS * ((without - without.mean()) ** 2).sum()))
    return Gain(float(gains[:, 0].mean()), over_resplits, over_queries)


def verdict(gains: dict[str, Gain]) -> dict[str, list[str]]:
    """Where ours is better or worse; clearly: by both errors."""
    return {
        "clearly_better": [source for source, gain in gains.items() if gain.mean > gain.error],
        "worse": [source for source, gain in gains.items() if gain.mean < 0.0],
        "clearly_worse": [source for source, gain in gains.items() if gain.mean < -gain.error],
    }


def report(found: dict[str, dict[str, dict[str, list[Floats]]]]) -> list[dict[str, object]]:
    """Print the tables; the same as rows."""
    rows: list[dict[str, object]] = []
    methods = list(next(iter(found.values())))
    for figure in LESS_IS_BETTER:
        print(f"\n{figure:20s}" + "".join(f"{source[:11]:>12s}" for source in found) + f"{'mean':>12s}")
        for method in methods:
            means = [float(np.mean([each[0] for each in found[source][method][figure]])) for source in found]
            print(f"{method:20s}" + "".join(f"{mean:12.4f}" for mean in [*means, float(np.mean(means))]))
            rows += [
                {"source": source, "method": method, "figure": figure, "mean": mean}
                for source, mean in zip(found, means, strict=True)
            ]
    print(f"\ngain of {OURS} (standard error over resplits, over queries); above 0 is better")
    for figure, is_less in LESS_IS_BETTER.items():
        for baseline in BASELINES:
            if baseline not in methods:
                continue
            gains = {
                source: gain_of(of[OURS][figure], of[baseline][figure], -1.0 if is_less else 1.0)
                for source, of in found.items()
            }
            told = verdict(gains)
            cells = "".join(f"{gain:+9.4f} ({error:.4f}, {other:.4f})" for gain, error, other in gains.values())
            print(f"{figure:8s} {baseline:18s}{cells}")
            mean = float(np.mean([gain.mean for gain in gains.values()]))
            said = "; ".join(f"{name.replace('_', ' ')} on {', '.join(of) or 'none'}" for name, of in told.items())
            print(f"         on average {mean:+.4f}; {said}")
            rows.append({"figure": figure, "baseline": baseline, "gains": gains, "mean_gain": mean, **told})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "")))
    parser.add_argument("--sources", default=",".join(SOURCES))
    parser.add_argument("--resplits", type=int, default=20)
    parser.add_argument("--rival-resplits", type=int, default=5, help="of the yardstick, the slowest baseline; 0: none")
    parser.add_argument("--listed", action="store_true", help="kor_bench, mmlu_pro: the panels of panels.toml")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.data / "outcomes").is_dir():
        parser.error("set FAIRLEAD_DATA (or --data) to the folder of the measured outcomes")
    n_rivals = min(arguments.rival_resplits, arguments.resplits)
    forecasters = [(arguments.resplits, our_forecasts), (n_rivals, yardstick_forecasts)]
    found = {}
    for source in arguments.sources.split(","):
        data = priced_panel(arguments.data, source, is_listed=arguments.listed)
        print(f"{source}: {len(data.models)} models, {len(data.texts)} queries")
        found[source] = measure(data, arguments.resplits, forecasters)
    rows = report(found)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
