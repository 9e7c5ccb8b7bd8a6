"""Folded attempts: one that says nothing beside its reply has no row of its own, and nobody who reads sees it."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.domain.money import Usd
from fairlead.domain.names import DecisionId
from fairlead.domain.usage import Usage
from fairlead.store import window_pages
from fairlead.store.book import Book
from fairlead.store.database import Database
from fairlead.store.lines import Line, Lines, Moment, Of
from fairlead.store.rows import AttemptRow
from fairlead.store.sql_store import SqlStore
from fairlead.store.store import Search
from fairlead.store.tables import FOLDED, REPLIED, Batch
from tests.store.small_traffic import ALWAYS, AT_S, CHEAP, STRONG, Told, arm, batch_of

_FOLDED_AT = 2 + REPLIED.index(FOLDED[0])
TOLD = Told()
ATTEMPTED, REPLIED_TO = TOLD.attempted(), TOLD.replied()
STREAMED = (ATTEMPTED._replace(stage="speaking"), REPLIED_TO._replace(is_streaming=True))

DIFFERENCES: Final[tuple[tuple[dict[str, Any], dict[str, Any]], ...]] = (
    ({"decision_id": "d2"}, {}),
    ({"arm": STRONG}, {}),
    ({"outcome": "truncated"}, {}),
    ({"upstream_status": 201}, {}),
    ({"upstream_status": None}, {}),
    ({"usage": None}, {}),
    ({"usage": Usage(100, 10, 0, 50, 6)}, {}),
    ({"usage": Usage(100, 10, 0, 50, 5, is_estimated=True)}, {}),
    ({"cost": None}, {}),
    ({"cost": Usd(1)}, {}),
    ({"place": 1}, {}),
    ({"is_hedge": True}, {}),
    ({"stage": "waiting"}, {}),
    ({"stage": "opening"}, {}),
    ({"stage": "speaking"}, {}),
    ({"losses": ("seed",)}, {}),
    ({"number": 2}, {}),
    ({}, {"decision_id": "d2"}),
    ({}, {"arm": None}),
    ({}, {"arm": STRONG}),
    ({}, {"outcome": "cancelled"}),
    ({}, {"status": 499}),
    ({}, {"is_streaming": True}),
    ({}, {"n_attempts": 0}),
    ({}, {"n_attempts": 2}),
    ({}, {"usage": None}),
    ({}, {"cost": None}),
    ({}, {"cost": Usd(0), "is_cached": True}),
)
"""What an attempt says otherwise, and what its reply does: each alone keeps it apart."""


def lines_of(*moments: Moment) -> list[Line]:
    """The lines of moments that are told together, a second after one another."""
    return Lines().of([(AT_S + at, moment) for at, moment in enumerate(moments)])


def kinds(lines: Sequence[Line]) -> list[str]:
    return [Of(line[0]).name.lower() for line in lines]


def folded_in(line: Line) -> tuple[Any, ...]:
    """What a reply's line says of its attempt."""
    return tuple(line[_FOLDED_AT : _FOLDED_AT + len(FOLDED)])


def attempts_of(store: SqlStore, name: str = "d1") -> tuple[AttemptRow, ...]:
    whole = store.decision(name)
    return () if whole is None else whole.attempts


@pytest.fixture
def rows_apart(opened: Callable[[], Database]) -> Callable[[], int]:
    """How many attempts have rows of their own."""

    def counted() -> int:
        database = opened()
        ((n,),) = database.fetch("SELECT COUNT(*) FROM attempts_apart")
        database.close()
        return int(n)

    return counted


@pytest.mark.parametrize(("attempted", "replied"), [(ATTEMPTED, REPLIED_TO), STREAMED])
def test_the_only_attempt_of_a_good_request_is_in_the_line_of_its_reply(attempted: Any, replied: Any) -> None:
    decision, reply = lines_of(TOLD.decided(), attempted, replied)[-2:]
    assert kinds([decision, reply]) == ["decision", "reply"]
    assert folded_in(reply) == (AT_S + 1, attempted.after_s, attempted.first_byte_s, attempted.total_s)


@pytest.mark.parametrize(("changes", "of_reply"), DIFFERENCES)
def test_whatever_an_attempt_says_that_its_reply_does_not_keeps_it_apart(
    changes: dict[str, Any], of_reply: dict[str, Any]
) -> None:
    attempt, reply = lines_of(ATTEMPTED._replace(**changes), REPLIED_TO._replace(**of_reply))
    assert kinds([attempt, reply]) == ["attempt", "reply"]
    assert folded_in(reply) == (None,) * len(FOLDED)


def test_what_a_reply_says_and_no_attempt_keeps_nobody_apart() -> None:
    (reply,) = lines_of(ATTEMPTED._replace(served="another name"), REPLIED_TO._replace(error_code="odd", kept="stayed"))
    assert folded_in(reply)[0] == AT_S


