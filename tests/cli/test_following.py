"""Following: every request is told once, when it has ended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli.following import LATE_S, PAGE_ROWS, Following
from fairlead.store.rows import RequestRow
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search
from tests.store.small_traffic import AT_S, STRONG, Told, batch_of


class Writing:
    """A store that requests come into, one batch after another."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self._number = 0

    def put(self, *moments: Any, at_s: float) -> None:
        self._number += 1
        self.store.put(batch_of(*moments, number=self._number, at_s=at_s))

    def begin(self, name: str, at_s: float, **told: Any) -> None:
        self.put(Told(name=name, **told).decided(), at_s=at_s)

    def end(self, name: str, at_s: float, **told: Any) -> None:
        self.put(Told(name=name, **told).replied(), at_s=at_s)

    def run(self, name: str, at_s: float, **told: Any) -> None:
        self.put(*Told(name=name, **told).moments(), at_s=at_s)


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Writing]:
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "traffic.db"))
    yield Writing(store)
    store.close()


def names(rows: list[RequestRow]) -> list[str]:
    return [row.decision_id for row in rows]


def begun(writing: Writing, **search: Any) -> Following:
    """As `logs -f` begins: the newest are shown."""
    wanted = Search(**search)
    following = Following(writing.store, wanted)
    following.knows(writing.store.requests(wanted))
    return following


def test_one_that_runs_when_it_begins_is_told_when_it_has_ended(writing: Writing) -> None:
    writing.begin("shown", AT_S)
    writing.begin("hidden", AT_S - 1_000)
    following = begun(writing, limit=1)
    assert following.ended() == []
    writing.end("shown", AT_S + 300)
    writing.end("hidden", AT_S + 300)
    assert names(following.ended()) == ["hidden", "shown"]
    assert following.ended() == []


def test_the_limit_is_that_of_the_first_rows_alone(writing: Writing) -> None:
    writing.run("old", AT_S)
    following = begun(writing, limit=3)
    for at in range(8):
        writing.run(f"d{at}", AT_S + 1)
    assert names(following.ended()) == [f"d{at}" for at in range(8)]
    assert following.ended() == []


def test_what_had_ended_before_and_was_not_shown_is_not_told(writing: Writing) -> None:
    for at in range(5):
        writing.run(f"d{at}", AT_S + at)
    assert begun(writing, limit=2).ended() == []


def test_a_slow_one_is_told_though_very_many_came_meanwhile(writing: Writing) -> None:
    following = begun(writing, limit=50)
    writing.begin("slow", AT_S)
    assert following.ended() == []
    many = [moment for at in range(2 * PAGE_ROWS) for moment in Told(name=f"d{at:04}").moments()]
    writing.put(*many, at_s=AT_S + 2 * LATE_S)
    assert len(following.ended()) == 2 * PAGE_ROWS
    writing.end("slow", AT_S + 3 * LATE_S, outcome="error")
    assert names(following.ended()) == ["slow"]


def test_one_that_is_told_at_its_end_alone_is_told_though_later_ones_were_told_before(writing: Writing) -> None:
    following = begun(writing)
    writing.run("quick", AT_S + 21)
    assert names(following.ended()) == ["quick"]
    writing.end("late", AT_S + 22, total_s=22.0)
    assert names(following.ended()) == ["late"]
    assert following.ended() == []


def test_what_came_in_from_a_spool_after_a_long_time_is_told(writing: Writing) -> None:
    writing.run("before", AT_S)
    following = begun(writing)
    writing.run("spooled", AT_S + 1)
    writing.run("after", AT_S + 1_000)
    assert names(following.ended()) == ["spooled", "after"]


@pytest.mark.parametrize(
    ("search", "told"),
    [
        ({}, ["good", "bad", "other"]),
        ({"outcome": "failed"}, ["bad"]),
        ({"outcome": "ok"}, ["good", "other"]),
        ({"outcome": "error"}, ["bad"]),
        ({"model": STRONG.model}, ["other"]),
        ({"tenant": "red"}, ["other"]),
        ({"since_s": AT_S + 3}, ["other"]),
    ],
)
def test_one_that_runs_is_told_if_it_ends_as_is_asked(
    writing: Writing, search: dict[str, Any], told: list[str]
) -> None:
    ends: dict[str, dict[str, Any]] = {"good": {}, "bad": {"outcome": "error"}}
    ends["other"] = {"served": STRONG, "tenant": "red"}
    for at, (name, how) in enumerate(ends.items()):
        writing.begin(name, AT_S + 2 * at, **how)
    following = begun(writing, **search)
    for name, how in ends.items():
        writing.end(name, AT_S + 10, **how)
    assert names(following.ended()) == told
