"""Policy: move quality, cost and speed, see what would change on past traffic, and take the lines that make it so."""

from typing import Final

from fairlead.dashboard import links
from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.elements import Markup, element, text
from fairlead.dashboard.knowledge import Knowledge
from fairlead.dashboard.pages.no_knowledge import no_knowledge
from fairlead.dashboard.pages.no_store import no_store
from fairlead.dashboard.pages.policy_result import policy_result
from fairlead.dashboard.past_decisions import MOST_DECISIONS, PastDecisions
from fairlead.dashboard.policy_view import view_policy
from fairlead.dashboard.policy_wish import (
    AUTO,
    EVERYTHING,
    QUERY_KEYS,
    Fault,
    PolicyWish,
    as_yaml,
    preset_name,
    read_wish,
)
from fairlead.domain.wishes import Weights
from fairlead.learning.replay import Change

RESULT_ID: Final = "policy-result"
_SLIDERS: Final = (
    ("quality", "Quality", "a higher chance that the answer is good"),
    ("cost", "Cost", "a lower price of the request"),
    ("speed", "Speed", "a shorter wait"),
)


def policy(ask: Ask) -> Shown:
    """GET /ui/policy?quality=…&cost=…&speed=…."""
    known, store = ask.sources.knowledge, ask.sources.store
    if known is None:
        return no_knowledge("Policy")
    if store is None:
        return no_store("Policy", ask)
    wish, faults = read_wish(ask.query, known.default_preset.weights)
    past = known.past.read(store, ask.visitor.tenant, wish.days)
    return Shown(
        "Policy",
        text(
            element(
                "p",
                "What would another preference have chosen on your own past requests? Nothing changes until you put "
                "the lines below into the configuration.",
            ),
            element("div", _form(ask, wish, faults, past, known), _result(ask, past, wish, known), class_="two"),
        ),
        scripts=("policy.js",),
    )


def policy_file(ask: Ask) -> Shown:
    """GET /ui/policy/file?…: the lines for the configuration, as a file."""
    known = ask.sources.knowledge
    if known is None:
        return no_knowledge("Policy")
    wish, _ = read_wish(ask.query, known.default_preset.weights)
    return Shown(file=("fairlead-policy.yaml", as_yaml(wish, preset_name(ask.query.get("name", "")))))


def _form(ask: Ask, wish: PolicyWish, faults: tuple[Fault, ...], past: PastDecisions, known: Knowledge) -> Markup:
    wrong = {fault.field: fault.message for fault in faults}
    fields = [
        _field(name, label, ask.query.get(name, usual), wrong.get(name))
        for name, label, usual in (
            ("max_cost_usd", "Most USD a request", ""),
            ("max_latency_s", "Most seconds a reply", ""),
            ("min_quality", "Least expected quality, 0 to 1", ""),
            ("without", "Never these models (names or * patterns, commas between)", ""),
            ("days", "Days to look back", f"{wish.days:g}"),
        )
    ]
    is_open = bool(faults) or any(ask.query.get(name) for name in QUERY_KEYS[3:])
    return element(
        "form",
        element(
            "fieldset",
            element("legend", "What counts how much"),
            [_slider(getattr(wish, name), name, label, hint, wrong.get(name)) for name, label, hint in _SLIDERS],
        ),
        _presets(known),
        element(
            "details",
            element("summary", "Limits, and which requests"),
            fields,
            _scopes(wish, past),
            open=is_open,
        ),
        element("button", "Show what would change", type="submit"),
        id="policy",
        class_="card",
        method="get",
        action="/ui/policy",
    )


def _slider(value: float, name: str, label: str, hint: str, fault: str | None) -> Markup:
    shown = f"{value:g}"
    return element(
        "div",
        element("label", label, element("small", hint, class_="source"), for_=f"w-{name}"),
        element(
            "input",
            type="range",
            id=f"w-{name}",
            name=name,
            min="0",
            max=f"{max(100.0, value):g}",
            step="any" if value % 1 else "1",
            value=shown,
        ),
        element("output", shown, for_=f"w-{name}", class_="n"),
        _fault(name, fault),
        class_="slider",
    )


