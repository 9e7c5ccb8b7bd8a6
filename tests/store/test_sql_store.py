"""The verbs of the store, the same over every database."""

import math
import statistics
from collections.abc import Callable

import pytest

from fairlead.domain.errors import StoreError
from fairlead.domain.money import Usd
from fairlead.domain.usage import Usage
from fairlead.store.book import Book
from fairlead.store.candidates import CandidateRow
from fairlead.store.database import Database
from fairlead.store.rollups import DAY_S, HOUR_S
from fairlead.store.sql_store import IDS_AT_ONCE, SqlStore
from fairlead.store.store import Search, Window
from fairlead.store.tables import TABLES, Batch, Put
from tests.store.small_traffic import ALWAYS, AT_S, CHEAP, STRONG, Told, arm, batch_of, figures, opinion


def test_a_request_is_kept_whole(store: SqlStore) -> None:
    assert store.put(batch_of(*Told(session="s", key_name="k").moments(), opinion()))
    whole = store.decision("d1")
    assert whole is not None
    row = whole.request
    assert (row.decision_id, row.at_s, row.tenant, row.key_name, row.session) == ("d1", AT_S, "default", "k", "s")
    assert (row.kind, row.difficulty, row.language, row.reason) == ("code", 0.25, "en", "highest_utility")
    assert (row.model, row.upstream, row.chosen_model, row.propensity) == ("lab/cheap", "two", "lab/cheap", 1.0)
    assert (row.outcome, row.status, row.cost_nanousd, row.output_tokens) == ("ok", 200, 2_000_000, 50)
    assert row.cost_usd == pytest.approx(0.002)
    assert row.flag_names == ("tools",)
    (attempt,) = whole.attempts
    assert (attempt.number, attempt.model, attempt.after_s, attempt.cost_nanousd) == (1, "lab/cheap", 0.001, 2_000_000)
    (thought,) = whole.opinions
    assert (thought.score, thought.label, thought.comment, thought.weight) == (1.0, "good", "fine", 1.0)
    cheap, strong, excluded = whole.candidates
    assert (cheap.model, cheap.place, strong.model, strong.upstream) == ("lab/cheap", 0, "lab/strong", "one")
    assert cheap.quality == pytest.approx(0.8)
    assert strong.cost_usd == pytest.approx(0.01)
    assert excluded == CandidateRow("lab/unpriced", "three", "alpha", None, "no_tools")


def test_a_decision_is_there_before_its_reply_and_is_completed_by_it_once(store: SqlStore) -> None:
    book, told = Book(), Told()
    store.put(batch_of(told.decided(), number=1, book=book))
    (row,) = store.requests(Search())
    assert (row.outcome, row.model, row.kind) == (None, None, "code")
    assert store.requests(Search(outcome="running")) == store.named(["nobody", "d1"]) == (row,)
    store.put(batch_of(told.attempted(), told.replied(), number=2, book=book))
    (row,) = store.requests(Search())
    assert (row.outcome, row.model, row.kind) == ("ok", "lab/cheap", "code")
    assert store.requests(Search(outcome="running")) == store.named([]) == ()
    store.put(batch_of(Told(outcome="error", cost=None).replied(), number=3))
    (row,) = store.requests(Search())
    assert row.outcome == "ok"


def test_a_reply_without_a_decision_is_a_row_too(store: SqlStore) -> None:
    store.put(batch_of(Told(outcome="refused", usage=None, cost=None).replied()))
    (row,) = store.requests(Search())
    assert (row.at_s, row.outcome, row.kind) == (AT_S - 1.0, "refused", None)


def test_a_batch_is_taken_once(store: SqlStore) -> None:
    batch = batch_of(*Told().moments(), opinion())
    assert store.put(batch)
    assert not store.put(batch)
    assert not store.put(batch._replace(number=0))
    assert store.usage(ALWAYS)[0].n == 1
    assert store.put(batch_of(*Told(name="d2").moments(), number=1, writer="another"))
    assert store.usage(ALWAYS)[0].n == 2


def test_a_batch_goes_in_whole_or_not_at_all(store: SqlStore) -> None:
    batch = batch_of(*Told().moments())
    wrong = Put("opinions", [("o", "d1", AT_S, None, None, None, None, None, None, 1.0)])
    with pytest.raises(StoreError) as caught:
        store.put(batch._replace(puts=[*batch.puts, wrong]))
    assert caught.value.is_lasting
    assert store.requests(Search()) == ()
    assert store.usage(ALWAYS) == ()
    assert store.put(batch)


