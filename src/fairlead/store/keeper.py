"""Keeper: listens to the gateway's moments and has them in the store within the flush window. Nobody waits for it.

The event loop only makes lines and appends them to a queue. One thread hands on what stands there, fourteen times a
second, to whoever writes: a scribe in this thread, or in a process of its own. A store that is locked, full, slow or
gone costs nothing but the spool's bytes.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from fairlead.domain.store_state import StoreState
from fairlead.store.lines import Chunk, Lines, Moment, Of, Told, packed, spoken
from fairlead.store.scribe import FLUSH_EVERY_S, Turn

_LOG: Final = logging.getLogger("fairlead.store")
FLUSH_WINDOW_S: Final = 0.2
"""What was told longer ago than this is in the store or in the spool, whatever happens to the process."""
MAX_LINES: Final = 4_000
"""Of one turn, about."""


class Writer(Protocol):
    """Who writes."""

    def take(self, turn: Turn) -> None:
        """Have these lines in the store. Never raises; may block."""
        ...

    def state(self) -> StoreState:
        """How it goes, as far as is known."""
        ...

    def close(self) -> None:
        """Let go, when everything is written."""
        ...


class KeeperLimits(NamedTuple):
    """Bounds of the keeping."""

    max_waiting: int = 200_000
    """Lines in the queue; more are dropped and counted."""
    flush_every_s: float = FLUSH_EVERY_S


class Keeper:
    """A listener with a thread of its own."""

    def __init__(
        self,
        writer: Callable[[], Writer],
        unix_s: Callable[[], float],
        limits: KeeperLimits = KeeperLimits(),  # noqa: B008 - frozen
        *,
        is_packing: bool = False,
    ) -> None:
        """`writer` is made in the thread that will use it.

        `is_packing` makes bytes of lines on the event loop: less work for both where they go to another process.
        """
        self._make_writer = writer
        self._writer: Writer | None = None
        self._unix_s = unix_s
        self._limits = limits
        self._lines = Lines()
        self._is_packing = is_packing
        self._queue: deque[tuple[int, bool, Chunk]] = deque()
        """Numbers of lines, whether they are plain, and the lines."""
        self._n_told = self._n_taken = 0
        """Lines; each is counted by one thread alone."""
        self._wake = threading.Event()
        self._has_writer = threading.Event()
        self._is_stopping = False
        self._number = 0
        self._n_dropped = 0
        self._thread = threading.Thread(target=self._run, name="fairlead-store", daemon=True)

    def take(self, moment: Moment) -> None:
        """Keep this moment. On the event loop."""
        self.told([(self._unix_s(), moment)])

    def told(self, moments: Sequence[Told]) -> None:
        """Keep these moments. On the event loop: some microseconds each, the fewer the more they are."""
        lines = self._lines.of(moments)
        room = max(self._limits.max_waiting - self._n_waiting, 0)
        if len(lines) > room:
            # Pools are told but once, and are few.
            pools = [line for line in lines[room:] if line[0] == Of.POOL]
            self._n_dropped += len(lines) - room - len(pools)
            lines[room:] = pools
        if not lines:
            return
        self._n_told += len(lines)
        is_plain = self._lines.are_plain
        self._queue.append((len(lines), is_plain, packed(lines) if is_plain and self._is_packing else lines))

    def state(self) -> StoreState:
        """How it goes."""
        state = self._writer.state() if self._writer is not None else StoreState()
        return state._replace(n_waiting=state.n_waiting + self._n_waiting, n_dropped=state.n_dropped + self._n_dropped)

    @property
    def _n_waiting(self) -> int:
        return self._n_told - self._n_taken

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def await_writer(self, within_s: float) -> bool:
        """Whether there is somebody who writes; waits for it. Until then nothing told outlives this process."""
        return self._has_writer.wait(within_s)

    def hurry(self) -> None:
        """Write now rather than at the next turn."""
        self._wake.set()

    def close(self, within_s: float = 10.0) -> None:
        """Write what still waits, and stop; what the store does not take goes to the spool."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        writer = self._writer = self._make_writer()
        self._has_writer.set()
        while True:
            is_last = self._is_stopping
            try:
                self._turn(writer, is_last=is_last)
            except Exception:  # noqa: BLE001 - a bug: it must not end the keeping
                _LOG.exception("the store's writer has stumbled")
            if is_last and not self._queue:
                break
            if self._n_waiting < MAX_LINES and not self._is_stopping:
                self._wake.wait(self._limits.flush_every_s)
                self._wake.clear()
        writer.close()

    def _turn(self, writer: Writer, *, is_last: bool) -> None:
        queue, n_lines = self._queue, 0
        chunks: list[Chunk] = []
        while queue and n_lines < MAX_LINES:
            n, is_plain, chunk = queue.popleft()
            n_lines += n
            chunks.append(chunk if is_plain or isinstance(chunk, msgspec.Raw) else spoken(chunk))
        self._number += 1
        try:
            writer.take(Turn(self._number, self._unix_s(), chunks, n_lines, is_last))
        finally:
            self._n_taken += n_lines  # not sooner: what is in nobody's hands would seem to be written
