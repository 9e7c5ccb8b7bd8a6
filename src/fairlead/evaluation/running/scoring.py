"""Scoring: every reply that has no score yet gets one, journalled, so that it is not scored twice.

A reply that a scorer could not score (its sandbox failed, its pattern ran away) is tried again by the next run.

Scorers that wait for other processes (regex, JSON Schema, code) run in threads; the journal is written by one.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.records import Reply, Scored
from fairlead.evaluation.scorers.registry import JUDGE, Scorers
from fairlead.evaluation.scorers.score import Score, Verdict
from fairlead.evaluation.suite_items import Item, content_hash

SCORING_VERSION: Final = 1
"""Raised when a scorer's rules change: what was scored by the old ones is scored anew."""
_AHEAD: Final = 4
"""Replies handed to each thread in advance."""


def scorer_hash(item: Item) -> str:
    """Names the scorer, its options, the reference and the rules in force."""
    return content_hash([SCORING_VERSION, item.scorer.name, dict(item.scorer.options), item.reference])


def score_all(
    journal: Journal,
    items: Mapping[str, Item],
    scorers: Scorers,
    *,
    n_threads: int = 1,
    stops: Callable[[], bool] = lambda: False,
) -> int:
    """Score what has no score; how many were scored. Begins no further one once `stops` says so."""
    ledger = journal.ledger
    hashes = {ident: scorer_hash(item) for ident, item in items.items() if item.scorer.name != JUDGE}
    done = {place for place, line in ledger.scores.items() if line.value is not None}
    todo = [
        reply
        for reply in ledger.replies()
        if reply.kind == "answer" and reply.item in hashes and (reply.key, hashes[reply.item]) not in done
    ]
    n_done = 0
    with ThreadPoolExecutor(n_threads, "scoring") as threads:
        waiting: dict[Future[Verdict], Reply] = {}
        left = iter(todo)
        while True:
            for reply in () if stops() else left:
                waiting[threads.submit(scorers.score, items[reply.item], reply.given)] = reply
                if len(waiting) >= n_threads * _AHEAD:
                    break
            if not waiting:
                return n_done
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                reply = waiting.pop(future)
                journal.write(scored(reply.key, hashes[reply.item], future.result()))
                n_done += 1


def scored(key: str, scorer: str, verdict: Verdict) -> Scored:
    """The record of a verdict."""
    if isinstance(verdict, Score):
        return Scored(key, scorer, verdict.value)
    return Scored(key, scorer, None, verdict.reason)
