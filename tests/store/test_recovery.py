"""Recovery: a row that a store refuses takes no other with it, on every database."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead.domain.errors import StoreError
from fairlead.store.database import Database
from fairlead.store.recovery import Fate, bring_in, bring_in_left
from fairlead.store.spool import Spool
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search
from fairlead.store.tables import REQUESTS, Batch, Put
from tests.store.small_traffic import ALWAYS, AT_S, Told, batch_of, opinion

NOBODYS = ("o9", "d1", AT_S, None, None, 1.0, None, None, None, 1.0)
"""An opinion without a tenant."""
GIANT = ("d1", "lab/m", "one", AT_S, "ok", 2**70, None, None, None, None)
"""A shadow with more tokens than an integer holds."""
HALVED = ("o\ud800", "d1", AT_S, "t", None, 1.0, None, None, None, 1.0)
"""An opinion with half a character."""


def with_bad_rows(number: int = 1) -> Batch:
    moments = [moment for at in range(9) for moment in Told(name=f"d{at}").moments()]
    batch = batch_of(*moments, opinion("o1", "d1"), number=number)
    return batch._replace(
        puts=[Put(put.table, [NOBODYS, *put.rows]) if put.table == "opinions" else put for put in batch.puts]
    )


def test_of_a_batch_that_is_refused_all_but_the_bad_rows_go_in_and_once(
    store: SqlStore, opened: Callable[[], Database]
) -> None:
    database = opened()
    assert bring_in(database, with_bad_rows()) == Fate(10, 1)
    assert bring_in(database, with_bad_rows()) == Fate(0, 0), "each piece is known"
    assert bring_in(database, batch_of(*Told(name="d9").moments(), number=2)) == Fate(1, 0)
    database.close()
    assert sorted(row.decision_id for row in store.requests(Search())) == [f"d{at}" for at in range(10)]
    assert [row.opinion_id for row in store.opinions(ALWAYS)] == ["o1"]
    assert sum(row.n for row in store.usage(ALWAYS)) == 10


@pytest.mark.parametrize("bad", [Put("opinions", [NOBODYS]), Put("shadows", [GIANT]), Put("opinions", [HALVED])])
def test_what_no_database_takes_is_refused_for_good(opened: Callable[[], Database], bad: Put) -> None:
    database = opened()
    with pytest.raises(StoreError) as caught:
        database.apply(Batch("w", 1, AT_S, [bad]))
    assert caught.value.is_lasting
    assert database.apply(batch_of(opinion())), "the connection is still good"
    assert database.fetch("SELECT opinion_id FROM opinions") == [("o1",)]
    database.close()


def test_a_nul_that_got_into_a_row_costs_that_row_at_most(opened: Callable[[], Database]) -> None:
    database = opened()
    batch = batch_of(*Told().moments())
    bad = ("o1", "d1\0", AT_S, "default", None, 1.0, None, None, None, 1.0)
    fate = bring_in(database, batch._replace(puts=[*batch.puts, Put("opinions", [bad])]))
    assert fate == (Fate(2, 0) if database.dialect == "sqlite" else Fate(1, 1))
    database.close()


def test_words_of_a_request_that_was_refused_are_not_kept_since_nobody_could_forget_them(
    store: SqlStore, opened: Callable[[], Database]
) -> None:
    batch = batch_of(*Told(name="d1").moments(), *Told(name="d2").moments())
    tenant = REQUESTS.index("tenant")
    puts = [
        Put(put.table, [(*row[:tenant], None, *row[tenant + 1 :]) if row[0] == "d1" else row for row in put.rows])
        if put.table == "requests"
        else put
        for put in batch.puts
    ]
    bodies = Put("bodies", [(name, AT_S, "q", f"prompt of {name}", "r") for name in ("d1", "d2")])
    database = opened()
    assert bring_in(database, batch._replace(puts=[*puts, bodies])) == Fate(2, 2)
    assert database.fetch("SELECT decision_id FROM bodies") == [("d2",)]
    database.close()
    assert [row.decision_id for row in store.requests(Search())] == ["d2"]


def test_a_store_that_takes_nothing_now_gets_the_rest_of_a_refused_batch_later(tmp_path: Path) -> None:
    class Failing(SqliteDatabase):
        n_left = 3

        def apply(self, batch: Batch) -> bool:
            self.n_left -= 1
            if not self.n_left:
                raise StoreError("locked")
            return super().apply(batch)

    database = Failing(tmp_path / "traffic.db")
    with pytest.raises(StoreError, match="locked"):
        bring_in(database, with_bad_rows())
    fate = bring_in(database, with_bad_rows())
    assert fate.n_refused == 1
    assert database.fetch("SELECT COUNT(*) FROM requests") == [(9,)]
    database.close()


def test_what_dead_writers_left_comes_in_and_their_files_go(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b")):
        spool = Spool(tmp_path / "spools", name, 10**6)
        assert spool.append(batch_of(*Told(name=f"d{number}").moments(), writer=name))
        spool.close()
    living = Spool(tmp_path / "spools", "c", 10**6)
    assert living.append(batch_of(*Told(name="d3").moments(), writer="c"))
    database = SqliteDatabase(tmp_path / "traffic.db")
    assert list(bring_in_left(database, tmp_path / "spools")) == [Fate(1, 0), Fate(1, 0)]
    assert [path.name for path in (tmp_path / "spools").iterdir()] == ["c.spool"]
    living.close()
    database.close()
    with sqlite3.connect(tmp_path / "traffic.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM requests").fetchone() == (2,)
