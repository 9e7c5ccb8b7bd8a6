"""Watching: an endpoint is asked known probes once more, call by call, until it is found changed or cleared.

Earlier runs of the model are outcome files like any other: each gives one earlier answer to a query. Nothing is called
from here: whoever watches hands in a function that asks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.learning.drift import (
    FALSE_ALARM_RATE,
    MAX_CALLS,
    Answer,
    DriftTest,
    choose_watch_probes,
)
from fairlead.learning.outcomes import Floats, Outcomes
from fairlead.learning.profiling import AskProbes, checked
from fairlead.learning.query_places import fit_logistic_mode, logit
from fairlead.learning.seat import Probe, ProbeOutcome
from fairlead.routing.predictors.item_response import sigmoid

ROUND: Final = 10
"""Calls between two looks: what may be asked in parallel."""
MAX_FAILED_SHARE: Final = 0.5
"""Where more of the calls fail, the endpoint is out of order, not changed."""
_PRIOR: Final = 0.01
"""Precision of the curve by which others' scores foretell a model's: nearly none."""


class WatchProbe(NamedTuple):
    """A query and what the model answered before."""

    probe: Probe
    earlier: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model answered before. Shapes: success (n,), its chance as foretold; others (n, m), scores of others."""

    probes: tuple[WatchProbe, ...]
    success: Floats
    others: Floats

    @property
    def watched(self) -> tuple[str, ...]:
        """What there is to compare: lengths and texts only where every earlier answer tells them."""
        every = [answer for probe in self.probes for answer in probe.earlier]
        watched = ["score"]
        if all(answer.output_tokens is not None for answer in every):
            watched.append("length")
        if all(answer.reply_hash is not None for answer in every):
            watched.append("text")
        return tuple(watched)

    def among(self, keys: Collection[tuple[str, str]]) -> "Reference":
        """The part of the probes with these (dataset, query id)."""
        rows = [at for at, one in enumerate(self.probes) if (one.probe.dataset, one.probe.query_id) in keys]
        return Reference(tuple(self.probes[row] for row in rows), self.success[rows], self.others[rows])

    @property
    def n_earlier(self) -> int:
        """The least number of earlier answers to a probe."""
        return min(len(probe.earlier) for probe in self.probes)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a check found."""

    is_changed: bool
    n_calls: int
    """Answered ones."""
    n_failed: int
    evidence: float
    false_alarm_rate: float
    most_telling: str
    mean_change: tuple[float, float] | None
    """Of the score on these probes, with its standard error."""
    n_earlier: int
    sees_all: bool
    """Whether any change could be seen, not only one for the worse on average."""
    spent_usd: float | None
    is_in_order: bool
    """False where so many calls failed, or none was made, that nothing was judged."""


def reference_of(name: str, runs: Sequence[Outcomes]) -> Reference:
    """The earlier answers of a model from one or more runs; queries that every run scored.

    Raises: OutcomesError if a run is not of this model, or no query is in all of them.
    """
    answers: dict[tuple[str, str], list[Answer]] = {}
    for run in runs:
        for key, answer in _answers_of(run, name).items():
            answers.setdefault(key, []).append(answer)
    first = runs[0]
    rows = [row for row, key in enumerate(_keys(first)) if len(answers.get(key, [])) == len(runs)]
    if not rows:
        raise OutcomesError(f"no query was answered by {name} in every earlier run: give runs on the same queries")
    part = first.take(rows)
    own = part.arms.index(name)
    others = np.delete(part.score, own, axis=1)
    probes = tuple(
        WatchProbe(Probe(query_id, text, dataset), tuple(answers[dataset, query_id]))
        for query_id, text, dataset in zip(part.queries.ids, part.queries.texts, part.queries.datasets, strict=True)
    )
    return Reference(probes, foretold_success(part.score[:, own], others), others)


def foretold_success(scores: Floats, others: Floats) -> Floats:
    """A model's chance on each query by the others' mean score there, not by its own outcome (n,).

    Shapes: scores (n,); others (n, m), NaN where not known. Two numbers are fitted, so a single outcome hardly counts.
    """
    seen = np.isfinite(others)
    mean = (np.where(seen, others, 0.0).sum(axis=1) + 1.0) / (seen.sum(axis=1) + 2.0)
    columns = np.column_stack((np.ones(len(scores)), logit(mean)))
    weights, _ = fit_logistic_mode(columns, scores, np.zeros(2), np.eye(2) * _PRIOR)
    return sigmoid(columns @ weights)


async def watch_model(
    reference: Reference,
    ask: AskProbes,
    again: AskProbes | None = None,
    *,
    max_calls: int = MAX_CALLS,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    seed: int = 0,
) -> Watched:
    """Ask the probes that tell most, until the model is found changed, the bets are lost, or the calls are used up.

    `again` asks probes a second time, where the answers to them differ; without it nothing is asked twice.
    Raises: ValueError for a rate or number that cannot be; OutcomesError without a probe, or if `ask` returns other
    than one valid outcome a probe.
    """
    if not reference.probes:
        raise OutcomesError("there is no query to ask that the model answered before: give runs on the same queries")
    test = DriftTest(reference.watched, false_alarm_rate)
    chosen = choose_watch_probes(reference.success, reference.others, max_calls, seed)
    order = np.random.default_rng(seed).permutation(chosen).tolist()
    calls = _Calls(max_calls)
    while order and calls.n_left:
        n_now = min(ROUND, calls.n_left)
        probes, order = [reference.probes[row] for row in order[:n_now]], order[n_now:]
        outcomes = await calls.made(ask, probes)
        differing = [at for at, one in enumerate(outcomes) if one.score is not None
                     and test.wants_again(probes[at].earlier, answer_of(one))][: calls.n_left]  # fmt: skip
        seconds: dict[int, ProbeOutcome] = {}
        if again is not None and differing:
            seconds = dict(zip(differing, await calls.made(again, [probes[at] for at in differing]), strict=True))
        for at, (probe, outcome) in enumerate(zip(probes, outcomes, strict=True)):
            if outcome.score is not None and not test.is_alarm:
                second = seconds.get(at)
                is_told = second is not None and second.score is not None
                test.feed(probe.earlier, answer_of(outcome), answer_of(second) if second and is_told else None)
        if test.is_alarm or test.is_hopeless or not calls.is_in_order or calls.is_cut:
            break
    return Watched(
        test.is_alarm, test.n_calls, calls.n_failed, test.evidence, false_alarm_rate, test.most_telling,
        test.mean_change, reference.n_earlier, reference.n_earlier > 1 or again is not None, calls.spent_usd,
        calls.is_in_order,
    )  # fmt: skip


@dataclass(slots=True)
class _Calls:
    """The calls of one check, counted."""

    max_calls: int
    n_asked: int = 0
    n_failed: int = 0
    is_cut: bool = False
    """Whether some call was not made, since a cap did not allow it or somebody stopped."""
    costs_usd: list[float] = field(default_factory=list)

    async def made(self, ask: AskProbes, probes: Sequence[WatchProbe]) -> Sequence[ProbeOutcome]:
        """What came back. Raises: OutcomesError for what cannot be."""
        outcomes = checked(await ask([one.probe for one in probes]), len(probes))
        for outcome in outcomes:
            self.is_cut |= not outcome.is_asked
            self.n_asked += outcome.is_asked
            self.n_failed += outcome.is_asked and outcome.score is None
            if outcome.cost_usd is not None:
                self.costs_usd.append(outcome.cost_usd)
        return outcomes

    @property
    def n_left(self) -> int:
        """How many more may be made."""
        return self.max_calls - self.n_asked

    @property
    def is_in_order(self) -> bool:
        """Whether enough of them succeeded for a judgement."""
        return self.n_asked > 0 and self.n_failed <= MAX_FAILED_SHARE * self.n_asked

    @property
    def spent_usd(self) -> float | None:
        """A call that did not tell its cost counts as the mean of those that did."""
        return float(np.mean(self.costs_usd)) * self.n_asked if self.costs_usd else None


def answer_of(outcome: ProbeOutcome) -> Answer:
    """What a check compares of an outcome."""
    return Answer(outcome.score, outcome.output_tokens, outcome.reply_hash)


def _answers_of(run: Outcomes, name: str) -> dict[tuple[str, str], Answer]:
    if name not in run.arms:
        raise OutcomesError(f"an earlier run is of {', '.join(run.arms[:5])}, not of {name}: name one of these")
    column = run.arms.index(name)
    found = {}
    for row, key in enumerate(_keys(run)):
        score = float(run.score[row, column])
        if np.isfinite(score):
            found[key] = Answer(score, _known(run.output_tokens, row, column), _known(run.reply_hash, row, column))
    return found


def _known(matrix: Floats | None, row: int, column: int) -> float | None:
    return None if matrix is None or not np.isfinite(matrix[row, column]) else float(matrix[row, column])


def _keys(run: Outcomes) -> list[tuple[str, str]]:
    """(dataset, query id) of each query."""
    return list(zip(run.queries.datasets, run.queries.ids, strict=True))
