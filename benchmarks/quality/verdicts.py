"""How often the verdict "route or don't" is right, where the truth is known.

    python -m benchmarks.quality.verdicts [--data FOLDER] [--worlds A,B] [--share S] [--json PATH]

On fold dev of llmrouter9, each figure over fresh draws: the queries are drawn without replacement, the whole stack is
fitted anew on them (five folds, equal texts together) and judged from what it foretold of left-out queries.

    shuffled labels   the rows of outcomes are dealt out to other queries: nothing can be learned           must refuse
    dominated pool    a drawn model is as good on every query as the best of all the others' chances there;
                      scores are drawn anew from the chances, prices are equal                              must refuse
    tied pool         every model has the same chance on a query, prices are equal: no choice matters       must refuse
    as measured       the outcomes as they are                                                              should route

At "all" the fit is one and what is drawn anew, with replacement, is the groups of equal texts that are judged. Error
rates come with exact 95 % intervals (Clopper-Pearson). The priced sources are judged once, with the mean cost of each
model; --share below 1 takes so much of the draws. With --worlds only these, at 300 queries, and nothing else. A draw of
queries is read once for all worlds.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from benchmarks.quality.panel_data import PanelData, features_of, read_panel
from fairlead.learning.stacking import N_FOLDS, fit_stack
from fairlead.learning.text_groups import group_texts, grouped_folds
from fairlead.learning.training import N_LANDMARKS
from fairlead.learning.verdict import judge
from fairlead.routing.features.query_features import QueryFeatures
from fairlead.routing.policies.verdict import Verdict
from fairlead.routing.predictors.kernel_basis import fit_basis
from fairlead.routing.predictors.part import Sample, sample_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
World = Callable[[Ints, np.random.Generator], tuple[Floats, Floats | None]]
"""Rows of queries -> their scores and costs in one draw of a world."""

SOURCE: Final = "llmrouter9"
PRICED: Final = ("bfcl", "zeroeval", "routerbench_part")
MEASURED: Final = "as measured"
WORLDS: Final = ("shuffled labels", "dominated pool", "tied pool", MEASURED)
N_DRAWS: Final = 200
N_DRAWS_OF_1000: Final = 40
SIZE, LARGER_SIZE = 300, 1_000
EQUAL_COST_USD: Final = 1e-3


class Texts(NamedTuple):
    """Queries of one fold, read. Shapes: groups (n,), equal for texts that ask the same."""

    data: PanelData
    features: QueryFeatures
    groups: Ints


def read_dev(folder: Path, source: str) -> Texts:
    data = read_panel(folder, source)
    data = data.take(np.flatnonzero(data.is_dev))
    if source in PRICED:
        data = data.take(np.flatnonzero(np.isfinite(data.cost_usd).all(axis=1)))
    return Texts(data, features_of(data), group_texts(data.texts))


def read_sample(texts: Texts, rows: Ints, seed: int) -> tuple[Sample, Ints]:
    """These queries as a sample, and their folds: the same whatever the outcomes are."""
    features = texts.features.take(rows)
    basis = fit_basis(features, N_LANDMARKS, seed)
    return sample_of(basis, basis.read(features), seed), grouped_folds(texts.groups[rows], N_FOLDS, seed)


def left_out_of(texts: Texts, rows: Ints, scores: Floats, seed: int) -> Floats:
    """What a stack foretells of queries that it was not fitted on (n, m)."""
    sample, folds = read_sample(texts, rows, seed)
    return fit_stack(sample, scores, folds).left_out


def rates_of(texts: Texts, worlds: dict[str, World], n: int, n_draws: int) -> dict[str, dict[str, Any]]:
    """How often the verdict is to route, over draws of each world; every world has the same draws of queries."""
    verdicts: dict[str, list[Verdict]] = {name: [] for name in worlds}
    for seed in range(n_draws):
        rows = np.sort(np.random.default_rng(seed).permutation(len(texts.groups))[:n])
        sample, folds = read_sample(texts, rows, seed)
        for name, world in worlds.items():
            scores, cost = world(rows, np.random.default_rng([seed, 1]))
            left_out = fit_stack(sample, scores, folds).left_out
            verdicts[name].append(judge(left_out, scores, cost, texts.groups[rows], seed, texts.data.models))
    return {name: rate_of(found) for name, found in verdicts.items()}


def rate_of(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Of these verdicts: how many route, how many are served unproven, and what routing gained on left-out queries."""
    n_routed = sum(verdict.is_route for verdict in verdicts)
    n_likely = sum(verdict.is_served and not verdict.is_route for verdict in verdicts)
    gains = [verdict.trials[0].gain or 0.0 for verdict in verdicts]
    return as_rate(n_routed, n_likely, len(verdicts), float(np.mean(gains)))


def rate_at_all(texts: Texts, n_draws: int) -> dict[str, Any]:
    """One fit on all queries, judged on groups of equal texts drawn with replacement."""
    every = np.arange(len(texts.groups))
    scores = texts.data.scores
    left_out = left_out_of(texts, every, scores, 0)
    print(f"  {judge(left_out, scores, None, texts.groups, 0, texts.data.models).reason}")
    order = np.argsort(texts.groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(texts.groups[order])) + 1)
    verdicts = []
    for seed in range(n_draws):
        drawn = np.random.default_rng(seed).integers(0, len(parts), len(parts))
        rows = np.concatenate([parts[group] for group in drawn.tolist()])
        groups = np.repeat(np.arange(len(drawn)), [len(parts[group]) for group in drawn.tolist()])
        verdicts.append(judge(left_out[rows], scores[rows], None, groups, seed, texts.data.models))
    return rate_of(verdicts)