def test_pages_follow_one_another_without_gap_or_repeat(store: SqlStore) -> None:
    moments = [moment for at in range(25) for moment in Told(name=f"d{at:02}").moments()]
    store.put(batch_of(*moments))
    seen: list[str] = []
    before = None
    while page := store.requests(Search(limit=4, before=before)):
        seen += [row.decision_id for row in page]
        before = (page[-1].at_s, page[-1].decision_id)
    assert seen == [f"d{at:02}" for at in reversed(range(25))]


def test_the_newest_requests_of_a_window_begin_where_the_oldest_of_them_came(store: SqlStore) -> None:
    for number in range(1, 6):
        tenant = "blue" if number == 3 else "default"
        moments = Told(name=f"d{number}", tenant=tenant).moments()
        store.put(batch_of(*moments, number=number, at_s=AT_S + number))

    whole = Window(AT_S, AT_S + 10)
    assert store.newest_from(whole, 2) == AT_S + 4
    assert store.newest_from(whole._replace(tenant="default"), 3) == AT_S + 2
    assert store.newest_from(whole, 6) == AT_S
    assert store.newest_from(whole._replace(until_s=AT_S + 4), 1) == AT_S + 3


def test_scores_are_summed_by_model_and_kind_of_whole_replies_alone(store: SqlStore) -> None:
    told = [Told(name="d1"), Told(name="d2"), Told(name="d3", served=STRONG), Told(name="d4", outcome="truncated")]
    store.put(batch_of(*(moment for each in told for moment in each.moments())))
    heavy = opinion("o2", "d2", score=0.0)._replace(weight=3.0)
    said = [
        opinion("o1", "d1"),
        heavy,
        opinion("o3", "d3", score=0.5),
        opinion("o4", "d4"),
        opinion("o5", "d1", score=None),
    ]
    store.put(batch_of(*said, number=2))

    cheap, strong = store.scores(ALWAYS)

    assert (cheap.model, cheap.kind, cheap.n, cheap.weight, cheap.mean) == ("lab/cheap", "code", 2, 4.0, 0.25)
    assert cheap.effective_n == pytest.approx(16 / 10)
    assert (strong.model, strong.mean, strong.effective_n) == ("lab/strong", 0.5, 1.0)
    assert store.scores(ALWAYS._replace(tenant="blue")) == ()


def test_the_mean_score_is_that_of_every_score_that_a_whole_reply_was_given(store: SqlStore) -> None:
    assert store.mean_score(ALWAYS) == (0, None, None)
    scores = [n % 11 / 10 for n in range(5_500)]
    said = [opinion(f"o{n}", "d1", score=score) for n, score in enumerate(scores)]
    said += [opinion("x", "d1", score=None), opinion("y", "d2", score=0.0), opinion("z", "d3", score=0.0)]
    replies = [*Told().moments(), *Told(name="d2", outcome="error").moments()]
    store.put(batch_of(*replies, *said))

    found = store.mean_score(ALWAYS)

    assert found.n == len(store.opinions(ALWAYS, counts_as_quality=True)) == 5_500
    assert len(store.opinions(ALWAYS)) == 5_503
    assert found.mean == pytest.approx(statistics.fmean(scores))
    assert found.standard_error == pytest.approx(statistics.stdev(scores) / math.sqrt(5_500))
    assert store.mean_score(ALWAYS._replace(tenant="blue")).n == 0
    assert store.mean_score(Window(0, 1)).mean is None


def test_one_score_has_no_standard_error(store: SqlStore) -> None:
    store.put(batch_of(*Told().moments(), opinion("o1", "d1", score=0.5)))
    assert store.mean_score(ALWAYS) == (1, 0.5, None)


@pytest.mark.parametrize(
    ("search", "names"),
    [
        (Search(tenant="blue"), {"d1"}),
        (Search(model="lab/strong"), {"d2"}),
        (Search(upstream="one"), {"d2"}),
        (Search(outcome="failed"), {"d3"}),
        (Search(outcome="ok"), {"d1", "d2"}),
        (Search(error_code="upstream_rejected"), {"d3"}),
        (Search(session="s"), {"d2"}),
        (Search(kind="code", door="chat", policy="auto"), {"d1", "d2", "d3"}),
        (Search(model="' OR 1=1 --"), set()),
        (Search(since_s=AT_S + 1), set()),
        (Search(until_s=AT_S), set()),
    ],
)
def test_a_search_finds_what_it_names(store: SqlStore, search: Search, names: set[str]) -> None:
    one, two = Told(name="d1", tenant="blue"), Told(name="d2", served=STRONG, session="s")
    three = Told(name="d3", outcome="error")
    store.put(batch_of(*one.moments(), *two.moments(), *three.moments()))
    assert {row.decision_id for row in store.requests(search)} == names


