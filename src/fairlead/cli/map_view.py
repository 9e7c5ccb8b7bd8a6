"""The model map drawn: what a model is good at, beside which others, and how sure that is.

Two maps look alike here: the catalogue's, from published figures by kind of task, and a trained router's, from its own
outcomes by cluster of queries. Bars are plain characters, so that a log or a mail shows them as a terminal does.
"""

from collections import Counter
from collections.abc import Sequence
from math import exp
from typing import Any, Final

import numpy as np

from fairlead.cli.output import Printer
from fairlead.domain.kinds import KINDS
from fairlead.routing.cluster_labels import LABEL_COLUMNS, kind_shares
from fairlead.routing.modelmap.ability import MIN_PUBLISHED_FIGURES
from fairlead.routing.modelmap.entry import MEASURES, Clusters, Entry, Measure
from fairlead.routing.predictors.costs import CostBasis
from fairlead.routing.predictors.stack import INTERVAL_Z
from fairlead.routing.standing import AbilityView, Standing, view_clusters
from fairlead.routing.trained_router import TrainedRouter

BAR_COLUMNS: Final = 31
SMALL_BAR_COLUMNS: Final = 21
N_ENDS: Final = 4
"""Of the clusters so many best and worst ones are drawn."""
HARD: Final = 0.5
"""Logits from the usual query at which a cluster is called easy or hard."""
_PRICED: Final = {CostBasis.STATED: "as stated", CostBasis.LEARNED: "learned from calls"}


def print_abilities(out: Printer, view: AbilityView) -> None:
    """The map of a catalogue's model for people."""
    out.pair("better than most", _all_or(view.good) or "in no kind of task for sure")
    if view.weak:
        out.pair("weaker than most", _all_or(view.weak))
    if view.own_best or view.own_worst:
        best, worst = ", ".join(view.own_best[:3]), ", ".join(view.own_worst[:3])
        out.pair("for its own level", "; ".join(
            told for told in (f"strong in {best}" if best else "", f"weak in {worst}" if worst else "") if told
        ))  # fmt: skip
    out.pair("how sure", _how_sure(view))
    out.line()
    first = view.kinds[0]
    out.line(f"{'kind of task':12s} {_ruler(BAR_COLUMNS)} chance  90 % sure  rank of {first.n_ranked}", "bold")
    for one in view.kinds:
        drawn = draw_bar(one.low, one.mean, one.high, {"*": one.best, "|": one.median}, BAR_COLUMNS)
        out.line(f"{one.label:12s} {drawn} {_percent(one.mean):>6s}  {_span(one.low, one.high):>9s}  {one.rank:4d}")
    out.line("O the model, --- 90 % sure, | the median of the current models, * the best.", "dim")
    out.line("Chance: on a question of the kind that the median model solves half the time.", "dim")
    _print_best(out, view)


def _print_best(out: Printer, view: AbilityView) -> None:
    (first, _), *rest = Counter(one.best_model for one in view.kinds).most_common()
    told = [f"Best is {first}", *(f"in {_kinds_of(view, name)} {name}" for name, _ in rest)]
    for line in [", ".join(told)] if len(", ".join(told)) < 80 else told:
        out.line(f"{line}.", "dim")


def abilities_json(view: AbilityView) -> dict[str, Any]:
    """The same for machines; the keys are stable."""
    return {
        "kinds": [
            {
                "kind": one.label,
                "chance": round(one.mean, 4),
                "low": round(one.low, 4),
                "high": round(one.high, 4),
                "median": one.median,
                "best": round(one.best, 4),
                "best_model": one.best_model,
                "rank": one.rank,
                "n_ranked": one.n_ranked,
                "above_median": round(one.above_median, 4),
            }
            for one in view.kinds
        ],
        "better_than_most": list(view.good),
        "weaker_than_most": list(view.weak),
        "own_best": list(view.own_best),
        "own_worst": list(view.own_worst),
        "n_figures": view.n_figures,
        "n_outcomes": view.n_outcomes,
        "newest": view.newest,
        "basis": view.basis,
    }