def test_equal_figures_fold_as_the_same_ones_do() -> None:
    usage, cost = Usage(*REPLIED_TO.usage or ()), Usd(REPLIED_TO.cost.nano if REPLIED_TO.cost else 0)
    (reply,) = lines_of(ATTEMPTED._replace(usage=usage, cost=cost, arm=arm("lab/cheap", "two")), REPLIED_TO)
    assert folded_in(reply)[0] == AT_S


def test_attempts_stand_where_they_were_told_when_anything_comes_between() -> None:
    other = Told(name="d2")
    lines = lines_of(ATTEMPTED, other.replied(), REPLIED_TO, other.attempted())
    assert [(kind, line[1]) for kind, line in zip(kinds(lines), lines, strict=True)] == [
        ("attempt", "d1"), ("reply", "d2"), ("reply", "d1"), ("attempt", "d2"),
    ]  # fmt: skip
    assert [lines[0][3], lines[3][3]] == [AT_S, AT_S + 3], "each with its own time"


def test_an_attempt_whose_reply_is_not_told_yet_is_not_held_back() -> None:
    lines = Lines()
    assert kinds(lines.of([(AT_S, ATTEMPTED)])) == ["attempt"]
    (reply,) = lines.of([(AT_S + 1, REPLIED_TO)])
    assert folded_in(reply) == (None,) * len(FOLDED)


def test_a_failover_keeps_each_of_its_attempts() -> None:
    failed = TOLD.attempted()._replace(outcome="timeout", upstream_status=None, usage=None, cost=None)
    lines = lines_of(failed, TOLD.attempted(2), REPLIED_TO._replace(n_attempts=2))
    assert kinds(lines) == ["attempt", "attempt", "reply"]


def test_a_hedge_keeps_both() -> None:
    lost = TOLD.attempted()._replace(outcome="cancelled", upstream_status=None, stage="waiting")
    won = TOLD.attempted(2)._replace(place=1, is_hedge=True)
    assert kinds(lines_of(lost, won, REPLIED_TO._replace(n_attempts=2))) == ["attempt", "attempt", "reply"]


def test_a_reply_from_the_cache_has_no_attempt() -> None:
    (reply,) = lines_of(REPLIED_TO._replace(n_attempts=0, usage=None, cost=Usd(0), is_cached=True))
    assert folded_in(reply) == (None,) * len(FOLDED)


def test_a_client_that_left_keeps_its_attempt_apart() -> None:
    left = ATTEMPTED._replace(outcome="cancelled", upstream_status=None)
    assert kinds(lines_of(left, REPLIED_TO._replace(outcome="cancelled", status=499))) == ["attempt", "reply"]