def test_a_search_by_a_name_goes_through_the_days_that_have_it_and_finds_all_of_them(store: SqlStore) -> None:
    hours = (0, 1, 5, 30, 31, 200, 201, 700)
    for number, hour in enumerate(hours):
        told = Told(name=f"d{hour}", tenant="rare" if hour in (30, 200, 700) else "usual", served=STRONG)
        store.put(batch_of(*told.moments(), number=number + 1, at_s=AT_S - hour * 3_600))
    still_running = Told(name="runs", tenant="rare").decided()
    store.put(batch_of(still_running, number=99, at_s=AT_S - 60))
    store.put(batch_of(Told(name="never-ended", tenant="rare").decided(), number=100, at_s=AT_S - 90 * 3_600))

    def turned_over(search: Search) -> list[str]:
        seen: list[str] = []
        while page := store.requests(search._replace(limit=2)):
            seen += [row.decision_id for row in page]
            search = search._replace(before=(page[-1].at_s, page[-1].decision_id))
        return seen

    assert turned_over(Search(tenant="rare")) == ["runs", "d30", "never-ended", "d200", "d700"]
    assert turned_over(Search(tenant="usual", model="lab/strong")) == ["d0", "d1", "d5", "d31", "d201"]
    assert turned_over(Search(tenant="rare", since_s=AT_S - 210 * 3_600, until_s=AT_S - 29 * 3_600)) == [
        "d30", "never-ended", "d200",
    ]  # fmt: skip
    assert turned_over(Search(tenant="rare", model="nobody")) == []


def test_another_tenants_decision_is_not_shown(store: SqlStore) -> None:
    store.put(batch_of(*Told(tenant="blue").moments()))
    assert store.decision("d1", tenant="red") is None
    assert store.decision("d1", tenant="blue") is not None
    served = store.served("d1")
    assert served is not None
    assert (served.tenant, served.model) == ("blue", "lab/cheap")
    assert served.quality == pytest.approx(0.8)
    assert (store.served("d2"), store.served("\0\ud800")) == (None, None)


def test_sums_are_what_the_rows_give(store: SqlStore) -> None:
    told = [
        Told(name="a", cost=Usd(1_000), total_s=0.5),
        Told(name="b", cost=Usd(2_000), total_s=2.0, served=STRONG),
        Told(name="c", cost=None, outcome="error", usage=None, first_byte_s=None),
    ]
    store.put(batch_of(*(moment for each in told for moment in each.moments())))
    (total,) = store.usage(ALWAYS)
    assert (total.n, total.n_ok, total.n_unpriced, total.cost_nanousd) == (3, 2, 1, 3_000)
    assert (total.input_tokens, total.output_tokens, total.cached_read_tokens) == (200, 100, 20)
    assert (total.n_first, total.first_byte_s, total.total_s) == (2, 0.5, 3.5)
    by_model = {row.group: row.n for row in store.usage(ALWAYS, "model")}
    assert by_model == {"lab/cheap": 2, "lab/strong": 1}
    everything, *_ = store.delays(ALWAYS)
    assert everything.n == 2
    assert everything.p50_s == pytest.approx(0.5, rel=0.2)
    assert everything.p99_s == pytest.approx(2.0, rel=0.2)


def test_a_short_window_is_summed_by_minutes_a_longer_one_by_hours_and_a_long_one_by_days(store: SqlStore) -> None:
    for number, at_s in enumerate((AT_S, AT_S + 61, AT_S + 2 * HOUR_S), 1):
        store.put(batch_of(*Told(name=f"d{number}").moments(), number=number, at_s=at_s))
    short = store.usage(Window(AT_S - 60, AT_S + 120), is_series=True)
    assert [row.n for row in short] == [1, 1]
    long = store.usage(Window(AT_S - HOUR_S, AT_S + 10 * HOUR_S), is_series=True)
    assert sum(row.n for row in long) == 3
    assert all(row.bucket_s is not None and row.bucket_s % HOUR_S == 0 for row in long)
    longest = store.usage(Window(AT_S - 30 * DAY_S, AT_S + DAY_S), is_series=True)
    assert sum(row.n for row in longest) == 3
    assert all(row.bucket_s is not None and row.bucket_s % DAY_S == 0 for row in longest)


