"""Watching: an endpoint is asked known probes once more, call by call, until it is found changed or cleared.

Earlier runs of the model are outcome files like any other: each gives one earlier answer to a query. Nothing is called
from here: whoever watches hands in a function that asks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import OutcomesError
from fairlead.learning.drift import (
    FALSE_ALARM_RATE,
    MAX_CALLS,
    Answer,
    DriftTest,
    choose_watch_probes,
)
from fairlead.learning.outcomes import Outcomes
from fairlead.learning.profiling import AskProbes, checked
from fairlead.learning.query_places import fit_logistic_mode, logit
from fairlead.learning.seat import Probe, ProbeOutcome
from fairlead.routing.predictors.item_response import sigmoid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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
        if all(answer.text_digest is not None for answer in every):
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
    *,
    max_calls: int = MAX_CALLS,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    seed: int = 0,
) -> Watched:
    """Ask the probes that tell most, until the model is found changed, the bets are lost, or the calls are used up.

    Raises: ValueError for a rate or number that cannot be; OutcomesError without a probe, or if `ask` returns other
    than one valid outcome a probe.
    """
    if not reference.probes:
        raise OutcomesError("there is no query to ask that the model answered before: give runs on the same queries")
    test = DriftTest(reference.watched, false_alarm_rate)
    chosen = choose_watch_probes(reference.success, reference.others, max_calls, seed)
    order = np.random.default_rng(seed).permutation(chosen)
    failed, costs, n_asked = 0, [], 0
    for start in range(0, len(order), ROUND):
        probes = [reference.probes[row] for row in order[start : start + ROUND].tolist()]
        outcomes = checked(await ask([one.probe for one in probes]), len(probes))
        is_cut = not all(outcome.is_asked for outcome in outcomes)
        n_asked += sum(outcome.is_asked for outcome in outcomes)
        costs += [outcome.cost_usd for outcome in outcomes if outcome.cost_usd is not None]
        for probe, outcome in zip(probes, outcomes, strict=True):
            if not outcome.is_asked:
                continue
            if outcome.score is None:
                failed += 1
            elif not test.is_alarm:
                test.feed(probe.earlier, answer_of(outcome))
        if test.is_alarm or test.is_hopeless or failed > MAX_FAILED_SHARE * n_asked or is_cut:
            break
    is_in_order = failed <= MAX_FAILED_SHARE * n_asked and n_asked > 0
    return Watched(
        test.is_alarm, test.n_calls, failed, test.evidence, false_alarm_rate, test.most_telling, test.mean_change,
        reference.n_earlier, float(np.mean(costs)) * n_asked if costs else None, is_in_order,
    )  # fmt: skip


def answer_of(outcome: ProbeOutcome) -> Answer:
    """What a check compares of an outcome."""
    return Answer(outcome.score, outcome.output_tokens, outcome.text_digest)


def _answers_of(run: Outcomes, name: str) -> dict[tuple[str, str], Answer]:
    if name not in run.arms:
        raise OutcomesError(f"an earlier run is of {', '.join(run.arms[:5])}, not of {name}: name one of these")
    column = run.arms.index(name)
    tokens = None if run.output_tokens is None else run.output_tokens[:, column]
    found = {}
    for row, key in enumerate(_keys(run)):
        score = float(run.score[row, column])
        if np.isfinite(score):
            length = None if tokens is None or not np.isfinite(tokens[row]) else float(tokens[row])
            found[key] = Answer(score, length)
    return found


def _keys(run: Outcomes) -> list[tuple[str, str]]:
    """(dataset, query id) of each query."""
    return list(zip(run.queries.datasets, run.queries.ids, strict=True))
