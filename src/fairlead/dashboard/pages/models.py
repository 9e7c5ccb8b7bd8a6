"""Models: who is good at what, at which price and speed, and whose word that is; and the cost-quality frontier."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fairlead.dashboard import links
from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.charts import chart
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.frontier import FrontierView, frontier_of_figures, frontier_of_traffic
from fairlead.dashboard.frontier_figure import frontier_data, frontier_figure
from fairlead.dashboard.knowledge import Knowledge
from fairlead.dashboard.models_reading import model_address, own_window, read_models, to_own_rows
from fairlead.dashboard.models_view import ModelRow, kinds_in_order, ranked
from fairlead.dashboard.pages.model import one_model
from fairlead.dashboard.pages.no_knowledge import no_knowledge
from fairlead.dashboard.sourced import (
    MOST_NAME_CHARS,
    amount,
    badges,
    chance,
    model_name,
    reach,
    score,
    source_tag,
    whole,
)
from fairlead.dashboard.sourced_number import SOURCE_WORDS, Source, Sourced
from fairlead.dashboard.strips import legend
from fairlead.dashboard.tables import Column, numbers, table
from fairlead.dashboard.wording import count, seconds, share, shortened, usd
from fairlead.store.store import Window

FRONTIER_DAYS: Final = 7.0
_MEANINGS: Final[Mapping[Source, str]] = {
    "own": "seen on this server's own traffic",
    "measured": "outcomes: those behind Fairlead's routing model, or behind your own router file",
    "published": "benchmark figures, at least three of them, joined with their uncertainty",
    "prior": "a guess from size, price and date: nobody has measured it",
    "stated": "a price list or your configuration says so; the model's page names it with its date",
}
SHOWN: Final = 40
"""Models of a leaderboard before one asks for all of them."""


def leaderboard(ask: Ask) -> Shown:
    """GET /ui/models?kind=…."""
    known = ask.sources.knowledge
    if known is None:
        return no_knowledge("Models")
    kinds = kinds_in_order()
    kind = ask.query.get("kind", kinds[0])
    kind = kind if kind in kinds else kinds[0]
    rows = ranked(read_models(ask, known), kind)
    shown = rows if "all" in ask.query else rows[:SHOWN]
    return Shown(
        "Models",
        text(
            _kinds(kinds, kind),
            _board(shown, kind, own_window(ask)),
            _more(len(rows), len(shown), kind),
            _reading_help(),
            _frontier(_frontier_view(ask, known, lambda: rows)),
        ),
    )


def frontier_json(ask: Ask) -> Shown:
    """GET /ui/data/frontier: the figure's numbers."""
    known = ask.sources.knowledge
    if known is None:
        return Shown(json=None, status=404)
    return Shown(json=frontier_data(_frontier_view(ask, known, lambda: read_models(ask, known))))


def _frontier_view(ask: Ask, known: Knowledge, rows: Callable[[], Sequence[ModelRow]]) -> FrontierView:
    """Of the traffic, or of the models' own figures: only these need the rows."""
    store = ask.sources.store
    if store is not None:
        past = known.past.read(store, ask.visitor.tenant, FRONTIER_DAYS)
        if past.rows:
            found = frontier_of_traffic(past.table, known.presets, known.meant_by)
            if found.of("model"):
                return found
    return frontier_of_figures([row for row in rows() if row.is_default])


def _kinds(kinds: Sequence[str], chosen: str) -> Markup:
    return element(
        "nav",
        element(
            "ul",
            [
                element(
                    "li",
                    element(
                        "a",
                        "all kinds" if kind == "all" else kind,
                        href=links.address("/ui/models", kind=kind),
                        aria_current="true" if kind == chosen else None,
                    ),
                )
                for kind in kinds
            ],
        ),
        class_="tabs",
        aria_label="Kind of task",
    )


def _board(rows: Sequence[ModelRow], kind: str, window: Window) -> Markup:
    title = "all kinds of task" if kind == "all" else kind
    # A column that would be empty in every row is not worth its width.
    has_learned = any(kind in row.learned for row in rows)
    return table(
        f"Models, best first at {title}; USD a million tokens; requests of 30 days",
        [
            Column("model", is_long=True),
            *(["your router's score"] if has_learned else []),
            "success, 90 % interval",
            *numbers("price, in / out", "first word", "tokens/s", "requests", "feedback"),
        ],
        [_row(row, kind, window, has_learned=has_learned) for row in rows],
    )


