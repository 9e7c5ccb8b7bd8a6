"""The findings as one HTML page: no script, nothing fetched, plots as inline SVG. Models' texts are quoted, never run.

The page forbids itself everything but its own style (a Content-Security-Policy in its head), so that even a reply that
found a way into the markup could do nothing.
"""

from html import escape
from typing import Final

from fairlead.evaluation.comparison_report import Table
from fairlead.evaluation.reports.findings import Findings, Wrong
from fairlead.evaluation.reports.plots import cost_plot, difference_plot, score_plot
from fairlead.evaluation.reports.tables import summary_lines, tables

STYLE: Final = """
:root { --ground: #ffffff; --ink: #1c1c1c; --soft: #5f6368; --line: #dadce0; --mark: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181c; --ink: #e8eaed; --soft: #a4a9b0; --line: #3a3e45; --mark: #56b4e9; }
}
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; color: var(--ink);
  background: var(--ground); max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th.n, td.n { text-align: right; }
.plot { overflow-x: auto; } svg { max-width: 100%; min-width: 44rem; height: auto; display: block; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); } svg .bar { stroke: var(--mark); stroke-width: 2; }
svg .dot { fill: var(--mark); } svg .zero { stroke: var(--soft); stroke-dasharray: 4 3; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: color-mix(in srgb, var(--line) 30%, transparent);
  padding: .6rem; border-radius: .3rem; }
.soft { color: var(--soft); }
"""
NUMBER: Final = ' class="n"'


def page(found: Findings) -> str:
    """The whole page."""
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Evaluation of {text(found.suite)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        f"<h1>Evaluation of {text(found.suite)}</h1>",
        *(f"<p>{text(line)}</p>" for line in summary_lines(found)),
    ]
    for title, plot in (
        ("Scores with 95 % intervals", score_plot(found)),
        ("Score and cost", cost_plot(found)),
        ("Differences on the same prompts, with 95 % intervals", difference_plot(found)),
    ):
        if plot:
            parts += [f"<h2>{title}</h2>", f'<div class="plot">{plot}</div>']
    for table in tables(found):
        parts += [f"<h2>{text(table.title)}</h2>", _table(table)]
    if found.wrong:
        parts += ["<h2>Some replies that scored 0</h2>", *(_wrong(each) for each in found.wrong)]
    return "\n".join([*parts, "</body>\n</html>\n"])


def text(words: str) -> str:
    """Safe anywhere in the page: what cannot be printed becomes a blank, what is markup is escaped."""
    return escape("".join(c if c.isprintable() or c == "\n" else " " for c in words), quote=True)


def _table(table: Table) -> str:
    numbers = [head in table.right for head in table.heads]

    def row(cells: tuple[str | None, ...], tag: str) -> str:
        inner = "".join(
            f"<{tag}{NUMBER if is_number else ''}>{'–' if cell is None else text(cell)}</{tag}>"
            for cell, is_number in zip(cells, numbers, strict=True)
        )
        return f"<tr>{inner}</tr>"

    return f"<table>{row(table.heads, 'th')}{''.join(row(cells, 'td') for cells in table.rows)}</table>"


def _wrong(each: Wrong) -> str:
    head = f"<p><strong>{text(each.model)}</strong> on {text(each.item)}"
    right = f", right: <code>{text(each.reference)}</code>" if each.reference else ""
    return f"{head}{right}</p>\n<pre>{text(each.prompt)}</pre>\n<pre>{text(each.reply)}</pre>"
