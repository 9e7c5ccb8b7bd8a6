"""What `fairlead evaluate` puts together: upstreams, sandbox, record, progress, reports; and what Ctrl-C does."""

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.assembly.evaluation_models import models_named
from fairlead.assembly.services import assemble, close
from fairlead.cli.config_file import find_config, load_settings, read_config
from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.evaluation_run import Means, check, evaluate, foretold
from fairlead.evaluation.judging.people import read_labels
from fairlead.evaluation.price_tables import read_price_table
from fairlead.evaluation.reports.as_json import as_json
from fairlead.evaluation.reports.findings import Findings
from fairlead.evaluation.reports.outcomes_export import outcome_rows
from fairlead.evaluation.reports.page import page
from fairlead.evaluation.reports.tables import markdown
from fairlead.evaluation.running.answers import Ask
from fairlead.evaluation.running.asking import ask_through
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.questions import Parameters
from fairlead.evaluation.running.runner import Runner
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

JOURNAL = "journal.jsonl"
SHOW_S = 0.2
"""How often the progress bar is renewed."""


class InterruptedRunError(Exception):
    """The operator has stopped the run; what was answered is kept in the folder."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line."""

    suite: Path
    models: tuple[str, ...]
    judges: tuple[str, ...]
    budget_usd: float
    n_samples: int
    human: Path | None
    scorer: str | None
    max_tokens: int
    temperature: float | None
    output: Path
    prices: Path | None
    concurrency: int
    in_flight: Any
    engine: str
    address: str | None
    config: Path | None
    is_demo: bool
    is_dry: bool
    is_quiet: bool
    confirm: Callable[[Plan, "Forecast", Journal], bool]


async def run_evaluation(wanted: Wanted, env: Mapping[str, str]) -> "Findings | Forecast | None":
    """The findings; with `is_dry` the forecast; None when the operator says no. Raises: SetupError."""
    suite = read_suite(wanted.suite, _default_scorer(wanted.scorer))
    labels = [] if wanted.human is None else read_labels(wanted.human)
    table = None if wanted.prices is None else read_price_table(wanted.prices)
    settings, _ = load_settings(wanted.config, env)
    assembly = await assemble(settings, env, is_demo=wanted.is_demo)
    try:
        plan = Plan(
            suite=suite,
            models=models_named(assembly, wanted.models, table),
            judges=models_named(assembly, wanted.judges, table),
            cap_nano=round(wanted.budget_usd * 1e9),
            parameters=Parameters(wanted.max_tokens, wanted.temperature),
            n_samples=wanted.n_samples,
        )
        with _sandboxed(plan) as scorers, _journal(wanted) as journal:
            check(plan, journal.ledger)
            expected = foretold(plan, journal.ledger)
            if wanted.is_dry:
                if not wanted.is_quiet:
                    wanted.confirm(plan, expected, journal)
                return expected
            if not wanted.confirm(plan, expected, journal):
                return None
            async with _asker(wanted, assembly, env) as ask:
                with _Watch(is_quiet=wanted.is_quiet) as watch:
                    means = Means(
                        ask=ask, scorers=scorers, clock=time.perf_counter, sleep=asyncio.sleep,
                        draw=random.SystemRandom().random, today=datetime.now(UTC).isoformat(timespec="seconds"),
                        concurrency=wanted.concurrency, in_flight=wanted.in_flight,
                        n_threads=os.cpu_count() or 1, started=watch.started, said=watch.said,
                    )  # fmt: skip
                    found = await evaluate(plan, journal, means, labels)
            write_reports(wanted.output, plan, journal, found)
            if watch.was_interrupted:
                raise InterruptedRunError(wanted.output)
            return found
    finally:
        close(assembly)


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
def _journal(wanted: Wanted) -> Iterator[Journal]:
    try:
        wanted.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluationError(f"{wanted.output}: the folder cannot be made ({error.strerror or error}).") from error
    journal = Journal.open(wanted.output / JOURNAL)
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


def write_reports(folder: Path, plan: Plan, journal: Journal, found: Findings) -> None:
    """Every report, beside the record."""
    from fairlead.evaluation.reports.findings import scores_in

    scores = scores_in(journal.ledger, plan.suite, found.judged)
    rows = [msgspec.json.encode(row) for row in outcome_rows(plan, journal.ledger, scores)]
    texts = {
        "report.html": page(found).encode("utf-8"),
        "report.md": markdown(found).encode("utf-8"),
        "report.json": msgspec.json.format(msgspec.json.encode(as_json(found)), indent=2) + b"\n",
        "outcomes.jsonl": b"".join(row + b"\n" for row in rows),
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)


class _Watch:
    """Shows how a run goes, on a terminal; the first Ctrl-C lets the calls in flight end, the second does not."""

    def __init__(self, *, is_quiet: bool) -> None:
        import sys

        self._is_shown = not is_quiet and sys.stderr.isatty()
        self._runner: Runner | None = None
        self._phase = ""
        self._task: asyncio.Task[None] | None = None
        self._bar: Any = None
        self.was_interrupted = False

    def __enter__(self) -> "_Watch":
        with suppress(NotImplementedError, RuntimeError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        if self._is_shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}", markup=False),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = asyncio.get_running_loop().create_task(self._show())
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._bar is not None:
            self._bar.stop()
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    def started(self, runner: Runner) -> None:
        self._runner = runner

    def said(self, phase: str) -> None:
        self._phase = phase

    def _interrupt(self) -> None:
        runner = self._runner
        self.was_interrupted = True
        if runner is not None and not runner.is_stopping:
            os.write(2, b"\nstopping: calls in flight are waited for; Ctrl-C again leaves them\n")
            runner.stop()
            return
        if runner is not None:
            runner.stop()
        for task in asyncio.all_tasks():
            task.cancel()

    async def _show(self) -> None:
        line = self._bar.add_task("", total=None)
        while True:
            runner = self._runner
            if runner is not None:
                tally, purse = runner.tally, runner.purse
                at_once = sum(pace.n_active for pace in runner.paces.values())
                text = f"{self._phase}: {purse.spent_nano / 1e9:.4f} USD spent, {at_once} at once"
                text += f", {tally.n_failed + tally.n_unknown} failed" if tally.n_failed + tally.n_unknown else ""
                self._bar.update(line, total=tally.n_planned or None, completed=tally.n_answered, description=text)
            await asyncio.sleep(SHOW_S)
