"""One decision in full: what was asked, who could have served, why this one, how it went, what would flip it."""

from typing import Final

from fairlead.dashboard import links, wording
from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.charts import chart, scatter_data
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.figures import Dot, scatter
from fairlead.dashboard.pages.candidate_tables import attempt_table, candidate_table, excluded_table
from fairlead.dashboard.pages.feedback_list import opinion_table
from fairlead.dashboard.pages.no_store import no_store
from fairlead.dashboard.pages.outcomes import REASONS, outcome_badge
from fairlead.dashboard.tables import Column, facts, numbers, table
from fairlead.dashboard.what_flips import changes, weights_of
from fairlead.store.candidates import CandidateRow
from fairlead.store.rows import BodyRow, RequestRow
from fairlead.store.store import WholeDecision

PATH: Final = "/ui/decisions/*"
CHART_PATH: Final = "/ui/data/candidates/*"
NO_TITLE: Final = "No such decision"


def decision_page(ask: Ask) -> Shown:
    """GET /ui/decisions/ID."""
    store = ask.sources.store
    if store is None:
        return no_store("Decision", ask)
    whole = store.decision(ask.rest, ask.visitor.tenant)
    if whole is None:
        return Shown(NO_TITLE, _nothing(ask.rest), status=404)
    return Shown(
        "Decision",
        text(
            element("p", element("code", element("bdi", whole.request.decision_id)), class_="soft"),
            _ending(whole),
            _asked(whole.request),
            _why(whole),
            _candidates(whole),
            attempt_table(whole.attempts, whole.request.total_s),
            _opinions(whole),
            _shadows(whole),
            _words(whole.body),
        ),
    )


def candidates_data(ask: Ask) -> Shown:
    """GET /ui/data/candidates/ID: cost and quality of every candidate, for the chart."""
    store = ask.sources.store
    whole = store.decision(ask.rest, ask.visitor.tenant) if store is not None else None
    if whole is None:
        return Shown(json={"error": "no such decision"}, status=404)
    dots = _dots(whole.candidates)
    series = {
        "candidates": [dot for dot in dots if not dot.is_first],
        "first": [dot for dot in dots if dot.is_first],
    }
    return Shown(json=scatter_data("expected USD", "expected quality", series))


def _nothing(decision_id: str) -> Markup:
    return element(
        "section",
        element("p", "No decision ", element("code", wording.name(decision_id, wording.WHOLE_CHARS)), " is kept here."),
        element("p", links.link("/ui/decisions", "To the list")),
        class_="empty",
    )


def _ending(whole: WholeDecision) -> Markup:
    row = whole.request
    served = [
        wording.name(row.model or row.chosen_model or "nobody", wording.WHOLE_CHARS),
        element("span", " at ", wording.name(row.upstream or row.chosen_upstream), class_="soft"),
    ]
    pairs: list[tuple[Child, Child]] = [
        ("Outcome", [outcome_badge(row), f" {row.status}" if row.status is not None else None]),
        ("Served by", served),
        ("Cost", _cost(row)),
        ("Whole after", wording.seconds(row.total_s)),
        ("First content after", wording.seconds(row.first_byte_s)),
        ("Of that, ours", f"{wording.seconds(row.overhead_s)} (deciding {wording.seconds(row.decide_s)})"),
        ("Tokens in", wording.count(row.input_tokens)),
        ("read from a cache", wording.count(row.cached_read_tokens)),
        ("written to a cache", wording.count(row.cache_write_tokens)),
        ("Tokens out", wording.count(row.output_tokens)),
        ("of them reasoning", wording.count(row.reasoning_tokens)),
    ]
    return element("section", element("h2", "How it went"), facts(pairs), class_="card")


def _cost(row: RequestRow) -> str:
    expected = f" (expected {wording.usd(row.expected_usd)})" if row.expected_usd is not None else ""
    counted = ", from estimated tokens" if row.is_estimated else ""
    return f"{wording.usd(row.cost_usd)}{expected}{counted}"


def _asked(row: RequestRow) -> Markup:
    def found(name: str, value: str | None) -> Child:
        """A value that leads to all of its like."""
        if not value:
            return wording.UNKNOWN
        return links.to_rows(wording.name(value, wording.WHOLE_CHARS), **{name: value})

    pairs: list[tuple[Child, Child]] = [
        ("At (UTC)", wording.moment(row.at_s)),
        ("Asked for", wording.name(row.asked)),
        ("Policy", found("policy", row.policy)),
        ("Door", found("door", row.door)),
        ("Tenant", wording.name(row.tenant)),
        ("Key", found("key_name", row.key_name)),
        ("Conversation", found("session", row.session)),
        ("Kind of task", found("kind", row.kind)),
        ("Difficulty", f"{wording.figure(row.difficulty, 2)} (0: half of the reference models get it right)"),
        ("Language", row.language or wording.UNKNOWN),
        ("Messages", wording.count(row.n_messages)),
        ("Tools", wording.count(row.n_tools)),
        ("Tokens in, expected", wording.count(row.expected_input_tokens)),
        ("Asks for", ", ".join(row.flag_names) or "nothing special"),
        ("Streamed", wording.UNKNOWN if row.is_streaming is None else "yes" if row.is_streaming else "no"),
        ("Configuration", element("code", row.config_version or wording.UNKNOWN)),
    ]
    return element("section", element("h2", "What was asked"), facts(pairs), class_="card")


