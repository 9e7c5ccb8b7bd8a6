"""The traffic report: what was routed, what it cost and saved, as a page without scripts, as Markdown and as JSON.

Every name in it is somebody else's text: it is escaped, and the page carries a policy that allows no script at all.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from fairlead.store.rows import AlternativeRow, UsageRow
from fairlead.store.savings import best_single, dearest, interval
from fairlead.store.store import Overview

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 180, 60, 150
BAR_WIDTH: Final = 640
UNKNOWN: Final = "unknown"
_NANO: Final = 1e-9
SUMS_OF_MODEL: Final = (
    "model", "requests", "ok", "unpriced", "USD", "USD per request", "tokens in", "tokens out", "mean seconds",
)  # fmt: skip
SUMS_OF_ARM: Final = ("instead, all to", "at", "requests", "USD then", "USD paid", "saved", "95 %")

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1a1a1a;--ground:#fff;--rule:#ccc;--bar:#0072b2;--dim:#666}
@media(prefers-color-scheme:dark){:root{--ink:#eee;--ground:#161616;--rule:#444;--bar:#56b4e9;--dim:#aaa}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:60rem;margin:2rem auto;
padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0;display:block;overflow-x:auto}
th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid var(--rule);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
svg{max-width:100%;height:auto}text{fill:var(--ink);font-size:11px}rect{fill:var(--bar)}p.dim{color:var(--dim)}
""".replace("\n", "")


def report_value(seen: Overview) -> dict[str, Any]:
    """Everything as plain values. Unknown is null."""
    total = seen.total
    return {
        "since_s": seen.window.since_s,
        "until_s": seen.window.until_s,
        "tenant": seen.window.tenant,
        "requests": total.n,
        "ok": total.n_ok,
        "cached": total.n_cached,
        "unpriced": total.n_unpriced,
        "cost_usd": total.spent_usd,
        "lost_usd": total.lost_nanousd * _NANO,
        "shadow_usd": total.shadow_nanousd * _NANO,
        "delay_s": seen.delays._asdict(),
        "first_content_s": seen.first_bytes._asdict(),
        "models": [_model_value(row) for row in seen.by_model],
        "outcomes": {row.group: row.n for row in seen.by_outcome},
        "alternatives": [row._asdict() | {"saved_interval_usd": interval(row)} for row in seen.alternatives],
        "best_single": _named(best_single(seen.alternatives)),
        "dearest": _named(dearest(seen.alternatives)),
        "series": [{"at_s": row.bucket_s, "requests": row.n, "cost_usd": row.spent_usd} for row in seen.series],
    }


def _named(row: AlternativeRow | None) -> dict[str, str] | None:
    return None if row is None else {"model": row.model, "upstream": row.upstream}


def _model_value(row: UsageRow) -> dict[str, Any]:
    return {
        "model": row.group or None,
        "requests": row.n,
        "ok": row.n_ok,
        "unpriced": row.n_unpriced,
        "cost_usd": row.spent_usd,
        "usd_per_request": row.usd_per_request,
        "input_tokens": row.input_tokens + row.cached_read_tokens + row.cache_write_tokens,
        "output_tokens": row.output_tokens,
        "mean_s": row.mean_s,
    }


def _model_cells(row: UsageRow) -> list[str]:
    value = _model_value(row)
    return [
        row.group or "none",
        f"{row.n:,}",
        f"{row.n_ok:,}",
        f"{row.n_unpriced:,}",
        dollars(row.spent_usd),
        dollars(row.usd_per_request),
        f"{value['input_tokens']:,}",
        f"{row.output_tokens:,}",
        UNKNOWN if row.mean_s is None else f"{row.mean_s:.2f}",
    ]


def dollars(value: float | None) -> str:
    """USD to the millionth. Unknown is not 0."""
    return UNKNOWN if value is None else f"{value:,.6f}"


def _signed(value: float) -> str:
    """A saving; what rounds to nothing is no loss."""
    return f"{value:+z,.6f}"


def _arm_cells(row: AlternativeRow) -> list[str]:
    ends = interval(row)
    return [
        row.model,
        row.upstream,
        f"{row.n:,}",
        f"{row.alternative_usd:,.6f}",
        f"{row.actual_usd:,.6f}",
        _signed(row.saved_usd),
        UNKNOWN if ends is None else f"{_signed(ends[0])} to {_signed(ends[1])}",
    ]


