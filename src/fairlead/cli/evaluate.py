"""`fairlead evaluate`: a suite, some models, a cap; scores with intervals, and a record that goes on where it ended."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fairlead.cli.output import Printer
    from fairlead.evaluation.reports.findings import Findings
    from fairlead.evaluation.running.forecast import Forecast, Range
    from fairlead.evaluation.running.journal import Journal
    from fairlead.evaluation.running.plan import Plan

DEFAULT_FOLDER = "evaluations"


def evaluate(  # noqa: PLR0913 - every option of the command is a parameter
    suite: Annotated[Path, typer.Argument(help="JSONL, CSV or Parquet: prompt, reference, scorer; or a benchmark.")],
    models: Annotated[
        str, typer.Option("--models", "-m", help="Models, with commas between; MODEL@UPSTREAM if several.")
    ],
    budget: Annotated[float, typer.Option("--budget", "-b", min=0.0, help="Hard cap in USD, judges included.")],
    samples: Annotated[int, typer.Option("--samples", "-k", min=1, max=1000, help="Answers to each prompt.")] = 1,
    judge: Annotated[str | None, typer.Option(help="Models that judge, of other families than the judged.")] = None,
    human: Annotated[Path | None, typer.Option(help="People's words: item, one, other, preferred.")] = None,
    scorer: Annotated[str | None, typer.Option(help="Scorer of rows that name none.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, max=1_000_000, help="Longest reply.")] = 1024,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=2.0, help="Left out: 0, or 0.7 with samples.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the record and reports.")] = None,
    prices: Annotated[Path | None, typer.Option(help="CSV, TOML or JSON: USD per million tokens by model.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=4096, help="Most calls at once to one upstream.")] = 64,
    in_flight: Annotated[str, typer.Option(help="Calls perhaps paid and unanswered: auto, resend or leave.")] = "auto",
    engine: Annotated[str, typer.Option(help="local, or ray (extra [scale]).")] = "local",
    address: Annotated[str | None, typer.Option(help="With --engine ray: the cluster's address.")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file; ./fairlead.yaml if it is there.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Evaluate simulated models.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The report (or with --dry-run the forecast) as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Evaluate models on a suite, under a hard cap; the same command resumes and pays for nothing twice."""
    import asyncio

    from fairlead.cli.evaluation_setup import InterruptedRunError, Wanted, run_evaluation

    if in_flight not in ("auto", "resend", "leave"):
        raise typer.BadParameter(f"--in-flight is auto, resend or leave, not {in_flight!r}")
    if engine not in ("local", "ray"):
        raise typer.BadParameter(f"--engine is local or ray, not {engine!r}")
    if address is not None and engine != "ray":
        raise typer.BadParameter("--address goes with --engine ray")
    wanted = Wanted(
        suite=suite, models=_names(models), judges=_names(judge or ""), budget_usd=budget, n_samples=samples,
        human=human, scorer=scorer, max_tokens=max_tokens,
        temperature=(0.7 if samples > 1 else 0.0) if temperature is None else temperature,
        output=output or Path(DEFAULT_FOLDER) / suite.name.split(".")[0], prices=prices, concurrency=concurrency,
        in_flight=in_flight, engine=engine, address=address, config=config, is_demo=demo, is_dry=dry_run,
        is_quiet=quiet or as_json, confirm=_confirmer(yes=yes, as_json=as_json),
    )  # fmt: skip
    try:
        result = asyncio.run(run_evaluation(wanted, os.environ))
    except (InterruptedRunError, asyncio.CancelledError):
        typer.echo(f"stopped: what was answered is kept in {wanted.output}; the same command goes on", err=True)
        raise typer.Exit(130) from None
    _show(result, wanted.output, as_json=as_json, is_dry=dry_run)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _confirmer(*, yes: bool, as_json: bool) -> "Callable[[Plan, Forecast, Journal], bool]":
    def confirm(plan: "Plan", foretold: "Forecast", journal: "Journal") -> bool:
        from fairlead.cli.output import to_stderr

        if not as_json:
            show_forecast(to_stderr(), plan, foretold, journal.ledger.spent_nano / 1e9)
        if yes or not foretold.n_calls:
            return True
        if not sys.stdin.isatty():
            raise typer.BadParameter("this is not a terminal, so nobody can be asked: add --yes to spend")
        return typer.confirm("Go on?", err=True)

    return confirm


def show_forecast(printer: "Printer", plan: "Plan", foretold: "Forecast", spent_usd: float) -> None:
    """What is still to be asked, and what it will cost."""
    rows = [
        (
            part.model.name,
            f"{part.n_calls:,}",
            _range(part.input_tokens, ",.0f"),
            _range(part.output_tokens, ",.0f"),
            _range(part.cost_usd, ".4f"),
            f"{part.most_nano / 1e9:.4f}",
        )
        for part in foretold.parts
    ]
    if foretold.n_judge_calls:
        names = ", ".join(judge.name for judge in plan.judges)
        rows.append((f"judge: {names}", f"{foretold.n_judge_calls:,}", "", "", _range(foretold.judge_usd, ".4f"), ""))
    heads = ("model", "calls", "tokens in (90 %)", "tokens out (90 %)", "USD (90 %)", "USD at most")
    printer.table(heads, rows, right=heads[1:])
    cap = plan.cap_nano / 1e9
    printer.line(
        f"{foretold.n_calls:,} calls to make, about {_range(foretold.cost_usd, '.4f')} USD. Spent so far "
        f"{spent_usd:.4f} USD; the cap of {cap:.4f} USD is never passed."
    )
    if spent_usd + foretold.cost_usd.mid > cap:
        printer.line("The cap will probably be reached before the end.", "yellow")


def _range(value: "Range", form: str) -> str:
    return f"{value.mid:{form}} ({value.low:{form}} to {value.high:{form}})"


def _show(result: Any, folder: Path, *, as_json: bool, is_dry: bool) -> None:
    from fairlead.cli.output import to_stdout
    from fairlead.evaluation.reports.as_json import as_json as json_of
    from fairlead.evaluation.reports.tables import summary_lines, tables
    from fairlead.evaluation.running.forecast import forecast_json

    printer = to_stdout()
    if is_dry:
        if as_json:
            printer.json(forecast_json(result))
        return
    if result is None:
        raise typer.Exit(1)
    found: Findings = result
    if as_json:
        printer.json(json_of(found))
        return
    for line in summary_lines(found):
        printer.line(line)
    for table in tables(found):
        printer.line()
        printer.line(table.title, "bold")
        printer.table(table.heads, table.rows, table.right)
    printer.line()
    printer.line(
        f"{folder}: journal.jsonl, report.html, report.md, report.json, outcomes.jsonl (for `fairlead train`)."
    )
