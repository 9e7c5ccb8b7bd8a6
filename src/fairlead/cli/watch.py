"""`fairlead watch`: is an endpoint still the model that was measured? A sequential check with a stated error rate."""

import asyncio
import dataclasses
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli.asking_options import (
    LIVE_OPTIONS,
    AddressOption,
    ConcurrencyOption,
    ConfigOption,
    DemoOption,
    EngineOption,
    InFlightOption,
    JudgeOption,
    MaxTokensOption,
    PricesOption,
    QuietOption,
    ScorerOption,
    TemperatureOption,
    YesOption,
    checked_usd,
    refuse_unless_given,
    wanted_of,
)
from fairlead.cli.train import today

if TYPE_CHECKING:
    from fairlead.cli.output import Printer
    from fairlead.cli.run_preparation import Wanted
    from fairlead.learning.watching import Watched

MEND_ONE_RUN = "one earlier run and one new one show only whether it got worse on average; name a second --now"
MAX_NOW = 2
"""Runs to check: the second answers the probes on which the first differs from the earlier ones."""


def watch(  # noqa: PLR0913 - every option of the command is a parameter
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="The model's name, as the outcomes spell it.")],
    suite: Annotated[Path | None, typer.Option(help="Ask the model itself, prompts of this suite.")] = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(help="Outcomes of an earlier run of the model; repeat it. Left out: of `evaluate SUITE`."),
    ] = None,
    now: Annotated[
        list[Path] | None, typer.Option(help="Instead of --suite: outcomes of the run to check; twice: run twice.")
    ] = None,
    queries: Annotated[Path | None, typer.Option(help="A table of query_id and query, for the outcomes.")] = None,
    router: Annotated[
        Path | None,
        typer.Option(help="On alarm, mark the model stale in this file; left out: in the configuration's router."),
    ] = None,
    rate: Annotated[float, typer.Option(help="Chance of a false alarm, at most, of one check.")] = 0.05,
    calls: Annotated[int, typer.Option(min=1, help="At most so many.")] = 200,
    budget: Annotated[float | None, typer.Option(callback=checked_usd, help="With --suite: a hard cap in USD.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds ask equal probes in equal order.")] = 0,
    scorer: ScorerOption = None,
    judge: JudgeOption = None,
    record: Annotated[Path | None, typer.Option(help="Folder of the checks' records, a numbered one each.")] = None,
    max_tokens: MaxTokensOption = 1024,
    temperature: TemperatureOption = 0.0,
    prices: PricesOption = None,
    concurrency: ConcurrencyOption = 64,
    in_flight: InFlightOption = "auto",
    engine: EngineOption = "local",
    address: AddressOption = None,
    config: ConfigOption = None,
    demo: DemoOption = False,
    yes: YesOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Check whether a model still answers as it was measured. Exit code 1 if it does not, or could not be judged."""
    _check_source(context, suite, now, earlier)
    if not 0.0 < rate < 1.0:
        raise typer.BadParameter(f"--rate is between 0 and 1, not {rate}")
    check = Check(calls, rate, seed)
    if now:
        _report(_from_files(model, earlier or [], now, queries, check), model, router, config, as_json=as_json)
    else:
        from fairlead.cli.live_asking import next_check, record_folder

        assert suite is not None
        # Each check asks anew: what an earlier one has heard would tell nothing of today.
        folder = next_check(record or record_folder("watch", suite, model), time.time())
        wanted = wanted_of(context.params, (model,), folder, n_samples=2, is_anew=True)
        found, name = _from_endpoint(wanted, earlier or [], queries, check)
        _report(found, name, router, config, as_json=as_json)


@dataclasses.dataclass(frozen=True)
class Check:
    """How a check goes."""

    max_calls: int
    false_alarm_rate: float
    seed: int


def _check_source(
    context: typer.Context, suite: Path | None, now: list[Path] | None, earlier: list[Path] | None
) -> None:
    if (suite is None) == (not now) or len(now or ()) > MAX_NOW:
        raise typer.BadParameter("name a --suite to ask the model itself, or --now, once or twice, for outcomes of it")
    files = [*(earlier or ()), *(now or ())]
    twice = sorted({str(path) for path in files if files.count(path) > 1})
    if twice:
        raise typer.BadParameter(f"{', '.join(twice)} is named twice: a run says nothing of itself")
    if suite is None:
        refuse_unless_given(context, ("budget", *LIVE_OPTIONS), "--suite")
        if not earlier:
            raise typer.BadParameter("--now is compared with earlier runs: name at least one by --earlier")


def _from_files(model: str, earlier: list[Path], now: list[Path], queries: Path | None, check: Check) -> "Watched":
    from fairlead.evaluation.outcome_files import read_outcome_files
    from fairlead.evaluation.recorded_answers import RecordedAnswers
    from fairlead.learning.watching import reference_of, watch_model

    # The first run may hold other models too: they say on which queries models differ.
    runs = [read_outcome_files([path], queries) for path in earlier]
    recorded, *second = [RecordedAnswers(read_outcome_files([path], queries, (model,)), model) for path in now]
    reference = reference_of(model, runs).among(recorded.keys.intersection(*(each.keys for each in second)))
    return asyncio.run(watch_model(reference, recorded, *second, **dataclasses.asdict(check)))


def _from_endpoint(wanted: "Wanted", earlier: list[Path], queries: Path | None, check: Check) -> "tuple[Watched, str]":
    from fairlead.cli.live_asking import LiveModel, asked_live, earlier_runs
    from fairlead.evaluation.outcome_files import read_outcome_files
    from fairlead.learning.watching import reference_of, watch_model

    runs = [read_outcome_files([path], queries) for path in earlier_runs(wanted.suite, earlier)]

    async def watched(live: LiveModel) -> "tuple[Watched, str]":
        # The outcomes spell it as it was typed, or as the catalogue does.
        typed = wanted.models[0]
        name = typed if typed in runs[0].arms else live.name
        reference = reference_of(name, runs)
        reference = reference.among(live.probes.among(one.probe for one in reference.probes))
        return await watch_model(reference, live.probes, live.probes.once_more(), **dataclasses.asdict(check)), name

    found, notes = asked_live(wanted, os.environ, check.max_calls, watched)
    for note in notes:
        typer.echo(note, err=True)
    return found


def _report(found: "Watched", model: str, router: Path | None, config: Path | None, *, as_json: bool) -> None:
    from fairlead.cli.output import to_stdout

    marked = _mark(router, config, model, found) if found.is_changed else None
    out = to_stdout()
    if as_json:
        out.json(watch_json(found, model, marked=marked is not None))
    else:
        print_watch(out, found, model)
        if marked is not None:
            out.line(f"{model} is marked stale in {marked}: its intervals are wider until it is trained again.")
            out.line("A running server hears of it on SIGHUP, or by itself where server.watch_config is on.", "dim")
    if found.is_changed or not found.is_in_order:
        raise typer.Exit(1)


def _mark(given: Path | None, config: Path | None, model: str, found: "Watched") -> Path | None:
    """The router file in which the model is now marked; None where there is none, or the usual one knows no such."""
    from fairlead.cli.router_option import router_in_force
    from fairlead.evaluation.router_file import load_router, save_router
    from fairlead.learning.staleness import mark_stale

    path = router_in_force(given, config)
    if path is None:
        return None
    trained = load_router(path, reads_texts=False)
    if given is None and model not in trained.arms:
        return None
    since = f"since {today()} ({found.n_calls} calls, rate of false alarms {found.false_alarm_rate:g})"
    save_router(mark_stale(trained, model, since), path)
    return path


def print_watch(out: "Printer", found: "Watched", model: str) -> None:
    """What a check found, for people."""
    if not found.is_in_order:
        out.line(f"{model}: not judged, {found.n_failed} calls failed and {found.n_calls} were answered.", "yellow")
        return
    if found.is_changed:
        out.line(f"{model} no longer answers as it was measured.", "red")
        out.pair(
            "seen most in", {"score": "the scores", "length": "the lengths", "text": "the texts"}[found.most_telling]
        )
    else:
        out.line(f"{model}: no change was found.", "green")
    out.pair("calls", f"{found.n_calls}" + (f", {found.n_failed} more failed" if found.n_failed else ""))
    if found.spent_usd is not None:
        out.pair("spent", f"USD {found.spent_usd:.4g}")
    out.pair("evidence", f"{found.evidence:.3g}; from {1.0 / found.false_alarm_rate:g} on it is an alarm")
    if found.mean_change is not None:
        change, error = found.mean_change
        out.pair(
            "score on these",
            f"{100 * change:+.1f} points (+-{164.5 * error:.1f}, 90 %) against {found.n_earlier} earlier",
        )
    out.pair("false alarms", f"at most {found.false_alarm_rate:.0%} of such checks of an unchanged model")
    if not found.sees_all:
        out.line(f"Note: {MEND_ONE_RUN}.", "dim")


def watch_json(found: "Watched", model: str, *, marked: bool) -> dict[str, Any]:
    """The same for machines; the keys are stable, and what is not known is null."""
    change = found.mean_change
    return {
        "model": model,
        "changed": found.is_changed if found.is_in_order else None,
        "n_calls": found.n_calls,
        "n_failed": found.n_failed,
        "evidence": found.evidence,
        "false_alarm_rate": found.false_alarm_rate,
        "seen_most_in": found.most_telling if found.is_changed else None,
        "score_change": None if change is None else {"mean": change[0], "standard_error": change[1]},
        "n_earlier": found.n_earlier,
        "spent_usd": found.spent_usd,
        "marked_stale": marked,
    }
