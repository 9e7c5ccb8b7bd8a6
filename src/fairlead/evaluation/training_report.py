"""What a training run has to say: what was read, how the router did on queries it had not seen, and its verdict."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from fairlead.evaluation.comparison_report import Table, as_json, tables
from fairlead.learning.baselines import baselines_of, contender_of, join_folds
from fairlead.learning.comparison import Comparison, compare
from fairlead.learning.onboarding import Grown
from fairlead.learning.outcomes import Floats, Outcomes
from fairlead.learning.prediction import Prediction
from fairlead.learning.training import Training
from fairlead.routing.predictors.components import shrunk_means

WORTH_SAYING: Final = 0.05
"""Of score, by which a model's mean over all queries differs from that over its own."""
N_DRAWS: Final = 200
"""Resamples behind the intervals of a training report; `fairlead benchmark` takes more."""


def cross_validated(outcomes: Outcomes, training: Training, n_draws: int = N_DRAWS, pool: str = "") -> Comparison:
    """The router and its parts on left-out queries, beside the baselines fitted on the same folds."""
    kept = outcomes.take(training.used)
    rows, folds = [], []
    for fold in np.unique(training.folds):
        outside = np.flatnonzero(training.folds == fold)
        inside = np.flatnonzero(training.folds != fold)
        rows.append(outside)
        folds.append(baselines_of(kept.take(inside), kept.take(outside)))
    order = np.concatenate(rows)
    baselines, fold_of = join_folds(folds), training.folds[order]
    parts = [
        contender_of(
            name, Prediction(np.clip(left_out[order], 0.0, 1.0), folds=fold_of), baselines.mean_cost_usd,
            baselines.mean_latency_s, "baseline",
        )
        for name, left_out in training.stack_fit.parts_left_out.items()
    ]  # fmt: skip
    baselines = replace(baselines, contenders=(*baselines.contenders, *parts))
    ours = Prediction(
        training.stack_fit.apart.quality[order],
        _ordered(training.left_out_cost_usd, order),
        usual=training.stack_fit.apart.usual[order],
        folds=fold_of,
    )
    return compare(kept.take(order), {"router": ours}, baselines, n_draws=n_draws, pool=pool)


def _ordered(matrix: Floats | None, order: Any) -> Floats | None:
    """Expected costs in the order of the test queries; None unless every one is known."""
    if matrix is None or not np.isfinite(matrix).all():
        return None
    result: Floats = matrix[order]
    return result


def lines_of(outcomes: Outcomes, training: Training) -> list[str]:
    """What was read and fitted, a sentence each."""
    n_groups = len(np.unique(training.groups))
    n_alike = len(training.groups) - n_groups
    lines = [
        f"{outcomes.n_scores} scores of {len(outcomes.arms)} models on {len(outcomes.queries)} queries: "
        f"{outcomes.coverage:.0%} of all pairs",
        f"{len(training.used)} queries fitted; {n_alike} are worded like another one and were kept in its fold",
        *_chosen(outcomes.score[training.used], training),
        *outcomes.notes,
    ]
    measured = [
        ("output tokens", training.router.lengths), ("cost", training.router.costs), ("delay", training.router.delays),
    ]  # fmt: skip
    lines += [f"no {name} in these outcomes: it is not foretold" for name, head in measured if head is None]
    if training.router.costs is not None:
        lines += _unpriced(training)
    return lines


def _chosen(scores: Floats, training: Training) -> list[str]:
    """Which models answered easier or harder queries than the others, and what their means are taken for."""
    seen, lines = np.isfinite(scores), []
    # A mean of few outcomes is drawn to that of all models in any case: that says nothing of their queries.
    drawn = shrunk_means(scores).tolist()
    for place, (arm, mean) in enumerate(zip(training.router.arms, training.router.stack.mean.tolist(), strict=True)):
        n = int(seen[:, place].sum())
        if abs(drawn[place] - mean) < WORTH_SAYING or not 0 < n < len(scores):
            continue
        own = float(scores[seen[:, place], place].mean())
        kind = "easier" if drawn[place] > mean else "harder"
        is_few = abs(own - drawn[place]) >= WORTH_SAYING
        few = ", since so few are drawn to the mean of all models too" if is_few else ""
        lines.append(
            f"{arm} was asked {kind} queries than the others: its mean of {own:.2f} on {n} of them is taken for "
            f"{mean:.2f} on all {len(scores)}{few}"
        )
    return lines


def _unpriced(training: Training) -> list[str]:
    """Which models' costs are not foretold though some cost or price is known."""
    cost = training.left_out_cost_usd
    arms = training.router.arms
    unknown = [arm for place, arm in enumerate(arms) if cost is None or not np.isfinite(cost[:, place]).any()]
    if not unknown:
        return []
    mend = "give cost_usd" if training.router.lengths is None else "give cost_usd or a price"
    if training.router.lengths is None:
        mend += ", or output_tokens for the prices to meet"
    return [f"no cost is foretold of {', '.join(unknown)}: {mend}"]


def weights_table(training: Training) -> Table:
    """How the parts are weighed."""
    stack = training.router.stack
    rows = tuple((name, f"{weight:.2f}") for name, weight in stack.weights.items())
    return Table("Parts of the stack", ("part", "weight"), rows, ("weight",))


def report_tables(comparison: Comparison, training: Training) -> Sequence[Table]:
    """Every table of the report."""
    return (*tables(comparison), weights_table(training))


def report_json(outcomes: Outcomes, training: Training, comparison: Comparison) -> dict[str, Any]:
    """The report for machines; keys stay."""
    router = training.router
    return {
        "n_queries": len(outcomes.queries),
        "n_scores": outcomes.n_scores,
        "coverage": outcomes.coverage,
        "models": list(router.arms),
        "notes": list(outcomes.notes),
        "weights": dict(router.stack.weights),
        "verdict": router.verdict.to_dict(),
        "cross_validated": as_json(comparison),
    }


def grown_json(grown: Grown) -> dict[str, Any]:
    """What is told of a model that joined a router, for machines; keys stay."""
    arm = grown.arm
    return {
        "model": grown.router.arms[-1],
        "n_outcomes": arm.n,
        "mean": round(arm.mean, 4),
        "mean_error": round(arm.mean_error, 4),
        "models": list(grown.router.arms),
        "notes": list(grown.lines),
    }
