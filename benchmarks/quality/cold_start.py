"""A model that joins late: how well few outcomes place it, leaving out one model at a time.

    python -m benchmarks.quality.cold_start [--data FOLDER] [--sources A,B] [--seeds 8] [--probes 60,30,200]
        [--workers 2] [--json PATH]

For each model of a panel a router is trained on fold dev without it; then it joins by some of its dev outcomes. Figures
are means over models and seeds:

  ours      |its mean predicted quality over val - its mean score there|, its probes chosen among dev's queries in three
            rounds, as `fairlead profile` does
  at once   the same, chosen in one round (for the first number of probes only)
  strata    the same from one query of each of so many strata by the others' mean score (likewise)
  by luck   the same from as many random dev queries (likewise)
  plain     |mean score of these random queries - its mean score over val|, no router at all
  dev       as ours, over the queries of dev: what the method was tuned on
  of dev, of val   share of its stated 90 % intervals that hold its mean score there; they are meant for dev's queries
  area      area under the cost-quality curve on val with the model added in this way, over that of a router trained on
            all dev outcomes of all models; both know costs by their own heads. Worst is of one model and seed.

Costs: as billed, or tokens at the list prices of panels.toml; models without a cost are not in the area, which is
measured on the first seed.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.cost_curves import WEIGHTS
from benchmarks.quality.encoder import encoder
from benchmarks.quality.panel_data import PanelData, list_prices, outlines_of, read_panel
from fairlead.learning.mapping import map_models
from fairlead.learning.metrics.cost_curve import area_over_grid
from fairlead.learning.onboarding import add_arm
from fairlead.learning.outcomes import Floats, Outcomes, Queries
from fairlead.learning.policies import chosen_at
from fairlead.learning.profiling import N_ROUNDS
from fairlead.learning.seat import Probe, ProbeOutcome, Seat, seat_of, seat_stake
from fairlead.learning.stacking import fit_stack
from fairlead.learning.text_groups import group_texts, grouped_folds
from fairlead.learning.training import N_FOLDS, N_LANDMARKS, fit_heads
from fairlead.routing.modelmap.entry import ModelMap
from fairlead.routing.policies.objective import Objective
from fairlead.routing.policies.verdict import Verdict
from fairlead.routing.predictors.kernel_basis import Reading, fit_basis
from fairlead.routing.predictors.part import Sample, sample_of
from fairlead.routing.predictors.stack import INTERVAL_Z, Stack
from fairlead.routing.trained_router import TrainedRouter

Ints = NDArray[np.int64]

SOURCES: Final = ("mmlu_pro", "routerbench_part", "bfcl", "zeroeval", "kor_bench")
"""The slowest first, so that two workers end together."""
N_PROBES: Final = (60, 30, 200)
FEWER_SEEDS: Final = 3
"""For every number of probes but the first."""
GOAL_ERROR: Final = 0.033
GOAL_AREA: Final = 0.97
FIGURES: Final = ("ours", "at once", "strata", "by luck", "plain", "dev", "of dev", "of val", "area")
NO_VERDICT: Final = Verdict(True, "not asked", (), None, 0, 0.95, ())


@dataclass(frozen=True, slots=True)
class World:
    """A source, read once. Shapes: n_chars (n_val,); is_priced (m,); whole, places in val whose costs are all known."""

    data: PanelData
    dev: PanelData
    val: PanelData
    sample: Sample
    reading: Reading
    n_chars: Floats
    folds: Ints
    dev_chars: Floats
    is_priced: NDArray[np.bool_]
    whole: Ints

    def train(self, models: Ints) -> TrainedRouter:
        """A router of these models from all of dev, without a verdict."""
        outcomes = outcomes_of(self.dev.of_models(models))
        found = fit_stack(self.sample, outcomes.score, self.folds)
        heads = fit_heads(self.sample, outcomes, self.dev_chars, None)
        return TrainedRouter(
            outcomes.arms, encoder(), self.sample.basis, found.stack, heads.lengths, heads.costs, None,
            map_models(self.sample, found.stack, outcomes, found.left_out), NO_VERDICT, None,
        )  # fmt: skip

    def bare_router(self, arms: tuple[str, ...], stack: Stack, model_map: ModelMap) -> TrainedRouter:
        """A router that foretells quality alone."""
        return TrainedRouter(arms, encoder(), self.sample.basis, stack, None, None, None, model_map, NO_VERDICT, None)

    def quality(self, router: TrainedRouter) -> Floats:
        """Expected quality on val, as `router.foretell` gives it (n_val, n_arms)."""
        return router.stack.predict(self.reading).mean

    def cost_usd(self, router: TrainedRouter) -> Floats:
        """Expected USD a call on val, NaN where unknown (n_val, n_arms)."""
        if router.costs is None:
            return np.full((len(self.reading), len(router.arms)), np.nan)
        lengths, shape = router.lengths, (len(self.reading), len(router.arms))
        tokens = np.full(shape, np.nan) if lengths is None else lengths.mean(self.reading)
        return router.costs.predict(self.reading, self.n_chars, tokens)

    def area(self, quality: Floats, cost_usd: Floats, usual: Floats) -> float:
        """Area under the curve of best expected quality less weighted expected cost, on val's priced part."""
        at = np.ix_(self.whole, np.flatnonzero(self.is_priced))
        quality, expected = quality[at], cost_usd[at]
        scores, billed = self.val.scores[at], self.val.cost_usd[at]
        scale = float(np.nanmean(self.dev.cost_usd[:, self.is_priced], axis=0).max())
        rows = np.arange(len(scores))
        usual = usual[self.is_priced]
        picks = [chosen_at(weight, quality, expected / scale, usual) for weight in WEIGHTS.tolist()]
        cost = np.array([[billed[rows, pick].mean() for pick in picks]])
        score = np.array([[scores[rows, pick].mean() for pick in picks]])
        ends = billed.mean(axis=0)
        return float(area_over_grid(cost, score, ends.min(keepdims=True), ends.max(keepdims=True))[0])


