"""The keeper: whatever becomes of the store, no row is lost or doubled, and nobody waits."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from fairlead.domain.errors import StoreError
from fairlead.domain.names import TenantName
from fairlead.store.database import Database
from fairlead.store.keeper import Keeper, KeeperLimits
from fairlead.store.scribe import Scribe
from fairlead.store.spool import Spool
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import WRITER_BUSY_S, SqliteDatabase
from fairlead.store.store import Search
from fairlead.store.tables import Batch
from tests.store.small_traffic import ALWAYS, Told, figures, opinion

PATIENCE_S = 30.0


def until(holds: Callable[[], Any]) -> None:
    """Ask again until it holds; fails when it never does."""
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s, "it never came about"
        time.sleep(0.005)


def keeper_of(opens: Callable[[], Database], folder: Path, name: str = "w", **limits: Any) -> Keeper:
    """Its own writes in its thread."""
    max_spool_bytes = limits.pop("max_spool_bytes", 10**9)

    def scribe() -> Scribe:
        return Scribe(opens, Spool(folder / "spools", name, max_spool_bytes), name, decision_waits_s=0.005)

    return Keeper(scribe, time.time, KeeperLimits(flush_every_s=0.005, **limits))


def sqlite_at(folder: Path) -> Callable[[], Database]:
    return lambda: SqliteDatabase(folder / "traffic.db", busy_s=WRITER_BUSY_S)


def tell(keeper: Keeper, *names: str, together: bool = False) -> None:
    """Whole requests, moment by moment, so that each has two rows; `together` as a gateway does, then it has one."""
    for name in names:
        moments = Told(name=name).moments()
        if together:
            keeper.told([(time.time(), moment) for moment in moments])
        else:
            for moment in moments:
                keeper.take(moment)


def kept(folder: Path) -> list[str]:
    store = SqlStore(lambda: SqliteDatabase(folder / "traffic.db"))
    names = sorted(row.decision_id for row in store.requests(Search(limit=100_000)))
    assert len(list(store.attempts(ALWAYS))) == len(names)
    assert sum(row.n for row in store.usage(ALWAYS)) == len(names), "the sums are those of the rows"
    store.close()
    return names


class Moody:
    """A database that takes what it is given only while it is in the mood."""

    dialect = "sqlite"

    def __init__(self, real: Database) -> None:
        self._real = real
        self.fault: StoreError | None = None
        self.acts_first = False
        """Fail after the commit rather than before: nobody can tell whether it went in."""

    def fetch(self, sql: str, args: Any = {}) -> list[tuple[Any, ...]]:  # noqa: B006
        return self._real.fetch(sql, args)

    def apply(self, batch: Batch) -> bool:
        if self.fault is not None and not self.acts_first:
            raise self.fault
        done = self._real.apply(batch)
        if self.fault is not None:
            raise self.fault
        return done

    def change(self, statements: Any) -> int:
        return self._real.change(statements)

    def vanish(self) -> None:
        self._real.vanish()

    def close(self) -> None:
        self._real.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the file, as `BEGIN EXCLUSIVE` does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def test_what_is_told_is_in_the_store_when_it_is_closed(tmp_path: Path) -> None:
    keeper = keeper_of(sqlite_at(tmp_path), tmp_path)
    keeper.start()
    tell(keeper, *(f"d{at:04}" for at in range(1_000)))
    keeper.take(opinion(of="d0001"))
    keeper.close()
    assert kept(tmp_path) == [f"d{at:04}" for at in range(1_000)]
    state = keeper.state()
    assert (state.n_waiting, state.n_written, state.n_dropped, state.fault) == (0, 2_001, 0, None)
    assert list((tmp_path / "spools").glob("*")) == [] if (tmp_path / "spools").exists() else True


def test_a_request_that_is_told_together_is_one_row(tmp_path: Path) -> None:
    keeper = keeper_of(sqlite_at(tmp_path), tmp_path)
    keeper.start()
    tell(keeper, *(f"d{at:03}" for at in range(100)), together=True)
    keeper.close()
    assert kept(tmp_path) == [f"d{at:03}" for at in range(100)]
    assert keeper.state().n_written == 100


def test_a_locked_store_costs_nothing_and_all_rows_come_in_afterwards(tmp_path: Path) -> None:
    keeper = keeper_of(sqlite_at(tmp_path), tmp_path)
    keeper.start()
    tell(keeper, "d1")
    until(lambda: keeper.state().n_written == 2)
    with locked(tmp_path / "traffic.db"):
        tell(keeper, "d2")
        until(lambda: keeper.state().n_spooled == 2)
        tell(keeper, "d3")
        until(lambda: keeper.state().n_spooled == 4)
        assert keeper.state().fault is not None
        assert keeper.state().spool_bytes > 0
    until(lambda: keeper.state().fault is None)
    tell(keeper, "d4")
    keeper.close()
    assert kept(tmp_path) == ["d1", "d2", "d3", "d4"]
    state = keeper.state()
    assert (state.n_written, state.n_spooled, state.n_recovered, state.n_dropped) == (4, 4, 4, 0)


def test_a_store_that_is_away_at_the_start_gets_everything_later(tmp_path: Path) -> None:
    is_there = threading.Event()

    def opens() -> Database:
        if not is_there.is_set():
            raise StoreError("away")
        return SqliteDatabase(tmp_path / "traffic.db")

    keeper = keeper_of(opens, tmp_path)
    keeper.start()
    tell(keeper, "d1", "d2")
    until(lambda: keeper.state().n_spooled == 4)
    is_there.set()
    until(lambda: keeper.state().n_recovered == 4)
    keeper.close()
    assert kept(tmp_path) == ["d1", "d2"]


def test_a_batch_whose_commit_was_not_heard_of_is_not_doubled(tmp_path: Path) -> None:
    moody = Moody(SqliteDatabase(tmp_path / "traffic.db"))
    keeper = keeper_of(lambda: moody, tmp_path)
    moody.fault, moody.acts_first = StoreError("the line was cut"), True
    keeper.start()
    tell(keeper, "d1")
    until(lambda: keeper.state().n_spooled == 2)
    moody.fault = None
    until(lambda: keeper.state().fault is None)
    keeper.close()
    assert kept(tmp_path) == ["d1"]
    assert keeper.state().n_recovered == 0, "it had gone in before"


def test_rows_that_the_store_refuses_for_good_do_not_hold_up_the_others(tmp_path: Path) -> None:
    moody = Moody(SqliteDatabase(tmp_path / "traffic.db"))
    keeper = keeper_of(lambda: moody, tmp_path)
    keeper.start()
    moody.fault = StoreError("no such value", is_lasting=True)
    tell(keeper, "d1")
    until(lambda: keeper.state().n_dropped == 2)
    moody.fault = None
    tell(keeper, "d2")
    keeper.close()
    assert kept(tmp_path) == ["d2"]


def test_a_row_that_the_store_refuses_for_good_takes_no_other_of_its_turn_with_it(tmp_path: Path) -> None:
    keeper = keeper_of(sqlite_at(tmp_path), tmp_path)
    nobodys = opinion("o1", "d1")._replace(tenant=cast("TenantName", None))
    told = [*Told(name="d1").moments(), nobodys, *Told(name="d2").moments(), opinion("o2", "d2")]
    keeper.told([(time.time(), moment) for moment in told])
    keeper.start()
    until(lambda: keeper.state().n_dropped == 1)
    keeper.close()
    assert kept(tmp_path) == ["d1", "d2"]
    assert (keeper.state().n_written, keeper.state().n_dropped) == (3, 1)


def test_what_a_dead_process_left_in_its_spool_is_brought_in_by_the_next(tmp_path: Path) -> None:
    def away() -> Database:
        raise StoreError("away")

    first = keeper_of(away, tmp_path, "first")
    first.start()
    tell(first, "d1", "d2")
    first.close()
    assert first.state().n_spooled == 4
    second = keeper_of(sqlite_at(tmp_path), tmp_path, "second")
    second.start()
    tell(second, "d3")
    until(lambda: second.state().n_recovered == 4)
    second.close()
    assert kept(tmp_path) == ["d1", "d2", "d3"]
    assert list((tmp_path / "spools").iterdir()) == []


def test_the_spool_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    def away() -> Database:
        raise StoreError("away")

    living = keeper_of(away, tmp_path, "living")
    living.start()
    tell(living, "d1")
    until(lambda: living.state().n_spooled == 2)
    other = keeper_of(sqlite_at(tmp_path), tmp_path, "other")
    other.start()
    tell(other, "d2")
    until(lambda: other.state().n_written == 2)
    other.close()
    assert kept(tmp_path) == ["d2"]
    living.close()


def test_a_full_spool_and_a_full_queue_drop_and_say_so(tmp_path: Path) -> None:
    def away() -> Database:
        raise StoreError("away")

    keeper = keeper_of(away, tmp_path, max_spool_bytes=10)
    keeper.start()
    tell(keeper, "d1")
    until(lambda: keeper.state().n_dropped == 2)
    keeper.close()
    idle = keeper_of(away, tmp_path, "idle", max_waiting=3)
    tell(idle, "d1")
    assert (idle.state().n_waiting, idle.state().n_dropped) == (3, 1)


def test_two_writers_of_one_file_lose_nothing(tmp_path: Path) -> None:
    one, two = (keeper_of(sqlite_at(tmp_path), tmp_path, name) for name in ("one", "two"))
    one.start()
    two.start()
    for at in range(300):
        tell(one, f"a{at:03}")
        tell(two, f"b{at:03}")
    one.close()
    two.close()
    for left in (keeper_of(sqlite_at(tmp_path), tmp_path, "last"),):  # whatever they spooled for each other's lock
        left.start()
        until(lambda: not any((tmp_path / "spools").glob("*.spool")))
        left.close()
    assert kept(tmp_path) == [*(f"a{at:03}" for at in range(300)), *(f"b{at:03}" for at in range(300))]


def test_a_moment_that_cannot_be_read_takes_no_other_with_it(tmp_path: Path) -> None:
    broken = figures()._replace(places=None)  # type: ignore[arg-type]  # a bug
    keeper = keeper_of(sqlite_at(tmp_path), tmp_path)
    keeper.start()
    keeper.take(Told(name="d1", figures=broken).decided())
    tell(keeper, "d2")
    keeper.close()
    assert kept(tmp_path) == ["d2"]
