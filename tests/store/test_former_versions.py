"""What former versions have left is kept: their databases open with every row, and what they spooled still comes in."""

import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import msgspec
import pytest

from fairlead.domain.errors import StoreError
from fairlead.store import postgres, sqlite
from fairlead.store.book import Book
from fairlead.store.database import Database
from fairlead.store.migrations import migrations
from fairlead.store.rows import AttemptRow
from fairlead.store.spool import read_batches
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search
from fairlead.store.tables import ATTEMPTS, FOLDED, REQUESTS, TABLES, Batch, Put
from tests.store.small_traffic import ALWAYS, AT_S, CHEAP, Told, batch_of
from tests.store.test_keeper import keeper_of, kept, sqlite_at, until

BEFORE_FOLDING = 2
"""The last migration of the version that gave each attempt a row."""
ROW = AttemptRow(
    "d1", 1, AT_S, 0, str(CHEAP.model), str(CHEAP.upstream), str(CHEAP.provider), "ok", 200, "whole", 0, 0.001, 0.25,
    1.0, 100, 10, 0, 50, 5, 0, 2_000_000, None,
)  # fmt: skip


def of_then(batch: Batch) -> list[tuple[str, list[list[Any]]]]:
    """A batch in which nothing is folded, as that version had it."""
    puts = []
    for put in batch.puts:
        name = "attempts" if put.table == "attempts_apart" else put.table
        rows = [list(row) for row in put.rows]
        puts.append((name, [row[: -len(FOLDED)] for row in rows] if name == "requests" else rows))
    return puts


def told_apart(name: str, number: int) -> Batch:
    """A whole request, told moment by moment, so that nothing is folded."""
    book = Book()
    for moment in Told(name=name).moments():
        book.take(AT_S, moment)
    return Batch("then", number, AT_S, book.turn())


def left_spool(folder: Path, *batches: Batch) -> Path:
    """The spool of a dead process of that version."""
    records = []
    for batch in batches:
        body = msgspec.msgpack.encode((batch.writer, batch.number, batch.at_s, of_then(batch)))
        records.append(pack("<II", len(body), zlib.crc32(body)) + body)
    folder.mkdir()
    path = folder / "then.spool"
    path.write_bytes(b"".join(records))
    return path


@pytest.fixture
def opened_then(opened: Callable[[], Database], monkeypatch: pytest.MonkeyPatch) -> Callable[[], Database]:
    """Opens this test's database as that version did."""

    def opens() -> Database:
        with monkeypatch.context() as then:
            for dialect in (sqlite, postgres):
                then.setattr(dialect, "migrations", lambda name: migrations(name)[:BEFORE_FOLDING])
            return opened()

    return opens


def inserted(database: Database, table: str, columns: tuple[str, ...], row: tuple[Any, ...]) -> None:
    values = {f"v{at}": value for at, value in enumerate(row)}
    names = ", ".join(f":{name}" for name in values)
    assert database.change([(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({names})", values)]) == 1


def test_a_database_of_that_version_opens_with_all_its_rows(
    opened: Callable[[], Database], opened_then: Callable[[], Database]
) -> None:
    database = opened_then()
    for name in ("d1", "d2"):
        rows = {put.table: tuple(put.rows[0]) for put in told_apart(name, 1).puts}
        inserted(database, "requests", REQUESTS[: -len(FOLDED)], rows["requests"][: -len(FOLDED)])
    inserted(database, "pools", TABLES["pools"].columns, rows["pools"])
    inserted(database, "attempts", ATTEMPTS, ROW)
    for number in (1, 2):
        inserted(database, "attempts", ATTEMPTS, ROW._replace(decision_id="d2", number=number, place=number - 1))
    database.close()

    store = SqlStore(opened)
    whole = store.decision("d1")
    assert whole is not None and whole.attempts == (ROW,)
    assert sorted(row.decision_id for row in store.requests(Search())) == ["d1", "d2"]
    assert [(row.decision_id, row.number) for row in store.attempts(ALWAYS)] == [("d1", 1), ("d2", 1), ("d2", 2)]
    again = Put("attempts_apart", [ROW._replace(cost_nanousd=1), ROW._replace(number=2)])
    assert store.put(Batch("now", 1, AT_S, [again]))
    whole = store.decision("d1")
    assert whole is not None and whole.attempts == (ROW, ROW._replace(number=2)), "its key still holds"
    assert store.put(batch_of(*Told(name="d3").moments()))
    assert [row.decision_id for row in store.attempts(ALWAYS)] == ["d1", "d1", "d2", "d2", "d3"]
    store.forget_tenant("default")
    assert list(store.attempts(ALWAYS)) == []
    store.close()


def test_a_worker_of_that_version_that_still_runs_is_refused_for_now_and_spools(opened: Callable[[], Database]) -> None:
    database = opened()
    with pytest.raises(StoreError) as caught:
        inserted(database, "attempts", ATTEMPTS, ROW)
    assert not caught.value.is_lasting
    database.close()


def test_what_is_kept_by_key_alone_still_is(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "t.db")
    ((text,),) = database.fetch("SELECT sql FROM sqlite_master WHERE name = 'attempts_apart'")
    assert "WITHOUT ROWID" in text
    database.close()


def test_what_that_version_has_spooled_comes_in(tmp_path: Path) -> None:
    path = left_spool(tmp_path / "spools", told_apart("d1", 1), told_apart("d2", 2))
    for batch in read_batches(path):
        assert {len(row) - len(TABLES[put.table].columns) for put in batch.puts for row in put.rows} == {0}
    keeper = keeper_of(sqlite_at(tmp_path), tmp_path)
    keeper.start()
    until(lambda: keeper.state().n_recovered == 4)
    keeper.close()
    assert kept(tmp_path) == ["d1", "d2"]
    assert (keeper.state().n_dropped, list((tmp_path / "spools").iterdir())) == (0, [])
    store = SqlStore(sqlite_at(tmp_path))
    assert list(store.attempts(ALWAYS)) == [ROW, ROW._replace(decision_id="d2")]
    store.close()
