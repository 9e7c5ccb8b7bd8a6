"""What the presets are worth on outcomes that nobody fitted on: score and cost, beside blind routers.

    python benchmarks/quality/judge_presets.py [--data FOLDER] [--fold val] [--published-only] [--json]

Every panel of models in panels.toml that has prices is routed over the queries of fold `val` by the router that serves:
`Router.decide` on a pool of the panel's models, asked for `auto:quality` and so on. Abilities are those
that serve: published figures of the shipped catalogue, joined with what the artefact measured on fold `dev`; with
--published-only they know none of these outcomes. Prices are the panel's, delays the prior of size and
price. Cost of a call: `cost_usd` where the table has it, else its tokens at the panel's prices. Intervals are 95 %,
from a bootstrap over queries.
"""

import argparse
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairlead.assembly.shipped import prompt_model, shipped_catalogue
from fairlead.catalogue.cards import ModelCard, Prices
from fairlead.catalogue.catalogue import Catalogue
from fairlead.domain.decision import Arm
from fairlead.domain.names import AskedModel, ProviderName, SentModel, UpstreamName
from fairlead.evaluation.measured_abilities import outcome_names
from fairlead.evaluation.outcome_data import OutcomeTable, outline_of, read_outcomes
from fairlead.learning.blind_routers import Panel, oracle_choice, shares_at_cost, zero_router_score
from fairlead.routing.pool import ArmSpec, build_pool
from fairlead.routing.predictors.benchmark_ability import BenchmarkPredictor
from fairlead.routing.preferences import BUILT_IN_PRESETS
from fairlead.routing.router import Router

Floats = NDArray[np.float64]

PANELS: Final = ("zeroeval", "mmlu_pro", "kor_bench")
PRESETS: Final = ("quality", "balanced", "cost")
CHARS_PER_TOKEN: Final = 4.0
N_BOOTSTRAP: Final = 2_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A panel with what the router chose: preset -> index of the model for each query of the fold that is judged."""

    source: str
    panel: Panel
    dev_scores: Floats
    choices: Mapping[str, NDArray[np.intp]]
    bases: tuple[str, ...]


def card_for(catalogue: Catalogue, name: str) -> ModelCard:
    card = catalogue.match(outcome_names().get(name, name))
    if card is None:
        raise SystemExit(f"no card for {name}: add a line to outcome_names.toml")
    return card


def router_for(
    catalogue: Catalogue, models: Sequence[Mapping[str, Any]], *, published_only: bool
) -> tuple[Router, list[int]]:
    """The router over a panel, and for each of its arms the place of that model in the panel."""
    specs = [
        ArmSpec(
            Arm(card.model, UpstreamName("panel"), ProviderName("panel"), SentModel(model["id"])),
            card,
            Prices(input_per_mtok=model["price_in_usd_per_mtok"], output_per_mtok=model["price_out_usd_per_mtok"]),
        )
        for model in models
        for card in [card_for(catalogue, model["id"])]
    ]
    shipped = prompt_model()
    measured = {} if published_only else shipped.measured
    predictor = BenchmarkPredictor(shipped.reader, catalogue.benchmarks, tuple(catalogue.cards.values()), measured)
    pool = build_pool(specs, predictor)
    places = {model["id"]: place for place, model in enumerate(models)}
    arms = [places[spec.arm.sent_model] for spec in pool.specs]
    return Router(pool, BUILT_IN_PRESETS, BUILT_IN_PRESETS["balanced"]), arms


def panel_costs(table: OutcomeTable, columns: list[int], prices: Floats) -> Floats:
    if np.isfinite(table.cost_usd[:, columns]).all():
        return table.cost_usd[:, columns]
    sizes = np.array([[len(text) / CHARS_PER_TOKEN] for text in table.texts])
    into = np.where(np.isfinite(table.input_tokens[:, columns]), table.input_tokens[:, columns], sizes)
    costs: Floats = (into * prices[:, 0] + table.output_tokens[:, columns] * prices[:, 1]) / 1e6
    return costs


def judge(folder: Path, source: str, fold: str, catalogue: Catalogue, *, published_only: bool) -> Judged:
    """One panel: complete rows, their costs, and what the router chose for each."""
    models = tomllib.loads((folder / "panels.toml").read_text("utf-8"))[source]["model"]
    table = read_outcomes(folder, source)
    columns = [table.models.index(model["id"]) for model in models]
    prices = np.array([[model["price_in_usd_per_mtok"], model["price_out_usd_per_mtok"]] for model in models])
    table = table.select(np.asarray(np.isfinite(table.scores[:, columns]).all(axis=1)))
    dev, judged = table.of_fold("dev"), table.of_fold("dev" if fold == "dev" else "val")
    router, place_of_arm = router_for(catalogue, models, published_only=published_only)
    outlines = [outline_of(text) for text in judged.texts]
    choices = {
        preset: np.array(
            [place_of_arm[router.decide(AskedModel(f"auto:{preset}"), outline).order[0]] for outline in outlines],
            dtype=np.intp,
        )
        for preset in PRESETS
    }
    return Judged(
        source,
        Panel(tuple(model["id"] for model in models), judged.scores[:, columns], panel_costs(judged, columns, prices)),
        dev.scores[:, columns].mean(axis=0),
        choices,
        tuple(router.pool.basis_of(arm) for arm in range(router.pool.n_arms)),
    )


def interval(values: Floats, picks: NDArray[np.int64]) -> list[float]:
    means = values[picks].mean(axis=1)
    return [float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))]


def row_of(name: str, judged: Judged, score: Floats, cost: Floats, picks: NDArray[np.int64]) -> dict[str, Any]:
    """One line of the table: a policy's score and cost beside blind routers at its price."""
    panel = judged.panel
    mean_costs, mean_scores = panel.costs_usd.mean(axis=0), panel.scores.mean(axis=0)
    shares = shares_at_cost(mean_costs, float(cost.mean()))
    gain = score - panel.scores @ shares
    return {
        "policy": name,
        "score": float(score.mean()),
        "score_interval": interval(score, picks),
        "usd_per_1k": float(cost.mean() * 1e3),
        "usd_per_1k_interval": [value * 1e3 for value in interval(cost, picks)],
        "random_at_same_price": float(mean_scores @ shares),
        "gain_over_random": float(gain.mean()),
        "gain_over_random_interval": interval(gain, picks),
        "takes_the_dearest": bool(cost.mean() >= mean_costs.max() * (1 - 1e-6)),
        "zero_router_at_same_price": zero_router_score(mean_costs, mean_scores, float(cost.mean())),
    }


