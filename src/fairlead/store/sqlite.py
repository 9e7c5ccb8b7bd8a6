"""The embedded store: one SQLite file in WAL mode. The only file that touches sqlite3.

Rows go in many at a time by one statement: each step of a statement gives the interpreter's lock away, and the writer
would wait for it once a row while the event loop is busy.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

from fairlead.domain.errors import StoreError
from fairlead.store.database import Args, Row, in_groups
from fairlead.store.migrations import APPLIED, NOTED, TABLE, migrations, missing, statements
from fairlead.store.tables import TABLES, WATERMARK, Batch

WRITER_BUSY_S: Final = 0.05
"""How long a writer waits for another's lock before its rows go to the spool: a quarter of the flush window."""
READER_BUSY_S: Final = 10.0
GROUP_SIZES: Final = (64, 32, 16, 8, 4, 2, 1)
"""Rows of one statement, so that few statements make up any number. With 128 and more, what is bound at once, 56 bytes
for each value, leaves the processor's cache: a row then takes a quarter longer."""
CACHED_STATEMENTS: Final = 128
"""Those of every size for every table, and the readers' own."""
CHECKPOINT_PAGES: Final = 1_000
"""SQLite's own default: 4 MB of log are written back in some ten milliseconds, or in hundreds on a busy disk."""
LEFT_ASIDE: Final = 10
"""A writer whose log is written back by another thread does it itself only when that has fallen so far behind."""
PAGES_OF_BATCH: Final = 20
ROWS_OF_PAGE: Final = 8
"""What a batch adds to the log, about: the ends of its trees, then 500 bytes a row."""
MOST_PASSES: Final = 4
CLOSE_WITHIN_S: Final = 5.0
LOG_BYTES: Final = 64_000_000
CACHE_KIB: Final = 4_096
"""Of each connection. Rows go to the ends of few trees, and sums to their last minutes: 16 MB won nothing."""

_NOTHING: Final[dict[None, None]] = {}

# sqlite3 looks for somebody who adapts each None and each bytes object, three hundred nanoseconds where nobody does.
# These give them back as they are.
sqlite3.register_adapter(type(None), _NOTHING.get)
sqlite3.register_adapter(bytes, bytes)


