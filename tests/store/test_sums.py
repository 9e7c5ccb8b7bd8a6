"""The sums: what was paid is told whole and once, and nothing in them speaks of what it is not."""

import pytest

from fairlead.domain.content import Text, Turn
from fairlead.domain.moments import Shadowed
from fairlead.domain.money import Usd
from fairlead.domain.names import DecisionId, TenantName
from fairlead.domain.request import ChatRequest
from fairlead.store.savings import best_single
from fairlead.store.sql_store import SqlStore
from fairlead.store.store import Search, Window
from tests.store.small_traffic import ALWAYS, AT_S, STRONG, UNPRICED, Told, batch_of, figures, opinion


def test_what_another_model_would_have_cost_is_scaled_by_the_one_that_served_not_by_the_one_that_was_chosen(
    store: SqlStore,
) -> None:
    """The chosen one, at ten times the price, has failed: 0.001 was expected of who served, and 0.002 it cost."""
    store.put(batch_of(*Told(figures=figures((1, 0.9, 0.01), (0, 0.8, 0.001))).moments()))
    found = {row.model: row for row in store.alternatives(ALWAYS)}
    assert found["lab/strong"].alternative_usd == pytest.approx(0.02)
    assert found["lab/strong"].saved_usd == pytest.approx(0.018)
    assert (found["lab/cheap"].alternative_usd, found["lab/cheap"].saved_usd) == (0.002, 0.0)


def test_requests_that_name_a_model_are_compared_with_no_other(store: SqlStore) -> None:
    chosen = [Told(name=f"d{at}").moments() for at in range(4)]
    named = [
        Told(name=f"n{at}", policy="concrete", asked="lab/cheap", figures=figures((0, 0.8, 0.001))).moments()
        for at in range(10)
    ]
    store.put(batch_of(*(moment for told in (*chosen, *named) for moment in told)))
    rows = store.alternatives(ALWAYS)
    assert {row.model: row.n for row in rows} == {"lab/cheap": 4, "lab/strong": 4}
    best = best_single(rows)
    assert best is not None and best.model == "lab/strong"
    assert store.usage(ALWAYS)[0].n == 14


def test_what_a_lost_attempt_cost_is_its_models_and_is_paid_in_what_was_saved(store: SqlStore) -> None:
    told = Told(cost=Usd(2_000_000 + 30_000_000))
    own = told.attempted(2)._replace(cost=Usd(2_000_000))
    lost = told.attempted()._replace(arm=STRONG, outcome="cancelled", cost=Usd(30_000_000), is_hedge=True)
    store.put(batch_of(told.decided(), lost, own, told.replied()._replace(n_attempts=2)))
    seen = store.overview(Window(AT_S - 60, AT_S + 60))
    (request,) = store.requests(Search())
    assert request.cost_nanousd == 32_000_000 and seen.total.spent_usd == pytest.approx(0.032)
    assert (seen.total.n, seen.total.cost_nanousd, seen.total.lost_nanousd) == (1, 2_000_000, 30_000_000)
    by_model = {row.group: row for row in seen.by_model}
    assert {name: row.n for name, row in by_model.items()} == {"lab/cheap": 1, "lab/strong": 0}
    assert by_model["lab/cheap"].spent_usd == pytest.approx(0.002)
    assert by_model["lab/strong"].spent_usd == pytest.approx(0.03)
    assert [row.group for row in seen.by_outcome] == ["ok"]
    assert store.usage(ALWAYS) == (seen.total,)
    assert store.usage(ALWAYS, "model")[0].usd_per_request == pytest.approx(0.002)
    found = {row.model: row for row in seen.alternatives}
    assert found["lab/cheap"].saved_usd == pytest.approx(-0.03)
    assert found["lab/strong"].saved_usd == pytest.approx(0.02 - 0.032)


def test_what_shadows_cost_is_spent_too_by_whose_request_it_was(store: SqlStore) -> None:
    told = Told(tenant="blue")
    shadow = Shadowed(told.decided().decision_id, TenantName("blue"), STRONG, "ok", 200, 0.1, 0.5, told.usage, Usd(3))
    store.put(batch_of(*told.moments(), shadow, shadow._replace(decision_id=DecisionId("d2"), cost=None)))
    seen = store.overview(Window(AT_S - 60, AT_S + 60, "blue"))
    assert (seen.total.n, seen.total.shadow_nanousd, seen.total.cost_nanousd) == (1, 3, 2_000_000)
    assert store.overview(Window(AT_S - 60, AT_S + 60, "green")).total.spent_usd == 0
    (kept,) = store.decision("d1").shadows  # type: ignore[union-attr]
    assert (kept.model, kept.cost_nanousd, kept.reply) == ("lab/strong", 3, None)


def test_kept_answers_and_replies_that_broke_off_are_in_no_quantile_of_whole_replies(store: SqlStore) -> None:
    good, bad = Told(name="d1", total_s=0.5), Told(name="d2", total_s=3.0, outcome="truncated")
    kept = Told(name="d3", total_s=0.001, first_byte_s=0.001, cost=Usd(0))
    store.put(
        batch_of(*good.moments(), *bad.moments(), kept.decided(), kept.replied()._replace(is_cached=True, n_attempts=0))
    )
    whole, first = store.delays(ALWAYS)[0], store.delays(ALWAYS, "first_byte")[0]
    assert (whole.n, first.n) == (1, 2)
    assert whole.p99_s == pytest.approx(0.5, rel=0.1) and first.p50_s == pytest.approx(0.25, rel=0.1)
    (total,) = store.usage(ALWAYS)
    assert (total.n_first, total.total_s, total.mean_s) == (2, 3.5, 1.75)
    assert (total.n, total.n_cached, total.n_priced) == (3, 1, 2) and total.usd_per_request == pytest.approx(0.002)


def test_what_costs_nothing_is_known_and_what_nobody_knows_is_not_nothing(store: SqlStore) -> None:
    unknown, free = Told(name="d1", cost=None, served=UNPRICED), Told(name="d2", cost=Usd(0), served=STRONG)
    store.put(batch_of(*unknown.moments(), *free.moments()))
    found = {row.group: (row.spent_usd, row.usd_per_request) for row in store.usage(ALWAYS, "model")}
    assert found == {"lab/unpriced": (None, None), "lab/strong": (0.0, 0.0)}


def test_what_training_is_told_of_a_reply_is_its_own_cost_without_that_of_attempts_that_lost(store: SqlStore) -> None:
    told = Told(cost=Usd(32_000_000), prompt=lambda: ChatRequest(turns=(Turn("user", (Text("Why?"),)),)))
    own = told.attempted(2)._replace(cost=Usd(2_000_000))
    lost = told.attempted()._replace(arm=STRONG, outcome="cancelled", cost=Usd(30_000_000))
    store.put(batch_of(told.decided(), lost, own, told.replied()._replace(n_attempts=2), opinion()))
    assert [row.cost_usd for row in store.outcomes(ALWAYS)] == [pytest.approx(0.002)]


def test_of_a_reply_that_is_known_to_have_failed_no_quality_was_foretold(store: SqlStore) -> None:
    running, failed = Told(name="d1"), Told(name="d2", outcome="error")
    store.put(batch_of(running.decided(), *failed.moments()))
    found = [store.served(name) for name in ("d1", "d2")]
    assert [each.quality if each else 0 for each in found] == [pytest.approx(0.8), None]
