import numpy as np
import pytest

from fairlead.learning.metrics.bootstrap import (
    Figure,
    Resamples,
    Sampled,
    difference_of,
    figure_of,
    interval_of_mean,
    sampled,
    weighted_mean,
)


def test_a_resample_draws_as_many_queries_as_there_are() -> None:
    weights = np.concatenate(list(Resamples(7, 50, seed=1).weights()))

    assert weights.shape == (50, 7)
    assert weights.sum(axis=1).tolist() == [7.0] * 50
    assert len({tuple(row) for row in weights.tolist()}) > 40


def test_weights_count_the_rows_that_were_drawn() -> None:
    rows = np.concatenate(list(Resamples(5, 9, seed=3).rows()))
    weights = np.concatenate(list(Resamples(5, 9, seed=3).weights()))

    assert [np.bincount(row, minlength=5).tolist() for row in rows] == weights.tolist()


def test_large_tables_are_drawn_in_batches_of_bounded_size() -> None:
    sizes = [batch.shape for batch in Resamples(400_000, 5, seed=0).weights()]

    assert sizes == [(2, 400_000), (2, 400_000), (1, 400_000)]


def test_the_interval_of_a_mean_agrees_with_the_normal_one() -> None:
    values = np.random.default_rng(4).normal(2.0, 3.0, 2_000)

    figure = interval_of_mean(values, seed=0, n_draws=4_000)

    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    assert figure.value == pytest.approx(values.mean())
    assert figure.standard_error == pytest.approx(error, rel=0.05)
    assert figure.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert figure.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    drawer = np.random.default_rng(8)
    figures = [interval_of_mean((drawer.random(80) < 0.3).astype(np.float64), seed=k, n_draws=300) for k in range(300)]

    covered = np.mean([f.low is not None and f.high is not None and f.low <= 0.3 <= f.high for f in figures])

    assert 0.9 <= covered <= 0.98


def test_pairing_removes_what_both_policies_share() -> None:
    drawer = np.random.default_rng(5)
    difficulty = drawer.normal(0, 10, 400)
    one, other = difficulty + 0.5, difficulty + drawer.normal(0, 0.1, 400)

    found = sampled(
        lambda weights: {"one": weighted_mean(one)(weights), "other": weighted_mean(other)(weights)},
        Resamples(400, seed=2),
    )
    paired = difference_of(found["one"], found["other"])

    assert paired.low is not None and paired.low > 0.4
    assert paired.standard_error == pytest.approx(float((one - other).std(ddof=1)) / 20, rel=0.15)


def test_equal_seeds_give_equal_intervals_and_other_seeds_others() -> None:
    values = np.random.default_rng(0).random(50)

    assert interval_of_mean(values, seed=3) == interval_of_mean(values, seed=3)
    assert interval_of_mean(values, seed=3) != interval_of_mean(values, seed=4)


def test_a_bias_of_resampling_is_taken_off() -> None:
    draws = np.random.default_rng(0).normal(0.3, 0.01, 2_000)

    figure = figure_of(Sampled(0.2, draws))

    assert figure.low == pytest.approx(0.18, abs=0.002)
    assert figure.high == pytest.approx(0.22, abs=0.002)


def test_what_is_undefined_is_none_with_a_reason() -> None:
    assert interval_of_mean(np.empty(0), seed=0) == Figure(None, reason="no queries")
    assert figure_of(Sampled(np.nan, np.array([1.0])), "why") == Figure(None, reason="why")
    assert np.isnan(weighted_mean(np.ones(2))(np.zeros((1, 2)))).all()


def test_a_figure_that_few_resamples_define_has_no_interval() -> None:
    draws = np.where(np.arange(100) < 90, 1.0, np.nan)

    figure = figure_of(Sampled(1.0, draws))

    assert (figure.value, figure.low) == (1.0, None)
    assert figure.reason is not None and "too few" in figure.reason
