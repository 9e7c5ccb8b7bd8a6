"""LiveAnswers: one model's answers to some items of a suite, asked when they are wanted, recorded and paid for once.

What profiling asks with: the same record, cap, pace, retries, scorers and judges as a whole evaluation, on this machine
or on many.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

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

DIGEST_CHARS: Final = 16
"""64 bits: among a few hundred replies none meets another by chance."""


class Measured(NamedTuple):
    """What one item brought; None where it brought nothing. Units: tokens, USD, seconds."""

    score: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    text_digest: str | None = None
    """A short hash of the reply; None where there are several."""
    is_asked: bool = True
    """False: no call was made, since the cap or somebody forbade it."""


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
        self._questions: dict[str, list[Question]] = {}
        for question in plan.questions:
            self._questions.setdefault(question.item.id, []).append(question)
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

    async def answers(self, idents: Sequence[str]) -> list[Measured]:
        """What these items brought, in this order; what is recorded already is not asked again.

        Raises: KeyError for an item that is not of the suite; EvaluationError when the record cannot be written.
        """
        wanted = [question for ident in idents for question in self._questions[ident]]
        self._means.said("asking")
        await self._runner.run(wanted)
        await asyncio.to_thread(
            score_all, self._journal, self._items, self._means.scorers, n_threads=self._means.n_threads,
            stops=lambda: self._runner.is_stopping,
        )  # fmt: skip
        await self._judge(idents)
        return [self._measured(ident) for ident in idents]

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

    def _measured(self, ident: str) -> Measured:
        ledger = self._journal.ledger
        calls = [ledger.calls.get(question.key) for question in self._questions[ident]]
        replies = [each.reply for each in calls if each is not None and each.reply is not None]
        if not replies:
            return Measured(is_asked=any(each is not None and each.n_sent for each in calls))
        usages = [reply.usage for reply in replies if reply.usage is not None]
        texts = [reply.text.encode("utf-8", "surrogatepass") for reply in replies]
        return Measured(
            self._score(ident),
            _mean([float(sum(usage[:3])) for usage in usages]),
            _mean([float(usage[3]) for usage in usages]),
            _mean([reply.cost_nano / 1e9 for reply in replies]),
            _mean([reply.latency_s for reply in replies]),
            hashlib.sha256(texts[0]).hexdigest()[:DIGEST_CHARS] if len(texts) == 1 else None,
        )

    def _score(self, ident: str) -> float | None:
        item, ledger = self._items[ident], self._journal.ledger
        if item.scorer.name == JUDGE:
            said = [self._judged.get((q.model.name, ident, q.sample)) for q in self._questions[ident]]
            return _mean([score for score in said if score is not None])
        scorer = scorer_hash(item)
        lines = [ledger.scores.get((question.key, scorer)) for question in self._questions[ident]]
        return _mean([line.value for line in lines if line is not None and line.value is not None])


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
