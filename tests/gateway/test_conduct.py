import random
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.names import AskedModel
from fairlead.gateway.conduct import ENOUGH, HALF_LIFE_S, PRIOR_WEIGHT, ConductBook, Spread
from fairlead.routing.explanation import explain
from tests.routing.small_pool import ASK, Known, router

A = Known("lab/a", "one", price_in=1.0, ttft_s=1.0, s_per_token=0.01)
B = Known("lab/b", "two", price_in=2.0, ttft_s=1.0, s_per_token=0.01)


def test_a_quantile_is_within_a_bin_of_the_true_one(rng: random.Random) -> None:
    spread = Spread(1e-3)
    values = [rng.lognormvariate(-1.0, 0.8) for _ in range(4_000)]
    for value in values:
        spread.add(value, 1.0)
    cuts = statistics.quantiles(values, n=100)
    for share in (0.05, 0.5, 0.95):
        assert spread.quantile(share) == pytest.approx(cuts[round(share * 100) - 1], rel=0.08)


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=30), st.floats(0.01, 1.0))
def test_a_quantile_never_leaves_the_range_and_never_fails(values: list[float], share: float) -> None:
    spread = Spread(1e-3)
    for value in values:
        spread.add(value, 1.0)
    found = spread.quantile(share)
    assert found is not None
    assert 1e-3 <= found <= 1e3


def test_nothing_seen_is_nothing_known() -> None:
    book = ConductBook(router(A, B).pool)
    assert Spread(1e-3).quantile(0.5) is None
    assert book.seen(0.0) == {}
    assert book.ttft_quantile(0, 0.95, 0.0, 0.0) is None
    assert not book.current(0.0).is_measured.any()
    assert book.current(0.0).failure_share is None


def test_what_is_seen_draws_the_figures_away_from_the_prior_step_by_step() -> None:
    book = ConductBook(router(A).pool)
    before = 1.0
    for n in range(40):
        book.brought(0, float(n), 4.0, 4.0 + 100 * 0.002, 0.0, 100)
        now = float(book.arrays.ttft_s[0])
        assert before < now < 4.6
        before = now
        assert bool(book.arrays.is_measured[0]) == (n + 1 > ENOUGH)  # a little has decayed
    assert book.arrays.ttft_s[0] == pytest.approx(4.0, rel=0.2)
    assert book.arrays.s_per_token[0] == pytest.approx(0.002, rel=0.25)


def test_an_arm_that_is_no_longer_tried_drifts_back_to_its_prior() -> None:
    book = ConductBook(router(A).pool)
    for n in range(40):
        book.brought(0, n * 0.1, 40.0, 41.0, 0.0, 100)
        book.failed(0, n * 0.1)
    assert book.arrays.ttft_s[0] > 10
    failing = book.arrays.failure_share
    assert failing is not None
    assert failing[0] > 0.3
    later = book.current(12 * HALF_LIFE_S)
    assert later.ttft_s[0] == pytest.approx(1.0, abs=0.02)
    assert later.failure_share is None
    assert not later.is_measured[0]


def test_days_of_traffic_do_not_overflow() -> None:
    book = ConductBook(router(A).pool)
    for hour in range(24 * 14):
        book.brought(0, hour * 3600.0, 2.0, 3.0, 0.0, 100)
    assert np.isfinite(book.arrays.ttft_s[0])
    seen = book.seen(24 * 14 * 3600.0)[0]
    assert 0 < seen.n_attempts < 2


def test_a_prefill_is_not_held_against_an_arm_twice() -> None:
    pool = router(A).pool
    pool.prefill_s_per_token[0] = 0.001
    book = ConductBook(pool)
    for n in range(60):
        book.brought(0, n * 0.02, 3.0, 4.0, 2_000.0, 100)
    assert book.arrays.ttft_s[0] == pytest.approx(1.0, rel=0.1)
    assert book.ttft_quantile(0, 0.95, 2_000.0, 1.2) == pytest.approx(3.0, rel=0.1)


