"""LiveAnswers: one model's answers to some items of a suite, asked when they are wanted, recorded and paid for once.

What profiling asks with: the same record, cap, pace and retries as a whole evaluation, on this machine or on many.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.evaluation_run import Means
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.pace import Pace
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.purse import Purse
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.running.runner import Runner
from fairlead.evaluation.running.scoring import score_all, scorer_hash


class Measured(NamedTuple):
    """What one item brought; None where it brought nothing. Units: tokens, USD, seconds."""

    score: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None


class LiveAnswers:
    """Answers of the one model of a plan."""

    def __init__(self, plan: Plan, journal: Journal, means: Means) -> None:
        """Raises: EvaluationError for a plan of several models, or whose items need a judge."""
        if len(plan.models) != 1 or plan.needs_judge:
            raise EvaluationError("One model is asked at a time here, and no item may need a judge.")
        self._journal = journal
        self._means = means
        self._items = {item.id: item for item in plan.suite.items}
        self._questions: dict[str, list[Question]] = {}
        for question in plan.questions:
            self._questions.setdefault(question.item.id, []).append(question)
        ledger = journal.ledger
        self._runner = Runner(
            means.ask,
            journal,
            Purse(plan.cap_nano, spent_nano=ledger.spent_nano, held_nano=ledger.held_nano),
            {plan.models[0].upstream: Pace(means.concurrency, means.clock)},
            in_flight=means.in_flight,
            sleep=means.sleep,
            draw=means.draw,
        )

    @property
    def runner(self) -> Runner:
        """How it goes, and how it is stopped."""
        return self._runner

    async def answers(self, idents: Sequence[str]) -> list[Measured]:
        """What these items brought, in this order; what is recorded already is not asked again.

        Raises: KeyError for an item that is not of the suite; EvaluationError when the record cannot be written.
        """
        wanted = [question for ident in idents for question in self._questions[ident]]
        await self._runner.run(wanted)
        await asyncio.to_thread(
            score_all, self._journal, self._items, self._means.scorers, n_threads=self._means.n_threads,
            stops=lambda: self._runner.is_stopping,
        )  # fmt: skip
        return [self._measured(ident) for ident in idents]

    def _measured(self, ident: str) -> Measured:
        ledger, scorer = self._journal.ledger, scorer_hash(self._items[ident])
        calls = [ledger.calls.get(question.key) for question in self._questions[ident]]
        replies = [each.reply for each in calls if each is not None and each.reply is not None]
        if not replies:
            return Measured()
        lines = [ledger.scores.get((reply.key, scorer)) for reply in replies]
        scores = [line.value for line in lines if line is not None and line.value is not None]
        usages = [reply.usage for reply in replies if reply.usage is not None]
        return Measured(
            _mean(scores),
            _mean([float(sum(usage[:3])) for usage in usages]),
            _mean([float(usage[3]) for usage in usages]),
            _mean([reply.cost_nano / 1e9 for reply in replies]),
            _mean([reply.latency_s for reply in replies]),
        )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
