import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.learning.metrics.cost_curve import (
    aiq,
    aiq_per_dearest,
    area_over_grid,
    deferral_area,
    hull,
    hull_quality,
    neutral_cost,
    peak,
)
from fairlead.learning.outcomes import Floats

POINTS = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=12)


def row(*values: float) -> Floats:
    return np.array([values])


def test_the_hull_by_hand() -> None:
    cost, quality = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0.2, 0.3, 0.8, 0.7, 0.9])

    assert hull(cost, quality).tolist() == [[1.0, 0.2], [3.0, 0.8], [5.0, 0.9]]


def test_dear_points_that_are_worse_are_off_the_hull() -> None:
    assert hull(np.array([1.0, 2.0, 2.0, 9.0]), np.array([0.5, 0.6, 0.4, 0.1])).tolist() == [[1.0, 0.5], [2.0, 0.6]]


@given(POINTS)
def test_the_hull_rises_bends_down_and_stands_on_every_point(points: list[tuple[int, int]]) -> None:
    cost, quality = np.array([p[0] for p in points], float), np.array([p[1] for p in points], float)

    corners = hull(cost, quality)

    run, rise = np.diff(corners[:, 0]), np.diff(corners[:, 1])
    assert (run > 0).all() and (rise > 0).all()
    assert (np.diff(rise / run) < 1e-9).all()
    assert (hull_quality(corners, cost) >= quality - 1e-9).all()
    assert {tuple(corner) for corner in corners} <= {(float(c), float(q)) for c, q in points}


@given(POINTS)
def test_the_area_is_that_under_the_hull(points: list[tuple[int, int]]) -> None:
    cost, quality = np.array([p[0] for p in points], float), np.array([p[1] for p in points], float)
    grid = np.linspace(2.0, 17.0, 200_001)

    found = aiq(cost[None], quality[None], row(2.0)[0], row(17.0)[0])[0]

    assert found == pytest.approx(hull_quality(hull(cost, quality), grid).mean(), abs=2e-3)


def test_both_variants_of_aiq_by_hand() -> None:
    cost, quality = row(1.0, 3.0), row(0.2, 0.8)

    # Trapezoid (0.2 + 0.8) / 2 * 2 = 1, then level 0.8 over one more dollar.
    assert aiq(cost, quality, row(1.0)[0], row(4.0)[0])[0] == pytest.approx(1.8 / 3)
    assert aiq_per_dearest(cost, quality, row(4.0)[0])[0] == pytest.approx(1.8 / 4)


def test_a_router_inside_the_hull_of_the_models_is_worth_no_more_than_it() -> None:
    drawer = np.random.default_rng(0)
    cost, quality = drawer.uniform(1, 10, 6), drawer.uniform(0, 1, 6)
    shares = drawer.dirichlet(np.ones(6), 40)
    low, high = np.array([cost.min()]), np.array([cost.max()])

    zero = aiq(cost[None], quality[None], low, high)[0]

    assert aiq((shares @ cost)[None], (shares @ quality)[None], low, high)[0] <= zero + 1e-12


def test_a_batch_of_curves_is_each_curve_alone() -> None:
    drawer = np.random.default_rng(1)
    cost, quality = drawer.uniform(1, 10, (30, 9)).round(), drawer.random((30, 9)).round(1)
    low, high = cost.min(axis=1), cost.max(axis=1) + 1

    together = aiq(cost, quality, low, high)

    alone = [aiq(cost[k : k + 1], quality[k : k + 1], low[k : k + 1], high[k : k + 1])[0] for k in range(30)]
    assert together.tolist() == pytest.approx(alone)


def test_the_order_of_settings_does_not_matter() -> None:
    drawer = np.random.default_rng(2)
    cost, quality, order = drawer.uniform(1, 9, 12).round(), drawer.random(12).round(1), drawer.permutation(12)
    low, high = row(1.0)[0], row(9.0)[0]

    for of in (aiq, area_over_grid):
        assert of(cost[None, order], quality[None, order], low, high)[0] == pytest.approx(
            of(cost[None], quality[None], low, high)[0]
        )
    assert deferral_area(cost[None, order], quality[None, order])[0] == pytest.approx(
        deferral_area(cost[None], quality[None])[0]
    )


def test_the_area_over_a_grid_keeps_the_best_so_far_and_nothing_below_the_cheapest() -> None:
    cost, quality = row(2.0, 3.0, 4.0), row(0.5, 0.9, 0.1)

    found = area_over_grid(cost, quality, row(0.0)[0], row(4.0)[0])[0]

    # Nothing for two dollars, a line from .5 to .9, then level: (0 + 0 + .7 + .9) / 4.
    assert found == pytest.approx(0.4, abs=0.005)


def test_a_setting_as_cheap_as_the_cheapest_model_is_reached_whatever_the_last_bit() -> None:
    cost, quality = row(np.nextafter(1.0, 2.0), 3.0), row(0.6, 0.6)

    assert area_over_grid(cost, quality, row(1.0)[0], row(3.0)[0])[0] == pytest.approx(0.6, abs=1e-9)


def test_the_deferral_area_takes_settings_as_they_come() -> None:
    assert deferral_area(row(1.0, 2.0, 3.0), row(0.4, 0.8, 0.6))[0] == pytest.approx((0.6 + 0.7) / 2)
    assert np.isnan(deferral_area(row(2.0, 2.0), row(0.4, 0.8))[0])


def test_equal_quality_is_bought_at_the_cheapest_setting_that_has_it() -> None:
    cost, quality = row(1.0, 2.0, 4.0), row(0.5, 0.78, 0.9)

    assert neutral_cost(cost, quality, row(4.0)[0], row(0.97 * 0.8)[0])[0] == pytest.approx(0.5)
    assert np.isnan(neutral_cost(cost, quality, row(4.0)[0], row(0.95)[0])[0])


def test_without_a_range_of_costs_there_is_no_area() -> None:
    one = row(2.0)[0]

    assert np.isnan(aiq(row(2.0), row(0.5), one, one)[0])
    assert np.isnan(area_over_grid(row(2.0), row(0.5), one, one)[0])


def test_the_peak_is_the_best_of_all_settings() -> None:
    assert peak(row(0.3, 0.9, 0.4)).tolist() == [0.9]
