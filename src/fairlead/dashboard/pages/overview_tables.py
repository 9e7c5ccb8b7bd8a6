"""Overview tables: the course in time, who served, how it ended, and what one model for everything would have cost."""

from collections.abc import Sequence
from typing import Final

from fairlead.dashboard import links, wording
from fairlead.dashboard.charts import chart
from fairlead.dashboard.elements import Child, Markup, element
from fairlead.dashboard.figures import Dot, bars, scatter
from fairlead.dashboard.pages.overview_seen import Seen, series
from fairlead.dashboard.tables import Column, numbers, table
from fairlead.store.rows import AlternativeRow, UsageRow
from fairlead.store.savings import interval

CHART_PATH: Final = "/ui/data/alternatives"
MAX_MODELS: Final = 12
_STEP_NAMES: Final = {60: "minute", 3_600: "hour"}


def course(seen: Seen) -> Markup:
    """Requests and spend, step by step, as bars and as a table."""
    step = _STEP_NAMES.get(seen.overview.span_s, "day")
    drawn, both = [], series(seen)
    for name, steps in both.items():
        most = max((each.value for each in steps), default=0.0)
        shown = wording.usd(most) if name == "spend" else wording.count(most)
        title = f"{'Spend' if name == 'spend' else 'Requests'} by {step}"
        window = seen.overview.window
        drawn.append(
            element(
                "figure",
                element("figcaption", title),
                bars(f"{title}; the most is {shown}", steps, name=name),
                element(
                    "p", element("span", wording.plain_moment(window.since_s)), element("span", f"most: {shown}"),
                    element("span", wording.plain_moment(window.until_s)), class_="ends",
                ),
                class_="steps",
            )
        )  # fmt: skip
    rows = [
        (
            links.link(step.href, step.label.partition(": ")[0]),
            wording.count(step.value),
            wording.count(step.bad),
            spent.label.partition(": ")[2],
        )
        for step, spent in zip(both["requests"], both["spend"], strict=True)
        if step.value or spent.value
    ]
    columns: list[Column | str] = [
        f"{step.capitalize()} (UTC)",
        *numbers("Requests", "Failed", "Spend"),
    ]
    return element(
        "section",
        element("div", drawn, class_="grid"),
        element("details", element("summary", "The same as a table"), table(f"By {step}", columns, rows)),
    )


def models(seen: Seen) -> Markup:
    """Who served, and how it ended."""

    def cells(row: UsageRow) -> list[Child]:
        name = seen.rows(wording.name(row.group), model=row.group) if row.group else "none"
        failed = wording.count(row.n - row.n_ok)
        return [
            name,
            wording.count(row.n),
            seen.rows(failed, model=row.group, outcome="failed") if row.n > row.n_ok and row.group else failed,
            wording.usd(row.spent_usd),
            wording.usd(row.usd_per_request),
            wording.count(row.output_tokens),
            wording.seconds(row.mean_s),
        ]

    heads = ("Requests", "Failed", "Spend", "USD per request", "Tokens out", "Mean time")
    columns: list[Column | str] = [Column("Model", is_long=True), *numbers(*heads)]
    rows = seen.overview.by_model
    left = f", the {MAX_MODELS} most used of {len(rows)}" if len(rows) > MAX_MODELS else ""
    by_outcome = [
        (seen.rows(row.group or "unknown", outcome=row.group), wording.count(row.n)) for row in seen.overview.by_outcome
    ]
    return element(
        "section",
        table(f"Who served{left}", columns, map(cells, rows[:MAX_MODELS])),
        table("How it ended", ["Outcome", *numbers("Requests")], by_outcome),
    )


def dots_of(rows: Sequence[AlternativeRow]) -> list[Dot]:
    """Each as a dot: its cost a request and its expected quality."""
    return [
        Dot(
            row.alternative_usd / row.n,
            row.quality,
            f"{wording.shortened(row.model)} at {wording.shortened(row.upstream)}: "
            f"{wording.usd(row.alternative_usd / row.n)} a request, quality {row.quality:.3f}",
        )
        for row in rows
        if row.alternative_usd > 0
    ]


def alternatives(seen: Seen) -> Markup | None:
    """Every single model beside what was paid; None where nothing can be compared."""
    rows = seen.overview.alternatives
    if not rows:
        return None

    def cells(row: AlternativeRow) -> list[Child]:
        ends = interval(row)
        return [
            wording.name(row.model),
            wording.name(row.upstream),
            wording.count(row.n),
            wording.figure(row.quality),
            wording.usd(row.alternative_usd),
            wording.usd(row.actual_usd),
            wording.saving(row.saved_usd),
            "unknown" if ends is None else f"{wording.saving(ends[0])} to {wording.saving(ends[1])}",
        ]

    heads = ("Requests", "Expected quality", "USD then", "USD paid", "Saved", "95 %")
    columns: list[Column | str] = [
        Column("Instead, all to", is_long=True),
        "at",
        *numbers(*heads),
    ]
    dots = dots_of(rows)
    own = scatter("Cost and expected quality of every single model", dots, "USD per request", "expected quality")
    data = links.address(CHART_PATH, period=seen.period.name)
    return element(
        "section",
        table("What one model for everything would have cost", columns, map(cells, rows[:MAX_MODELS])),
        element(
            "p",
            "What another model would have cost is its estimate, scaled as the estimate of the one that served was "
            "off. "
            "Only requests that it could have served count, and of those only whole replies with a known cost, without "
            "those that named a model. What lost attempts have cost was paid too; shadows are left out.",
            class_="soft small",
        ),
        chart("Every single model: cost and expected quality", data, own) if len(dots) > 1 else None,
        id="instead",
    )
