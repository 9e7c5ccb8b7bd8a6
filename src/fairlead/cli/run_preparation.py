"""What every command that asks models puts together: suite, models, upstreams, sandbox, record, and who sends."""

import asyncio
import os
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import typer

from fairlead.assembly.evaluation_models import models_named
from fairlead.assembly.services import assemble, close
from fairlead.cli.config_file import find_config, load_settings, read_config
from fairlead.cli.output_paths import refuse_replacing
from fairlead.cli.run_watch import RunWatch
from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.evaluation_run import Means, check
from fairlead.evaluation.price_tables import read_price_table
from fairlead.evaluation.reports.findings import Scores, scores_in
from fairlead.evaluation.reports.outcomes_export import outcome_rows
from fairlead.evaluation.running.answers import Ask
from fairlead.evaluation.running.asking import ask_through
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.questions import Parameters
from fairlead.evaluation.sandbox.choosing import choose_sandbox
from fairlead.evaluation.scorers.patterns import Matcher
from fairlead.evaluation.scorers.registry import Scorers
from fairlead.evaluation.suite_items import ScorerSpec
from fairlead.evaluation.suites.fields import FieldError
from fairlead.evaluation.suites.plain import scorer_of
from fairlead.evaluation.suites.reading import read_suite

if TYPE_CHECKING:
    from fairlead.assembly.services import Assembly
    from fairlead.evaluation.running.forecast import Forecast

JOURNAL: Final = "journal.jsonl"
OUTCOMES: Final = "outcomes.jsonl"
REPORT: Final = "report"
RECORD_FILES: Final = (JOURNAL, OUTCOMES, f"{REPORT}.html", f"{REPORT}.md", f"{REPORT}.json")
"""All that a run may write into its folder."""
OCCASION_BYTES: Final = 8
"""Enough that two checks never share keys."""

Confirm = Callable[[Plan, "Forecast", Journal], bool]


class InterruptedRunError(Exception):
    """The operator has stopped the run; what was answered is kept in the folder."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line. `cap_nano`: None where the command settles it by what it may ask."""

    suite: Path
    models: tuple[str, ...]
    judges: tuple[str, ...]
    cap_nano: int | None
    scorer: str | None
    max_tokens: int
    temperature: float | None
    output: Path
    """The folder of the record."""
    prices: Path | None
    concurrency: int
    in_flight: Any
    engine: str
    address: str | None
    config: Path | None
    is_demo: bool
    is_quiet: bool
    confirm: Confirm
    n_samples: int = 1
    is_anew: bool = False
    """Whether to ask even what was asked before; a record that did not end goes on all the same."""


@dataclass(frozen=True)
class Prepared:
    """All that was read and opened before a call is made."""

    plan: Plan
    journal: Journal
    scorers: Scorers
    assembly: "Assembly"


@asynccontextmanager
async def prepared(wanted: Wanted, env: Mapping[str, str]) -> AsyncIterator[Prepared]:
    """A plan with its record and scorers; nothing is asked.

    Raises: SetupError for what cannot be run, BadParameter where the record would replace the suite or the prices.
    """
    refuse_replacing([wanted.output / name for name in RECORD_FILES], (wanted.suite, wanted.prices), "folder")
    suite = read_suite(wanted.suite, _default_scorer(wanted.scorer))
    table = None if wanted.prices is None else read_price_table(wanted.prices)
    settings, _ = load_settings(wanted.config, env)
    assembly = await assemble(settings, env, is_demo=wanted.is_demo)
    try:
        plan = Plan(
            suite=suite,
            models=models_named(assembly, wanted.models, table),
            judges=models_named(assembly, wanted.judges, table),
            cap_nano=wanted.cap_nano or 0,
            parameters=Parameters(wanted.max_tokens, wanted.temperature),
            n_samples=wanted.n_samples,
        )
        with _sandboxed(plan) as scorers, _journal(wanted.output) as journal:
            if wanted.is_anew:
                runs = journal.ledger.runs
                plan = replace(plan, occasion=runs[0].occasion if runs else secrets.token_hex(OCCASION_BYTES))
            check(plan, journal.ledger)
            yield Prepared(plan, journal, scorers, assembly)
    finally:
        close(assembly)


