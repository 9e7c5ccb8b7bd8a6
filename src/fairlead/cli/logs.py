"""`fairlead logs`: the requests that were kept: listed, followed, exported, forgotten."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from fairlead.cli.store_access import (
    ConfigOption,
    DemoOption,
    SinceOption,
    TenantOption,
    kept_in,
    now_s,
    opened_store,
    since_s,
    spools_of,
)

if TYPE_CHECKING:
    from fairlead.store.rows import RequestRow
    from fairlead.store.sql_store import SqlStore
    from fairlead.store.store import WholeDecision

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

FOLLOW_EVERY_S: Final = 1.0
SPOOLS_EVERY_S: Final = 0.2
SPOOLS_WITHIN_S: Final = 5.0
"""A living writer tries twice a second to bring its spool in."""
HEADS: Final = ("time", "decision", "model", "upstream", "outcome", "tokens", "usd", "seconds", "asked")


@app.callback()
def logs(  # noqa: PLR0913 - every option of the command is a parameter
    context: typer.Context,
    config: ConfigOption = None,
    demo: DemoOption = False,
    since: SinceOption = "24h",
    tenant: TenantOption = None,
    model: Annotated[str | None, typer.Option(help="Only requests that this model served.")] = None,
    outcome: Annotated[str | None, typer.Option(help="ok, error, truncated, cancelled, refused, or failed.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind of task.")] = None,
    session: Annotated[str | None, typer.Option(help="Only this conversation.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="Most rows.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C: each as it ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List requests, newest last."""
    if context.invoked_subcommand is not None:
        return
    import time

    from fairlead.cli.following import Following
    from fairlead.store.store import Search

    _check_outcome(outcome)
    search = Search(
        since_s(since, now_s()), tenant=tenant, model=model, outcome=outcome, kind=kind, session=session, limit=limit
    )
    with opened_store(config, is_demo=demo) as store:
        following = Following(store, search) if follow else None  # looks first: what ends meanwhile is told
        rows = store.requests(search)[::-1]
        _show(rows, as_json=as_json)
        if following is None:
            return
        following.knows(rows)
        while True:
            time.sleep(FOLLOW_EVERY_S)
            _show(following.ended(), as_json=as_json, heads=False)
            sys.stdout.flush()  # whoever reads a pipe follows too


def _check_outcome(outcome: str | None) -> None:
    from fairlead.domain.moments import ReplyOutcome

    known = (*get_args(ReplyOutcome), "failed")
    if outcome is not None and outcome not in known:
        raise typer.BadParameter(f"{outcome!r} is none of {', '.join(known)}", param_hint="--outcome")


def _show(rows: "list[RequestRow] | tuple[RequestRow, ...]", *, as_json: bool, heads: bool = True) -> None:
    from fairlead.cli.output import to_stdout

    if as_json:
        for row in rows:
            typer.echo(json.dumps(row._asdict() | {"cost_usd": row.cost_usd}, ensure_ascii=True))
        return
    printer = to_stdout()
    if not rows and heads:
        printer.line("No request.")
    elif rows:
        printer.table(
            HEADS if heads else [""] * len(HEADS), [_cells(row) for row in rows], right=("tokens", "usd", "seconds")
        )


def _cells(row: "RequestRow") -> list[Any]:
    tokens = None if row.all_input_tokens is None else f"{row.all_input_tokens}+{row.output_tokens or 0}"
    return [
        stamp(row.at_s),
        row.decision_id,
        row.model or row.chosen_model,
        row.upstream or row.chosen_upstream,
        row.error_code or row.outcome or "running",
        tokens,
        None if row.cost_usd is None else f"{row.cost_usd:.6f}",
        None if row.total_s is None else f"{row.total_s:.2f}",
        row.asked,
    ]


