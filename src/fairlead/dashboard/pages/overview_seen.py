"""Seen: what the overview is made from: the sums of a stretch of time, the opinions in it, its two courses."""

from typing import NamedTuple

from fairlead.dashboard import links, wording
from fairlead.dashboard.ask import Ask
from fairlead.dashboard.elements import Child
from fairlead.dashboard.figures import Step
from fairlead.dashboard.pages.period import Period, period_of
from fairlead.store.rows import MeanScoreRow
from fairlead.store.store import Overview, Store


class Seen(NamedTuple):
    """Everything that the page shows."""

    period: Period
    overview: Overview
    opinions: MeanScoreRow

    def rows(self, shown: Child, **filters: str | None) -> Child:
        """A link to the requests behind a number of this page: of exactly its time."""
        window = self.overview.window
        return links.to_rows(shown, since=window.since_s, until=window.until_s, **filters)

    def scores_address(self) -> str:
        """Where the scores are that `opinions` is the mean of."""
        window = self.overview.window
        return links.address("/ui/feedback", since=window.since_s, until=window.until_s, of="whole")


def seen_of(ask: Ask, store: Store) -> Seen:
    """Read it."""
    period = period_of(ask)
    found = store.overview(period.window)
    return Seen(period, found, store.mean_score(found.window))


def series(seen: Seen) -> dict[str, list[Step]]:
    """Both courses, step by step; an empty step is 0."""
    found, span = seen.overview, seen.overview.span_s
    known = {row.bucket_s: row for row in found.series}
    requests, spend = [], []
    for begin in range(int(found.window.since_s), int(found.window.until_s), span):
        row = known.get(begin)
        n, n_ok, spent = (row.n, row.n_ok, row.spent_usd) if row is not None else (0, 0, 0.0)
        when = wording.plain_moment(begin)
        href = links.decisions(since=float(begin), until=float(begin + span))
        requests.append(Step(n, n - n_ok, f"{when}: {n:,} requests, {n - n_ok:,} failed", href))
        spend.append(Step(spent or 0.0, 0.0, f"{when}: {wording.usd(spent)}", href))
    return {"requests": requests, "spend": spend}