def print_entry(out: Printer, router: TrainedRouter, arm: str, file: str) -> None:
    """The map of a trained router's model for people."""
    entries = router.model_map.entries
    entry, quality = entries[arm], entries[arm].quality
    means = [one.quality.value for one in entries.values()]
    rank = 1 + sum(mean > quality.value for mean in means)
    reach = INTERVAL_Z * (quality.spread or 0.0)
    low, high = max(quality.value - reach, 0.0), min(quality.value + reach, 1.0)
    out.line(f"{arm}  (in {file})", "bold")
    if entry.stale is not None:
        out.line(f"stale {entry.stale}: the figures are in doubt and their intervals wider: train again", "yellow")
    out.pair("mean score", f"{_percent(quality.value)}, 90 % sure {_span(low, high)}; rank {rank} of {len(means)}")
    out.pair("known from", f"{quality.n} outcomes: {quality.source}" + (f", {quality.as_of}" if quality.as_of else ""))
    best = max(entries, key=lambda name: entries[name].quality.value)
    out.pair("pool", f"median {_percent(float(np.median(means)))}, best {_percent(max(means))} ({best})")
    for label, told in _conduct(router, entry, router.arms.index(arm)):
        out.pair(label, told)
    out.line()
    _print_clusters(out, entry, router.model_map.clusters, view_clusters(router.model_map, arm))


def _print_clusters(out: Printer, entry: Entry, clusters: Clusters, standings: Sequence[Standing]) -> None:
    heads = f"{'queries with':{LABEL_COLUMNS}s}      {'share':>5s} {'chars':>6s}"
    out.line(f"{heads}  {_ruler(SMALL_BAR_COLUMNS)} score 90 % sure    n", "bold")
    order = sorted(range(len(standings)), key=lambda at: standings[at].median - standings[at].mean)
    is_cut = len(order) > 2 * N_ENDS
    level = float(clusters.share @ clusters.difficulty)
    for title, part in (
        ("its best, against the pool's median", order[:N_ENDS]),
        ("its worst", order[-N_ENDS:]),
    ) if is_cut else (("best first, against the pool's median", order),):  # fmt: skip
        out.line(title, "dim")
        for at in part:
            one = standings[at]
            drawn = draw_bar(one.low, one.mean, one.high, {"*": one.best, "|": one.median}, SMALL_BAR_COLUMNS)
            harder = float(clusters.difficulty[at]) - level
            ease = "hard" if harder > HARD else "easy" if harder < -HARD else ""
            kind = f"{one.label:{LABEL_COLUMNS}s} {ease:4s} {clusters.share[at]:5.0%} {clusters.median_chars[at]:6.0f}"
            score = f"{_percent(one.mean):>5s} {_span(one.low, one.high):>9s} {entry.n_by_cluster[at]:4.0f}"
            out.line(f"{kind}  {drawn} {score}")
    if is_cut:
        out.line(f"{len(order) - 2 * N_ENDS} clusters between them are not drawn; --json has all.", "dim")
    out.line("O the model, --- 90 % sure, | the pool's median, * the best; n: outcomes there.", "dim")


def _conduct(router: TrainedRouter, entry: Entry, arm: int) -> list[tuple[str, str]]:
    """Length, delays, cost, each with what it is known from."""
    told = []
    if entry.output_tokens is not None:
        told.append(("output tokens", _amount(entry.output_tokens, ".0f", "replies")))
    if entry.ttft_s is not None:
        told.append(("first token, s", _amount(entry.ttft_s, ".2f", "calls")))
    if entry.s_per_token is not None:
        told.append(("seconds a token", _amount(entry.s_per_token, ".4f", "calls")))
    if entry.failure_share is not None:
        told.append(("failures", f"{entry.failure_share.value:.1%} of {entry.failure_share.n} calls"))
    costs, delays, verdict = router.costs, router.delays, router.verdict
    if delays is not None and bool(delays.is_measured[arm]):
        rate = f"{delays.wait_s[arm]:.2f} s and {delays.s_per_token[arm]:.4f} s a token"
        told.append(("a call takes", f"{rate}, fitted on {delays.n_seen[arm]:.0f} calls"))
    if costs is not None and CostBasis(costs.basis[arm]) in _PRICED:
        rates = [f"{round(float(usd[arm]) * 1e6, 4):g}" for usd in (costs.input_usd, costs.output_usd)]
        basis = _PRICED[CostBasis(costs.basis[arm])]
        told.append(("price", f"USD {rates[0]} in, {rates[1]} out a million tokens, {basis}"))
    elif costs is None or not bool(costs.is_known[arm]):
        told.append(("price", "not known"))
    if verdict.mean_cost_usd is not None and entry.arm in verdict.arms:
        mean_usd = verdict.mean_cost_usd[verdict.arms.index(entry.arm)]
        if mean_usd is not None:
            told.append(("a call costs", f"USD {mean_usd:.3g} on average"))
    return told