def _why(whole: WholeDecision) -> Markup:
    row = whole.request
    said = REASONS.get(row.reason or "", row.reason or "The reason was not kept.")
    chosen = wording.name(row.chosen_model or "Nobody", wording.WHOLE_CHARS)
    parts: list[Markup] = [
        element("h2", "Why"),
        element("p", element("strong", chosen), f" was chosen{_chance(row)}. {said}"),
    ]
    if row.without_model is not None:
        cost = "" if row.without_usd is None else f", for about {wording.usd(row.without_usd)}"
        parts.append(
            element(
                "p",
                "Without the running conversation ",
                wording.name(row.without_model),
                f" would have been chosen{cost}.",
            )
        )
    weights = weights_of(whole.candidates)
    if weights is not None:
        parts.append(
            element(
                "p",
                f"What counted: quality {weights.quality:.2f}, cost {weights.cost:.2f}, speed {weights.speed:.2f}.",
                class_="soft",
            )
        )
    # What was chosen for another reason is not turned by a figure.
    found = changes(whole.candidates) if row.reason == "highest_utility" else ()
    parts.append(element("h3", "What would have flipped it"))
    if found:
        parts.append(
            element("ul", [element("li", wording.name(each.to), f" {each.change}") for each in found], class_="plain")
        )
    else:
        parts.append(element("p", "No single change that can be told from what is kept.", class_="soft"))
    return element("section", parts, class_="card")


def _chance(row: RequestRow) -> str:
    if row.propensity is None or row.propensity >= 1.0:
        return ""
    return f", with a probability of {row.propensity:.3f}"


def _dots(candidates: tuple[CandidateRow, ...]) -> list[Dot]:
    return [
        Dot(
            each.cost_usd,
            each.quality,
            f"{wording.shortened(each.model)} at {wording.shortened(each.upstream)}: "
            f"quality {each.quality:.3f}, {wording.usd(each.cost_usd)}",
            each.quality_low,
            each.quality_high,
            is_first=each.place == 0,
        )
        for each in candidates
        if each.cost_usd is not None and each.cost_usd > 0 and each.quality is not None
    ]


def _candidates(whole: WholeDecision) -> Markup:
    dots = _dots(whole.candidates)
    plot = None
    if len(dots) > 1:
        own = scatter("Candidates: cost and quality; the first in red", dots, "expected USD", "expected quality")
        data = f"/ui/data/candidates/{links.quoted(whole.request.decision_id)}"
        plot = chart("Candidates: cost and quality with 90 % intervals", data, own)
    return element("section", candidate_table(whole.candidates), plot, excluded_table(whole.candidates))


def _opinions(whole: WholeDecision) -> Markup | None:
    if not whole.opinions:
        return None
    return element("section", opinion_table("What was thought of the reply", whole.opinions))


def _shadows(whole: WholeDecision) -> Markup | None:
    if not whole.shadows:
        return None
    rows = [
        (
            wording.name(each.model), wording.name(each.upstream), each.outcome or wording.UNKNOWN,
            wording.count(each.output_tokens), wording.nano_usd(each.cost_nanousd), wording.seconds(each.total_s),
        )
        for each in whole.shadows
    ]  # fmt: skip
    columns: list[Column | str] = [
        Column("Model", is_long=True), "Upstream", "Outcome",
        *numbers("Tokens out", "Cost", "Time"),
    ]  # fmt: skip
    replies = [
        element(
            "details",
            element("summary", "Reply of ", wording.name(each.model)),
            element("pre", each.reply, dir="auto"),
        )
        for each in whole.shadows
        if each.reply
    ]
    return element("section", table("Asked beside it, in the shadow", columns, rows), replies)


def _words(body: BodyRow | None) -> Markup:
    if body is None or not (body.prompt or body.reply or body.query):
        return element(
            "p", "The words of this request are not kept ('store.bodies' is off, or they were too old).",
            class_="soft small",
        )  # fmt: skip
    kept = (("Prompt", body.prompt or body.query), ("Reply", body.reply))
    return element(
        "section",
        [[element("h2", name), element("pre", words, dir="auto", tabindex="0")] for name, words in kept if words],
    )


DECISION: Final = (Page(PATH, decision_page), Page(CHART_PATH, candidates_data))