def test_a_reply_in_one_piece_tells_speed_and_a_very_short_one_nothing() -> None:
    book = ConductBook(router(A).pool)
    for n in range(20):
        book.brought(0, n * 0.01, None, 1.0 + 100 * 0.05, 0.0, 100)
    assert book.arrays.s_per_token[0] == pytest.approx(0.05, rel=0.4)
    assert book.arrays.ttft_s[0] == 1.0
    other = ConductBook(router(A).pool)
    other.brought(0, 0.0, None, 9.0, 0.0, 3)
    other.brought(0, 0.0, None, 9.0, 0.0, None)
    assert other.arrays.s_per_token[0] == 0.01


def test_of_many_in_a_short_time_a_sample_is_looked_at_and_all_are_counted() -> None:
    book = ConductBook(router(A).pool)
    for n in range(1_000):
        book.brought(0, n * 0.001, 2.0, 3.0, 0.0, 100)
    book.failed(0, 1.0)
    seen = book.seen(1.0)[0]
    assert seen.n_attempts == pytest.approx(1_001, rel=0.01)
    assert seen.n_timed < 130
    assert seen.failure_share == pytest.approx(1 / 1_011, rel=0.02)


def test_measured_conduct_turns_a_choice_and_says_so() -> None:
    chooser = router(A.with_(quality=0.5), B.with_(price_in=1.0, quality=0.5))
    asked = AskedModel("auto:speed")
    plain = chooser.decide(asked, ASK)
    book = ConductBook(chooser.pool)
    first = plain.order[0]
    for n in range(30):
        book.brought(first, n * 0.1, 30.0, 31.0, 0.0, 100)
    measured = chooser.decide(asked, ASK, conduct=book.current(3.0))
    assert measured.order[0] != first
    (slow,) = [c for c in explain(chooser.pool, measured, asked).candidates if c.arm == chooser.pool.specs[first].arm]
    assert slow.estimate.delay_basis == "measured"
    assert slow.estimate.ttft_s > 15


def test_failures_lower_what_is_surely_promised() -> None:
    chooser = router(A.with_(quality=0.52), B.with_(price_in=1.0, quality=0.5))
    asked = AskedModel("auto:quality")
    assert chooser.pool.specs[chooser.decide(asked, ASK).order[0]].arm.model == "lab/a"
    book = ConductBook(chooser.pool)
    place = next(i for i, spec in enumerate(chooser.pool.specs) if spec.arm.model == "lab/a")
    for n in range(5):
        book.failed(place, n * 0.1)
    choice = chooser.decide(asked, ASK, conduct=book.current(1.0))
    assert chooser.pool.specs[choice.order[0]].arm.model == "lab/b"
    assert choice.expected.quality[place] == 0.52, "the quality itself is not what failed"


def test_without_anything_seen_the_decision_is_the_one_of_the_prior() -> None:
    chooser = router(A, B)
    book = ConductBook(chooser.pool)
    plain, same = chooser.decide(AskedModel("auto"), ASK), chooser.decide(AskedModel("auto"), ASK, conduct=book.arrays)
    assert plain.order == same.order
    assert (plain.utility == same.utility).all()


def test_a_new_configuration_takes_over_what_is_known_of_the_arms_that_stay() -> None:
    old = ConductBook(router(A, B).pool)
    place = next(i for i, spec in enumerate(router(A, B).pool.specs) if spec.arm.model == "lab/b")
    for n in range(50):
        old.brought(place, n * 0.01, 9.0, 10.0, 0.0, 100)
    pool = router(B, Known("lab/c", "three")).pool
    new = ConductBook(pool)
    new.inherit(old, 0.5)
    b = next(i for i, spec in enumerate(pool.specs) if spec.arm.model == "lab/b")
    assert new.arrays.ttft_s[b] > 5.0
    assert new.seen(0.5)[b] == old.seen(0.5)[place]
    assert new.arrays.ttft_s[1 - b] == 1.0
    assert PRIOR_WEIGHT < ENOUGH