def outcomes_of(data: PanelData) -> Outcomes:
    """The same as a user would hand it in."""
    queries = Queries(data.query_ids, data.texts, ("",) * len(data.texts))
    return Outcomes(queries, data.models, data.scores, data.cost_usd, data.input_tokens, data.output_tokens)


def read_world(folder: Path, source: str) -> World:
    """Read and encode one source."""
    data = read_panel(folder, source)
    if not np.isfinite(data.cost_usd).any():
        prices = list_prices(folder, source)
        rates = np.array([prices.get(model, (np.nan, np.nan)) for model in data.models]) * 1e-6
        data.cost_usd[:] = data.input_tokens * rates[:, 0] + data.output_tokens * rates[:, 1]
    data.cost_usd[:, data.hides_cost] = np.nan
    dev, val = data.take(np.flatnonzero(data.is_dev)), data.take(np.flatnonzero(~data.is_dev))
    features = encoder().encode_all(outlines_of(dev))
    basis = fit_basis(features, N_LANDMARKS, 0)
    is_priced: NDArray[np.bool_] = np.asarray(np.isfinite(data.cost_usd).any(axis=0))
    whole = np.flatnonzero(np.isfinite(val.cost_usd[:, is_priced]).all(axis=1))
    return World(
        data, dev, val, sample_of(basis, basis.read(features), 0), basis.read(encoder().encode_all(outlines_of(val))),
        val.n_chars, grouped_folds(group_texts(dev.texts), N_FOLDS, 0), dev.n_chars, is_priced, whole,
    )  # fmt: skip


def measure(folder: Path, source: str, seeds: int, probes: Sequence[int]) -> list[dict[str, object]]:
    """A row a model, number of probes, seed: {figure: value}."""
    world = read_world(folder, source)
    everyone = np.arange(len(world.data.models))
    has_area = int(world.is_priced.sum()) > 1 and len(world.whole) > 0
    full = None
    if has_area:
        trained = world.train(everyone)
        full = world.area(world.quality(trained), world.cost_usd(trained), trained.stack.usual)
    found: list[dict[str, object]] = []
    for model in everyone.tolist():
        rest = world.train(everyone[everyone != model])
        own = outcomes_of(world.dev.of_models(np.array([model])))
        seat = seat_of(rest, [Probe(*each) for each in zip(world.dev.query_ids, world.dev.texts, strict=True)])
        ease = np.delete(world.dev.scores, model, axis=1).mean(axis=1)
        for n_probes in probes:
            for seed in range(seeds if n_probes == probes[0] else min(seeds, FEWER_SEEDS)):
                # Models that were asked the same queries would share their luck.
                draw = seed + 1_000 * model
                chosen = rows_asked(seat, own.score[:, 0], n_probes, N_ROUNDS, draw)
                luck = np.random.default_rng(draw).permutation(len(ease))[:n_probes]
                figures = join(world, rest, own, model, chosen, full if seed == 0 else None)
                truth = float(world.val.scores[:, model].mean())
                figures["plain"] = abs(float(own.score[luck, 0].mean()) - truth)
                if n_probes == probes[0]:
                    others = {
                        "at once": rows_asked(seat, own.score[:, 0], n_probes, 1, draw),
                        "strata": stratum_rows(ease, n_probes, np.random.default_rng(draw)),
                        "by luck": luck,
                    }
                    for way, rows in others.items():
                        figures[way] = join(world, rest, own, model, rows, None)["ours"]
                found.append({"source": source, "model": own.arms[0], "n_probes": n_probes, "seed": seed, **figures})
    return found


def ask_in_rounds(seat: Seat, scores: Floats, n: int, n_rounds: int, seed: int, router: TrainedRouter | None) -> Seat:
    """A seat that n probes were asked of, chosen for the mean; with a router also for where the choice is doubtful.

    Shapes: scores (n_suite,), what the newcomer answers.
    """
    fresh = replace(seat, asked=[], outcomes=[])
    for part in np.array_split(np.arange(n), n_rounds):
        stake = None if router is None else seat_stake(router, fresh, Objective())
        rows = fresh.next_rows(len(part), stake, seed + len(fresh.asked))
        fresh.learn(rows, [ProbeOutcome(float(score)) for score in scores[rows]])
    return fresh


