"""Keeper: listens to the gateway's moments and has them in the store within the flush window. Nobody waits for it.

The event loop only appends to a queue. One thread makes rows of what stands there, twenty times a second, and puts them
into the store in one transaction. A store that is locked, full, slow or gone costs nothing but the spool's bytes.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

from fairlead.domain.errors import StoreError
from fairlead.domain.moments import Attempted, Decided, Replied, Shadowed
from fairlead.domain.store_state import StoreState
from fairlead.store.book import Book, Moment
from fairlead.store.database import Database
from fairlead.store.spool import Spool, left_behind, read_batches
from fairlead.store.tables import Batch

_LOG: Final = logging.getLogger("fairlead.store")
FLUSH_WINDOW_S: Final = 0.2
"""What was told longer ago than this is in the store or in the spool, whatever happens to the process."""
FLUSH_EVERY_S: Final = 0.05
"""A quarter of the window; a decision may wait one turn more for its reply. The rest is for the writing itself: with a
tenth of a second a busy machine lost rows beyond the window (docs/log.md, 2026-11-30)."""
DELAYS_EVERY_S: Final = 1.0
"""Counts of delays are written together: of a few hundred slots nearly all change in each turn, which was a fifth of
the writing. They are all that a killed process loses beyond the flush window: quantiles lack a second's requests."""
MAX_MOMENTS: Final = 4_000
"""Of one batch."""
RETRY_EVERY_S: Final = 0.5
"""How often a store that did not take a batch is tried again."""
TEND_EVERY_S: Final = 3_600.0


class KeeperLimits(NamedTuple):
    """Bounds of the keeping."""

    max_waiting: int = 200_000
    """Moments in the queue; more are dropped and counted."""
    max_spool_bytes: int = 256_000_000
    flush_every_s: float = FLUSH_EVERY_S


class Keeper:
    """An observer with a thread of its own."""

    def __init__(
        self,
        open_database: Callable[[], Database],
        spool_folder: Path,
        writer: str,
        unix_s: Callable[[], float],
        *,
        book: Book | None = None,
        limits: KeeperLimits = KeeperLimits(),  # noqa: B008 - frozen
        tend: Callable[[float], None] | None = None,
    ) -> None:
        """`writer` names this process as no other; `tend` is done once an hour, such as deleting what is too old."""
        self._open = open_database
        self._database: Database | None = None
        self._folder = spool_folder
        self._spool = Spool(spool_folder, writer, limits.max_spool_bytes)
        self._writer = writer
        self._unix_s = unix_s
        self._book = book or Book()
        self._limits = limits
        self._tend = tend
        self._queue: deque[tuple[float, Moment]] = deque()
        self._append = self._queue.append
        self._wake = threading.Event()
        self._is_stopping = False
        self._number = 0
        self._next_try_s = 0.0
        self._next_tend_s = 0.0
        self._next_delays_s = 0.0
        self._n_written = self._n_spooled = self._n_recovered = self._n_dropped = 0
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._run, name="fairlead-store", daemon=True)

    def decided(self, moment: Decided) -> None:
        """See moments.DecisionObserver."""
        self.take(moment)

    def attempted(self, moment: Attempted) -> None:
        """See moments.Observer."""
        self.take(moment)

    def replied(self, moment: Replied) -> None:
        """See moments.Observer."""
        self.take(moment)

    def shadowed(self, moment: Shadowed) -> None:
        """See moments.ShadowObserver."""
        self.take(moment)

    def take(self, moment: Moment) -> None:
        """Keep this moment. On the event loop: about a microsecond."""
        if len(self._queue) < self._limits.max_waiting:
            self._append((self._unix_s(), moment))
        else:
            self._n_dropped += 1

    def state(self) -> StoreState:
        """How it goes."""
        return StoreState(
            len(self._queue),
            self._n_written,
            self._n_spooled,
            self._n_recovered,
            self._n_dropped,
            self._spool.n_bytes,
            self._fault,
        )

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def hurry(self) -> None:
        """Write now rather than at the next turn."""
        self._wake.set()

    def close(self, within_s: float = 10.0) -> None:
        """Write what still waits, and stop; what the store does not take goes to the spool."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        while True:
            is_last = self._is_stopping
            try:
                self._turn(is_last=is_last)
            except Exception:  # noqa: BLE001 - a bug: it must not end the keeping
                _LOG.exception("the store's writer has stumbled")
            if is_last and not self._queue:
                break
            if len(self._queue) < MAX_MOMENTS and not self._is_stopping:
                self._wake.wait(self._limits.flush_every_s)
                self._wake.clear()
        self._spool.close()
        if self._database is not None:
            self._database.close()

    def _turn(self, *, is_last: bool) -> None:
        queue, book = self._queue, self._book
        book.read([queue.popleft() for _ in range(min(len(queue), MAX_MOMENTS))])
        now_s = self._unix_s()
        with_delays = is_last or now_s >= self._next_delays_s
        if with_delays:
            self._next_delays_s = now_s + DELAYS_EVERY_S
        puts = book.turn(inf if is_last else now_s - self._limits.flush_every_s, with_delays=with_delays)
        if puts:
            self._number += 1
            self._put(Batch(self._writer, self._number, now_s, puts), now_s)
        elif now_s >= self._next_try_s and (self._spool.n_bytes or self._database is None):
            self._catch_up(now_s)
        if self._tend is not None and now_s >= self._next_tend_s and self._database is not None:
            self._next_tend_s = now_s + TEND_EVERY_S
            # Beside the writing: while it holds the store, rows go to the spool and are not late.
            threading.Thread(target=self._tended, args=(self._tend, now_s), name="fairlead-tend", daemon=True).start()

    def _tended(self, tend: Callable[[float], None], now_s: float) -> None:
        try:
            tend(now_s)
        except StoreError as error:
            _LOG.warning("the store could not be tended: %s", error.message)

    def _put(self, batch: Batch, now_s: float) -> None:
        """Into the store; behind what is in the spool already, so that each writer's batches come in order."""
        if self._is_open(now_s) and self._database is not None:
            try:
                self._database.apply(batch)
                self._n_written += batch.n_rows
                return
            except StoreError as error:
                if error.is_lasting:
                    _LOG.error("the store refuses %d rows for good: %s", batch.n_rows, error.message)
                    self._n_dropped += batch.n_rows
                    return
                self._fails(error, now_s)
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
                for path, _ in left_behind(self._folder):
                    self._recover(read_batches(path))
                    path.unlink(missing_ok=True)
            self._recover(self._spool.batches())
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

    def _recover(self, batches: Iterable[Batch]) -> None:
        assert self._database is not None
        for batch in batches:
            try:
                if self._database.apply(batch):
                    self._n_recovered += batch.n_rows
            except StoreError as error:
                if not error.is_lasting:
                    raise
                self._n_dropped += batch.n_rows

    def _fails(self, error: StoreError, now_s: float) -> None:
        if self._fault is None:
            _LOG.warning("the store takes no rows, they are spooled: %s", error.message)
        self._fault = error.message
        self._next_try_s = now_s + RETRY_EVERY_S
