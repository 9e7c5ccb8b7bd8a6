"""Findings: what a run's record says of the models: scores with intervals, differences, costs, delays, the judge.

Built from records alone, so that a report can be made again without a call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from fairlead.evaluation.judging.agreement import Agreement
from fairlead.evaluation.judging.biases import Biases
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.records import Ledger, Reply, record_hash
from fairlead.evaluation.running.scoring import scorer_hash
from fairlead.evaluation.scorers.registry import JUDGE
from fairlead.evaluation.statistics.intervals import mean_interval
from fairlead.evaluation.statistics.pairs import Paired, benjamini_hochberg, paired
from fairlead.evaluation.statistics.sample_size import prompts_for
from fairlead.evaluation.suite_items import Suite
from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.outcomes import Floats

MAX_GROUPS: Final = 40
"""Groups that a report shows one by one."""
MAX_WRONG: Final = 20
"""Wrong replies that a report quotes."""


@dataclass(frozen=True, slots=True)
class ModelFinding:
    """One model. Units: USD, seconds, tokens; None where nothing was counted."""

    name: str
    n_planned: int
    n_answered: int
    n_scored: int
    n_unscored: int
    n_cut: int
    """Replies that ended at the token limit."""
    score: Figure
    any_right: Figure
    """Share of prompts that at least one of k samples got right; None with one sample."""
    cost_usd: float
    mean_cost_usd: float | None
    input_tokens: float | None
    output_tokens: float | None
    latency_p50_s: float | None
    latency_p90_s: float | None
    by_group: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A reply that scored 0, quoted for whoever looks into it."""

    model: str
    item: str
    prompt: str
    reply: str
    reference: str


@dataclass(frozen=True, slots=True)
class JudgeFinding:
    """What is known of the judges."""

    judges: tuple[str, ...]
    n_pairs: int
    n_abstained: int
    consistency: Figure
    """Share of pairs in which both orders gave the same."""
    biases: Biases
    agreement: Mapping[str, Agreement]
    """Judge -> agreement with people."""
    corrected: Mapping[tuple[str, str], Figure]
    """(one, other) -> one's share as people would give it, from the judge's and the people's words."""
    raw: Mapping[tuple[str, str], Figure]
    """The same from the judge alone."""


@dataclass(frozen=True, slots=True)
class Findings:
    """A whole run."""

    suite: str
    revision: str
    layout: str
    n_items: int
    n_samples: int
    record_hash: str
    models: tuple[ModelFinding, ...]
    pairs: tuple[Paired, ...]
    needed: Mapping[tuple[str, str], int | None]
    """Prompts that the observed difference would need for 80 % power."""
    spent_usd: float
    held_usd: float
    judge_usd: float
    cap_usd: float
    n_unknown: int
    wrong: tuple[Wrong, ...]
    judge: JudgeFinding | None
    judged: "Scores"
    """Scores that judges gave."""
    notes: tuple[str, ...]


Scores = Mapping[tuple[str, str, int], float | None]
"""(model, item, sample) -> score."""


def scores_in(ledger: Ledger, suite: Suite, judged: Scores) -> dict[tuple[str, str, int], float | None]:
    """Every score of a record; a judge's from `judged`."""
    hashes = {item.id: scorer_hash(item) for item in suite.items if item.scorer.name != JUDGE}
    found: dict[tuple[str, str, int], float | None] = {}
    for reply in ledger.replies():
        if reply.kind != "answer":
            continue
        place = (reply.model, reply.item, reply.sample)
        if reply.item in hashes:
            line = ledger.scores.get((reply.key, hashes[reply.item]))
            found[place] = None if line is None else line.value
        else:
            found[place] = judged.get(place)
    return found


def findings(
    plan: Plan, ledger: Ledger, judged: Scores, judge: JudgeFinding | None = None, notes: Sequence[str] = ()
) -> Findings:
    """The findings of a record, as far as it belongs to the plan."""
    suite, n_samples, keys = plan.suite, plan.n_samples, plan.keys
    models = [model.name for model in plan.models]
    answers = [each.reply for key, each in ledger.calls.items() if key in keys and each.reply is not None]
    groups = {item.id: item.group or item.id for item in suite.items}
    scores = scores_in(ledger, suite, judged)
    found = tuple(
        _model(name, [reply for reply in answers if reply.model == name], suite, n_samples, scores, groups)
        for name in models
    )
    pairs = _pairs(models, suite, scores, groups, n_samples)
    used = set(keys) | {key for key, each in ledger.calls.items() if each.reply and each.reply.kind != "answer"}
    current = {scorer_hash(item) for item in suite.items}
    return Findings(
        suite=suite.name,
        revision=suite.revision,
        layout=suite.layout,
        n_items=len(suite.items),
        n_samples=n_samples,
        record_hash=record_hash(
            [each.reply for key, each in ledger.calls.items() if key in used and each.reply is not None],
            [line for (key, scorer), line in ledger.scores.items() if key in used and scorer in current],
        ),
        models=found,
        pairs=pairs,
        needed={(each.one, each.other): _needed(each) for each in pairs},
        spent_usd=ledger.spent_nano / 1e9,
        held_usd=ledger.held_nano / 1e9,
        judge_usd=sum(reply.cost_nano for reply in ledger.replies() if reply.kind == JUDGE) / 1e9,
        cap_usd=plan.cap_nano / 1e9,
        n_unknown=len(ledger.unknown),
        wrong=_wrong(answers, suite, scores),
        judge=judge,
        judged=judged,
        notes=tuple(notes),
    )