def _row(row: ModelRow, kind: str, window: Window, *, has_learned: bool) -> list[Child]:
    standing = row.of(kind)
    requests: Child = count(0)
    if row.own is not None:
        requests = to_own_rows(count(row.own.n), row.model, window)
    return [
        text(links.link(model_address(row.model), model_name(row.title or row.model)), badges(row)),
        *([score(row, kind)] if has_learned else []),
        chance(row, standing, kind),
        _prices(row.input_usd, row.output_usd),
        amount(row.first_s, seconds),
        amount(row.tokens_per_s, count),
        text(requests, source_tag("own")) if row.own is not None else requests,
        _feedback(row.scores.get(kind)),
    ]


def _prices(into: Sourced, out: Sourced) -> Markup:
    if into.value is None or out.value is None:
        return source_tag("unknown")
    return text(f"{usd(into.value)} / {usd(out.value)}", source_tag(into.source, into.told))


def _feedback(found: Sourced | None) -> Markup | None:
    if found is None or found.value is None:
        return None
    words = reach(found.value, found.low, found.high)
    return text(words, element("small", f"{found.told}, {SOURCE_WORDS[found.source]}", class_="source"))


def _more(n: int, n_shown: int, kind: str) -> Markup | None:
    if n <= n_shown:
        return None
    return element("p", links.link(links.address("/ui/models", kind=kind, all=1), f"All {n} models"))


def _reading_help() -> Markup:
    return element(
        "details",
        element("summary", "How to read this, and whose word each number is"),
        legend((("mean", "the model"), ("reach", "90 % sure"), ("median", "the median of the current models"))),
        element(
            "p",
            "Success is the chance on a question of this kind that the median of the current models solves half the "
            "time. Your router's score is what it learned from your own outcomes, on its own queries. Feedback is the "
            "mean score of your own users, with a 95 % interval.",
        ),
        element(
            "dl",
            [
                element("div", element("dt", SOURCE_WORDS[source]), element("dd", words))
                for source, words in _MEANINGS.items()
            ],
            class_="facts",
        ),
    )


def _frontier(view: FrontierView) -> Markup:
    if not view.is_telling:
        return element(
            "section",
            element("h2", "Cost and quality"),
            element("p", "Every model here is free of charge or without a price: cost tells none of them apart."),
        )
    if view.is_own_traffic:
        told = (
            f"On your newest {view.n:,} decisions of {FRONTIER_DAYS:g} days: the cost and the quality that the router "
            "expected of each model, of auto under each preference, and of what was chosen. Estimates, not outcomes."
        )
    else:
        told = (
            "No traffic of the last days tells of it: this is success over all kinds of task, at the price of a "
            "request of 1,000 tokens in and 500 out. Published figures and priors; your own traffic will take their "
            "place."
        )
    return element(
        "section",
        element("h2", "Cost and quality"),
        element("p", told, class_="soft"),
        chart(
            "Expected cost of a request against expected quality",
            "/ui/data/frontier",
            text(frontier_figure(view), _frontier_legend(view)),
        ),
        element("p", _left_out(view.left_out), class_="soft") if view.left_out else None,
        _frontier_table(view),
    )


def _frontier_legend(view: FrontierView) -> Markup:
    entries = [("dot model", "model")]
    if view.is_own_traffic:
        entries += [("dot preset", "auto, by preference"), ("dot now", "what was chosen")]
    return legend([*entries, ("stairs", "nobody is cheaper and better")])


def _left_out(models: Sequence[str]) -> str:
    """Who has no place in the figure."""
    named = ", ".join(shortened(model, MOST_NAME_CHARS) for model in models[:8])
    more = f" and {len(models) - 8} more" if len(models) > 8 else ""
    return f"Left out, without a price or able to serve too few of the decisions: {named}{more}."


def _frontier_table(view: FrontierView) -> Markup:
    """The same as a table: for those who cannot point."""
    return element(
        "details",
        element("summary", "The same as a table"),
        table(
            "Cost and quality",
            [
                Column("name", is_long=True),
                *numbers("USD a request", "quality"),
                "90 % interval",
                "on the frontier",
            ],
            [
                (
                    model_name(point.label),
                    usd(point.cost_usd),
                    share(point.quality),
                    None if point.low is None else f"{whole(point.low)} to {whole(point.high)}",
                    "yes" if point.is_best else None,
                )
                for point in sorted(view.points, key=lambda point: -point.quality)
            ],
        ),
    )


MODELS: Final = (
    Page("/ui/models", leaderboard, "Models", needs_state=True),
    Page("/ui/model", one_model, needs_state=True),
    Page("/ui/data/frontier", frontier_json, needs_state=True),
)
