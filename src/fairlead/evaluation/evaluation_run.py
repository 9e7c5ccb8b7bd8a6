"""One evaluation from plan to findings: ask, score, judge, find. Money and time come in; nothing is printed here.

What `fairlead evaluate` does, as a function: profiling and other programs may call it as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.judging.biases import biases
from fairlead.evaluation.judging.bouts import Bout, bouts_of, judged, n_bouts, pairings, scores_of
from fairlead.evaluation.judging.people import Label, agreements, shares_won
from fairlead.evaluation.reports.findings import Findings, JudgeFinding, findings
from fairlead.evaluation.running.answers import Ask
from fairlead.evaluation.running.forecast import JUDGE_TOKENS, Forecast, Range, forecast
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.pace import Pace
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.purse import Purse
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.running.records import FORMAT_VERSION, Begun, Ledger
from fairlead.evaluation.running.runner import InFlight, Runner
from fairlead.evaluation.running.scoring import score_all
from fairlead.evaluation.scorers.registry import JUDGE, Scorers
from fairlead.evaluation.statistics.intervals import mean_interval
from fairlead.evaluation.suite_items import content_hash

Judgements = Mapping[tuple[str, str, int], float | None]


@dataclass(frozen=True)
class Means:
    """What a run needs of the outside world."""

    ask: Ask
    scorers: Scorers
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    draw: Callable[[], float]
    today: str
    concurrency: int = 64
    in_flight: InFlight = "auto"
    n_threads: int = 1
    started: Callable[[Runner], None] = field(default=lambda _: None)
    """Hears of the runner, to show and to stop it."""
    said: Callable[[str], None] = field(default=lambda _: None)
    """Hears which phase begins."""


def check(plan: Plan, ledger: Ledger) -> None:
    """Refuse what cannot be run. Raises: EvaluationError that names it."""
    names = [model.name for model in plan.models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise EvaluationError("No model is named: name at least one by --models.")
    if twice:
        raise EvaluationError(f"--models names {', '.join(twice)} twice: name each model once.")
    if plan.needs_judge and not plan.judges:
        raise EvaluationError("Some items are scored by a judge and none is named: name one by --judge.")
    for judge in plan.judges:
        kin = [model.name for model in plan.models if judge.family and model.family == judge.family]
        same = [model.name for model in plan.models if (model.sent, model.endpoint) == (judge.sent, judge.endpoint)]
        if kin or same:
            raise EvaluationError(
                f"The judge {judge.name} is of the family of {', '.join(kin or same)}, which it is to judge: a judge "
                "prefers its own kin. To mend: name a judge of another family."
            )
    known = {run.revision for run in ledger.runs}
    if known and plan.suite.revision not in known:
        raise EvaluationError(
            "The record in this folder is of another revision of the suite: choose another folder for it, or put the "
            "suite back as it was."
        )


def foretold(plan: Plan, ledger: Ledger) -> Forecast:
    """What is still to be asked, in calls, tokens and money."""
    calls = ledger.calls
    todo = [each for each in plan.questions if each.key not in calls or calls[each.key].reply is None]
    found = forecast(todo, ledger.replies(), plan.parameters.max_tokens)
    n_judge = n_bouts(plan.suite.items, [model.name for model in plan.models], len(plan.judges), plan.n_samples)
    if not n_judge:
        return found
    known = sum(reply.kind == JUDGE for reply in ledger.replies())
    n_left = max(0, n_judge - known)
    each = [_judge_usd(plan, found, answer) for answer in ("low", "mid", "high")]
    usd = Range(*(n_left * cost for cost in each))
    return Forecast(
        found.parts, found.n_calls + n_left, found.input_tokens, found.output_tokens, found.cost_usd.plus(usd),
        found.most_usd, n_left, usd,
    )  # fmt: skip


def _judge_usd(plan: Plan, found: Forecast, which: str) -> float:
    """USD of one call to a judge, the mean over judges: two answers of the foretold length to read, a word to write."""
    n_answers = max(1, sum(part.n_calls for part in found.parts))
    answer = getattr(found.output_tokens, which) / n_answers
    tokens = 250 + 2 * answer + found.input_tokens.mid / n_answers
    rates = [(judge.prices.input_per_mtok or 0.0, judge.prices.output_per_mtok or 0.0) for judge in plan.judges]
    return float(np.mean([(tokens * fresh + JUDGE_TOKENS * out) / 1e6 for fresh, out in rates]))


def begin(plan: Plan, journal: Journal, today: str) -> None:
    """The line by which a run begins, or goes on."""
    journal.write(
        Begun(
            version=FORMAT_VERSION,
            suite=plan.suite.name,
            revision=plan.suite.revision,
            models=[model.name for model in plan.models],
            parameters=content_hash(plan.parameters.members()),
            n_samples=plan.n_samples,
            cap_nano=plan.cap_nano,
            at=today,
            occasion=plan.occasion,
        )
    )


async def evaluate(plan: Plan, journal: Journal, means: Means, labels: Sequence[Label] = ()) -> Findings:
    """Run what is left of a plan. Raises: EvaluationError."""
    ledger = journal.ledger
    check(plan, ledger)
    begin(plan, journal, means.today)
    names = {model.upstream for model in (*plan.models, *plan.judges)}
    purse = Purse(plan.cap_nano, spent_nano=ledger.spent_nano, held_nano=ledger.held_nano)
    paces = {name: Pace(means.concurrency, means.clock) for name in names}
    runner = Runner(means.ask, journal, purse, paces, in_flight=means.in_flight, sleep=means.sleep, draw=means.draw)
    means.started(runner)
    means.said("asking")
    await runner.run(plan.questions)
    means.said("scoring")
    items = {item.id: item for item in plan.suite.items}
    n_stops = runner.n_stops
    # Aside, so that Ctrl-C is heard meanwhile; nothing else writes the journal now.
    await asyncio.to_thread(
        score_all, journal, items, means.scorers, n_threads=means.n_threads, stops=lambda: runner.n_stops > n_stops
    )
    bouts: list[Bout] = []
    if plan.judges and plan.needs_judge and not runner.is_stopping:
        means.said("judging")
        pairs = _bouts(plan, ledger)
        bouts = [bout for bout, _ in pairs]
        await runner.run([question for _, question in pairs])
    elif plan.judges and plan.needs_judge:
        bouts = [bout for bout, _ in _bouts(plan, ledger)]
    return found_in(plan, ledger, bouts, labels, [*plan.suite.notes, *notes_of(runner)])


def _bouts(plan: Plan, ledger: Ledger) -> list[tuple[Bout, Question]]:
    items = {item.id: item for item in plan.suite.items}
    return list(bouts_of(items, list(ledger.replies()), [model.name for model in plan.models], plan.judges))


def found_in(
    plan: Plan, ledger: Ledger, bouts: Sequence[Bout], labels: Sequence[Label], notes: Sequence[str]
) -> Findings:
    """The findings of a record; no call is made."""
    scores, judge = judgements(plan, ledger, bouts, labels)
    return findings(plan, ledger, scores, judge, notes)


def judgements(
    plan: Plan, ledger: Ledger, bouts: Sequence[Bout], labels: Sequence[Label]
) -> tuple[Judgements, JudgeFinding | None]:
    """Scores from the judges' words, and what is known of the judges."""
    replies = {reply.key: reply for reply in ledger.replies() if reply.kind == JUDGE}
    said = judged(bouts, replies)
    pairs = pairings(said)
    if not pairs:
        return {}, None
    raw, corrected = shares_won(pairs, labels)
    consistent = [float(pair.is_consistent) for pair in pairs if pair.is_consistent is not None]
    finding = JudgeFinding(
        judges=tuple(judge.name for judge in plan.judges),
        n_pairs=len(pairs),
        n_abstained=sum(pair.share is None for pair in pairs),
        consistency=mean_interval(
            np.array(consistent), [pair.group for pair in pairs if pair.is_consistent is not None]
        ),
        biases=biases(said, {model.name: model.family for model in (*plan.models, *plan.judges)}),
        agreement=agreements(pairs, labels) if labels else {},
        corrected=corrected,
        raw=raw,
    )
    return scores_of(pairs), finding


def notes_of(runner: Runner) -> list[str]:
    """What to know of a run that did not ask all: a cap, failures, an upstream given up."""
    tally, notes = runner.tally, []
    if tally.n_over_budget:
        notes.append(f"The cap was reached: {tally.n_over_budget:,} calls were not made. A higher --budget goes on.")
    if tally.n_failed:
        notes.append(
            f"{tally.n_failed:,} calls failed and cost nothing; the same command asks them again. "
            f"The last error: {tally.last_error}"
        )
    if tally.n_unasked:
        why = "The run was stopped" if runner.is_stopping else f"An upstream was given up ({tally.last_error})"
        notes.append(f"{why}: {tally.n_unasked:,} calls were not made; the same command goes on.")
    if runner.purse.overrun_nano:
        over = runner.purse.overrun_nano / 1e9
        notes.append(f"Upstreams charged {over:.6f} USD more than their prices and token limits allow.")
    return notes