def stamp(at_s: float) -> str:
    """A moment for people, in UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


@app.command("show")
def show(
    decision: Annotated[str, typer.Argument(help="The id in the header x-fairlead-decision-id.")],
    config: ConfigOption = None,
    demo: DemoOption = False,
) -> None:
    """Everything that is kept of one request, as JSON."""
    from fairlead.domain.errors import StoreError

    with opened_store(config, is_demo=demo) as store:
        whole = store.decision(decision)
    if whole is None:
        raise StoreError(f"no decision {decision!r} is kept")
    typer.echo(json.dumps(whole_value(whole), indent=2, ensure_ascii=True))


def whole_value(whole: "WholeDecision") -> dict[str, Any]:
    """One decision as plain values."""
    return {
        "request": whole.request._asdict() | {"cost_usd": whole.request.cost_usd},
        "candidates": [each._asdict() for each in whole.candidates],
        "attempts": [each._asdict() for each in whole.attempts],
        "feedback": [each._asdict() for each in whole.opinions],
        "shadows": [each._asdict() for each in whole.shadows],
        "body": whole.body._asdict() if whole.body is not None else None,
    }


@app.command("export-outcomes")
def export_outcomes(
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSONL file to write, for `fairlead train`.")],
    since: SinceOption = "30d",
    tenant: TenantOption = None,
    config: ConfigOption = None,
    demo: DemoOption = False,
) -> None:
    """Write feedback with its queries as outcomes that `fairlead train` reads."""
    from fairlead.cli.output_paths import check_output
    from fairlead.domain.errors import StoreError
    from fairlead.evaluation.traffic_tables import outcome_lines
    from fairlead.evaluation.whole_files import write_whole
    from fairlead.store.store import Window

    check_output(output, kept_in(config, is_demo=demo))
    now = now_s()
    window = Window(since_s(since, now), now + 1, tenant)
    with opened_store(config, is_demo=demo) as store:
        lines = outcome_lines(store.outcomes(window))
        n_scored = sum(opinion.score is not None for opinion in store.opinions(window))
    if not lines:
        raise StoreError(
            "no feedback with a score has come in: POST /v1/feedback"
            if not n_scored
            else f"{n_scored} scores have come in, but of no whole reply whose query was kept: set 'store.bodies' to "
            "'redacted' or 'full' for those to come"
        )
    write_whole(output, "".join(f"{line}\n" for line in lines))
    left_out = (
        f"; {n_scored - len(lines)} scores count twice, have no query or are of no whole reply"
        if n_scored > len(lines)
        else ""
    )
    typer.echo(f"{len(lines)} outcomes written to {output}{left_out}")


@app.command("export")
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write Parquet files into.")],
    since: SinceOption = "30d",
    tenant: TenantOption = None,
    config: ConfigOption = None,
    demo: DemoOption = False,
) -> None:
    """Write requests, candidates and attempts as Parquet files (extra `eval`)."""
    from fairlead.evaluation.traffic_tables import write_tables
    from fairlead.store.store import Window

    if output.exists() and not output.is_dir():
        raise typer.BadParameter(f"{output} is no folder: name one by --output, which is made if it is not there")
    now = now_s()
    with opened_store(config, is_demo=demo) as store:
        written = write_tables(store, Window(since_s(since, now), now + 1, tenant), output)
    for name, n in written.items():
        typer.echo(f"{n} rows in {output / name}")


@app.command("forget")
def forget(
    tenant: Annotated[str, typer.Option(help="Whose traffic.")],
    config: ConfigOption = None,
    demo: DemoOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete everything of one tenant: rows, sums, prompts, feedback; their bytes are overwritten."""
    if not yes:
        typer.confirm(f"Delete all traffic of the tenant {tenant!r} for ever?", abort=True)
    with opened_store(config, is_demo=demo) as store:
        left = _spools_left(store, spools_of(config, is_demo=demo))
        typer.echo(f"{store.forget_tenant(tenant)} rows are gone")
    if left:
        from fairlead.cli.output import to_stderr

        names = ", ".join(map(str, left))
        to_stderr().line(
            f"error: rows wait in the spool of a server that runs, and some may be this tenant's ({names}): they come "
            "in when the store takes that server's rows. Stop it, or wait until its fairlead_store_spool_bytes is 0, "
            "and forget the tenant again"
        )
        raise typer.Exit(1)


def _spools_left(store: "SqlStore", folder: Path) -> tuple[Path, ...]:
    """Take in what dead writers have left, give living ones some seconds to bring in theirs; what is left then."""
    import time

    from fairlead.store.spool import waiting_in

    end_s = time.monotonic() + SPOOLS_WITHIN_S
    while True:
        store.take_in(folder)
        left = waiting_in(folder)
        if not left or time.monotonic() >= end_s:
            return left
        time.sleep(SPOOLS_EVERY_S)