def test_what_was_saved_is_what_the_raw_rows_say(store: SqlStore) -> None:
    """An independent sum over every request and candidate, beside the one that the writer kept."""
    told = [
        Told(
            name=f"d{at}",
            cost=Usd(1_000_000 + at * 50_000),
            served=STRONG if at % 4 == 0 else CHEAP,
            figures=figures((0, 0.8, 0.001), (1, 0.9, 0.01 + at / 1_000)),
        )
        for at in range(20)
    ]
    store.put(batch_of(*(moment for each in told for moment in each.moments())))
    saved: dict[str, list[float]] = {}
    for row, candidates in store.scan(ALWAYS):
        assert row.cost_usd is not None
        (expected,) = [each.cost_usd for each in candidates if each.model == row.model]
        assert expected is not None
        for each in candidates:
            if each.cost_usd is not None:
                other = each.cost_usd * row.cost_usd / expected
                saved.setdefault(each.model, []).append(other - row.cost_usd)
    found = {row.model: row for row in store.alternatives(ALWAYS)}
    assert set(found) == set(saved) == {"lab/cheap", "lab/strong"}
    for model, values in saved.items():
        n, mean = len(values), math.fsum(values) / len(values)
        spread = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
        assert found[model].n == n
        assert found[model].saved_usd == pytest.approx(math.fsum(values), abs=1e-9)
        assert found[model].saved_se_usd == pytest.approx(math.sqrt(spread * n), abs=1e-6)


def test_an_unpriced_candidate_is_no_alternative(store: SqlStore) -> None:
    told = Told(figures=figures((0, 0.8, 0.001), (2, 0.9, -1.0)))
    store.put(batch_of(*told.moments()))
    assert [row.model for row in store.alternatives(ALWAYS)] == ["lab/cheap"]
    whole = store.decision("d1")
    assert whole is not None
    assert whole.candidates[1].cost_usd is None


def test_the_overview_is_one_look_at_all_of_it(store: SqlStore) -> None:
    store.put(batch_of(*Told().moments(), *Told(name="d2", tenant="blue").moments()))
    seen = store.overview(Window(AT_S - 60, AT_S + 60))
    assert (seen.total.n, seen.by_model[0].group, seen.by_outcome[0].group) == (2, "lab/cheap", "ok")
    assert (seen.span_s, seen.delays.n, seen.first_bytes.n, len(seen.alternatives)) == (60, 2, 2, 2)
    assert store.overview(Window(AT_S - 60, AT_S + 60, "blue")).total.n == 1
    assert store.overview(Window(0, 60)).total.n == 0


def test_everything_can_be_read_through_in_order(store: SqlStore) -> None:
    for number in range(1, 8):
        told = Told(name=f"d{number}")
        store.put(batch_of(told.decided(), told.attempted(), told.attempted(2), told.replied(), number=number))
    assert [row.decision_id for row, _ in store.scan(ALWAYS, 3)] == [f"d{number}" for number in range(1, 8)]
    attempts = [(row.decision_id, row.number) for row in store.attempts(ALWAYS)]
    assert sorted(attempts) == [(f"d{number}", at) for number in range(1, 8) for at in (1, 2)]
    assert [*store.scan(Window(0, 1))] == []


def test_the_query_of_every_decision_that_is_asked_for_is_found_where_it_was_kept(store: SqlStore) -> None:
    n = 2 * IDS_AT_ONCE + 1
    bodies = [(f"d{at}", AT_S, None if at == 1 else f"query {at}", "p", "r") for at in range(n)]
    store.put(Batch("w", 1, AT_S, [Put("bodies", bodies)]))
    found = store.queries([f"d{at}" for at in range(1, n)] + ["nobody", "odd\0' --"])
    assert found == {f"d{at}": f"query {at}" for at in range(2, n)}
    assert store.queries([]) == {}


