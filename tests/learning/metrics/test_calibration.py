import numpy as np
import pytest

from fairlead.learning.metrics.bootstrap import value_of
from fairlead.learning.metrics.calibration import (
    Coverage,
    brier,
    calibration_error,
    calibration_error_statistic,
    interval_coverage,
    log_loss,
    pairwise_calibration_error,
    pooled_calibration_error,
)

NAN = float("nan")


def test_brier_and_log_loss_by_hand_with_a_hole() -> None:
    predicted = np.array([[0.8, 0.5], [0.3, 0.9]])
    score = np.array([[1.0, NAN], [0.0, 0.0]])

    assert brier(predicted, score) == pytest.approx((0.04 + 0.09 + 0.81) / 3)
    assert log_loss(predicted, score) == pytest.approx(-(np.log(0.8) + np.log(0.7) + np.log(0.1)) / 3)


def test_a_certainty_that_fails_costs_much_and_not_infinity() -> None:
    assert log_loss(np.array([[1.2]]), np.array([[0.0]])) == pytest.approx(-np.log(1e-6))


def test_calibration_error_by_hand() -> None:
    predicted = np.array([[0.15], [0.15], [0.75], [0.75]])
    score = np.array([[0.0], [1.0], [1.0], [1.0]])

    assert calibration_error(predicted, score) == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)


def test_one_models_excess_hides_anothers_lack_only_in_the_pool() -> None:
    predicted = np.full((10, 2), 0.5)
    score = np.tile([1.0, 0.0], (10, 1))

    assert calibration_error(predicted, score) == pytest.approx(0.5)
    assert pooled_calibration_error(predicted, score) == pytest.approx(0.0)


def test_honest_predictions_have_next_to_no_error_and_shifted_ones_their_shift() -> None:
    drawer = np.random.default_rng(2)
    honest = drawer.uniform(0.2, 0.8, (20_000, 2))
    score = (drawer.random(honest.shape) < honest).astype(np.float64)

    assert calibration_error(honest, score) == pytest.approx(0.0, abs=0.015)
    assert calibration_error(honest + 0.1, score) == pytest.approx(0.1, abs=0.01)
    assert pairwise_calibration_error(honest, score) == pytest.approx(0.0, abs=0.015)


def test_pairwise_error_by_hand() -> None:
    predicted = np.array([[0.9, 0.4], [0.4, 0.9]])
    score = np.array([[1.0, 0.0], [1.0, 0.0]])

    # Leads of .5 for whoever is predicted better; observed leads are +1 and -1 for those, 0 on average.
    assert pairwise_calibration_error(predicted, score) == pytest.approx(0.5)


def test_a_common_shift_of_all_models_is_no_pairwise_error() -> None:
    drawer = np.random.default_rng(3)
    predicted, score = drawer.random((50, 3)), (drawer.random((50, 3)) < 0.5).astype(np.float64)

    assert pairwise_calibration_error(predicted + 0.2, score) == pytest.approx(
        pairwise_calibration_error(predicted, score)
    )
    assert pairwise_calibration_error(predicted[:, ::-1], score[:, ::-1]) == pytest.approx(
        pairwise_calibration_error(predicted, score)
    )


def test_nothing_observed_is_none() -> None:
    nothing = np.full((3, 2), NAN)

    found = [of(np.full((3, 2), 0.5), nothing) for of in (brier, log_loss, calibration_error, pooled_calibration_error)]

    assert found == [None] * 4
    assert pairwise_calibration_error(np.ones((3, 1)), np.ones((3, 1))) is None


def test_weights_stand_for_repeated_queries() -> None:
    drawer = np.random.default_rng(7)
    predicted, score = drawer.random((30, 2)), (drawer.random((30, 2)) < 0.5).astype(np.float64)
    times = drawer.integers(0, 3, 30)
    rows = np.repeat(np.arange(30), times)

    weighted = calibration_error_statistic(predicted, score)(times[None].astype(np.float64))[0]

    assert weighted == pytest.approx(value_of(calibration_error_statistic(predicted[rows], score[rows]), len(rows)))


def test_intervals_of_honest_predictions_cover_nine_cells_in_ten() -> None:
    drawer = np.random.default_rng(0)
    quality = drawer.uniform(0.1, 0.9, (4_000, 60))
    score = (drawer.random(quality.shape) < quality).astype(np.float64)

    found = interval_coverage(quality, quality, quality, score)

    assert found.n_cells == 600
    assert found.covered_share == pytest.approx(0.9, abs=0.03)
    assert found.covered_share_without_chance == 0.0


def test_wide_intervals_cover_and_shifted_ones_do_not() -> None:
    drawer = np.random.default_rng(1)
    quality = drawer.uniform(0.3, 0.7, (2_000, 2))
    score = (drawer.random(quality.shape) < quality).astype(np.float64)

    wide = interval_coverage(quality, quality - 0.2, quality + 0.2, score)
    shifted = interval_coverage(quality + 0.3, quality + 0.25, quality + 0.35, score)

    assert (wide.covered_share, wide.covered_share_without_chance) == (1.0, 1.0)
    assert (shifted.covered_share, shifted.covered_share_without_chance) == (0.0, 0.0)


def test_cells_of_few_queries_are_left_out() -> None:
    quality = np.full((499, 1), 0.5)

    assert interval_coverage(quality[:489], quality[:489], quality[:489], np.ones((489, 1))) == Coverage(0, None, None)
    assert interval_coverage(quality, quality, quality, np.ones((499, 1))).n_cells == 9
