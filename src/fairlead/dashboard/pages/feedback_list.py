"""Feedback: what people thought of replies, newest first, each with the way to its decision."""

from typing import Final

from fairlead.dashboard import links, wording
from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.elements import text
from fairlead.dashboard.pages.no_store import no_store, nothing_found
from fairlead.dashboard.pages.period import period_of, periods
from fairlead.dashboard.tables import Column, table

PATH: Final = "/ui/feedback"
MOST: Final = 200


def feedback_list(ask: Ask) -> Shown:
    """GET /ui/feedback."""
    store = ask.sources.store
    if store is None:
        return no_store("Feedback", ask)
    period = period_of(ask)
    rows = [
        (
            links.link(links.decision(each.decision_id), wording.moment(each.at_s)),
            wording.figure(each.score, 2),
            wording.name(each.label),
            wording.name(each.preferred_model),
            wording.name(each.comment),
            wording.name(each.key_name),
        )
        for each in store.opinions(period.window, MOST)
    ]
    long = [Column(head, is_long=True) for head in ("Label", "Would prefer", "Comment")]
    columns: list[Column | str] = ["At (UTC)", Column("Score", is_number=True), *long, "Key"]
    caption = f"The newest {MOST}" if len(rows) == MOST else "All of this time"
    return Shown(
        "Feedback",
        text(
            periods(PATH, period.name),
            table(caption, columns, rows)
            if rows
            else nothing_found("No feedback has come in this time.", "POST /v1/feedback takes it."),
        ),
    )


FEEDBACK: Final = (Page(PATH, feedback_list),)
