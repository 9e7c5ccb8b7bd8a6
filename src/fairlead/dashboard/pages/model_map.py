"""Model map: what a model is good at as a picture: by kind of task, and by the clusters of the operator's router."""

from collections.abc import Sequence
from typing import Final

from fairlead.dashboard.elements import Child, Markup, element
from fairlead.dashboard.knowledge import Knowledge
from fairlead.dashboard.models_view import ModelRow, counted
from fairlead.dashboard.sourced import reach
from fairlead.dashboard.sourced_number import SOURCE_WORDS
from fairlead.dashboard.strips import legend, strip
from fairlead.dashboard.tables import numbers, table
from fairlead.dashboard.wording import count, share
from fairlead.routing.modelmap.entry import Clusters
from fairlead.routing.standing import ALL_KINDS, AbilityView, Standing, view_clusters
from fairlead.routing.trained_router import TrainedRouter

MOST_CLUSTERS: Final = 40


def kinds_map(view: AbilityView) -> Markup:
    """By kind of task, from published figures and outcomes."""
    told = [
        f"Surely better than most {_where(view.good, len(view.kinds))}."
        if view.good
        else "In no kind of task is it surely better than most."
    ]
    if view.weak:
        told.append(f"Surely weaker than most {_where(view.weak, len(view.kinds))}.")
    if view.own_best or view.own_worst:
        parts = [f"strong in {', '.join(view.own_best[:3])}"] if view.own_best else []
        parts += [f"weak in {', '.join(view.own_worst[:3])}"] if view.own_worst else []
        told.append(f"For its own level it is {' and '.join(parts)}.")
    rests = " and ".join(counted(view)) or "no figure"
    newest = f", the newest of {view.newest}" if view.newest else ""
    return element(
        "section",
        element("h2", "What it is good at"),
        element("p", " ".join(told)),
        table(
            "Chance of success by kind of task",
            [
                "kind",
                "0 to 100 %, 90 % interval",
                *numbers("chance", "rank"),
                "best",
            ],
            [_kind_row(standing) for standing in (view.general, *view.kinds)],
        ),
        legend(
            (
                ("mean", "this model"),
                ("reach", "90 % sure"),
                ("median", "the median of the current models"),
                ("best", "the best of them"),
            )
        ),
        element("p", f"Rests on {rests}{newest}: ", SOURCE_WORDS[view.basis], ".", class_="soft"),
        element("p", "Chance: on a question of the kind that the median model solves half the time.", class_="soft"),
    )


def _where(kinds: Sequence[str], n: int) -> str:
    return "in every kind of task" if len(kinds) == n else f"in {', '.join(kinds)}"


def _kind_row(standing: Standing) -> list[Child]:
    name = "all kinds" if standing.label == ALL_KINDS else standing.label
    words = reach(standing.mean, standing.low, standing.high)
    return [
        name,
        strip(
            f"{name}: {words}",
            standing.mean,
            standing.low,
            standing.high,
            {"median": standing.median, "best": standing.best},
        ),
        words,
        f"{standing.rank} of {standing.n_ranked}",
        standing.best_model,
    ]


def learned_map(known: Knowledge, row: ModelRow) -> Markup | None:
    """By cluster of queries, from what the operator's own router learned; None where it knows nothing of the model."""
    arm = known.arm_of.get(row.model)
    if known.trained is None or arm is None or arm not in known.trained.model_map.entries:
        return None
    learned = row.learned[ALL_KINDS]
    reach = f" ({share(learned.low)} to {share(learned.high)}, 90 % sure)" if learned.low is not None else ""
    return element(
        "section",
        element("h2", "What your router learned"),
        element("p", f"Mean score {share(learned.value)}{reach}, from {learned.told}."),
        _clusters(known.trained, arm),
        legend(
            (
                ("mean", "this model"),
                ("reach", "90 % sure"),
                ("median", "the median of the router's models"),
                ("best", "the best of them"),
            )
        ),
    )


def _clusters(trained: TrainedRouter, arm: str) -> Markup:
    clusters, entry = trained.model_map.clusters, trained.model_map.entries[arm]
    standings = view_clusters(trained.model_map, arm)
    order = sorted(range(len(standings)), key=lambda at: standings[at].median - standings[at].mean)
    cut = f", {MOST_CLUSTERS} of {len(order)}" if len(order) > MOST_CLUSTERS else ""
    return table(
        f"Success by cluster of queries, its best first{cut}",
        [
            "queries with",
            "0 to 100 %, 90 % interval",
            *numbers("success", "share of queries", "difficulty, logits", "outcomes"),
        ],
        [_cluster_row(at, standings[at], clusters, float(entry.n_by_cluster[at])) for at in order[:MOST_CLUSTERS]],
    )


def _cluster_row(at: int, standing: Standing, clusters: Clusters, n: float) -> Sequence[Child]:
    words = reach(standing.mean, standing.low, standing.high)
    marks = {"median": standing.median, "best": standing.best}
    return [
        standing.label,
        strip(f"{standing.label}: {words}", standing.mean, standing.low, standing.high, marks),
        words,
        share(float(clusters.share[at])),
        f"{float(clusters.difficulty[at]):+.1f}",
        count(n),
    ]
