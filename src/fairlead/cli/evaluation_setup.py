"""What `fairlead evaluate` puts together: forecast, run, reports; and what Ctrl-C leaves."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fairlead.cli.output_paths import refuse_replacing
from fairlead.cli.run_preparation import (
    RECORD_FILES,
    REPORT,
    InterruptedRunError,
    Wanted,
    connected,
    prepared,
    write_outcomes,
)
from fairlead.evaluation.evaluation_run import evaluate, foretold
from fairlead.evaluation.judging.people import read_labels
from fairlead.evaluation.reports.as_json import as_json
from fairlead.evaluation.reports.findings import Findings
from fairlead.evaluation.reports.page import page
from fairlead.evaluation.reports.tables import markdown
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan

if TYPE_CHECKING:
    from fairlead.evaluation.running.forecast import Forecast


async def run_evaluation(
    wanted: Wanted, env: Mapping[str, str], *, human: Path | None, is_dry: bool
) -> "Findings | Forecast | None":
    """The findings; with `is_dry` the forecast; None when the operator says no. Raises: SetupError."""
    refuse_replacing([wanted.output / name for name in RECORD_FILES], (human,), "folder")
    labels = [] if human is None else read_labels(human)
    async with prepared(wanted, env) as ready:
        plan, journal = ready.plan, ready.journal
        expected = foretold(plan, journal.ledger)
        if is_dry:
            if not wanted.is_quiet:
                wanted.confirm(plan, expected, journal)
            return expected
        if not wanted.confirm(plan, expected, journal):
            return None
        async with connected(wanted, ready, env) as (means, watch):
            found = await evaluate(plan, journal, means, labels)
        write_reports(wanted.output, plan, journal, found)
        if watch.was_interrupted:
            raise InterruptedRunError(wanted.output)
        return found


def write_reports(folder: Path, plan: Plan, journal: Journal, found: Findings) -> None:
    """Every report, beside the record."""
    texts = {
        f"{REPORT}.html": page(found).encode("utf-8"),
        f"{REPORT}.md": markdown(found).encode("utf-8"),
        f"{REPORT}.json": msgspec.json.format(msgspec.json.encode(as_json(found)), indent=2) + b"\n",
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    write_outcomes(folder, plan, journal, found.judged)
