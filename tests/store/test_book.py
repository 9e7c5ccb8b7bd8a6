"""The book: what is told becomes rows, each as seldom as can be, and no moment takes another with it."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.store.book import Book
from fairlead.store.delay_slots import N_SLOTS, SHORTEST_S, middle_s, slots_of
from fairlead.store.lines import MAX_POOLS
from fairlead.store.tables import REPLIED, REQUESTS, Put
from tests.store.small_traffic import AT_S, Told, arm, figures

OUTCOME = REQUESTS.index("outcome")
POOL = REQUESTS.index("pool")


def rows_of(book: Book, table: str, told_before_s: float = float("inf")) -> list[Any]:
    return [row for put in book.turn(told_before_s) if put.table == table for row in put.rows]


def test_a_decision_waits_for_its_reply_and_is_written_once() -> None:
    book, told = Book(), Told()
    book.take(AT_S, told.decided())
    assert rows_of(book, "requests", AT_S - 0.05) == []
    book.take(AT_S + 0.01, told.replied())
    (row,) = rows_of(book, "requests", AT_S - 0.05)
    assert (row[0], row[OUTCOME]) == ("d1", "ok")
    assert rows_of(book, "requests") == []


def test_a_decision_whose_reply_does_not_come_is_written_without_it_and_completed_later() -> None:
    book, told = Book(), Told()
    book.take(AT_S, told.decided())
    book.take(AT_S + 0.08, Told(name="d2").decided())
    (row,) = rows_of(book, "requests", AT_S + 0.05)
    assert row[0] == "d1"
    assert row[OUTCOME:] == (None,) * len(REPLIED)
    book.take(AT_S + 1, told.replied())
    whole, late = sorted(rows_of(book, "requests"))
    assert (whole[:OUTCOME], whole[OUTCOME]) == (row[:OUTCOME], "ok")
    assert (late[0], late[OUTCOME]) == ("d2", None)


def test_one_moment_that_cannot_be_read_does_not_take_the_others_with_it(caplog: pytest.LogCaptureFixture) -> None:
    broken = figures()._replace(places=None)  # type: ignore[arg-type]  # a bug
    book = Book()
    for told in (Told(name="d1"), Told(name="d2", figures=broken), Told(name="d3")):
        book.read([(AT_S, moment) for moment in told.moments()])
    book.read([(AT_S, Told(name=name, figures=way).decided()) for name, way in (("d4", broken), ("d5", figures()))])
    rows = {row[0]: row for row in rows_of(book, "requests")}
    assert sorted(rows) == ["d1", "d2", "d3", "d5"]
    assert (rows["d2"][POOL], rows["d2"][OUTCOME]) == (None, "ok"), "the reply is kept without its candidates"
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_counts_of_delays_wait_for_the_turn_that_writes_them() -> None:
    def counted(puts: Sequence[Put]) -> dict[tuple[object, ...], int]:
        return {tuple(row[:-1]): row[-1] for put in puts if put.table == "rollup_delays" for row in put.rows}

    told = [[(AT_S + at, moment) for moment in Told(name=f"d{at}", total_s=1.0 + at).moments()] for at in range(4)]
    at_once, late = Book(), Book()
    for one in told:
        at_once.read(one)
        late.read(one)
        assert not counted(late.turn(with_delays=False))
    wanted = counted(at_once.turn())
    assert wanted and counted(late.turn()) == wanted
    assert not late.turn(), "nothing is counted twice"


def test_of_many_configurations_only_some_are_remembered() -> None:
    book = Book()
    arms = [(arm(f"lab/{number}"),) for number in range(3 * MAX_POOLS)]
    for number, these in enumerate(arms):
        way = figures((0, 0.5, 0.001), arms=these)
        book.read([(AT_S, moment) for moment in Told(name=f"d{number}", figures=way).moments()])
    puts = {put.table: put.rows for put in book.turn()}
    assert len(puts["pools"]) == len({row[0] for row in puts["pools"]}) == len(arms)
    assert sum(row[5] for row in puts["rollup_arms"] if row[0] == 60) == len(arms), "each is compared with its own arms"
    assert len(book._lines._pools) == len(book._arms_of) == MAX_POOLS


@given(st.lists(st.floats(SHORTEST_S, 30_000.0)))
def test_the_middle_of_a_slot_is_within_a_tenth_of_the_delays_in_it(delays: list[float]) -> None:
    for delay, slot in zip(delays, slots_of(delays), strict=True):
        assert middle_s(int(slot)) == pytest.approx(delay, rel=0.1)


def test_too_short_and_too_long_delays_go_into_the_outermost_slots() -> None:
    assert slots_of([-1.0, 0.0, 1e-9, SHORTEST_S, 1e12, float("inf")]).tolist() == [
        0,
        0,
        0,
        0,
        N_SLOTS - 1,
        N_SLOTS - 1,
    ]
    assert slots_of([]).tolist() == []
