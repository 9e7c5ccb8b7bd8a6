"""Outcomes: which scores are words on a model, and what is told of the call beside them."""

import json

import pytest

from fairlead.domain.usage import Usage
from fairlead.evaluation.traffic_tables import outcome_lines
from fairlead.store.book import Book
from fairlead.store.sql_store import SqlStore
from fairlead.store.tables import Batch, Put
from tests.store.small_traffic import ALWAYS, AT_S, Told, batch_of, opinion


def test_outcomes_need_a_score_and_the_query(store: SqlStore) -> None:
    book = Book()
    store.put(batch_of(*Told(name="d1").moments(), opinion("o1", "d1", score=0.5), book=book, number=1))
    store.put(batch_of(*Told(name="d2").moments(), opinion("o2", "d2", score=0.75), book=book, number=2))
    store.put(Batch("w", 3, AT_S, [Put("bodies", [("d2", AT_S, "sort a list", "[user] sort a list", None)])]))
    (outcome,) = store.outcomes(ALWAYS)
    assert (outcome.decision_id, outcome.query, outcome.model, outcome.score) == (
        "d2",
        "sort a list",
        "lab/cheap",
        0.75,
    )
    assert outcome.output_tokens == 50
    assert outcome.cost_usd == pytest.approx(0.002)


def test_outcomes_are_of_whole_replies_and_of_calls_to_the_model(store: SqlStore) -> None:
    told = {
        "called": Told(name="called", usage=Usage(100, 900, 20, 50, 5)),
        "failed": Told(name="failed", outcome="error"),
        "broken": Told(name="broken", outcome="truncated"),
        "running": Told(name="running"),
    }
    moments = [moment for each in told.values() for moment in each.moments() if each.name != "running"]
    cached = Told(name="cached")
    moments += [told["running"].decided(), cached.decided(), cached.replied()._replace(is_cached=True)]
    store.put(batch_of(*moments, *(opinion(f"o-{name}", name, score=0.5) for name in (*told, "cached"))))
    store.put(Batch("b", 1, AT_S, [Put("bodies", [(name, AT_S, "q", "p", "r") for name in (*told, "cached")])]))
    found = {row.decision_id: row[3:] for row in store.outcomes(ALWAYS)}
    assert found == {
        "called": (0.5, 1.0, pytest.approx(0.002), 1_020, 50, 1.0),
        "cached": (0.5, 1.0, None, None, None, None),
    }
    lines = [json.loads(line) for line in outcome_lines(store.outcomes(ALWAYS))]
    assert [set(line) for line in lines if line["query_id"] == "cached"] == [{"query_id", "query", "model", "score"}]
