"""Decisions: the requests that were kept, newest first, searched and turned over by their address alone."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fairlead.dashboard import links, wording
from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.pages.no_store import no_store, nothing_found
from fairlead.dashboard.pages.outcomes import outcome_badge
from fairlead.dashboard.pages.period import PERIODS, period_of, seconds_in
from fairlead.dashboard.tables import Column, numbers, table
from fairlead.store.rows import RequestRow
from fairlead.store.store import Search

PATH: Final = "/ui/decisions"
PAGE_SIZE: Final = 50
USUAL: Final = "7d"
OUTCOMES: Final = ("ok", "failed", "error", "truncated", "cancelled", "refused")
FILTERS: Final[Mapping[str, str]] = {
    "model": "Model",
    "upstream": "Upstream",
    "kind": "Kind of task",
    "policy": "Policy",
    "door": "Door",
    "error_code": "Error code",
    "key_name": "Key",
    "session": "Conversation",
}
"""A filter's name in addresses and in the store -> its label."""
FIRST_FILTER: Final = "model"
"""The one that stands beside outcome and time; the others are folded away until one is used."""


class Asked(NamedTuple):
    """What was searched for."""

    words: dict[str, str]
    """Filters that are set, as addresses hold them."""
    search: Search


def decision_list(ask: Ask) -> Shown:
    """GET /ui/decisions."""
    store = ask.sources.store
    if store is None:
        return no_store("Decisions", ask)
    wanted = ask.query.get("id", "").strip()
    if wanted:
        return Shown(to=links.decision(wanted[: links.MAX_WORD_CHARS]))
    asked = asked_of(ask)
    found = store.requests(asked.search._replace(limit=PAGE_SIZE + 1))
    rows = found[:PAGE_SIZE]
    is_operator = ask.visitor.tenant is None
    return Shown(
        "Decisions",
        text(
            _form(asked, is_operator=is_operator),
            _table(rows, is_operator=is_operator)
            if rows
            else nothing_found("No request is kept that fits.", "Look further back, or clear the filters."),
            _pager(asked, rows, has_more=len(found) > PAGE_SIZE, is_first=asked.search.before is None),
        ),
    )


def asked_of(ask: Ask) -> Asked:
    """The search of an address. What is unknown or makes no sense there does not matter."""
    given = {
        name: value[: links.MAX_WORD_CHARS]
        for name, value in ask.query.items()
        if name in (*FILTERS, "outcome", "period", "since", "until", "tenant") and value
    }
    since, until = seconds_in(given, "since"), seconds_in(given, "until")
    window = period_of(ask, USUAL).window
    outcome = given.get("outcome")
    return Asked(
        given,
        Search(
            since_s=since if since is not None else (0.0 if until is not None else window.since_s),
            until_s=until if until is not None else 1e12,
            # A tenant's own rows, whatever the address says.
            tenant=ask.visitor.tenant if ask.visitor.tenant is not None else given.get("tenant"),
            outcome=outcome if outcome in OUTCOMES else None,
            before=_place(ask.query.get("before", "")),
            model=given.get("model"),
            upstream=given.get("upstream"),
            kind=given.get("kind"),
            policy=given.get("policy"),
            door=given.get("door"),
            error_code=given.get("error_code"),
            key_name=given.get("key_name"),
            session=given.get("session"),
        ),
    )


def _place(told: str) -> tuple[float, str] | None:
    """The end of the page before this one: a time and an id."""
    at, _, decision_id = told.partition("~")
    at_s = seconds_in({"at": at}, "at")
    return None if at_s is None or not decision_id else (at_s, decision_id[: links.MAX_WORD_CHARS])