def rows_of(judged: Judged) -> list[dict[str, Any]]:
    panel = judged.panel
    n, m = panel.scores.shape
    picks = np.random.default_rng(0).integers(0, n, (N_BOOTSTRAP, n))
    every = np.arange(n)
    rows = []
    for name in PRESETS:
        choice = judged.choices[name]
        row = row_of(name, judged, panel.scores[every, choice], panel.costs_usd[every, choice], picks)
        used = np.bincount(choice, minlength=m)
        row["shares"] = {panel.models[i]: round(used[i] / n, 3) for i in np.argsort(-used) if used[i]}
        rows.append(row)
    best, cheapest = int(judged.dev_scores.argmax()), int(panel.costs_usd.mean(axis=0).argmin())
    rows.append(
        row_of(f"best single ({panel.models[best]})", judged, panel.scores[:, best], panel.costs_usd[:, best], picks)
    )
    rows.append(
        row_of(
            f"cheapest ({panel.models[cheapest]})",
            judged,
            panel.scores[:, cheapest],
            panel.costs_usd[:, cheapest],
            picks,
        )
    )
    rows.append(row_of("random mix", judged, panel.scores.mean(axis=1), panel.costs_usd.mean(axis=1), picks))
    chosen = oracle_choice(panel)
    rows.append(row_of("oracle", judged, panel.scores[every, chosen], panel.costs_usd[every, chosen], picks))
    return rows


def failures(rows: list[dict[str, Any]]) -> list[str]:
    """What the presets promise and do not keep on this panel.

    A preset that always takes the dearest model cannot beat the mix at its price, which is that model: it is then held
    against the uniform mix.
    """
    by = {row["policy"]: row for row in rows}
    found = []
    if by["quality"]["score"] <= by["cost"]["score"]:
        found.append("quality does not score above cost")
    if by["cost"]["usd_per_1k"] >= by["quality"]["usd_per_1k"]:
        found.append("cost is not cheaper than quality")
    for name in PRESETS:
        row = by[name]
        rival = by["random mix"]["score"] if row["takes_the_dearest"] else row["random_at_same_price"]
        if row["score"] <= rival:
            found.append(f"{name} is not above the random mix at its price")
    return found


def print_table(judged: Judged, rows: list[dict[str, Any]]) -> None:
    n, m = judged.panel.scores.shape
    print(f"\n{judged.source}: {m} models, {n} queries; abilities: {', '.join(sorted(set(judged.bases)))}")
    print(f"{'policy':40s} {'score':>6s} {'95 %':>15s} {'$/1k':>8s} {'random':>7s} {'gain':>7s} {'95 %':>17s} zero")
    for row in rows:
        low, high = row["score_interval"]
        worse, better = row["gain_over_random_interval"]
        print(
            f"{row['policy'][:40]:40s} {row['score']:6.3f} [{low:6.3f},{high:6.3f}] {row['usd_per_1k']:8.4f} "
            f"{row['random_at_same_price']:7.3f} {row['gain_over_random']:+7.3f} [{worse:+7.3f},{better:+7.3f}] "
            f"{row['zero_router_at_same_price']:6.3f}"
        )
        if "shares" in row:
            print("   " + ", ".join(f"{model} {share:.0%}" for model, share in list(row["shares"].items())[:5]))
    print("   promises: " + ("; ".join(failures(rows)) or "kept"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "")))
    parser.add_argument("--fold", choices=("dev", "val"), default="val")
    parser.add_argument("--published-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not (arguments.data / "outcomes").is_dir():
        parser.error("set FAIRLEAD_DATA (or --data) to the folder of the measured outcomes")
    catalogue = shipped_catalogue()
    found: dict[str, Any] = {}
    for source in PANELS:
        judged = judge(arguments.data, source, arguments.fold, catalogue, published_only=arguments.published_only)
        rows = rows_of(judged)
        found[source] = {"n_queries": len(judged.panel.scores), "rows": rows, "broken_promises": failures(rows)}
        if not arguments.json:
            print_table(judged, rows)
    if arguments.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
