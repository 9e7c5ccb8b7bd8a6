"""`fairlead benchmark`: a router beside every standard baseline on one's own outcomes, with intervals."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fairlead.learning.comparison import Comparison


def benchmark(  # noqa: PLR0913 - every option of the command is a parameter
    outcomes: Annotated[list[Path], typer.Argument(help="Parquet, CSV or JSONL: query_id, model, score, ...")],
    router: Annotated[Path | None, typer.Option(help="Judge this router file; else one is trained per fold.")] = None,
    queries: Annotated[Path | None, typer.Option(help="A table of query_id and query.")] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            help="CSV, TOML or JSON: USD per million tokens by model; a call's cost where only its tokens are stated."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, max=50, help="Folds; equal and near-equal texts share one.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal figures.")] = 0,
    encoder: Annotated[
        str | None, typer.Option(help="An encoder to read texts with too: a folder with an ONNX model, or URL#model.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the cost-quality frontier as SVG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every figure with its interval, as JSON.")] = False,
) -> None:
    """Measure a router beside the standard baselines, by cross-validation that no text leaks through."""
    from fairlead.assembly.shipped import encoder_with
    from fairlead.cli.output import to_stderr, to_stdout
    from fairlead.cli.output_paths import check_output
    from fairlead.cli.progress import progress_bar
    from fairlead.evaluation.benchmark_run import run_benchmark
    from fairlead.evaluation.comparison_report import as_json as json_of
    from fairlead.evaluation.frontier_plot import frontier_svg, why_undrawn
    from fairlead.evaluation.outcome_files import read_outcome_files
    from fairlead.evaluation.price_tables import read_price_table
    from fairlead.evaluation.router_file import load_router
    from fairlead.evaluation.whole_files import write_whole
    from fairlead.learning.priced_outcomes import at_prices

    check_output(plot, (*outcomes, queries, prices, router), option="--plot", ending=".svg", what="SVG")
    price_table = None if prices is None else read_price_table(prices)
    read = at_prices(read_outcome_files(outcomes, queries), price_table)
    with progress_bar(folds + 1, is_quiet=as_json) as say:
        comparison = run_benchmark(
            read, encoder_with(encoder), router=None if router is None else load_router(router, encoder),
            prices=price_table, n_folds=folds, seed=seed, progress=say,
        )  # fmt: skip
    comparison = replace(comparison, notes=(*read.notes, *comparison.notes))
    if plot is not None:
        drawn = frontier_svg(comparison)
        if drawn is None:
            to_stderr().line(f"{why_undrawn(comparison, read)}, so there is no frontier to draw", "yellow")
        else:
            write_whole(plot, drawn)
    if as_json:
        to_stdout().json(json_of(comparison))
    else:
        _show(comparison)


def _show(comparison: "Comparison") -> None:
    from fairlead.cli.output import to_stdout
    from fairlead.evaluation.comparison_report import LEGEND, tables

    printer = to_stdout()
    for line in comparison.notes:
        printer.line(line)
    for table in tables(comparison):
        printer.line()
        printer.line(table.title, "bold")
        printer.table(table.heads, table.rows, table.right)
    printer.line()
    for line in LEGEND:
        printer.line(line, "dim")
