"""`fairlead top`: the traffic of the last minutes in the terminal, renewed every two seconds."""

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fairlead.cli.logs import stamp
from fairlead.cli.store_access import ConfigOption, DemoOption, TenantOption, now_s, opened_store

if TYPE_CHECKING:
    from fairlead.cli.output import Printer
    from fairlead.store.sql_store import SqlStore
    from fairlead.store.store import Overview

EVERY_S: Final = 2.0
CLEAR: Final = "\x1b[H\x1b[2J"
N_LATEST: Final = 10


def top(
    minutes: Annotated[int, typer.Option(min=1, max=360, help="How far back.")] = 15,
    tenant: TenantOption = None,
    config: ConfigOption = None,
    demo: DemoOption = False,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Look once, as JSON.")] = False,
) -> None:
    """Watch the traffic: models, spend, delays, the latest requests. Ctrl-C ends it."""
    from fairlead.cli.output import to_stdout
    from fairlead.evaluation.traffic_report import report_value
    from fairlead.store.store import Window

    with opened_store(config, is_demo=demo) as store:
        while True:
            now = now_s()
            seen = store.overview(Window(now - minutes * 60, now, tenant))
            if as_json:
                typer.echo(json.dumps(report_value(seen), indent=2))
                return
            is_live = not once and sys.stdout.isatty()
            if is_live:
                sys.stdout.write(CLEAR)
            _show(to_stdout(), seen, store, minutes, tenant)
            if once or not is_live:
                return
            sys.stdout.flush()
            time.sleep(EVERY_S)


def _show(printer: "Printer", seen: "Overview", store: "SqlStore", minutes: int, tenant: str | None) -> None:
    from fairlead.store.store import Search

    total, spent_usd = seen.total, seen.total.spent_usd
    spent = "unknown cost" if spent_usd is None else f"${spent_usd:,.6f}"
    printer.line(
        f"last {minutes} min: {total.n:,} requests, {total.n - total.n_ok:,} not whole, "
        f"{spent}, p50 {_seconds(seen.delays.p50_s)}, p95 {_seconds(seen.delays.p95_s)}",
        "bold",
    )
    rows: list[list[Any]] = [
        [
            row.group or "none",
            row.n,
            row.n - row.n_ok,
            None if row.spent_usd is None else f"{row.spent_usd:.6f}",
            None if row.mean_s is None else f"{row.mean_s:.2f}",
        ]
        for row in seen.by_model
    ]
    if rows:
        printer.table(
            ("model", "requests", "not whole", "usd", "mean s"), rows, ("requests", "not whole", "usd", "mean s")
        )
    printer.line()
    latest = [
        [stamp(row.at_s)[11:], row.model or row.chosen_model, row.error_code or row.outcome or "running", row.asked]
        for row in store.requests(Search(tenant=tenant, limit=N_LATEST))
    ]
    if latest:
        printer.table(("time", "model", "outcome", "asked"), latest)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
