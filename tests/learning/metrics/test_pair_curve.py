import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.learning.metrics.pair_curve import (
    apgr,
    apgr_by_rank,
    apgr_by_rank_statistic,
    apgr_statistic,
    call_threshold,
    call_threshold_statistic,
    pair_curve,
    recovered_gap,
)

LEAD = np.array([0.4, 0.3, 0.2, 0.1])
GAIN = np.array([1.0, 0.0, 1.0, 0.0])


def test_the_curve_by_hand() -> None:
    weak = np.array([0.0, 1.0, 0.0, 1.0])

    curve = pair_curve(LEAD, weak, weak + GAIN)

    assert curve is not None
    assert curve.strong_share.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert curve.recovered.tolist() == [0.0, 0.5, 0.5, 1.0, 1.0]
    assert curve.quality.tolist() == [0.5, 0.75, 0.75, 1.0, 1.0]


def test_both_averages_by_hand() -> None:
    assert apgr(LEAD, GAIN) == pytest.approx((0.25 + 0.5 + 0.75 + 1.0) / 4)
    assert apgr_by_rank(LEAD, GAIN) == pytest.approx((0.5 + 0.5 + 1.0 + 1.0) / 4)


def test_call_thresholds_lie_between_thresholds_on_the_line() -> None:
    assert call_threshold(LEAD, GAIN, 0.25) == pytest.approx(0.125)
    assert call_threshold(LEAD, GAIN, 0.5) == pytest.approx(0.25)
    assert call_threshold(LEAD, GAIN, 0.8) == pytest.approx(0.65)
    assert call_threshold(LEAD, GAIN, 1.0) == pytest.approx(0.75)
    assert call_threshold(LEAD, GAIN, 1.2) is None


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=30).filter(lambda gains: sum(gains) > 0))
def test_a_router_that_tells_nothing_apart_is_a_random_mix(gains: list[float]) -> None:
    gain = np.array(gains)

    assert apgr(np.zeros(len(gain)), gain) == pytest.approx(0.5)
    assert call_threshold(np.zeros(len(gain)), gain, 0.8) == pytest.approx(0.8)


def test_random_leads_average_to_one_half() -> None:
    drawer = np.random.default_rng(0)
    gain = drawer.choice([-1.0, 0.0, 1.0], 200, p=[0.1, 0.5, 0.4])

    found = [apgr(drawer.random(200), gain) for _ in range(300)]

    assert np.mean([value for value in found if value is not None]) == pytest.approx(0.5, abs=0.01)


def test_the_true_order_beats_every_other_and_may_pass_one() -> None:
    gain = np.array([-1.0, 1.0, 0.0, 0.0, 1.0, 0.0])

    best = apgr(gain, gain)

    assert best is not None and best > 1.0
    assert all((apgr(lead, gain) or 0.0) <= best for lead in (np.arange(6.0), -gain, np.zeros(6)))


def test_the_order_of_queries_does_not_matter_to_the_trapezoids() -> None:
    drawer = np.random.default_rng(1)
    lead, gain = drawer.random(60).round(1), drawer.choice([-1.0, 0.0, 1.0], 60, p=[0.1, 0.5, 0.4])
    rows = drawer.permutation(60)

    assert apgr(lead[rows], gain[rows]) == pytest.approx(apgr(lead, gain))


def test_weights_stand_for_repeated_queries() -> None:
    drawer = np.random.default_rng(2)
    lead, gain = drawer.random(40).round(1), drawer.choice([-1.0, 0.0, 1.0], 40, p=[0.1, 0.4, 0.5])
    times = drawer.integers(0, 4, 40)
    rows = np.repeat(np.arange(40), times)
    weights = times[None].astype(np.float64)

    assert apgr_statistic(lead, gain)(weights)[0] == pytest.approx(apgr(lead[rows], gain[rows]))
    assert call_threshold_statistic(lead, gain, 0.5)(weights)[0] == pytest.approx(
        call_threshold(lead[rows], gain[rows], 0.5)
    )
    distinct = lead + np.arange(40) * 1e-6  # without ties a repeated query stands beside itself
    assert apgr_by_rank_statistic(distinct, gain)(weights)[0] == pytest.approx(apgr_by_rank(distinct[rows], gain[rows]))


def test_nothing_is_recovered_from_a_pair_without_a_gap() -> None:
    gain = np.array([1.0, -1.0])

    assert recovered_gap(0.5, 0.4, 0.4) is None
    assert recovered_gap(0.5, 0.4, 0.8) == pytest.approx(0.25)
    assert apgr(LEAD[:2], gain) is None
    assert apgr_by_rank(LEAD[:2], gain) is None
    assert call_threshold(LEAD[:2], gain, 0.5) is None
    assert pair_curve(LEAD[:2], np.array([0.0, 1.0]), np.array([1.0, 0.0])) is None
    assert apgr(np.empty(0), np.empty(0)) is None
