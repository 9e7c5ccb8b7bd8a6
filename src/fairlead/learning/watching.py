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
from fairlead.learning.drift_bets import MAX_AGAIN
from fairlead.learning.drift_power import sibling_found
from fairlead.learning.outcomes import Floats, Outcomes
from fairlead.learning.profiling import AskProbes, checked
from fairlead.learning.query_places import fit_logistic_mode, logit
from fairlead.learning.seat import Probe, ProbeOutcome
from fairlead.routing.predictors.item_response import sigmoid

ROUND: Final = 10
"""Calls between two looks: what may be asked in parallel."""
MAX_FAILED_SHARE: Final = 0.5
"""Where more of the calls fail, the endpoint is out of order, not changed."""
ALONE: Final = 1e-6
"""Chances within so much of each other are the same one."""
_PRIOR: Final = 0.01
"""Precision of the curve by which others' scores foretell a model's: nearly none."""


class WatchProbe(NamedTuple):
    """A query and what the model answered before."""

    probe: Probe
    earlier: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model answered before. Shape: success (n,), its chance as foretold."""

    probes: tuple[WatchProbe, ...]
    success: Floats

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

    @property
    def is_alone(self) -> bool:
        """Whether no other model's outcomes say which queries are hard: all chances are foretold alike."""
        return not len(self.success) or float(np.ptp(self.success)) < ALONE

    def among(self, keys: Collection[tuple[str, str]]) -> "Reference":
        """The part of the probes with these (dataset, query id)."""
        rows = [at for at, one in enumerate(self.probes) if (one.probe.dataset, one.probe.query_id) in keys]
        return Reference(tuple(self.probes[row] for row in rows), self.success[rows])

    @property
    def n_earlier(self) -> Floats:
        """Earlier answers to each probe (n,)."""
        return np.array([len(probe.earlier) for probe in self.probes], dtype=np.float64)


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
    """The least number of earlier answers to a probe that was asked."""
    difference: float | None
    """How far a new score is from an earlier one, on average: of an unchanged model how often it contradicts itself."""
    sibling_found: float | None
    """In which share of checks like this a smaller sibling is found; None where nobody measured it."""
    sees_all: bool
    """Whether any change could be seen, not only one for the worse on average."""
    spent_usd: float | None
    is_in_order: bool
    """False where so many calls failed, or none was made, that nothing was judged."""


def reference_of(name: str, runs: Sequence[Outcomes]) -> Reference:
    """The earlier answers of a model: to each query that the first run scored, those of all runs that scored it.

    Raises: OutcomesError if a run is not of this model, or shares no query with the first.
    """
    answers: dict[tuple[str, str], list[Answer]] = {}
    first = runs[0]
    for run in runs:
        own = _answers_of(run, name)
        if run is not first and not own.keys() & answers.keys():
            raise OutcomesError(f"no query was answered by {name} in every earlier run: give runs on the same queries")
        for key, answer in own.items():
            if run is first or key in answers:
                answers.setdefault(key, []).append(answer)
    rows = [row for row, key in enumerate(_keys(first)) if key in answers]
    if not rows:
        raise OutcomesError(f"no query was answered by {name} in an earlier run: give runs with scores of it")
    part = first.take(rows)
    own_column = part.arms.index(name)
    others = np.delete(part.score, own_column, axis=1)
    probes = tuple(
        WatchProbe(Probe(query_id, text, dataset), tuple(answers[dataset, query_id]))
        for query_id, text, dataset in zip(part.queries.ids, part.queries.texts, part.queries.datasets, strict=True)
    )
    return Reference(probes, foretold_success(part.score[:, own_column], others))


def with_more(reference: Reference, name: str, runs: Sequence[Outcomes]) -> Reference:
    """The reference with the answers of further runs to its own queries; what chances it foretells stays.

    A run that calls the model or the query otherwise adds nothing.
    """
    found = [_answers_of(run, name) for run in runs if name in run.arms]
    probes = tuple(
        WatchProbe(one.probe, (*one.earlier, *(own[key] for own in found if key in own)))
        for one in reference.probes
        for key in [(one.probe.dataset, one.probe.query_id)]
    )
    return Reference(probes, reference.success)


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
    *again: AskProbes,
    max_calls: int = MAX_CALLS,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    seed: int = 0,
) -> Watched:
    """Ask the probes that tell most, until the model is found changed, the bets are lost, or the calls are used up.

    `again` ask probes a second and a third time, where the answers to them differ; without them nothing is asked twice.
    Raises: ValueError for a rate or number that cannot be; OutcomesError without a probe, or if `ask` returns other
    than one valid outcome a probe.
    """
    if not reference.probes:
        raise OutcomesError("there is no query to ask that the model answered before: give runs on the same queries")
    test = DriftTest(reference.watched, false_alarm_rate)
    order = choose_watch_probes(reference.success, reference.n_earlier, max_calls, seed).tolist()
    calls, n_earlier = _Calls(max_calls), []
    while order and calls.n_left:
        rows, order = order[: min(ROUND, calls.n_left)], order[min(ROUND, calls.n_left) :]
        probes = [reference.probes[row] for row in rows]
        outcomes = await calls.made(ask, probes)
        wanted = [0 if one.score is None else test.wants_again(probe.earlier, answer_of(one))
                  for probe, one in zip(probes, outcomes, strict=True)]  # fmt: skip
        further = await _asked_again(probes, wanted, again, calls)
        for row, probe, outcome, more in zip(rows, probes, outcomes, further, strict=True):
            if outcome.score is not None and not test.is_alarm:
                test.feed(probe.earlier, answer_of(outcome), more, float(reference.success[row]))
                n_earlier.append(len(probe.earlier))
        if test.is_alarm or test.is_hopeless or not calls.is_in_order or calls.is_cut:
            break
    least = min(n_earlier, default=int(reference.n_earlier.min()))
    difference = float(np.mean(test.score_differences)) if test.score_differences else None
    found = None if difference is None or max_calls < MAX_CALLS or len(again) < MAX_AGAIN else sibling_found(
        least, difference, is_alone=reference.is_alone
    )  # fmt: skip
    return Watched(
        test.is_alarm, test.n_calls, calls.n_failed, test.evidence, false_alarm_rate, test.most_telling,
        test.mean_change, least, difference, found, least > 1 or bool(again), calls.spent_usd, calls.is_in_order,
    )  # fmt: skip


async def _asked_again(
    probes: Sequence[WatchProbe], wanted: Sequence[int], again: Sequence[AskProbes], calls: "_Calls"
) -> list[list[Answer]]:
    """Further answers to each probe, as many as are wanted of it and the calls allow."""
    further: list[list[Answer]] = [[] for _ in probes]
    for turn, ask in enumerate(again):
        rows = [row for row, n in enumerate(wanted) if n > turn][: calls.n_left]
        if rows:
            for row, outcome in zip(rows, await calls.made(ask, [probes[row] for row in rows]), strict=True):
                if outcome.score is not None:
                    further[row].append(answer_of(outcome))
    return further


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
