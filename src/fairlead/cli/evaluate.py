"""`fairlead evaluate`: a suite, some models, a cap; scores with intervals, and a record that goes on where it ended."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli.asking_options import (
    DEFAULT_FOLDER,
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
    YesOption,
    checked_usd,
    names_in,
    wanted_of,
)

if TYPE_CHECKING:
    from fairlead.evaluation.reports.findings import Findings


def evaluate(  # noqa: PLR0913 - every option of the command is a parameter
    context: typer.Context,
    suite: Annotated[Path, typer.Argument(help="JSONL, CSV or Parquet: prompt, reference, scorer; or a benchmark.")],
    models: Annotated[
        str, typer.Option("--models", "-m", help="Models, with commas between; MODEL@UPSTREAM if several.")
    ],
    budget: Annotated[
        float, typer.Option("--budget", "-b", callback=checked_usd, help="Hard cap in USD, judges included.")
    ],
    samples: Annotated[int, typer.Option("--samples", "-k", min=1, max=1000, help="Answers to each prompt.")] = 1,
    judge: JudgeOption = None,
    human: Annotated[Path | None, typer.Option(help="People's words: item, one, other, preferred.")] = None,
    scorer: ScorerOption = None,
    max_tokens: MaxTokensOption = 1024,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=2.0, help="Left out: 0, or 0.7 with samples.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the record and reports.")] = None,
    prices: PricesOption = None,
    concurrency: ConcurrencyOption = 64,
    in_flight: InFlightOption = "auto",
    engine: EngineOption = "local",
    address: AddressOption = None,
    config: ConfigOption = None,
    demo: DemoOption = False,
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The report (or with --dry-run the forecast) as JSON.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Evaluate models on a suite, under a hard cap; the same command resumes and pays for nothing twice."""
    import asyncio

    from fairlead.cli.evaluation_setup import run_evaluation
    from fairlead.cli.run_preparation import stopping_kindly

    usual = 0.7 if samples > 1 else 0.0
    wanted = wanted_of(
        context.params, names_in(models), output or Path(DEFAULT_FOLDER) / suite.name.split(".")[0],
        n_samples=samples, temperature=usual if temperature is None else temperature,
    )  # fmt: skip
    with stopping_kindly(wanted.output):
        result = asyncio.run(run_evaluation(wanted, os.environ, human=human, is_dry=dry_run))
    _show(result, wanted.output, as_json=as_json, is_dry=dry_run)


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