def test_what_is_old_is_forgotten_and_bodies_sooner(store: SqlStore) -> None:
    for number, at_s in enumerate((AT_S, AT_S + 7_200), 1):
        store.put(
            batch_of(*Told(name=f"d{number}").moments(), opinion(f"o{number}", f"d{number}"), number=number, at_s=at_s)
        )
        store.put(Batch("b", number, at_s, [Put("bodies", [(f"d{number}", at_s, "q", "p", "r")])]))
        shadow = (f"d{number}", "lab/other", "two", at_s, "ok", 5, 1_000, 0.1, 0.2, "words")
        store.put(Batch("s", number, at_s, [Put("shadows", [shadow])]))
    store.forget(None, AT_S + 3_600)
    bodies = [store.decision(name) for name in ("d1", "d2")]
    assert [whole is not None and whole.body is not None for whole in bodies] == [False, True]
    said = [each.reply for whole in bodies if whole is not None for each in whole.shadows]
    assert said == [None, "words"], "a shadow's words go with the others, its figures stay"
    store.forget(AT_S + 3_600, None)
    assert [row.decision_id for row in store.requests(Search())] == ["d2"]
    assert [row.decision_id for row in store.attempts(ALWAYS)] == ["d2"]
    assert store.forget(0.0, 0.0) == 0


def test_a_tenant_is_forgotten_and_no_other(store: SqlStore) -> None:
    blue, red = Told(name="d1", tenant="blue"), Told(name="d2", tenant="red")
    store.put(batch_of(*blue.moments(), *red.moments(), opinion("o1", "d1", tenant="blue")))
    assert store.forget_tenant("blue") > 0
    assert [row.tenant for row in store.requests(Search())] == ["red"]
    assert (store.usage(ALWAYS)[0].n, store.opinions(ALWAYS)) == (1, ())
    assert [row.decision_id for row in store.attempts(ALWAYS)] == ["d2"]


def test_hostile_words_go_in_and_come_out_as_words(store: SqlStore) -> None:
    told = Told(asked="\0'; DROP TABLE requests; --\ud800\x1b[31m", policy="auto")
    store.put(batch_of(*told.moments()))
    (row,) = store.requests(Search())
    assert row.asked is not None
    assert "DROP TABLE" in row.asked
    assert "\0" not in row.asked


def test_an_id_that_no_database_takes_names_no_decision_and_goes_into_no_row(store: SqlStore) -> None:
    store.put(batch_of(*Told(name="d1").moments(), *Told(name="d" * 200).moments()))
    assert store.served("d1") is not None
    for name in ("d1\0", "\0d1", "d1\ud800", "d" * 201):
        assert store.served(name) is None
    store.put(batch_of(opinion(of="d1\0"), number=2))
    (row,) = store.opinions(ALWAYS)
    assert "\0" not in row.decision_id
    assert row.decision_id != "d1"


def test_absurd_figures_of_an_upstream_neither_fail_nor_overflow(store: SqlStore) -> None:
    for number in range(1, 4):
        told = Told(name=f"d{number}", usage=Usage(10**30, 0, 0, 10**18), cost=Usd(10**25))
        store.put(batch_of(*told.moments(), number=number))
    assert store.usage(ALWAYS)[0].n == 3


def test_every_table_takes_rows_of_its_columns(opened: Callable[[], Database]) -> None:
    database = opened()
    for table in TABLES.values():
        names = ", ".join(table.columns)
        assert database.fetch(f"SELECT {names} FROM {table.name}") == []
    database.close()


def test_many_rows_of_one_batch_all_go_in(store: SqlStore) -> None:
    moments = [moment for at in range(403) for moment in Told(name=f"d{at}", served=arm(f"m{at % 7}")).moments()]
    store.put(batch_of(*moments))
    assert store.usage(ALWAYS)[0].n == 403
    assert len(store.requests(Search(limit=1_000))) == 403
    assert CHEAP.model not in {row.group for row in store.usage(ALWAYS, "model")}


def test_a_decision_whose_pool_is_not_there_has_no_candidates_and_hides_no_other(
    store: SqlStore, opened: Callable[[], Database]
) -> None:
    store.put(batch_of(*Told(name="d1").moments()))
    database = opened()
    assert database.change([("DELETE FROM pools", {})]) == 1
    database.close()

    whole = store.decision("d1")
    assert whole is not None and (whole.request.decision_id, whole.candidates) == ("d1", ())
    assert [(row.decision_id, candidates) for row, candidates in store.scan(ALWAYS)] == [("d1", ())]
