"""Following: requests as they end, each of them once, however long it took and however many came meanwhile."""

from collections.abc import Iterable
from typing import Final

from fairlead.store.rows import RequestRow
from fairlead.store.store import Search, Store

LATE_S: Final = 60.0
"""How much older than the newest row one may be that comes in now: what is told at its end alone, waited in a spool,
or comes from a machine whose clock is slow."""
PAGE_ROWS: Final = 1_000
MOST_RUNNING: Final = 10_000


class Following:
    """One look after another at what a search finds. What had ended before the first is not told."""

    def __init__(self, store: Store, search: Search) -> None:
        """Raises: StoreError."""
        self._store = store
        self._search = search
        # One that runs has neither an outcome nor a model that served: these are compared when it has ended.
        self._coming = search._replace(outcome=None, model=None, limit=PAGE_ROWS)
        self._running: dict[str, None] = {}
        self._ended: dict[str, float] = {}
        """When those arrived that have ended and would be met again."""
        newest = store.requests(self._coming._replace(limit=1))
        self._newest_s = newest[0].at_s if newest else search.since_s
        for row in store.requests(self._coming._replace(outcome="running", limit=MOST_RUNNING))[::-1]:
            self._runs(row)
        self._look()

    def knows(self, rows: Iterable[RequestRow]) -> None:
        """These have been seen by whoever follows: of them only those that run are told, when they have ended."""
        for row in rows:
            self._running.pop(row.decision_id, None)
            if row.outcome is None:
                self._runs(row)
            else:
                self._ended[row.decision_id] = row.at_s

    def ended(self) -> list[RequestRow]:
        """What has ended since the look before, the first to arrive first. Raises: StoreError."""
        return [row for row in self._look() if self._is_meant(row)]

    def _look(self) -> list[RequestRow]:
        fresh = {row.decision_id: row for row in self._store.named(tuple(self._running)) if row.outcome is not None}
        page = self._coming._replace(since_s=max(self._search.since_s, self._newest_s - LATE_S))
        while True:
            rows = self._store.requests(page)
            for row in rows:
                if row.outcome is None:
                    self._runs(row)
                elif row.decision_id not in self._ended:
                    fresh[row.decision_id] = row
                self._newest_s = max(self._newest_s, row.at_s)
            if len(rows) < PAGE_ROWS:
                break
            page = page._replace(before=(rows[-1].at_s, rows[-1].decision_id))
        for name, row in fresh.items():
            self._running.pop(name, None)
            self._ended[name] = row.at_s
        self._ended = {name: at_s for name, at_s in self._ended.items() if at_s >= self._newest_s - LATE_S}
        return sorted(fresh.values(), key=lambda row: (row.at_s, row.decision_id))

    def _runs(self, row: RequestRow) -> None:
        self._running[row.decision_id] = None
        if len(self._running) > MOST_RUNNING:  # most of them are of servers that were killed, and never end
            del self._running[next(iter(self._running))]

    def _is_meant(self, row: RequestRow) -> bool:
        wanted = self._search
        if wanted.model is not None and row.model != wanted.model:
            return False
        return row.outcome != "ok" if wanted.outcome == "failed" else wanted.outcome in (None, row.outcome)
