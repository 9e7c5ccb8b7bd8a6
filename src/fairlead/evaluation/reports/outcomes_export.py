"""Outcomes of a run, in the form that `fairlead train` reads: one row a model and prompt, samples averaged."""

from collections.abc import Iterator, Sequence
from typing import Any

from fairlead.evaluation.reports.findings import Scores
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.records import Ledger, Reply
from fairlead.evaluation.suite_items import Suite


def outcome_rows(plan: Plan, ledger: Ledger, scores: Scores) -> Iterator[dict[str, Any]]:
    """Rows with `query_id, model, score` and the measures; a score that is not defined is null."""
    replies: dict[str, dict[str, list[Reply]]] = {}
    for key in plan.keys:
        standing = ledger.calls.get(key)
        if standing is not None and standing.reply is not None:
            reply = standing.reply
            replies.setdefault(reply.item, {}).setdefault(reply.model, []).append(reply)
    for item in plan.suite.items:
        for model, found in replies.get(item.id, {}).items():
            yield _row(plan.suite, item.id, item.prompt, model, found, scores)


def _row(suite: Suite, ident: str, prompt: str, model: str, found: Sequence[Reply], scores: Scores) -> dict[str, Any]:
    known = [scores.get((model, ident, reply.sample)) for reply in found]
    values = [score for score in known if score is not None]
    usages = [reply.usage for reply in found if reply.usage is not None]
    return {
        "query_id": ident,
        "model": model,
        "score": sum(values) / len(values) if values else None,
        "query": prompt,
        "dataset": suite.name,
        "cost_usd": sum(reply.cost_nano for reply in found) / len(found) / 1e9,
        "input_tokens": sum(sum(usage[:3]) for usage in usages) / len(usages) if usages else None,
        "output_tokens": sum(usage[3] for usage in usages) / len(usages) if usages else None,
        "latency_s": sum(reply.latency_s for reply in found) / len(found),
        "reply_hash": found[0].text_hash if len(found) == 1 else None,
    }
