"""A run: once, inside the cap, again where it may, and never paid twice."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import EvaluationError, SilentError, UnreachableError, UpstreamError
from fairlead.evaluation.evaluation_run import evaluate
from fairlead.evaluation.reports.findings import Findings
from fairlead.evaluation.running.answers import Answered
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.running.runner import GIVE_UP_AFTER, Runner
from tests.evaluation.running.worlds import Books, Clock, means, model, plan, rejected

COST_USD = 40e-6
"""20 tokens in at 1 USD and 10 out at 2 USD per million."""


async def ran(
    folder: Path, books: Books, wanted: Plan, *, clock: Clock | None = None, in_flight: str = "auto", at_once: int = 4
) -> Findings:
    journal = Journal.open(folder / "journal.jsonl")
    try:
        return await evaluate(wanted, journal, means(books, clock, concurrency=at_once, in_flight=in_flight))
    finally:
        journal.close()


async def test_every_question_is_asked_once_and_scored(tmp_path: Path) -> None:
    books = Books()
    found = await ran(tmp_path, books, plan(10))
    (only,) = found.models
    assert (only.n_answered, only.score.value, only.n_unscored) == (10, 1.0, 0)
    assert found.spent_usd == pytest.approx(10 * COST_USD)
    assert set(books.n_sent.values()) == {1}


async def test_the_same_command_again_asks_nothing_and_gives_the_same_record(tmp_path: Path) -> None:
    books = Books()
    first = await ran(tmp_path, books, plan(10))
    second = await ran(tmp_path, books, plan(10))
    assert set(books.n_sent.values()) == {1}
    assert (second.record_hash, second.spent_usd) == (first.record_hash, first.spent_usd)


async def test_equal_inputs_give_an_equal_record_in_another_folder_and_another_order(tmp_path: Path) -> None:
    hashes = set()
    for place, at_once in ((tmp_path / "a", 1), (tmp_path / "b", 9)):
        place.mkdir()
        hashes.add((await ran(place, Books(), plan(10), at_once=at_once)).record_hash)
    assert len(hashes) == 1


async def test_samples_are_calls_of_their_own(tmp_path: Path) -> None:
    books = Books()
    found = await ran(tmp_path, books, plan(5, n_samples=3))
    assert len(books.n_charged) == 15
    assert found.models[0].any_right.value == 1.0


async def test_refusals_are_waited_out_and_halve_the_pace(tmp_path: Path) -> None:
    clock = Clock()
    books = Books(fails=lambda question, n: rejected(429, retry_after_s=7.0) if n == 1 else None)
    found = await ran(tmp_path, books, plan(6), clock=clock)
    assert found.models[0].n_answered == 6
    assert 7.0 <= clock.now_s < 60.0
    assert books.n_paid_twice == 0


async def test_errors_that_cannot_have_been_paid_are_retried_and_never_results(tmp_path: Path) -> None:
    books = Books(fails=lambda question, n: UnreachableError("refused") if n < 3 else None)
    assert (await ran(tmp_path, books, plan(4))).models[0].n_answered == 4


async def test_what_failed_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    down = Books(fails=lambda question, n: rejected(500))
    found = await ran(tmp_path, down, plan(3))
    assert (found.models[0].n_answered, found.models[0].score.value, found.spent_usd) == (0, None, 0.0)
    assert "3 calls failed and cost nothing" in found.notes[-1]
    assert (await ran(tmp_path, Books(), plan(3))).models[0].n_answered == 3


async def test_a_bad_request_is_not_repeated(tmp_path: Path) -> None:
    books = Books(fails=lambda question, n: rejected(400))
    await ran(tmp_path, books, plan(3))
    assert set(books.n_sent.values()) == {1}


async def test_a_wrong_key_gives_the_upstream_up_at_once(tmp_path: Path) -> None:
    books = Books(fails=lambda question, n: rejected(401))
    found = await ran(tmp_path, books, plan(50), at_once=2)
    assert len(books.n_sent) <= 4
    assert any("was given up (status 401)" in note for note in found.notes)


async def test_a_dead_upstream_is_given_up_and_the_other_goes_on(tmp_path: Path) -> None:
    def fails(question: Question, n: int) -> UpstreamError | None:
        return UnreachableError("refused") if question.model.upstream == "dead" else None

    books = Books(fails=fails)
    found = await ran(tmp_path, books, plan(200, [model("a", "dead"), model("b", "u")]), at_once=4)
    by_name = {each.name: each for each in found.models}
    assert (by_name["a"].n_answered, by_name["b"].n_answered) == (0, 200)
    asked = {key for key in books.n_sent if key not in books.n_charged}
    assert GIVE_UP_AFTER <= len(asked) <= GIVE_UP_AFTER + 4


async def test_a_call_cut_off_is_left_and_named_when_the_upstream_is_not_known_to_replay(tmp_path: Path) -> None:
    def cut(question: Question, n: int) -> UpstreamError | None:
        return SilentError("idle") if question.item.id == "s0" else None

    books = Books(fails=cut)
    found = await ran(tmp_path, books, plan(5))
    assert (found.n_unknown, found.models[0].n_answered, books.n_paid_twice) == (1, 4, 0)
    assert found.held_usd > 0
    again = await ran(tmp_path, books, plan(5))
    assert (again.n_unknown, books.n_paid_twice) == (1, 0)


async def test_the_operator_may_have_it_asked_again_and_both_charges_are_counted(tmp_path: Path) -> None:
    books = Books(fails=lambda question, n: SilentError("idle") if n == 1 else None)
    found = await ran(tmp_path, books, plan(3), in_flight="resend")
    assert (found.n_unknown, found.models[0].n_answered, books.n_paid_twice) == (0, 3, 3)
    assert found.spent_usd == pytest.approx(3 * COST_USD)
    assert found.held_usd > 0


async def test_an_upstream_that_replays_is_asked_again_and_charges_once(tmp_path: Path) -> None:
    def cut(question: Question, n: int) -> UpstreamError | None:
        return SilentError("idle") if n == 1 and question.item.id in ("s3", "s7") else None

    books = Books(replays=True, fails=cut)
    found = await ran(tmp_path, books, plan(10), at_once=1)
    assert (found.n_unknown, found.models[0].n_answered, books.n_paid_twice) == (0, 10, 0)
    assert [found.held_usd, found.spent_usd] == pytest.approx([0.0, 10 * COST_USD])


async def test_the_cap_is_never_passed_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    books = Books()
    low = await ran(tmp_path, books, plan(40, cap_usd=0.0025), at_once=8)
    assert 0 < low.models[0].n_answered < 40
    assert low.spent_usd + low.held_usd <= 0.0025
    assert any("The cap was reached" in note for note in low.notes)
    high = await ran(tmp_path, books, plan(40, cap_usd=1.0), at_once=8)
    assert (high.models[0].n_answered, set(books.n_sent.values())) == (40, {1})


async def test_a_cap_of_nothing_makes_no_call(tmp_path: Path) -> None:
    books = Books()
    await ran(tmp_path, books, plan(5, cap_usd=0.0))
    assert books.n_sent == {}


async def test_an_upstream_that_charges_more_than_its_price_is_found_out_by_one_call(tmp_path: Path) -> None:
    class Dear(Books):
        async def __call__(self, question: Question) -> Answered:
            return (await super().__call__(question))._replace(said_nano=question.most_nano + 1)

    books = Dear()
    found = await ran(tmp_path, books, plan(50), at_once=16)
    assert sum(books.n_charged.values()) == 1
    assert any("m charged 0.00" in note and "name its price by --prices" in note for note in found.notes)


async def test_stopping_begins_no_further_call_and_the_next_run_goes_on(tmp_path: Path) -> None:
    runners: list[Runner] = []

    def stop(question: Question) -> str:
        runners[0].stop()
        return "#### 0"

    journal = Journal.open(tmp_path / "journal.jsonl")
    stopped = means(Books(text=stop), concurrency=1)
    object.__setattr__(stopped, "started", runners.append)
    found = await evaluate(plan(10), journal, stopped)
    journal.close()
    assert found.models[0].n_answered == 1
    assert any("The run was stopped: 9 calls" in note for note in found.notes)
    assert (await ran(tmp_path, Books(), plan(10))).models[0].n_answered == 10


async def test_another_revision_of_the_suite_is_not_mixed_into_a_record(tmp_path: Path) -> None:
    await ran(tmp_path, Books(), plan(3))
    with pytest.raises(EvaluationError, match="another revision of the suite"):
        await ran(tmp_path, Books(), plan(4))


def troubles() -> st.SearchStrategy[dict[tuple[int, int], int]]:
    """(item, sending) -> status, 0 for a cut."""
    places = st.tuples(st.integers(0, 7), st.integers(1, 3))
    return st.dictionaries(places, st.sampled_from([0, 429, 500, 503, 504]), max_size=12)


@given(troubles(), st.booleans(), st.integers(1, 6), st.integers(0, 500))
async def test_whatever_fails_the_cap_holds_and_nothing_is_paid_twice(
    tmp_path_factory: pytest.TempPathFactory, trouble: dict[tuple[int, int], int], replays: bool, at_once: int, cap: int
) -> None:
    def fails(question: Question, n: int) -> UpstreamError | None:
        status = trouble.get((int(question.item.id[1:]), n))
        return None if status is None else SilentError("cut") if status == 0 else rejected(status)

    folder = tmp_path_factory.mktemp("run")
    books = Books(replays=replays, fails=fails)
    cap_usd = cap * 1e-4
    for _ in range(2):
        found = await ran(folder, books, plan(8, cap_usd=cap_usd), at_once=at_once)
        charged = sum(books.n_charged.values()) * COST_USD
        assert found.spent_usd + found.held_usd <= cap_usd + 1e-12
        assert charged <= cap_usd + 1e-12
        assert books.n_paid_twice == 0
        assert found.models[0].n_answered + found.n_unknown <= 8
