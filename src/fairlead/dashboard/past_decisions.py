"""PastDecisions: the newest decisions of a store, side by side, for pages that ask "what if". Bounded; kept a while.

Blocks: for a thread only. Whoever moves a slider reads them once.
"""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from fairlead.dashboard.policy_wish import EVERYTHING
from fairlead.learning.replay_rows import ReplayRow, ReplayTable, chances_of, table_of
from fairlead.learning.stored_decisions import StoredLog, rewards_of
from fairlead.store.candidates import CandidateRow
from fairlead.store.rows import RequestRow
from fairlead.store.store import Store, Window

MOST_DECISIONS: Final = 2_000
"""Ten effective samples for each that a verdict needs."""
KEPT_S: Final = 60.0
"""A page that is looked at again within a minute sees the same decisions: figures do not jump while sliders move."""
ROWS_A_BREATH: Final = 20
"""Few: between two breaths the event loop may have to wait."""
BREATH_S: Final = 0.0005
_MOST_KEPT: Final = 4

Scanned = tuple[RequestRow, tuple[CandidateRow, ...]]


class PastDecisions(NamedTuple):
    """Decisions of one stretch of time that replay can read."""

    table: ReplayTable
    rows: tuple[ReplayRow, ...]
    """Those of the table, in its order."""
    policies: tuple[str, ...]
    """Every policy that is among all that were looked at, the most frequent first."""
    since_s: float
    n_seen: int
    """Decisions looked at, before those of another policy and those that tell nothing were left out."""
    is_cut: bool
    """Whether there were more, older ones in the window."""
    n_unknown: int
    """Left out, because the chance of a candidate is not known."""

    def of_policy(self, policy: str) -> "PastDecisions":
        """Only those that this policy made; all for `*`."""
        if policy == EVERYTHING:
            return self
        rows = tuple(row for row in self.rows if row.policy == policy)
        return self._replace(table=table_of(rows), rows=rows)


def read_decisions(store: Store, window: Window, most: int = MOST_DECISIONS) -> PastDecisions:
    """The newest of this window. Raises: StoreError."""
    since_s = store.newest_from(window, most)
    newest = window._replace(since_s=since_s)
    rewards = rewards_of(store.opinions(newest))
    # Many may have come at the very same moment: the count is held all the same.
    seen = list(islice(_politely(store.scan(newest)), most))
    rows = list(StoredLog(seen, rewards).rows())
    kept = tuple(row for row in rows if chances_of(row) is not None)
    counts: dict[str, int] = {}
    for row in kept:
        if row.policy:
            counts[row.policy] = counts.get(row.policy, 0) + 1
    return PastDecisions(
        table=table_of(kept),
        rows=kept,
        policies=tuple(sorted(counts, key=lambda name: (-counts[name], name))),
        since_s=since_s,
        n_seen=len(seen),
        is_cut=len(seen) >= most,
        n_unknown=len(rows) - len(kept),
    )


def _politely(scanned: Iterator[Scanned]) -> Iterator[Scanned]:
    """The same rows, with a breath after every few: the event loop waits for this thread's turn to end."""
    for number, row in enumerate(scanned):
        if number % ROWS_A_BREATH == 0:
            time.sleep(BREATH_S)
        yield row


class PastReader:
    """Reads decisions, one reader at a time, and remembers what it has read for a minute."""

    def __init__(self, unix_s: Callable[[], float], most: int = MOST_DECISIONS) -> None:
        self._unix_s = unix_s
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[tuple[str | None, float], tuple[float, PastDecisions]] = {}

    def read(self, store: Store, tenant: str | None, days: float) -> PastDecisions:
        """The newest decisions of so many days. Raises: StoreError."""
        key = (tenant, days)
        there = self._fresh(key)
        if there is not None:
            return there  # whoever reads something else keeps nobody from it
        # One at a time: ten people with sliders must not take ten cores' worth of the gateway's time.
        with self._lock:
            there = self._fresh(key)
            if there is not None:
                return there
            now_s = self._unix_s()
            found = read_decisions(store, Window(now_s - days * 86_400.0, now_s, tenant), self._most)
            self._kept.pop(key, None)
            while len(self._kept) >= _MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = (now_s, found)
            return found

    def _fresh(self, key: tuple[str | None, float]) -> PastDecisions | None:
        there = self._kept.get(key)
        return there[1] if there is not None and 0 <= self._unix_s() - there[0] < KEPT_S else None
