"""`fairlead predict`: what a trained router foretells of every model on every query, and whom it would choose."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.preference_option import preferred
from fairlead.cli.router_option import EncoderOption

if TYPE_CHECKING:
    from fairlead.routing.policies.objective import Objective


def predict(
    router: Annotated[Path, typer.Argument(help="A router file of `fairlead train`.")],
    queries: Annotated[Path, typer.Argument(help="Parquet, CSV or JSONL: query_id, query.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The Parquet file to write.")],
    prefer: Annotated[
        str | None, typer.Option(help="A preset, or quality=..,cost=..,speed=..,max_cost_usd=.. and the like.")
    ] = None,
    cost_weight: Annotated[
        list[float] | None,
        typer.Option(help="Quality points that the cost of the dearest model's mean call is worth; may be repeated."),
    ] = None,
    encoder: EncoderOption = None,
    ignore_verdict: Annotated[
        bool, typer.Option("--ignore-verdict", help="Route even if the router's verdict is not to.")
    ] = False,
) -> None:
    """Foretell every model on every query, and choose one for each."""
    from fairlead.cli.output import to_stderr
    from fairlead.cli.output_paths import check_output
    from fairlead.evaluation.prediction_files import write_predictions
    from fairlead.evaluation.query_files import read_query_file
    from fairlead.evaluation.router_file import load_router

    check_output(output, (router, queries), ending=".parquet", what="Parquet")
    objectives = _objectives(prefer, cost_weight or [])
    trained = load_router(router, encoder)
    n_rows = write_predictions(
        trained, read_query_file(queries), output, objectives,
        states_weights=bool(cost_weight), heeds_verdict=not ignore_verdict,
    )  # fmt: skip
    printer = to_stderr()
    if not trained.verdict.is_route and not ignore_verdict:
        printer.line(f"{trained.verdict.word}: {trained.verdict.reason}", "yellow")
    elif not ignore_verdict:
        # Shown to pay where cost counts, and not for quality alone: there one model is served.
        places = [trained.verdict.serve_instead(trained.arms, objective) for objective in objectives]
        for arm in {trained.arms[place] for place in places if place is not None}:
            printer.line(f"for quality alone routing is not shown to pay: {arm} is served there", "yellow")
    printer.line(f"{n_rows} rows written to {output}")


def _objectives(prefer: str | None, cost_weights: list[float]) -> "list[Objective]":
    from fairlead.routing.policies.objective import Objective

    if prefer is not None and cost_weights:
        raise typer.BadParameter("--prefer and --cost-weight exclude each other")
    if not cost_weights:
        return [preferred(prefer)]
    twice = sorted({weight for weight in cost_weights if cost_weights.count(weight) > 1})
    if twice:
        raise typer.BadParameter(f"--cost-weight {twice[0]:g} is named twice: each would be the same rows again")
    try:
        return [Objective(cost_weight=weight) for weight in cost_weights]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