def as_rate(n_routed: int, n_likely: int, n_draws: int, gain: float) -> dict[str, Any]:
    low, high = interval_of(n_routed, n_draws)
    likely_low, likely_high = interval_of(n_likely, n_draws)
    return {
        "route_share": n_routed / n_draws, "low": low, "high": high, "n_draws": n_draws, "mean_gain": gain,
        "likely_share": n_likely / n_draws, "likely_low": likely_low, "likely_high": likely_high,
    }  # fmt: skip


def interval_of(n_hits: int, n_draws: int) -> tuple[float, float]:
    """Clopper and Pearson's, 95 %."""
    low = float(beta.ppf(0.025, n_hits, n_draws - n_hits + 1)) if n_hits else 0.0
    return low, float(beta.ppf(0.975, n_hits + 1, n_draws - n_hits)) if n_hits < n_draws else 1.0


def drawn_from(chance: Floats, drawer: np.random.Generator) -> Floats:
    """Right-or-wrong scores of these chances."""
    scores: Floats = (drawer.random(chance.shape) < chance).astype(np.float64)
    return scores


def worlds_of(texts: Texts) -> dict[str, World]:
    """The worlds by name; chances of success are what the stack foretells of left-out queries."""
    scores = texts.data.scores
    chances = left_out_of(texts, np.arange(len(texts.groups)), scores, 0)

    def shuffled(rows: Ints, drawer: np.random.Generator) -> tuple[Floats, Floats | None]:
        return scores[drawer.permutation(rows)], None

    def dominated(rows: Ints, drawer: np.random.Generator) -> tuple[Floats, Floats | None]:
        chance: Floats = chances[rows].copy()
        chance[:, drawer.integers(chance.shape[1])] = chance.max(axis=1)
        return drawn_from(chance, drawer), np.full(chance.shape, EQUAL_COST_USD)

    def tied(rows: Ints, drawer: np.random.Generator) -> tuple[Floats, Floats | None]:
        chance: Floats = np.repeat(chances[rows].max(axis=1, keepdims=True), chances.shape[1], axis=1)
        return drawn_from(chance, drawer), np.full(chance.shape, EQUAL_COST_USD)

    def measured(rows: Ints, _: np.random.Generator) -> tuple[Floats, Floats | None]:
        return scores[rows], None

    return {"shuffled labels": shuffled, "dominated pool": dominated, "tied pool": tied, MEASURED: measured}


def print_trials(source: str, verdict: Verdict) -> None:
    print(f"\n{source}: {verdict.word}; {verdict.reason}")
    print("  weight  verdict       best single                        gain   at least  over mix")
    for trial in verdict.trials:
        word = "route" if trial.is_route else "do not route"
        print(
            f"  {trial.cost_weight:6g}  {word:12s}  {trial.best_single[:32]:32s} {trial.gain or 0:+8.4f} "
            f"{trial.gain_low or 0:+8.4f} {trial.gain_over_mix or 0:+8.4f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "")))
    parser.add_argument("--worlds", help="with commas between: " + ", ".join(WORLDS))
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.data / "outcomes").is_dir():
        parser.error("set FAIRLEAD_DATA (or --data) to the folder of the measured outcomes")
    asked = WORLDS if arguments.worlds is None else tuple(arguments.worlds.split(","))
    if not set(asked) <= set(WORLDS):
        parser.error(f"--worlds are of {', '.join(WORLDS)}")
    texts = read_dev(arguments.data, SOURCE)
    found: dict[str, Any] = {"rates": {}, "priced": {}}
    print(f"{SOURCE}, fold dev, {len(texts.groups)} queries: share of draws in which the verdict is to route")
    worlds = worlds_of(texts)
    found["rates"] = print_rates(texts, {name: worlds[name] for name in asked}, SIZE, N_DRAWS * arguments.share)
    if arguments.worlds is None:
        larger = {MEASURED: worlds[MEASURED]}
        found["rates"] |= print_rates(texts, larger, LARGER_SIZE, N_DRAWS_OF_1000 * arguments.share)
    if arguments.worlds is None:
        judge_the_rest(arguments, texts, found)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


def judge_the_rest(arguments: argparse.Namespace, texts: Texts, found: dict[str, Any]) -> None:
    """All queries of the source, and the priced sources."""
    found["rates"]["as measured, all"] = rate_at_all(texts, max(int(N_DRAWS * arguments.share), 1))
    print_rate("as measured, all queries", found["rates"]["as measured, all"])
    for source in PRICED:
        priced = read_dev(arguments.data, source)
        scores = priced.data.scores
        cost = np.tile(priced.data.cost_usd.mean(axis=0), (len(scores), 1))
        left_out = left_out_of(priced, np.arange(len(scores)), scores, 0)
        verdict = judge(left_out, scores, cost, priced.groups, 0, priced.data.models)
        found["priced"][source] = verdict.to_dict()
        print_trials(source, verdict)


def print_rates(texts: Texts, worlds: dict[str, World], n: int, n_draws: float) -> dict[str, Any]:
    rates = rates_of(texts, worlds, n, max(int(n_draws), 1))
    for name, rate in rates.items():
        print_rate(f"{name}, {n:,} queries", rate)
    return {f"{name}, {n}": rate for name, rate in rates.items()}


def print_rate(name: str, rate: dict[str, Any]) -> None:
    print(
        f"  {name:34s} {rate['route_share']:6.1%} [{rate['low']:.1%}, {rate['high']:.1%}] of {rate['n_draws']}, "
        f"not proven but served {rate['likely_share']:.1%} [{rate['likely_low']:.1%}, {rate['likely_high']:.1%}]; "
        f"mean gain over the best single model {rate['mean_gain']:+.4f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
