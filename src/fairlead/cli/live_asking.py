"""LiveModel: one model at its endpoint, asked the items of a suite by `profile` and `watch`; a cap, a record."""

import asyncio
import dataclasses
import heapq
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import typer

from fairlead.cli.asking_options import DEFAULT_FOLDER
from fairlead.cli.run_preparation import (
    OUTCOMES,
    InterruptedRunError,
    Wanted,
    connected,
    prepared,
    stopping_kindly,
    write_outcomes,
)
from fairlead.domain.errors import EvaluationError, OutcomesError
from fairlead.evaluation.evaluation_run import notes_of
from fairlead.evaluation.live_answers import LiveAnswers
from fairlead.evaluation.live_probes import LiveProbes
from fairlead.evaluation.running.forecast import forecast
from fairlead.evaluation.running.plan import Plan

T = TypeVar("T")

CHECK_FRESH_S: Final = 86_400.0
"""A check that broke off is gone on with for a day: what an endpoint said before tells nothing of how it is now."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class LiveModel:
    """What is asked, and what is known of it beforehand."""

    name: str
    """As outcomes and routers call it."""
    probes: LiveProbes
    usual_cost_usd: float | None
    """Of a call, as foretold."""
    answers: LiveAnswers

    @property
    def notes(self) -> list[str]:
        """What to know of calls that were not made or failed."""
        return notes_of(self.answers.runner)


@asynccontextmanager
async def live_model(wanted: Wanted, env: Mapping[str, str], n_calls: int) -> AsyncIterator[LiveModel]:
    """The model that is wanted, for at most so many calls; writes the outcomes beside the record in the end.

    Raises: InterruptedRunError when the operator stops it; SetupError; typer.Exit when the operator says no.
    """
    async with prepared(wanted, env) as ready:
        plan = ready.plan
        # At most so many, and nobody knows yet which: the longest ones.
        dearest = heapq.nlargest(n_calls, plan.questions, key=lambda question: question.most_nano)
        if wanted.cap_nano is None:
            plan = dataclasses.replace(plan, cap_nano=_most_nano(plan, [each.most_nano for each in dearest]))
        ledger = ready.journal.ledger
        answered = {reply.key for reply in ledger.replies()}
        todo = [question for question in dearest if question.key not in answered]
        expected = forecast(todo, ledger.replies(), plan.parameters.max_tokens)
        if not wanted.confirm(plan, expected, ready.journal):
            raise typer.Exit(1)
        usual = expected.cost_usd.mid / expected.n_calls if expected.n_calls else None
        async with connected(wanted, ready, env) as (means, watch):
            answers = LiveAnswers(plan, ready.journal, means)
            try:
                yield LiveModel(plan.models[0].name, LiveProbes(plan.suite, answers), usual, answers)
            except OutcomesError as error:
                if watch.was_interrupted:
                    raise InterruptedRunError(wanted.output) from None
                why = notes_of(answers.runner)
                raise OutcomesError(". ".join([error.message, *why])) from None
        if watch.was_interrupted:
            raise InterruptedRunError(wanted.output)
        # Second answers were asked for where the first ones differed: a mean of both would be of chosen queries.
        write_outcomes(wanted.output, dataclasses.replace(plan, n_samples=1), ready.journal, answers.judged)


def _most_nano(plan: Plan, most_nano: list[int]) -> int:
    if plan.judges:
        raise EvaluationError("Judges are paid too, and how much cannot be told beforehand: give a --budget in USD.")
    return sum(most_nano)


def asked_live(
    wanted: Wanted, env: Mapping[str, str], n_calls: int, work: Callable[[LiveModel], Awaitable[T]]
) -> tuple[T, list[str]]:
    """What `work` made of the model, and what to know of calls that were not made or failed.

    Raises: SetupError; typer.Exit where the operator says no, or stops it.
    """

    async def asking() -> tuple[T, list[str]]:
        async with live_model(wanted, env, n_calls) as live:
            found = await work(live)
        return found, live.notes

    with stopping_kindly(wanted.output):
        return asyncio.run(asking())


def record_folder(kind: str, suite: Path, model: str) -> Path:
    """Where the record of this command, suite and model is kept."""
    return Path(DEFAULT_FOLDER) / _UNSAFE.sub("-", f"{kind}-{suite.name.split('.')[0]}-{model}")


def next_check(folder: Path, now_s: float) -> Path:
    """Where the record of the next check is kept: that of the last one if it did not end and is fresh, else a new one.

    `now_s`: Unix seconds.
    """
    numbers = [int(each.name) for each in folder.glob("[0-9]*") if each.name.isdecimal()] if folder.is_dir() else []
    last = max(numbers, default=0)
    record = folder / f"{last:03}"
    is_over = last == 0 or (record / OUTCOMES).exists() or now_s - _written_s(record) > CHECK_FRESH_S
    return folder / f"{last + is_over:03}"


def _written_s(record: Path) -> float:
    """When the newest file of this record was written, Unix seconds; of one without files, the folder itself."""
    return max((each.stat().st_mtime for each in (record, *record.glob("*")) if each.exists()), default=0.0)


def earlier_runs(suite: Path, earlier: list[Path]) -> list[Path]:
    """The earlier runs that were named, else that of `fairlead evaluate` in its usual folder. Raises: OutcomesError."""
    usual = Path(DEFAULT_FOLDER) / suite.name.split(".")[0] / OUTCOMES
    if earlier:
        return earlier
    if usual.is_file():
        return [usual]
    raise OutcomesError(
        f"No earlier run is named, and there is no {usual}. To mend: run `fairlead evaluate {suite} --models MODEL "
        "--budget USD`, once or better twice (each with an --output of its own), and name the outcomes by --earlier."
    )
