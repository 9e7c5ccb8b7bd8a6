"""LiveAnswers: what profiling asks with; asked once, under the cap."""

from dataclasses import replace
from pathlib import Path

import pytest

from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.live_answers import LiveAnswers
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.questions import Model, Parameters, Question
from fairlead.evaluation.suite_items import Suite
from fairlead.learning.seat import ProbeOutcome
from tests.evaluation.running.worlds import Books, means, model, plan, suite


async def test_items_are_asked_when_wanted_and_once(tmp_path: Path) -> None:
    journal, books = Journal.open(tmp_path / "j"), Books()
    live = LiveAnswers(plan(10), journal, means(books))
    first = await live.answers(["s3", "s1"])
    for each in first:
        assert each[:5] == pytest.approx((1.0, 20.0, 10.0, 40e-6, 0.25))
    assert first[0].reply_hash != first[1].reply_hash
    await live.answers(["s1", "s2"])
    assert len(books.n_sent) == 3 and set(books.n_sent.values()) == {1}
    journal.close()
    again = Journal.open(tmp_path / "j")
    assert await LiveAnswers(plan(10), again, means(books)).answers(["s3"]) == first[:1]
    assert set(books.n_sent.values()) == {1}
    again.close()


async def test_what_the_cap_does_not_allow_brings_nothing(tmp_path: Path) -> None:
    journal, books = Journal.open(tmp_path / "j"), Books()
    found = await LiveAnswers(plan(3, cap_usd=0.0), journal, means(books)).answers(["s0"])
    assert found == [ProbeOutcome(None, is_asked=False)]
    assert books.n_sent == {}
    journal.close()


def judged_plan(reference: str | None, judges: tuple[Model, ...], cap_usd: float = 1.0) -> Plan:
    items = tuple(replace(item, reference=reference) for item in suite(3, "judge").items)
    return Plan(Suite("essays", items, "plain"), (model("a"),), round(cap_usd * 1e9), judges, Parameters(16))


async def test_a_judge_compares_with_the_reference_in_both_orders_and_under_the_same_cap(tmp_path: Path) -> None:
    def text(question: Question) -> str:
        if question.kind != "judge":
            return "the better essay"
        shown = str(question.item.messages)
        return "Verdict: A" if shown.index("the better essay") < shown.rindex("a plain one") else "Verdict: B"

    journal, books = Journal.open(tmp_path / "j"), Books(text=text)
    live = LiveAnswers(judged_plan("a plain one", (model("judge", "v"),)), journal, means(books))
    assert [each.score for each in await live.answers(["s2", "s0"])] == [1.0, 1.0]
    assert len(books.n_sent) == 2 + 4
    journal.close()
    # The cap holds one short answer; a judge reads two of them and a task, which takes more.
    poor = Journal.open(tmp_path / "poor")
    live = LiveAnswers(judged_plan("a plain one", (model("judge", "v"),), 200e-6), poor, means(Books(text=text)))
    (found,) = await live.answers(["s0"])
    assert found.score is None and found.is_asked and found.cost_usd is not None
    assert live.runner.tally.n_over_budget == 2
    poor.close()


def test_what_cannot_be_asked_is_refused_by_name(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j")
    refused = {
        "One model is asked at a time": plan(1, [model("a"), model("b")]),
        "have no reference, 's0' the first": judged_plan(None, (model("judge", "v"),)),
        "name one by --judge": judged_plan("x", ()),
        "is of the family of a": judged_plan("x", (model("a"),)),
    }
    for said, wanted in refused.items():
        with pytest.raises(EvaluationError, match=said):
            LiveAnswers(wanted, journal, means(Books()))
    journal.close()
