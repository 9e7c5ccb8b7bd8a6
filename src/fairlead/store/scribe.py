"""Scribe: lines, turn by turn, into the store; into the spool when it does not take them."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Final, NamedTuple

from fairlead.domain.errors import StoreError
from fairlead.domain.store_state import StoreState
from fairlead.store.book import Book
from fairlead.store.database import Database
from fairlead.store.lines import Chunk, Line, unpacked
from fairlead.store.recovery import Fate, bring_in, bring_in_left
from fairlead.store.spool import Spool
from fairlead.store.tables import Batch

_LOG: Final = logging.getLogger("fairlead.store")
FLUSH_EVERY_S: Final = 0.07
"""A third of the flush window: a turn costs over a millisecond by itself. The rest is for decisions that wait for their
replies and for the writing: with a tenth of a second a busy machine lost rows beyond the window (docs/log.md)."""
DECISION_WAITS_S: Final = 0.05
"""How young a decision without a reply may be to wait for the next turn: most rows are written once."""
DELAYS_EVERY_S: Final = 1.0
"""Counts of delays are written together: of a few hundred slots nearly all change in each turn, which was a fifth of
the writing. They are all that a killed process loses beyond the flush window: quantiles lack a second's requests."""
RETRY_EVERY_S: Final = 0.5
"""How often a store that did not take a batch is tried again."""
TEND_EVERY_S: Final = 3_600.0


class Turn(NamedTuple):
    """What has come together since the turn before."""

    number: int
    """Counts up from 1: a turn that is told again is written once."""
    at_s: float
    """When it was put together, in Unix seconds."""
    chunks: Sequence[Chunk]
    n_lines: int
    is_last: bool = False


class Scribe:
    """One writer's. Not for several threads."""

    def __init__(
        self,
        open_database: Callable[[], Database],
        spool: Spool,
        writer: str,
        *,
        book: Book | None = None,
        decision_waits_s: float = DECISION_WAITS_S,
        tend: Callable[[float], None] | None = None,
    ) -> None:
        """`writer` names the gateway as no other; `tend` is done once an hour, such as deleting what is too old."""
        self._open = open_database
        self._database: Database | None = None
        self._spool = spool
        self._writer = writer
        self._book = book or Book()
        self.decision_waits_s = decision_waits_s
        self._tend = tend
        self._next_try_s = 0.0
        self._next_tend_s = 0.0
        self._next_delays_s = 0.0
        self._n_written = self._n_spooled = self._n_recovered = self._n_dropped = 0
        self._fault: str | None = None
        self._has_all_left = False
        """Whether what dead writers left is in the store."""

    def state(self) -> StoreState:
        """How it goes; nothing waits here."""
        return StoreState(
            0,
            self._n_written,
            self._n_spooled,
            self._n_recovered,
            self._n_dropped,
            self._spool.n_bytes,
            self._fault,
        )

    def take(self, turn: Turn) -> None:
        """Have these lines in the store, or in the spool; a decision without its reply one turn later."""
        book, now_s = self._book, turn.at_s
        for chunk in turn.chunks:
            book.enter(unpacked(chunk))
        with_delays = turn.is_last or now_s >= self._next_delays_s
        if with_delays:
            self._next_delays_s = now_s + DELAYS_EVERY_S
        puts = book.turn(inf if turn.is_last else now_s - self.decision_waits_s, with_delays=with_delays)
        if puts:
            self._put(Batch(self._writer, turn.number, now_s, puts), now_s)
        elif now_s >= self._next_try_s and (self._spool.n_bytes or self._database is None):
            self._catch_up(now_s)
        if self._tend is not None and now_s >= self._next_tend_s and self._database is not None:
            self._next_tend_s = now_s + TEND_EVERY_S
            # Beside the writing: while it holds the store, rows go to the spool and are not late.
            threading.Thread(target=self._tended, args=(self._tend, now_s), name="fairlead-tend", daemon=True).start()

    def remember(self, pools: Iterable[Line]) -> None:
        """What another writer was told of pools before this one took over."""
        self._book.enter(tuple(pools))

    def close(self) -> None:
        """Let go of the store and the spool."""
        self._spool.close()
        if self._database is not None:
            self._database.close()

    def _tended(self, tend: Callable[[float], None], now_s: float) -> None:
        try:
            tend(now_s)
        except StoreError as error:
            _LOG.warning("the store could not be tended: %s", error.message)

    def _put(self, batch: Batch, now_s: float) -> None:
        """Into the store; behind what is in the spool already, so that each writer's batches come in order."""
        if self._is_open(now_s) and self._database is not None:
            try:
                fate = bring_in(self._database, batch)
            except StoreError as error:
                self._fails(error, now_s)
            else:
                self._n_written += fate.n_in
                self._n_dropped += fate.n_refused
                return
        if self._spool.append(batch):
            self._n_spooled += batch.n_rows
        else:
            self._n_dropped += batch.n_rows

    def _is_open(self, now_s: float) -> bool:
        """Whether the store takes batches now, as far as we know."""
        if self._fault is None and not self._spool.n_bytes and self._database is not None:
            return True
        return now_s >= self._next_try_s and self._catch_up(now_s)

    def _catch_up(self, now_s: float) -> bool:
        """Bring in our own spool and what others have left; whether the store takes batches again."""
        try:
            if self._database is None:
                self._database = self._open()
            if not self._has_all_left:
                self._recover(bring_in_left(self._database, self._spool.folder))
                self._has_all_left = True
            self._recover(bring_in(self._database, batch) for batch in self._spool.batches())
        except StoreError as error:
            self._fails(error, now_s)
            return False
        except OSError as error:
            _LOG.error("a spool cannot be read: %s", error.strerror)
        self._spool.clear()
        if self._fault is not None:
            self._fault = None
            _LOG.warning("the store takes rows again")
        return True

    def _recover(self, fates: Iterable[Fate]) -> None:
        for fate in fates:
            self._n_recovered += fate.n_in
            self._n_dropped += fate.n_refused

    def _fails(self, error: StoreError, now_s: float) -> None:
        if self._fault is None:
            _LOG.warning("the store takes no rows, they are spooled: %s", error.message)
        self._fault = error.message
        self._next_try_s = now_s + RETRY_EVERY_S