def _model(
    name: str, replies: Sequence[Reply], suite: Suite, n_samples: int, scores: Scores, groups: Mapping[str, str]
) -> ModelFinding:
    known = [(reply, scores.get((name, reply.item, reply.sample))) for reply in replies]
    scored = [(reply, score) for reply, score in known if score is not None]
    values = np.array([score for _, score in scored], dtype=np.float64)
    clusters = [groups[reply.item] for reply, _ in scored]
    usages = [reply.usage for reply in replies if reply.usage is not None]
    times = sorted(reply.latency_s for reply in replies)
    cost = sum(reply.cost_nano for reply in replies) / 1e9
    return ModelFinding(
        name=name,
        n_planned=len(suite.items) * n_samples,
        n_answered=len(replies),
        n_scored=len(scored),
        n_unscored=len(replies) - len(scored),
        n_cut=sum(reply.finish == "length" for reply in replies),
        score=mean_interval(values, clusters),
        any_right=_any_right(scored, groups, n_samples),
        cost_usd=cost,
        mean_cost_usd=cost / len(replies) if replies else None,
        input_tokens=float(np.mean([sum(usage[:3]) for usage in usages])) if usages else None,
        output_tokens=float(np.mean([usage[3] for usage in usages])) if usages else None,
        latency_p50_s=float(np.quantile(times, 0.5)) if times else None,
        latency_p90_s=float(np.quantile(times, 0.9)) if times else None,
        by_group=_by_group(values, clusters, [reply.item for reply, _ in scored]),
    )


def _any_right(scored: Sequence[tuple[Reply, float]], groups: Mapping[str, str], n_samples: int) -> Figure:
    if n_samples < 2:
        return Figure(None, reason="one sample a prompt")
    best: dict[str, float] = {}
    for reply, score in scored:
        best[reply.item] = max(best.get(reply.item, 0.0), float(score >= 1.0))
    return mean_interval(np.array(list(best.values())), [groups[item] for item in best])


def _by_group(values: Floats, clusters: Sequence[str], items: Sequence[str]) -> dict[str, Figure]:
    names = sorted(set(clusters))
    if not 1 < len(names) <= MAX_GROUPS or len(names) == len(set(items)):
        return {}
    found = {}
    for name in names:
        rows = [row for row, cluster in enumerate(clusters) if cluster == name]
        found[name] = mean_interval(values[rows], [items[row] for row in rows])
    return found


def _pairs(
    models: Sequence[str], suite: Suite, scores: Scores, groups: Mapping[str, str], n_samples: int
) -> tuple[Paired, ...]:
    """Every two models on what both have a score for; prompts asked k times count by their mean."""
    means: dict[str, dict[str, float]] = {}
    for name in models:
        means[name] = {}
        for item in suite.items:
            known = [scores.get((name, item.id, sample)) for sample in range(n_samples)]
            values = [score for score in known if score is not None]
            if values:
                means[name][item.id] = float(np.mean(values))
    found = []
    for place, one in enumerate(models):
        for other in models[place + 1 :]:
            shared = [item for item in means[one] if item in means[other]]
            left, right = (np.array([means[name][item] for item in shared]) for name in (one, other))
            found.append(paired(one, other, left, right, [groups[item] for item in shared]))
    adjusted = benjamini_hochberg([each.p_value for each in found])
    return tuple(replace(each, p_adjusted=p) for each, p in zip(found, adjusted, strict=True))


def _needed(pair: Paired) -> int | None:
    value, error = pair.difference.value, pair.difference.standard_error
    if value is None or error is None:
        return None
    return prompts_for(value, error * pair.n_clusters**0.5)


def _wrong(replies: Sequence[Reply], suite: Suite, scores: Scores) -> tuple[Wrong, ...]:
    items = {item.id: item for item in suite.items}
    found = []
    for reply in replies:
        if scores.get((reply.model, reply.item, reply.sample)) == 0.0 and items[reply.item].scorer.name != JUDGE:
            item = items[reply.item]
            reference = "" if item.reference is None else str(item.reference)
            found.append(Wrong(reply.model, item.id, item.prompt[:2_000], reply.text[:2_000], reference[:500]))
            if len(found) == MAX_WRONG:
                break
    return tuple(found)
