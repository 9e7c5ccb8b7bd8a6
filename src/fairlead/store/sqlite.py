"""The embedded store: one SQLite file in WAL mode. The only file that touches sqlite3.

Rows go in many at a time by one statement: each step of a statement gives the interpreter's lock away, and the writer
would wait for it once a row while the event loop is busy.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from fairlead.domain.errors import StoreError
from fairlead.store.database import Args, Row, in_groups
from fairlead.store.migrations import APPLIED, NOTED, TABLE, migrations, missing, statements
from fairlead.store.tables import TABLES, WATERMARK, Batch

WRITER_BUSY_S: Final = 0.05
"""How long a writer waits for another's lock before its rows go to the spool: a quarter of the flush window."""
READER_BUSY_S: Final = 10.0
GROUP_SIZES: Final = (128, 16, 1)
"""Rows of one statement: 128 of the widest table are 6,000 variables, SQLite takes 32,766."""
CHECKPOINT_PAGES: Final = 1_000
"""SQLite's own default: 4 MB of log are written back in some ten milliseconds."""
LOG_BYTES: Final = 64_000_000
CACHE_KIB: Final = 16_384


class SqliteDatabase:
    """One connection to one file."""

    dialect: Final = "sqlite"

    def __init__(self, path: Path, *, busy_s: float = READER_BUSY_S) -> None:
        """Opens the file, makes it when it is not there, and brings it up to date. Raises: StoreError."""
        self.path = path
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

    def _connect(self) -> sqlite3.Connection:
        with self._told():
            is_new = not self.path.exists()
            connection = sqlite3.connect(
                self.path, timeout=READER_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            if is_new:
                self.path.chmod(0o600)  # it may hold prompts
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            for pragma in (
                "synchronous=NORMAL",
                f"wal_autocheckpoint={CHECKPOINT_PAGES}",
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
                    connection.execute(_insertion(put.table, len(rows)), [value for row in rows for value in row])
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
