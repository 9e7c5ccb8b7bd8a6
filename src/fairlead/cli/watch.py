"""`fairlead watch`: is an endpoint still the model that was measured? A sequential check with a stated error rate."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fairlead.cli.output import Printer
    from fairlead.learning.watching import Watched

MEND_ONE_RUN = "one earlier run shows only whether it got worse on average; two or more show every change"


def watch(  # noqa: PLR0913 - every option of the command is a parameter
    model: Annotated[str, typer.Argument(help="The model's name, as the outcomes spell it.")],
    earlier: Annotated[
        list[Path], typer.Option(help="Outcomes of an earlier run of the model; repeat it for each run.")
    ],
    now: Annotated[Path, typer.Option(help="Outcomes of the run to check; only those asked for are looked at.")],
    queries: Annotated[Path | None, typer.Option(help="A table of query_id and query.")] = None,
    router: Annotated[Path | None, typer.Option(help="On alarm, mark the model stale in this router file.")] = None,
    rate: Annotated[float, typer.Option(help="Chance of a false alarm, at most, of one check.")] = 0.05,
    calls: Annotated[int, typer.Option(min=1, help="At most so many.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds ask equal probes in equal order.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Check whether a model still answers as it was measured. Exit code 1 if it does not, or could not be judged."""
    from fairlead.cli.output import to_stdout
    from fairlead.evaluation.outcome_files import read_outcome_files
    from fairlead.evaluation.recorded_answers import RecordedAnswers
    from fairlead.learning.watching import reference_of, watch_model

    if not 0.0 < rate < 1.0:
        raise typer.BadParameter(f"--rate is between 0 and 1, not {rate}")
    # The first run may hold other models too: they say on which queries models differ.
    runs = [read_outcome_files([path], queries) for path in earlier]
    recorded = RecordedAnswers(read_outcome_files([now], queries, (model,)), model)
    reference = reference_of(model, runs).among(recorded.keys)
    found = asyncio.run(watch_model(reference, recorded, max_calls=calls, false_alarm_rate=rate, seed=seed))
    marked = found.is_changed and router is not None and _mark(router, model, found)
    out = to_stdout()
    if as_json:
        out.json(watch_json(found, model, marked=marked))
    else:
        print_watch(out, found, model)
        if marked:
            out.line(f"{model} is marked stale in {router}: its intervals are wider until it is trained again.")
    if found.is_changed or not found.is_in_order:
        raise typer.Exit(1)


def _mark(path: Path, model: str, found: "Watched") -> bool:
    from fairlead.cli.train import today
    from fairlead.evaluation.router_file import load_router, save_router
    from fairlead.learning.staleness import mark_stale

    since = f"since {today()} ({found.n_calls} calls, rate of false alarms {found.false_alarm_rate:g})"
    save_router(mark_stale(load_router(path, reads_texts=False), model, since), path)
    return True


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
    if found.n_earlier < 2:
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
