"""Feedback: what people thought of replies, newest first, each with the way to its decision."""

from collections.abc import Sequence
from typing import Final

from fairlead.dashboard import links, wording
from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.pages.no_store import no_store, nothing_found
from fairlead.dashboard.pages.period import period_of, periods, seconds_in
from fairlead.dashboard.tables import Column, numbers, table
from fairlead.store.rows import OpinionRow
from fairlead.store.store import Window

PATH: Final = "/ui/feedback"
MOST: Final = 200


def feedback_list(ask: Ask) -> Shown:
    """GET /ui/feedback."""
    store = ask.sources.store
    if store is None:
        return no_store("Feedback", ask)
    period = period_of(ask)
    since, until = seconds_in(ask.query, "since"), seconds_in(ask.query, "until")
    window = period.window
    if since is not None and until is not None:
        window = window._replace(since_s=since, until_s=until)
    is_led_here = window is not period.window
    is_rated = ask.query.get("of") == "whole"
    found = store.opinions(window, MOST, counts_as_quality=is_rated)
    caption = f"The newest {MOST}" if len(found) == MOST else "All of this time"
    return Shown(
        "Feedback",
        text(
            periods(PATH, "" if is_led_here else period.name),
            _which(window, is_rated=is_rated) if is_led_here or is_rated else None,
            opinion_table(caption, found, leads_to_decision=True)
            if found
            else nothing_found("No feedback has come in this time.", "POST /v1/feedback takes it."),
        ),
    )


def _which(window: Window, *, is_rated: bool) -> Markup:
    """Where a number led here: what it is made of."""
    return element(
        "p", "Scores of whole replies, from " if is_rated else "From ", wording.moment(window.since_s), " to ",
        wording.moment(window.until_s), " UTC. ", links.link(PATH, "All feedback"), class_="soft small",
    )  # fmt: skip


def opinion_table(caption: str, opinions: Sequence[OpinionRow], *, leads_to_decision: bool = False) -> Markup:
    """What was thought, one opinion a row."""

    def cells(each: OpinionRow) -> list[Child]:
        at = wording.moment(each.at_s)
        return [
            links.link(links.decision(each.decision_id), at) if leads_to_decision else at,
            wording.figure(each.score, 2),
            wording.name(each.label),
            wording.name(each.preferred_model),
            wording.name(each.comment),
            wording.name(each.key_name),
        ]

    long = [Column(head, is_long=True) for head in ("Label", "Would prefer", "Comment")]
    return table(caption, ["At (UTC)", *numbers("Score"), *long, "Key"], map(cells, opinions))


FEEDBACK: Final = (Page(PATH, feedback_list),)