def _form(asked: Asked, *, is_operator: bool) -> Markup:
    given = asked.words
    named = {**FILTERS, **({"tenant": "Tenant"} if is_operator else {})}
    inputs = {name: _input(name, label, given.get(name, "")) for name, label in named.items()}
    outcome = _choice("outcome", ("", *OUTCOMES), given.get("outcome", ""))
    fixed = "since" in given or "until" in given
    period = _choice("period", (*(("",) if fixed else ()), *PERIODS), given.get("period", "" if fixed else USUAL))
    rest = [name for name in named if name != FIRST_FILTER]
    return element(
        "form",
        element(
            "div",
            _field("Outcome", "outcome", outcome),
            _field("Time", "period", period),
            inputs[FIRST_FILTER],
            _input("id", "Decision id", ""),
            element(
                "div",
                element("button", "Search", type="submit"),
                links.link(PATH, "Clear", class_="button quiet"),
                class_="does",
            ),
            class_="filters",
        ),
        element(
            "details",
            element("summary", "More filters"),
            element("div", [inputs[name] for name in rest], class_="filters"),
            open=any(name in given for name in rest),
            class_="more",
        ),
        [element("input", type="hidden", name=name, value=given[name]) for name in ("since", "until") if name in given],
        _fixed_time(asked) if fixed else None,
        method="get",
        action=PATH,
        role="search",
    )


def _input(name: str, label: str, value: str) -> Markup:
    return _field(label, name, element("input", id=f"f-{name}", name=name, value=value, maxlength=links.MAX_WORD_CHARS))


def _field(label: str, name: str, control: Markup) -> Markup:
    return element("div", element("label", label, for_=f"f-{name}"), control)


def _choice(name: str, known: tuple[str, ...], current: str) -> Markup:
    options = [element("option", value or "any", value=value, selected=value == current or None) for value in known]
    return element("select", options, id=f"f-{name}", name=name)


def _fixed_time(asked: Asked) -> Markup:
    """Where a number led here: its exact time."""
    search, rest = asked.search, {name: value for name, value in asked.words.items() if name not in ("since", "until")}
    until = wording.moment(search.until_s) if search.until_s < 1e12 else "now"
    return element(
        "p", "From ", wording.moment(search.since_s), " to ", until, " UTC. ",
        links.link(links.address(PATH, **rest), "Any time"), class_="soft small",
    )  # fmt: skip


def _table(rows: tuple[RequestRow, ...], *, is_operator: bool) -> Markup:
    columns: list[Column | str] = [
        "Time (UTC)",
        "Served by",
        "at",
        "Outcome",
        "Asked for",
        "Kind",
        *numbers("Tokens in", "out", "Cost", "Time"),
        *(("Tenant",) if is_operator else ()),
    ]
    return table("Requests, newest first", columns, (_cells(row, is_operator) for row in rows), is_caption_shown=False)


def _cells(row: RequestRow, is_operator: bool) -> list[Child]:
    model, upstream = row.model or row.chosen_model, row.upstream or row.chosen_upstream
    n_input = None
    if row.input_tokens is not None:
        n_input = row.input_tokens + (row.cached_read_tokens or 0) + (row.cache_write_tokens or 0)
    return [
        links.link(links.decision(row.decision_id), wording.moment(row.at_s, is_short=True)),
        wording.name(model),
        wording.name(upstream),
        outcome_badge(row),
        wording.name(row.asked),
        row.kind or wording.UNKNOWN,
        wording.count(n_input),
        wording.count(row.output_tokens),
        wording.usd(row.cost_usd),
        wording.seconds(row.total_s),
        *((wording.name(row.tenant),) if is_operator else ()),
    ]


def _pager(asked: Asked, rows: tuple[RequestRow, ...], *, has_more: bool, is_first: bool) -> Markup:
    parts: list[Markup] = [] if is_first else [links.link(links.address(PATH, **asked.words), "Newest")]
    if has_more:
        last = rows[-1]
        older = links.address(PATH, **asked.words, before=f"{last.at_s!r}~{last.decision_id}")
        parts.append(links.link(older, "Older", class_="button quiet"))
    return element("nav", parts, class_="pager", aria_label="Pages of the list") if parts else text()


DECISIONS: Final = (Page(PATH, decision_list, "Decisions"),)