@asynccontextmanager
async def connected(wanted: Wanted, ready: Prepared, env: Mapping[str, str]) -> AsyncIterator[tuple[Means, RunWatch]]:
    """What asks and scores, and who shows how it goes."""
    async with _asker(wanted, ready.assembly, env) as ask:
        with RunWatch(is_quiet=wanted.is_quiet) as watch:
            yield Means(
                ask=ask, scorers=ready.scorers, clock=time.perf_counter, sleep=asyncio.sleep,
                draw=random.SystemRandom().random, today=datetime.now(UTC).isoformat(timespec="seconds"),
                concurrency=wanted.concurrency, in_flight=wanted.in_flight,
                n_threads=os.cpu_count() or 1, started=watch.started, said=watch.said,
            ), watch  # fmt: skip


@contextmanager
def stopping_kindly(folder: Path) -> Iterator[None]:
    """Says what was kept when the operator stops a run. Raises: typer.Exit(130) then."""
    try:
        yield
    except (InterruptedRunError, asyncio.CancelledError):
        typer.echo(f"stopped: what was answered is kept in {folder}; the same command goes on", err=True)
        raise typer.Exit(130) from None


def write_outcomes(folder: Path, plan: Plan, journal: Journal, judged: Scores) -> None:
    """The outcomes beside the record, as `fairlead train` reads them."""
    scores = scores_in(journal.ledger, plan.suite, judged)
    rows = [msgspec.json.encode(row) for row in outcome_rows(plan, journal.ledger, scores)]
    (folder / OUTCOMES).write_bytes(b"".join(row + b"\n" for row in rows))


def _default_scorer(name: str | None) -> ScorerSpec | None:
    try:
        return None if name is None else scorer_of(name, None)
    except FieldError as fault:
        raise EvaluationError(f"--scorer: {fault.what}. To mend: {fault.mend}.") from None


@contextmanager
def _sandboxed(plan: Plan) -> Iterator[Scorers]:
    """The scorers, with a sandbox where the suite needs one. Raises: EvaluationError where none can be had."""
    matcher = Matcher()
    try:
        if not plan.needs_sandbox:
            yield Scorers(matcher, None)
            return
        with socket.create_server(("127.0.0.1", 0)) as listening:
            choice = choose_sandbox(time.perf_counter, listening.getsockname()[1])
        if choice.sandbox is None:
            raise EvaluationError(
                "Some items are scored by running code, and no sandbox can be had here: "
                f"{'; '.join(choice.refusals)}. Code is never run unconfined. To mend: install bubblewrap, or allow "
                "user namespaces; or take those items out."
            )
        yield Scorers(matcher, choice.sandbox)
    finally:
        matcher.close()


@contextmanager
def _journal(folder: Path) -> Iterator[Journal]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluationError(f"{folder}: the folder cannot be made ({error.strerror or error}).") from error
    journal = Journal.open(folder / JOURNAL)
    try:
        yield journal
    finally:
        journal.close()


@asynccontextmanager
async def _asker(wanted: Wanted, assembly: "Assembly", env: Mapping[str, str]) -> AsyncIterator[Ask]:
    """Who sends the calls: this process, or the machines of a cluster."""
    deadline_s = assembly.settings.limits.deadline_s
    if wanted.engine == "ray":
        from fairlead.assembly.evaluation_asking import asker_for_nodes
        from fairlead.evaluation.cluster import ClusterAsk

        path = find_config(wanted.config, env)
        build = asker_for_nodes("" if path is None else read_config(path), is_demo=wanted.is_demo)
        cluster = ClusterAsk(build, address=wanted.address)
        try:
            yield cluster
        finally:
            cluster.close()
        return
    ask = ask_through(assembly.endpoints, time.perf_counter, deadline_s, time.time)
    try:
        yield ask
    finally:
        ask.close()
