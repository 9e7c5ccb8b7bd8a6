"""A comparison for people and machines: tables for a terminal or Markdown, and JSON with keys that stay."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fairlead.learning.comparison import DIFFERENCES, Comparison, Difference, Method, Point
from fairlead.learning.metrics.bootstrap import Figure

FORMAT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a table: its name in a comparison, its head, and how its number is written."""

    name: str
    head: str
    digits: int = 3
    scale: float = 1.0
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Heads and rows as a Printer takes them; every head but the first is set to the right."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    right: tuple[str, ...] = ()


SECTIONS: Final[tuple[tuple[str, tuple[Column, ...]], ...]] = (
    (
        "Quality of what is chosen, cost left aside",
        (
            Column("score", "score"),
            Column("gain", "over best single", is_signed=True),
            Column("rare_success", "score, few right"),
            Column("recall_1", "recall@1"),
            Column("recall_3", "recall@3"),
            Column("kept_share", "kept reworded"),
            Column("reworded_loss", "loss reworded", is_signed=True),
        ),
    ),
    (
        "Two models: what is recovered of the strong one's lead",
        (Column("apgr", "APGR"), Column("cpt50", "CPT 50 %"), Column("cpt80", "CPT 80 %")),
    ),
    (
        "Quality for money",
        (
            Column("mean_cost_usd", "USD per 1k", 3, 1000.0),
            Column("qnc97", "QNC 97 %"),
            Column("qnc99", "QNC 99 %"),
            Column("area", "area"),
            Column("aiq", "AIQ"),
            Column("peak", "peak"),
            Column("mean_latency_s", "delay s", 2),
            Column("hypervolume", "hypervolume"),
        ),
    ),
    (
        "What is foretold",
        (
            Column("auc", "AUC"),
            Column("brier", "Brier", 4),
            Column("log_loss", "log loss"),
            Column("calibration_error", "ECE"),
            Column("pooled_calibration_error", "ECE pooled"),
            Column("pairwise_calibration_error", "ECE pairs"),
            Column("interval_coverage", "90 % covers"),
        ),
    ),
)

SIGNED: Final = Column("", "", 3, is_signed=True)

HEADS: Final = {column.name: column.head for _, columns in SECTIONS for column in columns}

LEGEND: Final = (
    "score: mean score of the chosen models. few right: on queries that one to three models get right, not all.",
    "APGR, CPT: average gap recovered; least share of strong calls that recovers so much. A blind mix has .5, .5, .8.",
    "QNC: least cost that keeps so much of the best single model's score, as a share of its cost, over the settings.",
    "area: mean best score over costs from the cheapest model to the dearest. AIQ: the same under the convex hull.",
    "hypervolume: of quality, cost and delay, from the worst undominated single model. ECE: calibration error.",
    "best single: the best on the training side. (told): is told the true task or the outcomes, as no router is.",
)


def tables(comparison: Comparison) -> tuple[Table, ...]:
    """What a terminal shows: values with standard errors; columns and tables without any figure are left out."""
    found = []
    for title, columns in SECTIONS:
        kept = [one for one in columns if any(_figure(method, one).value is not None for method in comparison.methods)]
        if not kept:
            continue
        rows = tuple(
            (_title(method), *(_with_error(_figure(method, column), column) for column in kept))
            for method in comparison.methods
        )
        heads = tuple(column.head for column in kept)
        found.append(Table(title, ("method", *heads), rows, heads))
    return (*found, *_difference_tables(comparison))


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The whole comparison; an undefined figure has a null value and a reason."""
    return {
        "format_version": FORMAT_VERSION,
        "pool": comparison.pool,
        "arms": list(comparison.arms),
        "n_queries": comparison.n_queries,
        "n_scored": comparison.n_scored,
        "n_priced": comparison.n_priced,
        "n_timed": comparison.n_timed,
        "n_draws": comparison.n_draws,
        "seed": comparison.seed,
        "notes": list(comparison.notes),
        "singles": [
            {"arm": one.arm, "score": one.score, "cost_usd": one.cost_usd, "latency_s": one.latency_s}
            for one in comparison.singles
        ],
        "methods": [_method_json(method) for method in comparison.methods],
        "differences": [_difference_json(one) for one in comparison.differences],
        "zero_hull": _points_json(comparison.zero_hull),
    }


def _difference_tables(comparison: Comparison) -> list[Table]:
    found = []
    for router in dict.fromkeys(one.method for one in comparison.differences):
        mine = [one for one in comparison.differences if one.method == router]
        metrics = tuple(metric for metric in DIFFERENCES if any(one.metric == metric for one in mine))
        heads = tuple(HEADS.get(metric, metric) for metric in metrics)
        cells = {(one.rival, one.metric): _with_error(one.figure, SIGNED) for one in mine}
        rows = tuple(
            (rival, *(cells.get((rival, metric)) for metric in metrics))
            for rival in dict.fromkeys(one.rival for one in mine)
        )
        found.append(Table(f"{router} less each other method, paired", ("method", *heads), rows, heads))
    return found


def _figure(method: Method, column: Column) -> Figure:
    return method.figures.get(column.name, Figure(None))


def _title(method: Method) -> str:
    return f"{method.name} (told)" if method.kind == "told" else method.name


def _number(value: float, column: Column) -> str:
    sign = "+" if column.is_signed else ""
    text = f"{value * column.scale:{sign}.{column.digits}f}"
    return text.replace("0.", ".", 1) if text.lstrip("+-").startswith("0.") else text


def _with_error(figure: Figure, column: Column) -> str | None:
    if figure.value is None:
        return None
    unsigned = Column(column.name, column.head, column.digits, column.scale)
    error = "" if figure.standard_error is None else f" ±{_number(figure.standard_error, unsigned)}"
    return _number(figure.value, column) + error


def markdown_table(table: Table) -> list[str]:
    """A table's lines; unknown cells are a dash."""
    rule = ["---:" if head in table.right else "---" for head in table.heads]
    rows = [["–" if cell is None else markdown_text(cell) for cell in row] for row in table.rows]
    return [f"| {' | '.join(cells)} |" for cells in ([markdown_text(head) for head in table.heads], rule, *rows)]


def markdown_text(text: str) -> str:
    """One line that Markdown takes as plain text: names come from files that we do not control."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return re.sub(r"[\\`*\[\]<>|#]|(?<!\w)_|_(?!\w)", lambda found: "\\" + found.group(), flat)


def figure_json(figure: Figure) -> dict[str, Any]:
    """A figure with keys that stay; what is undefined is null and has a reason."""
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "standard_error": figure.standard_error,
        "reason": figure.reason,
    }


def _method_json(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "kind": method.kind,
        "figures": {name: figure_json(figure) for name, figure in method.figures.items()},
        "curve": _points_json(method.curve),
    }


def _difference_json(one: Difference) -> dict[str, Any]:
    return {"method": one.method, "rival": one.rival, "metric": one.metric, **figure_json(one.figure)}


def _points_json(points: Sequence[Point]) -> list[Mapping[str, float]]:
    return [{"cost_usd": point.cost_usd, "score": point.score} for point in points]
