"""Profiling a new model by few probes, leaving out one model of a panel at a time.

    python -m benchmarks.quality.profile [--data FOLDER] [--sources A,B] [--seeds 8] [--probes 60,30,100] [--json PATH]

For each model a router is trained on fold dev without it; its outcomes on dev then answer the probes. Figures are means
over models and seeds; +- is the standard error over models, each the mean of its seeds.

  random         plain mean of so many dev queries drawn at random
  strata         plain mean of one query from each of so many strata of equal size, by the other models' mean score
  strata, model  the same queries, the model placed by them as a router would
  at once        queries chosen by us in one round, placed
  rounds         the same in three rounds, each knowing the answers of those before, for the mean score alone
  profile        as `fairlead profile` asks: in three rounds, for the mean score and for where the choice is doubtful

  error   |estimate - its mean score over dev|
  val     |its mean quality foretold on val - its mean score there|, added to the router (profile only, 3 seeds)
  tasks   mean of |foretold - observed mean score| over tasks with at least 100 dev queries
  covered share of the stated 90 % intervals of the mean that hold it
  regret  points of score lost on dev by choosing with what is known after the probes instead of with all of its dev
          outcomes (both by the same stake, quality alone), beside what was expected to be lost
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.cold_start import World, ask_in_rounds, outcomes_of, read_world, stratum_rows
from fairlead.learning.mapping import map_models
from fairlead.learning.new_arm import NewArm, Posterior
from fairlead.learning.onboarding import add_arm
from fairlead.learning.outcomes import Outcomes
from fairlead.learning.profiling import N_ROUNDS
from fairlead.learning.routing_stake import RoutingStake
from fairlead.learning.seat import Probe, ProbeOutcome, Seat, seat_of, seat_stake
from fairlead.learning.stacking import fit_stack
from fairlead.routing.policies.objective import Objective
from fairlead.routing.predictors.item_response import sigmoid
from fairlead.routing.predictors.stack import INTERVAL_Z
from fairlead.routing.trained_router import TrainedRouter

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SOURCES: Final = ("zeroeval", "bfcl", "routerbench_part", "mmlu_pro", "kor_bench", "llmrouter9")
N_PROBES: Final = (60, 30, 100)
WAYS: Final = ("random", "strata", "strata, model", "at once", "rounds", "profile")
MIN_TASK: Final = 100
VAL_SEEDS: Final = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """One left-out model. Shapes: scores (n_dev,); ease (n_dev,), mean score of the others; tasks, rows of each."""

    world: World
    router: TrainedRouter
    seat: Seat
    own: Outcomes
    scores: Floats
    val_mean: float
    ease: Floats
    tasks: tuple[Ints, ...]

    def fresh(self) -> Seat:
        """A seat that nothing was asked of."""
        return replace(self.seat, asked=[], outcomes=[])

    def answer(self, seat: Seat, rows: Ints) -> None:
        """Let the model answer these dev queries."""
        seat.learn(rows, [ProbeOutcome(float(score)) for score in self.scores[rows]])


def router_of(world: World, models: Ints) -> TrainedRouter:
    """A router of these models that knows quality alone."""
    outcomes = outcomes_of(world.dev.of_models(models))
    found = fit_stack(world.sample, outcomes.score, world.folds)
    return world.bare_router(
        outcomes.arms, found.stack, map_models(world.sample, found.stack, outcomes, found.left_out)
    )


def trial_of(world: World, model: int) -> Trial:
    """The trial of one model."""
    rest = np.delete(np.arange(len(world.data.models)), model)
    router = router_of(world, rest)
    suite = [Probe(name, text) for name, text in zip(world.dev.query_ids, world.dev.texts, strict=True)]
    own = outcomes_of(world.dev.of_models(np.array([model])))
    names = np.unique(world.dev.tasks)
    tasks = [np.flatnonzero(world.dev.tasks == name) for name in names]
    return Trial(
        world, router, seat_of(router, suite), own, own.score[:, 0], float(world.val.scores[:, model].mean()),
        world.dev.scores[:, rest].mean(axis=1), tuple(task for task in tasks if len(task) >= MIN_TASK),
    )  # fmt: skip


def measure(trial: Trial, n: int, seed: int, truth: tuple[RoutingStake, Posterior] | None) -> dict[str, float]:
    """{way/figure: value} for one model, number of probes and seed."""
    draw = np.random.default_rng(seed)
    mean = float(trial.scores.mean())
    random = draw.permutation(len(trial.scores))[:n]
    strata = stratum_rows(trial.ease, n, draw)
    figures = {
        "random/error": abs(float(trial.scores[random].mean()) - mean),
        "strata/error": abs(float(trial.scores[strata].mean()) - mean),
    }
    in_strata = trial.fresh()
    trial.answer(in_strata, strata)
    profiled = ask_in_rounds(trial.seat, trial.scores, n, N_ROUNDS, seed, trial.router)
    seats = {
        "strata, model": in_strata,
        "at once": ask_in_rounds(trial.seat, trial.scores, n, 1, seed, None),
        "rounds": ask_in_rounds(trial.seat, trial.scores, n, N_ROUNDS, seed, None),
        "profile": profiled,
    }
    for way, seat in seats.items():
        arm = seat.place()
        figures |= {f"{way}/{figure}": value for figure, value in _of_arm(trial, seat, arm, mean).items()}
        if truth is not None:
            figures |= {f"{way}/{figure}": value for figure, value in _regret(seat, *truth, seed).items()}
    if n == N_PROBES[0] and seed % 1_000 < VAL_SEEDS:
        figures |= _on_val(trial, {way: np.array(seat.asked) for way, seat in seats.items()}, (random, strata))
    return figures


def _on_val(trial: Trial, asked: Mapping[str, Ints], plain: tuple[Ints, Ints]) -> dict[str, float]:
    """How far the mean quality foretold on val, or a plain mean of probes, is from the mean score there."""
    found = {}
    for way, rows in asked.items():
        grown = add_arm(trial.router, trial.own.arms[0], trial.own.take(np.sort(rows)))
        found[f"{way}/val"] = abs(float(trial.world.quality(grown.router)[:, -1].mean()) - trial.val_mean)
    for way, rows in zip(("random", "strata"), plain, strict=True):
        found[f"{way}/val"] = abs(float(trial.scores[rows].mean()) - trial.val_mean)
    return found


def _of_arm(trial: Trial, seat: Seat, arm: NewArm, mean: float) -> dict[str, float]:
    success = sigmoid(seat.columns @ arm.weights)
    gaps = [abs(float(success[task].mean() - trial.scores[task].mean())) for task in trial.tasks]
    return {
        "error": abs(arm.mean - mean),
        "covered": float(abs(arm.mean - mean) <= INTERVAL_Z * arm.mean_error),
        "tasks": float(np.mean(gaps)) if gaps else float("nan"),
    }


def _regret(seat: Seat, stake: RoutingStake, all_known: Posterior, seed: int) -> dict[str, float]:
    """Points lost by choosing with this belief instead of the one that all dev outcomes give."""
    return {
        "regret": stake.lost(seat.belief, all_known),
        "expected": stake.of(seat.belief, seed).regret,
    }


def of_source(folder: Path, source: str, seeds: int, probes: Sequence[int]) -> list[dict[str, object]]:
    """A row a model, number of probes and seed."""
    world = read_world(folder, source)
    rows: list[dict[str, object]] = []
    for model, name in enumerate(world.data.models):
        trial = trial_of(world, model)
        full = trial.fresh()
        trial.answer(full, np.arange(len(trial.scores)))
        stake = seat_stake(trial.router, full, Objective())
        truth = None if stake is None else (stake, full.belief)
        for n in probes:
            for seed in range(seeds):
                found = measure(trial, n, seed + 1_000 * model, truth)
                rows.append({"source": source, "model": name, "n_probes": n, "seed": seed, **found})
    return rows


def by_model(rows: Sequence[Mapping[str, object]], key: str) -> Floats:
    """Each model's mean of a figure."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if key in row and np.isfinite(value := float(str(row[key]))):
            found.setdefault(str(row["model"]), []).append(value)
    return np.array([np.mean(values) for values in found.values()])