def rows_asked(seat: Seat, scores: Floats, n: int, n_rounds: int, seed: int) -> Ints:
    """The places of the probes that are asked for the mean."""
    return np.sort(np.array(ask_in_rounds(seat, scores, n, n_rounds, seed, None).asked, dtype=np.int64))


def stratum_rows(ease: Floats, n: int, draw: np.random.Generator) -> Ints:
    """One query from each of n strata of equal size."""
    order = np.lexsort((draw.random(len(ease)), ease))
    return np.sort(np.array([draw.choice(stratum) for stratum in np.array_split(order, n)]))


def join(
    world: World, rest: TrainedRouter, own: Outcomes, model: int, rows: Ints, full: float | None
) -> dict[str, float]:
    """The figures of one model that joins by these queries of dev."""
    grown = add_arm(rest, own.arms[0], own.take(rows))
    quality = world.quality(grown.router)
    on_dev, on_val = float(own.score[:, 0].mean()), float(world.val.scores[:, model].mean())
    reach = INTERVAL_Z * grown.arm.mean_error
    figures = {
        "ours": float(abs(quality[:, -1].mean() - on_val)),
        "dev": abs(grown.arm.mean - on_dev),
        "of dev": float(abs(grown.arm.mean - on_dev) <= reach),
        "of val": float(abs(grown.arm.mean - on_val) <= reach),
    }
    if full is not None and world.is_priced[model]:
        # The newcomer is the last arm: back to its place among the panel's models.
        order = np.insert(np.arange(len(rest.arms)), model, len(rest.arms))
        usual = grown.router.stack.usual[order]
        figures["area"] = world.area(quality[:, order], world.cost_usd(grown.router)[:, order], usual) / full
    return figures


def summary(rows: Sequence[Mapping[str, object]], n_probes: int, source: str) -> dict[str, object]:
    """Means over models and seeds of one source."""
    own = [row for row in rows if row["source"] == source and row["n_probes"] == n_probes]
    told: dict[str, object] = {"source": source, "n_probes": n_probes, "n": len(own)}
    for figure in FIGURES:
        values = [float(str(row[figure])) for row in own if figure in row]
        told[figure] = float(np.mean(values)) if values else None
        if figure == "area":
            told["worst area"] = min(values) if values else None
    return told


def report(
    rows: Sequence[Mapping[str, object]], sources: Sequence[str], probes: Sequence[int]
) -> list[dict[str, object]]:
    """Print the tables; the same as rows, each number of probes ending in a row of means over sources."""
    told = []
    for n_probes in probes:
        table = [summary(rows, n_probes, source) for source in sources]
        mean: dict[str, object] = {
            "source": "mean",
            "n_probes": n_probes,
            "n": sum(row["n_probes"] == n_probes for row in rows),
        }
        for figure in FIGURES:
            values = [float(str(row[figure])) for row in table if row[figure] is not None]
            mean[figure] = float(np.mean(values)) if values else None
        worst = [float(str(row["worst area"])) for row in table if row["worst area"] is not None]
        mean["worst area"] = min(worst) if worst else None
        table.append(mean)
        heads = (*FIGURES, "worst area")
        print(f"\n{n_probes} probes".ljust(19) + "".join(f"{head:>11s}" for head in heads))
        for row in table:
            cells = ["-" if row[head] is None else f"{float(str(row[head])):.4f}" for head in heads]
            print(f"{row['source']!s:18s}" + "".join(f"{cell:>11s}" for cell in cells))
        told += table
    for row in told:
        if row["source"] == "mean" and row["n_probes"] == 60:
            error, areas = float(str(row["ours"])), [one["area"] for one in told if one["n_probes"] == 60]
            kept = min((float(str(area)) for area in areas if area is not None), default=float("nan"))
            print(
                f"\n60 probes: mean absolute error {error:.4f}, goal {GOAL_ERROR}: {_met(error <= GOAL_ERROR)}; "
                f"least area of a source {kept:.4f}, goal {GOAL_AREA}: {_met(kept >= GOAL_AREA)}"
            )
    return told


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "")))
    parser.add_argument("--sources", default=",".join(SOURCES))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--probes", default=",".join(map(str, N_PROBES)))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.data / "outcomes").is_dir():
        parser.error("set FAIRLEAD_DATA (or --data) to the folder of the measured outcomes")
    sources, probes = arguments.sources.split(","), [int(n) for n in arguments.probes.split(",")]
    rows: list[dict[str, object]] = []
    with ProcessPoolExecutor(arguments.workers) as pool:
        tasks = [pool.submit(measure, arguments.data, source, arguments.seeds, probes) for source in sources]
        for task in tasks:
            rows += task.result()
            print(f"{rows[-1]['source']}: done", file=sys.stderr, flush=True)
    told = report(rows, sources, probes)
    if arguments.json:
        arguments.json.write_text(json.dumps({"means": told, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