def _fault(name: str, fault: str | None) -> Markup | None:
    if fault is None:
        return None
    return element("p", f"This is {fault}.", class_="fault", id=f"e-{name}", role="alert")


def _presets(known: Knowledge) -> Markup:
    """Where the presets stand, as places to begin."""
    return element(
        "p",
        "Begin at: ",
        [text(links.link(_address(preset.weights), f"auto:{name}"), " ") for name, preset in known.presets.items()],
        class_="soft",
    )


def _address(weights: Weights) -> str:
    total = weights.quality + weights.cost + weights.speed
    percents = {name: f"{100 * getattr(weights, name) / total:.4g}" for name in ("quality", "cost", "speed")}
    return links.address("/ui/policy", **percents)


def _field(name: str, label: str, shown: str, fault: str | None) -> Markup:
    return element(
        "div",
        element("label", label, for_=f"f-{name}"),
        element(
            "input",
            id=f"f-{name}",
            name=name,
            value=shown,
            inputmode=None if name == "without" else "decimal",
            autocomplete="off",
            aria_invalid="true" if fault else None,
            aria_describedby=f"e-{name}" if fault else None,
        ),
        _fault(name, fault),
        class_="field",
    )


def _scopes(wish: PolicyWish, past: PastDecisions) -> Markup:
    names = list(dict.fromkeys((AUTO, *(name for name in past.policies if name != "concrete"), wish.scope)))
    labels = {name: f"those that asked for {name}" for name in names} | {EVERYTHING: "all that auto decided"}
    options = [element("option", label, value=name, selected=name == wish.scope) for name, label in labels.items()]
    return element(
        "div",
        element("label", "Which requests", for_="f-scope"),
        element("select", options, id="f-scope", name="scope"),
        class_="field",
    )


def _result(ask: Ask, past: PastDecisions, wish: PolicyWish, known: Knowledge) -> Markup:
    body: Markup
    scoped = past.of_policy(wish.scope)
    if not scoped.rows:
        body = element(
            "div",
            element("p", "No past decision can be replayed: there is none in this time, or its chances were not kept."),
            element("p", "Send requests for the model ", element("code", "auto"), ", or look further back."),
            class_="empty",
        )
    else:
        in_force = Change(presets=known.presets, default=known.default_preset, meant_by=known.meant_by)
        body = policy_result(view_policy(scoped, wish, in_force), MOST_DECISIONS)
    return element(
        "div", body, _saving(ask, wish), id=RESULT_ID, class_="result", aria_live="polite", aria_busy="false"
    )


def _saving(ask: Ask, wish: PolicyWish) -> Markup:
    """How to make it so. Ours does not write its own configuration: a stolen session could make it do so."""
    query = {name: ask.query[name] for name in QUERY_KEYS if ask.query.get(name)}
    return element(
        "section",
        element("h2", "Keep it"),
        element(
            "p",
            "This page does not write the configuration. Put these lines into its file (",
            element("code", "fairlead.yaml"),
            "), merging them where such a key is there already; ",
            element("code", "kill -HUP"),
            " (or ",
            element("code", "server.watch_config"),
            ") takes them over without a restart.",
        ),
        element("h3", "As what auto means"),
        element("pre", as_yaml(wish, None), tabindex="0", class_="lines"),
        element("p", links.link(links.address("/ui/policy/file", **query), "Download these lines")),
        element("h3", "Or beside it, as auto:cheaper"),
        element("pre", as_yaml(wish, "cheaper"), tabindex="0", class_="lines"),
        element("p", links.link(links.address("/ui/policy/file", **query, name="cheaper"), "Download these lines")),
    )


POLICY: Final = (Page("/ui/policy", policy, "Policy"), Page("/ui/policy/file", policy_file))
