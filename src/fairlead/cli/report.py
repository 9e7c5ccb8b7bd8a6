"""`fairlead report`: what the router did, cost and saved, as a page, Markdown, JSON, PDF or a picture."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

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
)

if TYPE_CHECKING:
    from fairlead.store.store import Overview

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
PRINTS_WITHIN_S: Final = 60


def report(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="report.html, .md, .json, .pdf or .png; without it Markdown.")
    ] = None,
    since: SinceOption = "30d",
    tenant: TenantOption = None,
    config: ConfigOption = None,
    demo: DemoOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what the router did, cost and saved."""
    from fairlead.cli.output_paths import check_output
    from fairlead.store.store import Window

    kind = output.suffix.lower() if output is not None else ".json" if as_json else ".md"
    if kind not in (".html", ".md", ".json", ".pdf", ".png"):
        raise typer.BadParameter(f"{output}: its name must end in .html, .md, .json, .pdf or .png")
    check_output(output, kept_in(config, is_demo=demo))
    now = now_s()
    with opened_store(config, is_demo=demo) as store:
        seen = store.overview(Window(since_s(since, now), now, tenant))
    if output is None:
        typer.echo(_text(seen, kind), nl=False)
        return
    if kind in (".pdf", ".png"):
        _print(_text(seen, ".html"), output)
    else:
        from fairlead.evaluation.whole_files import write_whole

        write_whole(output, _text(seen, kind))
    typer.echo(f"written: {output}")


def _text(seen: "Overview", kind: str) -> str:
    from fairlead.evaluation.traffic_report import report_html, report_markdown, report_value

    if kind == ".html":
        return report_html(seen)
    return report_markdown(seen) if kind == ".md" else json.dumps(report_value(seen), indent=2) + "\n"


def _print(page: str, output: Path) -> None:
    """By a browser without a window, if there is one. Raises: SetupError."""
    from fairlead.domain.errors import SetupError

    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SetupError(
            f"{output.name}: a PDF or a picture is printed by Chromium, which is not here (apt-get install chromium): "
            "install it, or write the .html and print that"
        )
    with tempfile.TemporaryDirectory(prefix="fairlead-report-") as folder:
        source = Path(folder) / "report.html"
        source.write_text(page, encoding="utf-8")
        target = output.absolute()
        wish = f"--print-to-pdf={target}" if output.suffix.lower() == ".pdf" else f"--screenshot={target}"
        command = [
            *(
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                f"--user-data-dir={folder}/profile",
            ),
            *("--no-pdf-header-footer", "--window-size=1000,1600", wish, source.as_uri()),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PRINTS_WITHIN_S, check=False)
        except subprocess.TimeoutExpired:
            done = None
    if done is None or done.returncode or not target.is_file():
        raise SetupError(f"{output.name}: {browser} could not print it; write the .html and print that")
