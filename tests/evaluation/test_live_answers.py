"""LiveAnswers: what profiling asks with; asked once, under the cap."""

from pathlib import Path

import pytest

from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.live_answers import LiveAnswers, Measured
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan
from tests.evaluation.running.worlds import Books, means, model, plan, suite


async def test_items_are_asked_when_wanted_and_once(tmp_path: Path) -> None:
    journal, books = Journal.open(tmp_path / "j"), Books()
    live = LiveAnswers(plan(10), journal, means(books))
    first = await live.answers(["s3", "s1"])
    for each in first:
        assert list(each) == pytest.approx([1.0, 20.0, 10.0, 40e-6, 0.25])
    await live.answers(["s1", "s2"])
    assert len(books.n_sent) == 3 and set(books.n_sent.values()) == {1}
    journal.close()
    again = Journal.open(tmp_path / "j")
    assert await LiveAnswers(plan(10), again, means(books)).answers(["s3"]) == first[:1]
    assert set(books.n_sent.values()) == {1}
    again.close()


async def test_what_the_cap_does_not_allow_brings_nothing(tmp_path: Path) -> None:
    journal, books = Journal.open(tmp_path / "j"), Books()
    assert await LiveAnswers(plan(3, cap_usd=0.0), journal, means(books)).answers(["s0"]) == [Measured()]
    assert books.n_sent == {}
    journal.close()


def test_several_models_or_a_judge_are_refused(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j")
    for wanted in (plan(1, [model("a"), model("b")]), Plan(suite(1, "judge"), (model("a"),), 1)):
        with pytest.raises(EvaluationError, match="One model is asked at a time"):
            LiveAnswers(wanted, journal, means(Books()))
    journal.close()