def entry_json(router: TrainedRouter, arm: str) -> dict[str, Any]:
    """The same for machines; the keys are stable, and what is not known is null."""
    entry, clusters = router.model_map.entries[arm], router.model_map.clusters
    means = [one.quality.value for one in router.model_map.entries.values()]
    return {
        "model": arm,
        "rank": 1 + sum(mean > entry.quality.value for mean in means),
        "n_models": len(means),
        "pool_median": float(np.median(means)),
        "stale": entry.stale,
        **{name: None if (one := getattr(entry, name)) is None else one._asdict() for name in MEASURES},
        "clusters": [
            {
                "label": one.label,
                "kinds": kind_shares(clusters.kinds, at),
                "share": round(float(clusters.share[at]), 4),
                "difficulty": round(float(clusters.difficulty[at]), 3),
                "median_chars": float(clusters.median_chars[at]),
                "score": round(one.mean, 4),
                "low": round(one.low, 4),
                "high": round(one.high, 4),
                "median": round(one.median, 4),
                "best": round(one.best, 4),
                "best_model": one.best_model,
                "rank": one.rank,
                "n": int(entry.n_by_cluster[at]),
                "output_tokens": float(tokens) if np.isfinite(tokens := entry.tokens_by_cluster[at]) else None,
            }
            for at, one in enumerate(view_clusters(router.model_map, arm))
        ],
    }


def draw_bar(low: float, mean: float, high: float, marks: dict[str, float], n_columns: int) -> str:
    """A bar from 0 to 1: the interval, then the marks in their order, the mean over all."""
    cells = ["."] * n_columns

    def place(share: float) -> int:
        return min(n_columns - 1, max(0, round(share * (n_columns - 1))))

    for at in range(place(low), place(high) + 1):
        cells[at] = "-"
    for mark, share in marks.items():
        cells[place(share)] = mark
    cells[place(mean)] = "O"
    return "".join(cells)


def _ruler(n_columns: int) -> str:
    return "0" + "50".center(n_columns - 4) + "100"


def _how_sure(view: AbilityView) -> str:
    if not view.n_figures and not view.n_outcomes:
        return "a guess from size, price, date: no published figure"
    count = "1 published figure" if view.n_figures == 1 else f"{view.n_figures} published figures"
    if view.n_outcomes:
        count = f"{view.n_outcomes:,} outcomes, {count}"
    if view.basis == "prior":
        return f"hardly: {count}, fewer than {MIN_PUBLISHED_FIGURES}; the rest is a guess from size, price, date"
    reach = float(np.mean([one.high - one.low for one in view.kinds])) / 2.0
    return f"to +-{_percent(reach)} points, from {count} up to {view.newest}"


def _all_or(kinds: Sequence[str]) -> str:
    return "in every kind of task" if len(kinds) == len(KINDS) else ", ".join(kinds)


def _kinds_of(view: AbilityView, model: str) -> str:
    return ", ".join(one.label for one in view.kinds if one.best_model == model)


def _amount(measure: Measure, form: str, of: str) -> str:
    span = ""
    if measure.spread is not None:
        ends = (measure.value * exp(-measure.spread), measure.value * exp(measure.spread))
        span = f" (two thirds: {ends[0]:{form}} to {ends[1]:{form}})"
    return f"{measure.value:{form}}{span}, from {measure.n} {of}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _span(low: float, high: float) -> str:
    return f"{_percent(low)} to {_percent(high)}"
