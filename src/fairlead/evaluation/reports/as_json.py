"""The findings as JSON with keys that stay; undefined is null, with a reason where there is one."""

from typing import Any, Final

from fairlead.evaluation.comparison_report import figure_json
from fairlead.evaluation.judging.agreement import Agreement
from fairlead.evaluation.reports.findings import Findings, JudgeFinding, ModelFinding

FORMAT_VERSION: Final = 1


def as_json(found: Findings) -> dict[str, Any]:
    """The whole report."""
    return {
        "format_version": FORMAT_VERSION,
        "suite": found.suite,
        "revision": found.revision,
        "layout": found.layout,
        "n_items": found.n_items,
        "n_samples": found.n_samples,
        "record_hash": found.record_hash,
        "spent_usd": found.spent_usd,
        "held_usd": found.held_usd,
        "judge_usd": found.judge_usd,
        "cap_usd": found.cap_usd,
        "n_unknown": found.n_unknown,
        "notes": list(found.notes),
        "models": [_model(model) for model in found.models],
        "pairs": [
            {
                "one": pair.one,
                "other": pair.other,
                "n": pair.n,
                "n_clusters": pair.n_clusters,
                "difference": figure_json(pair.difference),
                "bootstrap": figure_json(pair.bootstrap),
                "n_better": pair.n_better,
                "n_worse": pair.n_worse,
                "p_value": pair.p_value,
                "p_adjusted": pair.p_adjusted,
                "n_needed": found.needed.get((pair.one, pair.other)),
            }
            for pair in found.pairs
        ],
        "judge": None if found.judge is None else _judge(found.judge),
    }


def _model(model: ModelFinding) -> dict[str, Any]:
    return {
        "model": model.name,
        "n_planned": model.n_planned,
        "n_answered": model.n_answered,
        "n_scored": model.n_scored,
        "n_unscored": model.n_unscored,
        "n_cut": model.n_cut,
        "score": figure_json(model.score),
        "any_right": figure_json(model.any_right),
        "cost_usd": model.cost_usd,
        "mean_cost_usd": model.mean_cost_usd,
        "input_tokens": model.input_tokens,
        "output_tokens": model.output_tokens,
        "latency_p50_s": model.latency_p50_s,
        "latency_p90_s": model.latency_p90_s,
        "by_group": {name: figure_json(figure) for name, figure in model.by_group.items()},
    }


def _judge(judge: JudgeFinding) -> dict[str, Any]:
    strengths = judge.biases.strengths
    return {
        "judges": list(judge.judges),
        "n_pairs": judge.n_pairs,
        "n_abstained": judge.n_abstained,
        "consistency": figure_json(judge.consistency),
        "place_bias": figure_json(judge.biases.place),
        "length_bias": figure_json(judge.biases.length),
        "style_bias": {name: figure_json(figure) for name, figure in judge.biases.style.items()},
        "kin_bias": figure_json(judge.biases.kin),
        "agreement": {name: _agreement(each) for name, each in judge.agreement.items()},
        "strengths": None
        if strengths is None
        else {name: {**figure_json(figure), "rank": strengths.rank[name]} for name, figure in strengths.of.items()},
        "shares": [
            {
                "one": one,
                "other": other,
                "by_judge": figure_json(figure),
                "corrected": figure_json(judge.corrected[one, other]) if (one, other) in judge.corrected else None,
            }
            for (one, other), figure in judge.raw.items()
        ],
    }


def _agreement(found: Agreement) -> dict[str, Any]:
    return {"n": found.n, "share": figure_json(found.share), "kappa": figure_json(found.kappa)}
