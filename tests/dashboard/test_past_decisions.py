"""Past decisions are read from a real store: the newest, so many at most, once a minute, and nobody else's."""

import threading
from functools import partial
from pathlib import Path

import pytest

from fairlead.dashboard.past_decisions import KEPT_S, PastReader, read_decisions
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Window
from tests.store.small_traffic import AT_S, Told, batch_of, figures, opinion


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlStore(partial(SqliteDatabase, tmp_path / "traffic.db", busy_s=1.0))


def keep(store: SqlStore, *told: Told, first: int = 0) -> None:
    for number, each in enumerate(told, 1 + first):
        store.put(batch_of(*each.moments(), number=number, at_s=AT_S + number))


WINDOW = Window(AT_S, AT_S + 1_000)


def test_the_newest_are_read_and_it_is_said_when_there_were_more(store: SqlStore) -> None:
    keep(store, *(Told(name=f"d{n}") for n in range(5)))

    found = read_decisions(store, WINDOW, 3)

    assert [row.decision_id for row in found.rows] == ["d2", "d3", "d4"]
    assert (found.n_seen, found.is_cut, found.since_s) == (3, True, AT_S + 3)
    assert not read_decisions(store, WINDOW, 6).is_cut


def test_the_table_stands_beside_its_rows_and_what_tells_nothing_is_counted(store: SqlStore) -> None:
    # Three candidates with a chance of a half each: these chances are none.
    odd = figures((0, 0.8, 0.001), (1, 0.9, 0.01), (2, 0.7, 0.02))
    keep(store, Told(name="d1", policy="auto:cost"), Told(name="d2"), Told(name="d3"), Told(name="d4", figures=odd))
    store.put(batch_of(opinion(of="d2", score=0.5), number=9, at_s=AT_S + 2))

    found = read_decisions(store, WINDOW)

    assert len(found.table) == len(found.rows)
    assert found.n_unknown == 1
    assert found.policies == ("auto", "auto:cost")
    assert [row.decision_id for row in found.of_policy("auto:cost").rows] == ["d1"]
    assert found.of_policy("*") is found


def test_another_tenants_decisions_are_not_seen(store: SqlStore) -> None:
    keep(store, Told(name="d1", tenant="blue"), Told(name="d2"))

    found = read_decisions(store, WINDOW._replace(tenant="blue"))

    assert [row.decision_id for row in found.rows] == ["d1"]


def test_a_reader_looks_once_a_minute(store: SqlStore) -> None:
    now = [AT_S + 10]
    reader = PastReader(lambda: now[0])
    keep(store, Told(name="d1"))
    first = reader.read(store, None, 1.0)
    keep(store, Told(name="d2"), first=1)

    assert reader.read(store, None, 1.0) is first
    now[0] += KEPT_S
    assert len(reader.read(store, None, 1.0).rows) == 2


def test_what_is_there_already_waits_for_nobody_who_reads_something_else(store: SqlStore) -> None:
    begun, go, waited = threading.Event(), threading.Event(), list[bool]()

    class Slow(SqlStore):
        """A store that is asked and takes its time."""

        def newest_from(self, window: Window, n: int) -> float:
            begun.set()
            waited.append(go.wait(5.0))
            return super().newest_from(window, n)

    reader = PastReader(lambda: AT_S + 10)
    keep(store, Told(name="d1"))
    first = reader.read(store, None, 1.0)
    slow = Slow(lambda: store._database)
    other = threading.Thread(target=reader.read, args=(slow, "blue", 1.0))
    other.start()
    assert begun.wait(5.0)
    assert reader.read(store, None, 1.0) is first
    go.set()
    other.join()
    assert waited == [True]


def test_one_tenants_reading_is_not_another_ones(store: SqlStore) -> None:
    reader = PastReader(lambda: AT_S + 10)
    keep(store, Told(name="d1", tenant="blue"), Told(name="d2", tenant="red"))

    assert [row.decision_id for row in reader.read(store, "blue", 1.0).rows] == ["d1"]
    assert [row.decision_id for row in reader.read(store, "red", 1.0).rows] == ["d2"]