def test_a_moment_that_cannot_be_read_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    bug: Any = "a bug"
    broken = REPLIED_TO._replace(total_s=bug)
    assert kinds(lines_of(TOLD.decided(), ATTEMPTED, broken))[-1] == "attempt", "its reply would have had it"
    torn = ATTEMPTED._replace(cost=bug)
    assert kinds(lines_of(torn, Told(name="d2").attempted(), Told(name="d3").replied())) == ["attempt", "reply"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


# in the store


def test_folded_and_apart_read_the_same(store: SqlStore, rows_apart: Callable[[], int]) -> None:
    """Random requests, each told whole and again moment by moment, where nothing can fold: the same rows come out."""
    numbers, seen = count(1), {0: 0, 1: 0}
    seconds = st.floats(0.0, 1e5)
    agreeing = st.sampled_from((({}, {}), ({"stage": "speaking"}, {"is_streaming": True})))
    of_one_request = [(one, other) for one, other in DIFFERENCES if "decision_id" not in one | other]

    @settings(max_examples=60)
    @given(
        agreeing | st.sampled_from(of_one_request),
        st.sampled_from((200, 201)),
        st.builds(Usage, *[st.integers(-1, 2**60)] * 5, st.booleans()) | st.none(),
        st.builds(Usd, st.integers(0, 2**60)) | st.none(),
        st.sampled_from(("ok", "truncated")),
        seconds | st.none(), seconds, seconds,
        st.booleans(),
    )  # fmt: skip
    def holds(
        changes: tuple[dict[str, Any], dict[str, Any]], status: int, usage: Any, cost: Any, outcome: Any,
        first_byte_s: float | None, total_s: float, after_s: float, is_decided: bool,
    ) -> None:  # fmt: skip
        number = next(numbers)
        before, found = rows_apart(), []
        for way in ("together", "apart"):
            told = Told(name=f"{way}-{number}")
            attempt = told.attempted()._replace(usage=usage, cost=cost, outcome=outcome, upstream_status=status)
            attempt = attempt._replace(first_byte_s=first_byte_s, total_s=total_s, after_s=after_s)
            reply = told.replied()._replace(usage=usage, cost=cost, outcome=outcome, status=status)
            moments: list[Moment] = [told.decided()] if is_decided else []
            moments += [attempt._replace(**changes[0]), reply._replace(**changes[1])]
            book = Book()
            if way == "together":
                book.read([(AT_S, moment) for moment in moments])
            else:
                for moment in moments:
                    book.take(AT_S, moment)
            assert store.put(Batch(way, number, AT_S, book.turn()))
            (row,) = attempts_of(store, told.name)
            assert [each for each in store.attempts(ALWAYS) if each.decision_id == told.name] == [row]
            found.append(row._replace(decision_id=""))
            if way == "together":
                seen[rows_apart() - before] += 1
                before = rows_apart()
        assert rows_apart() == before + 1
        assert found[0] == found[1]

    holds()
    assert min(seen.values()) > 3, "some were folded, and some were not"


def test_a_decision_that_was_written_before_takes_its_folded_attempt_over_once(
    store: SqlStore, rows_apart: Callable[[], int]
) -> None:
    book = Book()
    store.put(batch_of(TOLD.decided(), number=1, book=book))
    assert attempts_of(store) == ()
    late = batch_of(ATTEMPTED, REPLIED_TO, number=2, book=book, at_s=AT_S + 1)
    assert (store.put(late), store.put(late)) == (True, False)
    (attempt,) = attempts_of(store)
    assert (attempt.at_s, attempt.number, attempt.model, attempt.cost_nanousd) == (AT_S + 1, 1, "lab/cheap", 2_000_000)
    # Somebody else's word of the same reply changes nothing.
    store.put(batch_of(ATTEMPTED._replace(total_s=9.0), REPLIED_TO, writer="another", at_s=AT_S + 2))
    assert attempts_of(store) == (attempt,)
    assert rows_apart() == 0


def test_a_reply_without_a_decision_has_its_attempt_too(store: SqlStore, rows_apart: Callable[[], int]) -> None:
    store.put(batch_of(ATTEMPTED, REPLIED_TO))
    ((attempt,), (request,)) = attempts_of(store), store.requests(Search())
    assert (attempt.at_s, request.at_s) == (AT_S, AT_S - TOLD.total_s)
    assert rows_apart() == 0


def test_a_batch_counts_the_rows_that_it_has() -> None:
    folded, apart = batch_of(*TOLD.moments()), batch_of(TOLD.decided(), TOLD.attempted(2), REPLIED_TO)
    assert (folded.n_rows, apart.n_rows) == (1, 2)


@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_every_attempt_is_read_through_whichever_way_it_is_kept(
    store: SqlStore, rows_apart: Callable[[], int], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(window_pages, "ATTEMPTS_OF", size)
    for at in range(7):
        told = Told(name=f"d{at}", tenant="blue" if at % 2 else "red", served=(CHEAP, STRONG)[at % 2])
        again = told.attempted(2)
        moments = told.moments() if at % 3 else (told.decided(), told.attempted(), again, told.replied())
        store.put(batch_of(*moments, number=at + 1, at_s=AT_S + at))
    assert rows_apart() == 6, "of three of them"
    wanted = [(f"d{at}", number) for at in range(7) for number in ((1, 2) if at % 3 == 0 else (1,))]
    assert [(row.decision_id, row.number) for row in store.attempts(ALWAYS)] == wanted
    assert {row.decision_id for row in store.attempts(ALWAYS._replace(tenant="blue"))} == {"d1", "d3", "d5"}
    assert [row.decision_id for row in store.attempts(ALWAYS._replace(since_s=AT_S + 4, until_s=AT_S + 6))] == [
        "d4", "d5",
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["of a tenant", "what is old"])
def test_attempts_go_with_their_requests(store: SqlStore, rows_apart: Callable[[], int], how: str) -> None:
    for at, tenant in enumerate(("blue", "red")):
        folded, apart = Told(name=f"{tenant}-1", tenant=tenant), Told(name=f"{tenant}-2", tenant=tenant)
        moments = (*folded.moments(), apart.decided(), apart.attempted(), apart.attempted(2), apart.replied())
        store.put(batch_of(*moments, number=at + 1, at_s=AT_S + at * 7_200))
    if how == "of a tenant":
        store.forget_tenant("blue")
    else:
        store.forget(AT_S + 3_600, None)
    assert [(row.decision_id, row.number) for row in store.attempts(ALWAYS)] == [
        ("red-1", 1),
        ("red-2", 1),
        ("red-2", 2),
    ]
    assert (attempts_of(store, "blue-1"), attempts_of(store, "blue-2"), rows_apart()) == ((), (), 2)
    assert attempts_of(store, "red-1")[0].decision_id == DecisionId("red-1")