class SqliteDatabase:
    """One connection to one file."""

    dialect: Final = "sqlite"

    def __init__(self, path: Path, *, busy_s: float = READER_BUSY_S, checkpoints_aside: bool = False) -> None:
        """Opens the file, makes it when it is not there, and brings it up to date. Raises: StoreError.

        `checkpoints_aside`: the log is written back by a thread of its own, so that `apply` does not wait for the disk.
        """
        self.path = path
        self._aside: _Checkpoints | None = None
        self._log_pages = CHECKPOINT_PAGES * (LEFT_ASIDE if checkpoints_aside else 1)
        self._lock = threading.Lock()
        self._busy_s = busy_s
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(
                f"{path}: the folder cannot be made ({error.strerror}): name another under 'store'"
            ) from None
        self._connection = self._connect()
        try:
            self._migrate()
        except BaseException:
            self._connection.close()
            raise
        if checkpoints_aside:
            self._aside = _Checkpoints(path)

    def _connect(self) -> sqlite3.Connection:
        with self._told():
            is_new = not self.path.exists()
            connection = sqlite3.connect(
                self.path,
                timeout=READER_BUSY_S,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=CACHED_STATEMENTS,
            )
            if is_new:
                self.path.chmod(0o600)  # it may hold prompts
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            for pragma in (
                "synchronous=NORMAL",
                f"wal_autocheckpoint={self._log_pages}",
                f"journal_size_limit={LOG_BYTES}",
                f"cache_size=-{CACHE_KIB}",
                "temp_store=MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}")
        return connection

    def _migrate(self) -> None:
        known = migrations(self.dialect)
        with self._lock, self._told():
            if missing(known, self._applied(), str(self.path)):
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    # Another process may have been quicker.
                    for migration in missing(known, self._applied(), str(self.path)):
                        for statement in statements(migration.sql):
                            self._connection.execute(statement)
                        noted = (migration.number, migration.name, migration.sha256)
                        self._connection.execute(NOTED.format("?", "?", "?"), noted)
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._connection.rollback()
                    raise
            self._connection.execute(f"PRAGMA busy_timeout={round(self._busy_s * 1e3)}")

    def _applied(self) -> dict[int, str]:
        self._connection.execute(TABLE)
        return dict(self._connection.execute(APPLIED).fetchall())

    def fetch(self, sql: str, args: Args = {}) -> list[Row]:  # noqa: B006 - never written to
        with self._lock, self._told():
            return self._connection.execute(sql, args).fetchall()

    def apply(self, batch: Batch) -> bool:
        with self._lock, self._told(), self._transaction() as connection:
            mark = (batch.writer, batch.number, batch.at_s)
            if connection.execute(WATERMARK.format("?", "?", "?"), mark).rowcount != 1:
                return False
            for put in batch.puts:
                for rows in in_groups(put.rows, GROUP_SIZES):
                    connection.execute(_insertion(put.table, len(rows)), tuple(chain.from_iterable(rows)))
        if self._aside is not None:
            self._aside.grown(PAGES_OF_BATCH + batch.n_rows // ROWS_OF_PAGE)
        return True

    def change(self, statements: Sequence[tuple[str, Args]]) -> int:
        with self._lock, self._told(), self._transaction() as connection:
            # What is deleted is overwritten: its bytes must be gone. Not for the writer, who deletes nothing.
            connection.execute("PRAGMA secure_delete=ON").fetchone()
            return sum(max(connection.execute(sql, args).rowcount, 0) for sql, args in statements)

    def vanish(self) -> None:
        with self._lock, self._told():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        if self._aside is not None:
            self._aside.close()
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors in our words."""
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, OSError, OverflowError, UnicodeError) as error:
            is_lasting = not isinstance(error, sqlite3.OperationalError | OSError)
            raise StoreError(f"{self.path}: {error}: {_mend(str(error))}", is_lasting=is_lasting) from error


class _Checkpoints:
    """Writes the log back into the file, beside the writer: SQLite lets both work at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._n_pages = 0
        self._wake = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="fairlead-checkpoints", daemon=True)
        self._thread.start()

    def grown(self, n_pages: int) -> None:
        """The log has grown by about so much."""
        self._n_pages += n_pages
        if self._n_pages >= CHECKPOINT_PAGES:
            self._n_pages = 0
            self._wake.set()

    def close(self) -> None:
        """No more; the last connection that closes writes back what is left."""
        self._is_over = True
        self._wake.set()
        self._thread.join(CLOSE_WITHIN_S)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._is_over:
                return
            # What fails here is left to the writer's own checkpoint.
            with suppress(sqlite3.Error), closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
                # Again for what came in meanwhile: a log that is back as a whole begins anew, and does not grow.
                for _ in range(MOST_PASSES):
                    _, n_log, n_done = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    if n_log == n_done:
                        break


def _mend(said: str) -> str:
    if "locked" in said or "busy" in said:
        return "another process holds it; it will be tried again"
    if "full" in said:
        return "free some room on its disk"
    if "not a database" in said or "malformed" in said:
        return "it is no store of Fairlead's, or damaged: name another under 'store'"
    return "see that the file and its folder can be written, or name another under 'store'"


@cache
def _insertion(name: str, n_rows: int) -> str:
    table = TABLES[name]
    one: Any = f"({', '.join('?' * len(table.columns))})"
    return (
        f"INSERT INTO {name} ({', '.join(table.columns)}) VALUES {', '.join([one] * n_rows)} "
        f"ON CONFLICT ({', '.join(table.key)}) DO {table.on_conflict}"
    )
