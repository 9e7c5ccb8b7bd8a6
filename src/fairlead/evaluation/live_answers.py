"""LiveAnswers: one model's answers to some items of a suite, asked when they are wanted, recorded and paid for once.

What profiling asks with: the same record, cap, pace, retries, scorers and judges as a whole evaluation, on this machine
or on many.
"""

import asyncio
from collections.abc import Mapping, Sequence

from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.evaluation_run import Means, begin, check
from fairlead.evaluation.judging.bouts import bouts_of, judged, pairings, scores_of
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.pace import Pace
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.purse import Purse
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.running.runner import Runner
from fairlead.evaluation.running.scoring import score_all, scorer_hash
from fairlead.evaluation.scorers.registry import JUDGE
from fairlead.learning.seat import ProbeOutcome


class LiveAnswers:
    """Answers of the one model of a plan. A judge compares them with the items' references."""

    def __init__(self, plan: Plan, journal: Journal, means: Means) -> None:
        """Raises: EvaluationError for a plan of several models, or what `check` and the references do not allow."""
        if len(plan.models) != 1:
            raise EvaluationError("One model is asked at a time here.")
        bare = [
            item.id for item in plan.suite.items if item.scorer.name == JUDGE and not isinstance(item.reference, str)
        ]
        if bare:
            raise EvaluationError(
                f"{len(bare)} items that a judge scores have no reference, {bare[0]!r} the first: a single model is "
                "compared with the reference. To mend: give them one, or take them out."
            )
        check(plan, journal.ledger)
        begin(plan, journal, means.today)
        self._plan = plan
        self._journal = journal
        self._means = means
        self._items = {item.id: item for item in plan.suite.items}
        self._questions = {(question.item.id, question.sample): question for question in plan.questions}
        ledger = journal.ledger
        self._judged: dict[tuple[str, str, int], float | None] = {}
        self._runner = Runner(
            means.ask,
            journal,
            Purse(plan.cap_nano, spent_nano=ledger.spent_nano, held_nano=ledger.held_nano),
            {model.upstream: Pace(means.concurrency, means.clock) for model in (*plan.models, *plan.judges)},
            in_flight=means.in_flight,
            sleep=means.sleep,
            draw=means.draw,
        )
        means.started(self._runner)

    @property
    def runner(self) -> Runner:
        """How it goes, and how it is stopped."""
        return self._runner

    @property
    def judged(self) -> Mapping[tuple[str, str, int], float | None]:
        """What judges have said so far: (model, item, sample) -> share won against the reference."""
        return self._judged

    async def answers(self, idents: Sequence[str], sample: int = 0) -> list[ProbeOutcome]:
        """What these items brought, in this order; what is recorded already is not asked again.

        Raises: KeyError for an item that is not of the suite, or a sample that is not of the plan; EvaluationError when
        the record cannot be written.
        """
        wanted = [self._questions[ident, sample] for ident in idents]
        self._means.said("asking")
        await self._runner.run(wanted)
        await asyncio.to_thread(
            score_all, self._journal, self._items, self._means.scorers, n_threads=self._means.n_threads,
            stops=lambda: self._runner.is_stopping,
        )  # fmt: skip
        await self._judge(idents)
        return [self._measured(question) for question in wanted]

    async def _judge(self, idents: Sequence[str]) -> None:
        items = {ident: self._items[ident] for ident in idents if self._items[ident].scorer.name == JUDGE}
        if not items:
            return
        self._means.said("judging")
        ledger, names = self._journal.ledger, [self._plan.models[0].name]
        pairs = list(bouts_of(items, list(ledger.replies()), names, self._plan.judges))
        await self._runner.run([question for _, question in pairs])
        replies = {reply.key: reply for reply in ledger.replies() if reply.kind == JUDGE}
        self._judged |= scores_of(pairings(judged([bout for bout, _ in pairs], replies)))

    def _measured(self, question: Question) -> ProbeOutcome:
        standing = self._journal.ledger.calls.get(question.key)
        if standing is None or standing.reply is None:
            return ProbeOutcome(None, is_asked=standing is not None and standing.n_sent > 0)
        reply = standing.reply
        return ProbeOutcome(
            self._score(question),
            None if reply.usage is None else float(sum(reply.usage[:3])),
            None if reply.usage is None else float(reply.usage[3]),
            reply.cost_nano / 1e9,
            reply.latency_s,
            float(reply.text_hash),
        )

    def _score(self, question: Question) -> float | None:
        item = question.item
        if item.scorer.name == JUDGE:
            return self._judged.get((question.model.name, item.id, question.sample))
        line = self._journal.ledger.scores.get((question.key, scorer_hash(item)))
        return None if line is None else line.value