def _summary(seen: Overview, name: Callable[[str], str]) -> list[str]:
    """`name` makes a model's name safe for where it will stand."""
    total = seen.total
    if not total.n:
        return ["No request in this time."]
    unpriced = f" ({total.n_unpriced:,} of unknown cost)" if total.n_unpriced else ""
    spent = "an unknown cost" if total.spent_usd is None else f"${dollars(total.spent_usd)}{unpriced}"
    lines = [f"{total.n:,} requests, {total.n_ok:,} of them whole ({total.n_ok / total.n:.1%}), for {spent}."]
    beside = [
        f"${dollars(nano * _NANO)} {what}"
        for nano, what in (
            (total.lost_nanousd, "for attempts that another one outran or replaced, by our estimate"),
            (total.shadow_nanousd, "for shadows"),
        )
        if nano
    ]
    if beside:
        lines.append(f"In that: {'; '.join(beside)}.")
    for words, row in (
        ("the best single model", best_single(seen.alternatives)),
        ("the dearest model", dearest(seen.alternatives)),
    ):
        if row is not None:
            ends = interval(row)
            sure = "" if ends is None else f" (95 %: {_signed(ends[0])} to {_signed(ends[1])})"
            lines.append(
                f"Saved against {words}, {name(row.model)}: ${_signed(row.saved_usd)}{sure}, on {row.n:,} requests."
            )
    if seen.delays.p50_s is not None and seen.delays.p95_s is not None:
        half, most = seen.delays.p50_s, seen.delays.p95_s
        lines.append(f"Half of the whole replies came within {half:.2f} s, 95 % within {most:.2f} s.")
    return lines


NOTE: Final = (
    "What another model would have cost is its estimate, scaled as the estimate of the one that served was off. "
    "Requests that named a model are not compared. What lost attempts have cost counts as paid, what shadows have "
    "cost does not. USD per request is of the requests whose cost is known, without kept answers. "
    "Delays are known to within a tenth, and are not of kept answers."
)


def _heading(seen: Overview) -> str:
    first, last = (
        datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M") for at in (seen.window.since_s, seen.window.until_s)
    )
    return f"Traffic from {first} to {last} UTC"


def report_markdown(seen: Overview) -> str:
    """As Markdown."""
    lines = [f"# {_heading(seen)}", "", *_summary(seen, _plain), ""]
    tables = (
        (SUMS_OF_MODEL, [_model_cells(row) for row in seen.by_model]),
        (SUMS_OF_ARM, [_arm_cells(row) for row in seen.alternatives]),
    )
    for heads, rows in tables:
        if rows:
            lines += [_bars(heads), _bars(["---"] + ["--:"] * (len(heads) - 1))]
            lines += [_bars([_plain(cell) for cell in row]) for row in rows]
            lines.append("")
    return "\n".join([*lines, NOTE, ""])


def _bars(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """A name inside a table of Markdown: nothing in it may be taken for markup."""
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return escape("".join(f"\\{letter}" if letter in r"\`*_{}[]()#!|" else letter for letter in kept), quote=False)


def report_html(seen: Overview) -> str:
    """As one page: no script, no picture from elsewhere, nothing fetched."""
    parts = [f"<h1>{escape(_heading(seen))}</h1>", *(f"<p>{line}</p>" for line in _summary(seen, escape))]
    if seen.series:
        parts += ["<h2>Requests</h2>", _chart(seen, lambda row: float(row.n), "requests")]
        parts += ["<h2>Spend</h2>", _chart(seen, lambda row: row.spent_usd or 0.0, "USD")]
    if seen.by_model:
        parts += ["<h2>Models</h2>", _table(SUMS_OF_MODEL, [_model_cells(row) for row in seen.by_model])]
    if seen.alternatives:
        parts += ["<h2>Instead</h2>", _table(SUMS_OF_ARM, [_arm_cells(row) for row in seen.alternatives])]
    parts.append(f'<p class="dim">{escape(NOTE)}</p>')
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(_heading(seen))}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _chart(seen: Overview, value: Callable[[UsageRow], float], what: str) -> str:
    """Bars by time; an empty step is an empty place."""
    first, last = seen.window.since_s, seen.window.until_s
    most = max(value(row) for row in seen.series) or 1.0
    width = max(BAR_WIDTH * seen.span_s / (last - first), 0.5)
    bars = []
    for row in seen.series:
        x = LEFT + BAR_WIDTH * ((row.bucket_s or first) - first) / (last - first)
        height = (BOTTOM - 20) * value(row) / most
        when = datetime.fromtimestamp(row.bucket_s or first, UTC).strftime("%m-%d %H:%M")
        bars.append(
            f'<rect x="{x:.1f}" y="{BOTTOM - height:.1f}" width="{width * 0.9:.2f}" height="{height:.1f}">'
            f"<title>{escape(f'{when}: {value(row):,.6g} {what}')}</title></rect>"
        )
    step = {60: "minute", 3_600: "hour"}.get(seen.span_s, "day")
    label = f"{what} by {step}, at most {most:,.6g}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<text x="{LEFT}" y="14">{escape(label)}</text>{"".join(bars)}'
        f'<line x1="{LEFT}" y1="{BOTTOM}" x2="{LEFT + BAR_WIDTH}" y2="{BOTTOM}" stroke="currentColor"/></svg>'
    )
