"""`fairlead train`: outcomes in, a router file and an honest report out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fairlead.cli.output import Printer
    from fairlead.learning.comparison import Comparison
    from fairlead.learning.onboarding import Grown
    from fairlead.learning.outcomes import Outcomes
    from fairlead.learning.training import Training

Say = Callable[[str], None]

N_STEPS = 40
"""Reading, five folds of five parts, the whole, heads, maps, verdict, report."""


def train(  # noqa: PLR0913 - every option of the command is a parameter
    outcomes: Annotated[list[Path], typer.Argument(help="Parquet, CSV or JSONL: query_id, model, score, ...")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The router file to write.")],
    queries: Annotated[Path | None, typer.Option(help="A table of query_id and query.")] = None,
    models: Annotated[str | None, typer.Option(help="Only these models, with commas between.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds and outcomes give equal routers.")] = 0,
    prices: Annotated[
        Path | None,
        typer.Option(
            help="CSV, TOML or JSON: USD per million tokens by model; a call's cost where only its tokens are stated."
        ),
    ] = None,
    add_model: Annotated[str | None, typer.Option(help="Add this model to a router; refit nothing else.")] = None,
    router: Annotated[
        Path | None, typer.Option(help="With --add-model: the router to start from; else the output itself.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="An encoder to read texts with too: a folder with an ONNX model, or URL#model.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Learn a router from outcomes, say how good it is, and whether to route at all."""
    from fairlead.cli.asking_options import names_in
    from fairlead.cli.output import to_stdout
    from fairlead.cli.output_paths import check_output
    from fairlead.cli.progress import progress_bar

    if router is not None and add_model is None:
        raise typer.BadParameter("--router goes with --add-model; without it everything is learned anew")
    check_output(output, (*outcomes, queries, prices))
    if add_model is not None and (models is not None or prices is not None):
        raise typer.BadParameter("--models and --prices are for learning anew, not for --add-model")
    wanted = names_in(models or "")
    if models is not None and not wanted:
        raise typer.BadParameter("--models names none: name some, or leave it out for all of them")
    with progress_bar(N_STEPS, is_quiet=quiet or as_json) as say:
        if add_model is not None:
            grown = _grow(outcomes, queries, add_model, router or output, output, encoder, say)
        else:
            read, training, comparison = _fit(outcomes, queries, wanted, prices, seed, encoder, say)
            from fairlead.evaluation.router_file import save_router

            save_router(training.router, output)
    printer = to_stdout()
    if add_model is not None:
        _show_grown(printer, grown, output, as_json=as_json)
    elif as_json:
        from fairlead.evaluation.training_report import report_json

        printer.json(report_json(read, training, comparison))
    else:
        _show(printer, read, training, comparison, output)


def _fit(
    paths: list[Path],
    queries: Path | None,
    models: tuple[str, ...],
    prices: Path | None,
    seed: int,
    encoder: str | None,
    say: Say,
) -> "tuple[Outcomes, Training, Comparison]":
    from fairlead.assembly.shipped import encoder_with, prompt_reader
    from fairlead.evaluation.outcome_files import read_outcome_files
    from fairlead.evaluation.price_tables import read_price_table
    from fairlead.evaluation.training_report import cross_validated
    from fairlead.learning.priced_outcomes import at_prices
    from fairlead.learning.training import train as fit

    say("reading outcomes")
    table = None if prices is None else read_price_table(prices)
    read = at_prices(read_outcome_files(paths, queries, models), table)
    card = {"files": [path.name for path in paths], "as_of": today(), "seed": seed}
    reader = prompt_reader()
    training = fit(
        read, encoder_with(encoder), seed=seed, prices=table, card=card,
        kinds_of=lambda outline: reader.read(outline).kind_shares, progress=say,
    )  # fmt: skip
    say("measuring it beside the baselines")
    return read, training, cross_validated(read, training)


def _grow(
    paths: list[Path], queries: Path | None, name: str, base: Path, output: Path, encoder: str | None, say: Say
) -> "Grown":
    from fairlead.evaluation.outcome_files import read_outcome_files
    from fairlead.evaluation.outcome_notes import notes_of_names
    from fairlead.evaluation.router_file import load_router, save_router
    from fairlead.learning.onboarding import add_arm

    say("reading outcomes")
    read = read_outcome_files(paths, queries, (name,))
    say("adding the model")
    grown = add_arm(load_router(base, encoder), name, read, as_of=today())
    save_router(grown.router, output)
    return replace(grown, lines=(*grown.lines, *notes_of_names(grown.router.arms)))


def _show_grown(printer: "Printer", grown: "Grown", output: Path, *, as_json: bool) -> None:
    if as_json:
        from fairlead.evaluation.training_report import grown_json

        printer.json(grown_json(grown))
        return
    for line in (*grown.lines, f"written to {output}"):
        printer.line(line)


def _show(
    printer: "Printer", outcomes: "Outcomes", training: "Training", comparison: "Comparison", output: Path
) -> None:
    from fairlead.evaluation.comparison_report import LEGEND
    from fairlead.evaluation.training_report import lines_of, report_tables

    for line in (*lines_of(outcomes, training), *comparison.notes):
        printer.line(line)
    for table in report_tables(comparison, training):
        printer.line()
        printer.line(table.title, "bold")
        printer.table(table.heads, table.rows, table.right)
    printer.line()
    for line in LEGEND:
        printer.line(line, "dim")
    verdict = training.router.verdict
    printer.line()
    printer.line(f"{verdict.word}.", "green" if verdict.is_route else "yellow")
    printer.line(verdict.reason)
    printer.line(f"The router is in {output}.")


def today() -> str:
    """Today's date (UTC), as the figures of a router carry it."""
    return datetime.now(UTC).date().isoformat()