def report(rows: Sequence[Mapping[str, object]], probes: Sequence[int], sources: Sequence[str]) -> None:
    """Print the tables."""
    for n in probes:
        for figure in ("error", "val", "tasks", "covered", "regret", "expected"):
            lines = []
            for way in WAYS:
                key = f"{way}/{figure}"
                means, errors = [], []
                for source in sources:
                    own = [row for row in rows if row["source"] == source and row["n_probes"] == n]
                    values = by_model(own, key)
                    if len(values):
                        means.append(float(values.mean()))
                        errors.append(float(values.std(ddof=1)) / np.sqrt(len(values)))
                if means:
                    all_six, five = float(np.mean(means)), float(np.mean(means[:5]))
                    error = float(np.sqrt(np.square(errors).sum())) / len(errors)
                    cells = "".join(f"{mean:>9.4f}" for mean in means)
                    lines.append(f"{way:14s}{cells}{five:>9.4f}{all_six:>9.4f} +-{error:.4f}")
            if lines:
                heads = "".join(f"{source[:8]:>9s}" for source in sources)
                print(f"\n{n} probes, {figure}\n{'':14s}{heads}{'first 5':>9s}{'all':>9s}")
                print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "")))
    parser.add_argument("--sources", default=",".join(SOURCES))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--probes", default=",".join(map(str, N_PROBES)))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.data / "outcomes").is_dir():
        parser.error("set FAIRLEAD_DATA (or --data) to the folder of the measured outcomes")
    sources, probes = arguments.sources.split(","), [int(n) for n in arguments.probes.split(",")]
    rows: list[dict[str, object]] = []
    for source in sources:
        rows += of_source(arguments.data, source, arguments.seeds, probes)
        print(f"{source}: done", flush=True)
    report(rows, probes, sources)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
