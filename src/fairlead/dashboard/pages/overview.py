"""Overview: traffic, spend, what was saved, opinions, delays and failures of a stretch of time; it renews itself."""

from collections.abc import Callable
from typing import Final

from fairlead.dashboard import links, wording
from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.charts import scatter_data
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.figures import heights
from fairlead.dashboard.pages.no_store import no_store, nothing_yet
from fairlead.dashboard.pages.overview_seen import Seen, seen_of, series
from fairlead.dashboard.pages.overview_tables import CHART_PATH, alternatives, course, dots_of, models
from fairlead.dashboard.pages.period import period_of, periods
from fairlead.store.rows import AlternativeRow, MeanScoreRow, UsageRow
from fairlead.store.savings import INTERVAL_Z, best_single, dearest, interval

DATA_PATH: Final = "/ui/data/overview"


def overview(ask: Ask) -> Shown:
    """GET /ui."""
    store = ask.sources.store
    if store is None:
        return no_store("Overview", ask)
    seen = seen_of(ask, store)
    choice = periods("/ui", seen.period.name)
    if not seen.overview.total.n:
        return Shown("Overview", text(choice, nothing_yet()))
    live = links.address(DATA_PATH, period=seen.period.name)
    return Shown(
        "Overview",
        text(
            choice,
            element("p", "Renews itself every five seconds.", class_="live", data_live_note=True),
            element("div", _cards(seen), class_="cards", data_live=live, data_since=_since(seen)),
            course(seen),
            models(seen),
            alternatives(seen),
        ),
    )


def overview_data(ask: Ask) -> Shown:
    """GET /ui/data/overview: the same numbers, as words, for the script that renews them."""
    store = ask.sources.store
    if store is None:
        return Shown(json={"since": None, "values": {}, "bars": {}})
    seen = seen_of(ask, store)
    drawn = {name: heights(steps) for name, steps in series(seen).items()}
    return Shown(json={"since": _since(seen), "values": values(seen), "bars": drawn})


def _since(seen: Seen) -> int:
    """Where the time of these numbers begins: it moves by whole steps, and all that they lead to moves with it."""
    return int(seen.overview.window.since_s)


def alternatives_data(ask: Ask) -> Shown:
    """GET /ui/data/alternatives: every single model's cost and expected quality, for the chart."""
    store = ask.sources.store
    rows = store.alternatives(period_of(ask).window) if store is not None else ()
    series = {"every request to one model": dots_of(rows)}
    return Shown(json=scatter_data("USD per request", "expected quality", series))


def values(seen: Seen) -> dict[str, str]:
    """Every number of the cards in words, by the name that the page knows it by."""
    total, delays, first = seen.overview.total, seen.overview.delays, seen.overview.first_bytes
    n_input = total.input_tokens + total.cached_read_tokens + total.cache_write_tokens
    failed = total.n - total.n_ok
    found = {
        "requests": wording.count(total.n),
        "ok": f"{wording.share(total.n_ok / total.n if total.n else None)} whole, {wording.count(total.n_cached)} kept",
        "spend": wording.usd(total.spent_usd),
        "unpriced": _spend_words(total),
        "score": wording.figure(seen.opinions.mean, 2),
        "opinions": _opinion_words(seen.opinions),
        "delay": wording.seconds(delays.p50_s),
        "delays": f"95 %: {wording.seconds(delays.p95_s)}, 99 %: {wording.seconds(delays.p99_s)}",
        "first": wording.seconds(first.p50_s),
        "firsts": f"95 %: {wording.seconds(first.p95_s)}, 99 %: {wording.seconds(first.p99_s)}",
        "failed": wording.count(failed),
        "failure": f"{wording.share(failed / total.n if total.n else None)} of the requests",
        "tokens": wording.count(n_input + total.output_tokens),
        "token_kinds": f"{wording.count(n_input)} in, {wording.count(total.output_tokens)} out; "
        f"{wording.share(total.cached_read_tokens / n_input if n_input else None)} of in read from caches",
    }
    for name, row in _rivals(seen):
        found[name] = wording.saving(row.saved_usd) if row is not None else wording.UNKNOWN
        found[f"{name}_interval"] = _interval_words(row)
    return found


def _rivals(seen: Seen) -> tuple[tuple[str, AlternativeRow | None], ...]:
    rows = seen.overview.alternatives
    return ("saved_best", best_single(rows)), ("saved_dearest", dearest(rows))


def _interval_words(row: AlternativeRow | None) -> str:
    if row is None:
        return "no other model could have served"
    ends = interval(row)
    sure = "" if ends is None else f"95 %: {wording.saving(ends[0])} to {wording.saving(ends[1])}, "
    return f"{sure}on {wording.count(row.n)} requests; {wording.shortened(row.model)}"


def _spend_words(total: UsageRow) -> str:
    told = [f"{wording.count(total.n_unpriced)} of unknown cost" if total.n_unpriced else "every cost is known"]
    told += [
        f"{wording.nano_usd(nano)} of it for {what}"
        for nano, what in ((total.lost_nanousd, "lost attempts"), (total.shadow_nanousd, "shadows"))
        if nano
    ]
    return ", ".join(told)


def _opinion_words(opinions: MeanScoreRow) -> str:
    if opinions.mean is None:
        return "no feedback yet: POST /v1/feedback"
    error = opinions.standard_error
    sure = "" if error is None else f"± {INTERVAL_Z * error:.2f}, "
    return f"{sure}{wording.count(opinions.n)} scores of whole replies, from 0 to 1"


def _cards(seen: Seen) -> list[Markup]:
    known = values(seen)

    def card(title: Child, name: str, note: str, leads: Callable[[Child], Child]) -> Markup:
        number = element("span", known[name], data_value=name)
        return element(
            "section",
            element("h2", title),
            element("p", leads(number), class_="big"),
            element("p", known[note], class_="small", data_value=note),
            class_="card",
        )

    def to_all(shown: Child) -> Child:
        return seen.rows(shown)

    def to_failed(shown: Child) -> Child:
        return seen.rows(shown, outcome="failed")

    def to_alternatives(shown: Child) -> Child:
        return links.link("#instead", shown) if seen.overview.alternatives else shown

    def to_opinions(shown: Child) -> Child:
        return links.link(seen.scores_address(), shown) if seen.opinions.n else shown

    return [
        card("Requests", "requests", "ok", to_all),
        card("Spend", "spend", "unpriced", to_all),
        card("Saved against the best single model", "saved_best", "saved_best_interval", to_alternatives),
        card("Saved against the dearest model", "saved_dearest", "saved_dearest_interval", to_alternatives),
        card("Quality as rated", "score", "opinions", to_opinions),
        card("Half of the whole replies within", "delay", "delays", to_all),
        card("First content within", "first", "firsts", to_all),
        card("Failed", "failed", "failure", to_failed),
        card("Tokens", "tokens", "token_kinds", to_all),
    ]


OVERVIEW: Final = (
    Page("/ui", overview, "Overview"),
    Page(DATA_PATH, overview_data),
    Page(CHART_PATH, alternatives_data),
)
