"""Health: upstreams, breakers, limits, the store's queue and drift alarms, the worst first."""

from typing import Final

from fairlead.dashboard import links
from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.health_view import ArmView, HealthView, Said, UpstreamView, view_health
from fairlead.dashboard.models_reading import model_address
from fairlead.dashboard.pages.no_knowledge import no_knowledge
from fairlead.dashboard.sourced import model_name
from fairlead.dashboard.tables import Column, facts, numbers, table
from fairlead.dashboard.wording import UNKNOWN, count, seconds, share
from fairlead.domain.store_state import StoreState

MOST_ARMS: Final = 100
RECENT_S: Final = 3_600.0
"""How far back the requests behind an upstream go: what is wrong now began lately."""


def health(ask: Ask) -> Shown:
    """GET /ui/health."""
    known = ask.sources.knowledge
    if known is None:
        return no_knowledge("Health")
    store_state = known.store_state() if known.store_state is not None else None
    view = view_health(ask.state, store_state, known.endpoints, known.stale, known.n_workers, known.notes)
    since = ask.now_s - RECENT_S
    return Shown(
        "Health",
        text(
            element("p", said(view.overall), " ", view.overall.why, class_="overall"),
            element("p", view.whose, class_="soft"),
            [element("p", note, class_="soft") for note in view.notes],
            _upstreams(view, since),
            _arms(view, since),
            _store(view),
            _drift(view),
            _engine(view),
        ),
    )


def said(found: Said) -> Markup:
    """A state's word in its colour; the word alone tells it too."""
    level = {"good": "ok", "warn": "warn", "bad": "bad", "none": "none"}[found.level]
    return element("span", found.word, class_=f"badge {level}")


def _upstreams(view: HealthView, since: float) -> Markup:
    if not view.upstreams:
        return element("section", element("h2", "Upstreams"), element("p", "There are none."))
    return element(
        "section",
        element("h2", "Upstreams"),
        table(
            "Upstreams, the worst first",
            [
                Column("upstream", is_long=True),
                "state",
                *numbers("running", "waiting", "limit", "models"),
                Column("address", is_long=True),
                "requests",
            ],
            [_upstream(each, since) for each in view.upstreams],
        ),
        element(
            "p",
            "A limit is yours, or what the gateway has found out by being refused. Without one, as many run as come.",
            class_="soft",
        ),
    )


def _upstream(each: UpstreamView, since: float) -> list[Child]:
    endpoint = each.endpoint
    kind = (
        "" if endpoint is None else " (simulated)" if endpoint.is_simulated else " (local)" if endpoint.is_local else ""
    )
    return [
        each.name,
        text(said(each.said), element("small", each.said.why, class_="source")),
        count(each.running),
        count(each.waiting),
        UNKNOWN if each.limit is None else f"{each.limit:,.0f}",
        count(None if endpoint is None else endpoint.n_models),
        f"{endpoint.address}{kind}" if endpoint is not None else UNKNOWN,
        links.to_rows("last hour", upstream=each.name, since=since),
    ]


def _arms(view: HealthView, since: float) -> Markup:
    if not view.arms:
        return element(
            "section",
            element("h2", "Models lately"),
            element("p", "No model has been called since this process began."),
        )
    more = len(view.arms) - MOST_ARMS
    return element(
        "section",
        element("h2", "Models lately"),
        table(
            "Models by how they conduct themselves, the worst first",
            [
                Column("model", is_long=True),
                Column("upstream", is_long=True),
                "state",
                *numbers("attempts", "failing", "first word", "of 95 %", "tokens a second"),
                "requests",
            ],
            [_arm(arm, since) for arm in view.arms[:MOST_ARMS]],
        ),
        element("p", f"{more} more are not shown.", class_="soft") if more > 0 else None,
        element(
            "p",
            "Measured here; what is ten minutes old counts half (failures: one minute), attempts too. A speed is "
            "shown from five attempts on.",
            class_="soft",
        ),
    )


def _arm(arm: ArmView, since: float) -> list[Child]:
    return [
        links.link(model_address(arm.model), model_name(arm.model)),
        arm.upstream,
        text(said(arm.said), element("small", arm.said.why, class_="source") if arm.said.why else None),
        f"{arm.n_attempts:,.1f}",
        share(arm.failure_share),
        seconds(arm.ttft_s),
        seconds(arm.ttft_p95_s),
        count(arm.tokens_per_s),
        links.to_rows("last hour", model=arm.model, since=since),
    ]


def _store(view: HealthView) -> Markup:
    found = view.store
    return element(
        "section",
        element("h2", "Traffic store"),
        element("p", said(found.said), " ", found.said.why),
        facts(_store_facts(found.state)) if found.state is not None else None,
    )


def _store_facts(state: StoreState) -> list[tuple[Child, Child]]:
    return [
        ("moments in the queue", count(state.n_waiting)),
        ("rows written", count(state.n_written)),
        ("rows spooled", count(state.n_spooled)),
        ("rows recovered", count(state.n_recovered)),
        ("rows lost", count(state.n_dropped)),
        ("bytes in the spool", count(state.spool_bytes)),
    ]


def _drift(view: HealthView) -> Markup:
    return element(
        "section",
        element("h2", "Drift"),
        element("p", said(view.drift_said), " ", view.drift_said.why),
        table(
            "Models in doubt",
            [Column("model", is_long=True), Column("since, and why", is_long=True)],
            [(model_name(each.model), each.since) for each in view.drift],
        )
        if view.drift
        else None,
        element(
            "p",
            element("code", "fairlead watch MODEL"),
            " asks a model a few measured questions again and marks it when its answers have changed.",
            class_="soft",
        ),
    )


def _engine(view: HealthView) -> Markup:
    state = view.state
    looks = state.cache_hits + state.cache_misses
    pairs: list[tuple[Child, Child]] = [
        ("requests being answered", count(state.n_running)),
        ("extra attempts left", f"{state.retry_tokens:,.1f}"),
        ("conversations remembered", count(state.n_sessions)),
    ]
    if looks or state.cache_bytes:
        pairs += [
            ("kept answers, bytes", count(state.cache_bytes)),
            ("answered from them", f"{share(state.cache_hits / looks) if looks else UNKNOWN} of {looks:,}"),
        ]
    return element("section", element("h2", "This process"), facts(pairs))


HEALTH: Final = (Page("/ui/health", health, "Health", needs_state=True),)
