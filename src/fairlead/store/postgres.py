"""The store of several servers: PostgreSQL. The only file that touches asyncpg (extra `postgres`).

asyncpg lives on an event loop; this one has a loop and a thread of its own, so that the gateway's never waits for it.
"""

import asyncio
import re
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any, Final, TypeVar

from fairlead.domain.errors import StoreError
from fairlead.store.database import Args, Row
from fairlead.store.migrations import APPLIED, NOTED, TABLE, migrations, missing, statements
from fairlead.store.tables import TABLES, WATERMARK, Batch

CONNECT_S: Final = 5.0
WRITER_S: Final = 2.0
"""How long a writer waits for an answer before its rows go to the spool."""
READER_S: Final = 30.0
_MIGRATION_LOCK: Final = 0x6661_6972
"""A name for the advisory lock that one server holds while it migrates: the letters `fair`."""
_NAMED: Final = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_Result = TypeVar("_Result")


class PostgresDatabase:
    """One connection, made anew when it is lost."""

    dialect: Final = "postgres"

    def __init__(self, url: str, *, within_s: float = READER_S) -> None:
        """Connects, and brings the schema up to date. Raises: StoreError."""
        try:
            self._driver: Any = import_module("asyncpg")
        except ImportError:
            raise StoreError("'store.url' needs one more package: pip install 'fairlead[postgres]'") from None
        self._url = url
        self._within_s = within_s
        self._connection: Any = None
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fairlead-postgres", daemon=True)
        self._thread.start()
        try:
            self._run(self._migrate())
        except BaseException:
            self.close()
            raise

    def fetch(self, sql: str, args: Args = {}) -> list[Row]:  # noqa: B006 - never written to
        text, names = _numbered(sql)
        return self._run(self._fetch(text, [args[name] for name in names]))

    def apply(self, batch: Batch) -> bool:
        return self._run(self._apply(batch))

    def change(self, statements: Sequence[tuple[str, Args]]) -> int:
        return self._run(self._change(statements))

    def vanish(self) -> None:
        """VACUUM FULL writes each table anew; what the server's log and its backups hold is for its operator."""
        for name in (*TABLES, "writers"):
            self._run(self._execute(f"VACUUM FULL {name}"))

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        with suppress(StoreError):  # it may be gone already
            self._run(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CONNECT_S)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Do this on our loop and wait for it. Raises: StoreError."""
        with self._lock:
            if not self._thread.is_alive():
                work.close()
                raise StoreError("PostgreSQL: this connection was closed")
            waiting = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, self._within_s), self._loop)
            try:
                return waiting.result()
            except StoreError:
                raise
            except (OSError, TimeoutError, self._driver.PostgresError, self._driver.InterfaceError) as error:
                lasting = isinstance(
                    error, self._driver.DataError | self._driver.exceptions.IntegrityConstraintViolationError
                )
                if not lasting:  # else the server has answered, and its transaction was rolled back
                    self._abandon()
                # Neither the address nor its password: only what the server said.
                said = str(error) or type(error).__name__
                raise StoreError(
                    f"PostgreSQL ({self._place()}): {said}: see that it runs and lets this user in", is_lasting=lasting
                ) from None

    def _place(self) -> str:
        return re.sub(r"^\w+://", "", self._url.rpartition("@")[2]).partition("?")[0] or "local"

    def _abandon(self) -> None:
        """A connection that failed is not used again: nobody knows where it stands."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            self._loop.call_soon_threadsafe(connection.terminate)

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._driver.connect(
                self._url, timeout=CONNECT_S, server_settings={"application_name": "fairlead"}
            )
        return self._connection

    async def _fetch(self, sql: str, args: Sequence[Any]) -> list[Row]:
        connection = await self._connected()
        return [tuple(row) for row in await connection.fetch(sql, *args)]

    async def _execute(self, sql: str) -> None:
        connection = await self._connected()
        await connection.execute(sql)

    async def _apply(self, batch: Batch) -> bool:
        connection = await self._connected()
        async with connection.transaction():
            mark = await connection.execute(WATERMARK.format("$1", "$2", "$3"), batch.writer, batch.number, batch.at_s)
            if not mark.endswith(" 1"):
                return False
            for put in batch.puts:
                await connection.executemany(_insertion(put.table), put.rows)
        return True

    async def _change(self, statements: Sequence[tuple[str, Args]]) -> int:
        connection = await self._connected()
        changed = 0
        async with connection.transaction():
            for sql, args in statements:
                text, names = _numbered(sql)
                done = await connection.execute(text, *(args[name] for name in names))
                count = done.rpartition(" ")[2]
                changed += int(count) if count.isdigit() else 0
        return changed

    async def _migrate(self) -> None:
        known = migrations(self.dialect)
        connection = await self._connected()
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            await connection.execute(TABLE)
            applied = {row[0]: row[1] for row in await connection.fetch(APPLIED)}
            for migration in missing(known, applied, f"PostgreSQL ({self._place()})"):
                for statement in statements(migration.sql):
                    await connection.execute(statement)
                noted = (migration.number, migration.name, migration.sha256)
                await connection.execute(NOTED.format("$1", "$2", "$3"), *noted)

    async def _leave(self) -> None:
        if self._connection is not None:
            await self._connection.close(timeout=CONNECT_S)


@cache
def _insertion(name: str) -> str:
    table = TABLES[name]
    values = ", ".join(f"${place}" for place in range(1, len(table.columns) + 1))
    return (
        f"INSERT INTO {name} ({', '.join(table.columns)}) VALUES ({values}) "
        f"ON CONFLICT ({', '.join(table.key)}) DO {table.on_conflict}"
    )


@cache
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """`:name` -> `$1`, and the names in that order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _NAMED.sub(number, sql), tuple(names)
