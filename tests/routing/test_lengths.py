"""Reply lengths: the median, the mean, the interval, and arms that nobody measured."""

import numpy as np
import pytest

from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.log_amounts import LogAmounts, fit_robust, left_out
from fairlead.routing.predictors.part import Floats
from fairlead.routing.predictors.shrinkage import fit_shrunk
from tests.routing.small_texts import features_of, small_sample, small_texts, with_holes

MEDIANS = np.array([[20.0, 60.0, 8.0], [200.0, 500.0, 90.0], [60.0, 150.0, 30.0]])
"""Tokens by kind of text (rows) and model (columns)."""


def medians(n: int) -> Floats:
    return MEDIANS[np.arange(n) % 3]


def tokens(n: int, seed: int, log_sd: float = 0.3) -> Floats:
    noise = np.random.default_rng(seed).normal(0.0, log_sd, (n, 3))
    return np.asarray(np.rint(medians(n) * np.exp(noise)))


def test_lengths_follow_the_kind_of_text_and_the_model() -> None:
    sample = small_sample(300)
    head = Lengths.fit(sample, tokens(300, 1))
    reading = sample.basis.read(features_of(small_texts(90, 5)))
    error = np.abs(head.predict(reading) - medians(90)) / medians(90)
    assert np.median(error) < 0.12
    assert bool(head.is_measured.all())


def test_a_median_is_a_whole_number_of_tokens_and_at_least_one() -> None:
    sample = small_sample(60)
    head = Lengths.fit(sample, np.ones((60, 2)))
    np.testing.assert_array_equal(head.predict(sample.reading), np.ones((60, 2)))
    none = Lengths.fit(sample, np.zeros((60, 2)))
    np.testing.assert_array_equal(none.predict(sample.reading), np.ones((60, 2)))


def test_runaway_replies_do_not_move_the_median_but_the_mean() -> None:
    sample = small_sample(300)
    plain = tokens(300, 1)
    wild = plain.copy()
    wild[np.random.default_rng(2).random(wild.shape) < 0.05] = 8_000.0
    reading = sample.basis.read(features_of(small_texts(90, 5)))
    calm, moved = Lengths.fit(sample, plain), Lengths.fit(sample, wild)
    ratio = moved.predict(reading) / calm.predict(reading)
    assert abs(np.median(ratio) - 1.0) < 0.1
    expected = float(moved.mean(reading).sum() / (wild.mean() * 90 * 3))
    assert expected == pytest.approx(1.0, abs=0.2)


def test_nine_in_ten_replies_end_within_the_interval() -> None:
    sample = small_sample(400)
    head = Lengths.fit(sample, tokens(400, 1))
    low, high = head.interval(sample.basis.read(features_of(small_texts(300, 5))))
    fresh = tokens(300, 6)
    assert 0.84 < float(((fresh >= low) & (fresh <= high)).mean()) < 0.96


def test_an_arm_without_lengths_takes_the_typical_length_of_the_pool_and_says_so() -> None:
    sample = small_sample(300)
    known = np.column_stack([tokens(300, 1), np.full(300, np.nan)])
    head = Lengths.fit(sample, known)
    assert head.is_measured.tolist() == [True, True, True, False]
    foretold = head.predict(sample.reading)
    # Typical of the text too: what makes the others long makes it long.
    assert np.median(foretold[1::3, 3]) > 3 * np.median(foretold[0::3, 3])
    assert (foretold[:, 3] >= foretold[:, :3].min(axis=1) - 1).all()
    assert (foretold[:, 3] <= foretold[:, :3].max(axis=1) + 1).all()


def test_holes_cost_little() -> None:
    sample = small_sample(400)
    head = Lengths.fit(sample, with_holes(tokens(400, 1), 0.6, 3))
    reading = sample.basis.read(features_of(small_texts(90, 5)))
    assert np.median(np.abs(head.predict(reading) - medians(90)) / medians(90)) < 0.25


def test_queries_without_any_length_teach_nothing() -> None:
    sample = small_sample(200)
    half = tokens(200, 1)
    half[100:] = np.nan
    whole, part = Lengths.fit(sample, half), Lengths.fit(sample.take(np.arange(100)), half[:100])
    np.testing.assert_allclose(whole.predict(sample.reading), part.predict(sample.reading), rtol=0.02, atol=1.0)


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="no amount"):
        Lengths.fit(small_sample(20), np.full((20, 2), np.nan))


def test_foretold_lengths_stay_within_what_was_seen() -> None:
    sample = small_sample(120)
    seen = tokens(120, 1)
    strange = sample.basis.read(features_of(["{" * 3_000, "", "\U0001f600 " * 50]))
    foretold = Lengths.fit(sample, seen).predict(strange)
    assert foretold.min() >= np.floor(seen.min())
    assert foretold.max() <= np.ceil(seen.max())


def test_lengths_survive_being_kept() -> None:
    sample = small_sample(100)
    head = Lengths.fit(sample, tokens(100, 1))
    again = Lengths.from_arrays(head.arrays())
    np.testing.assert_array_equal(again.mean(sample.reading), head.mean(sample.reading))
    np.testing.assert_array_equal(again.predict(sample.reading), head.predict(sample.reading))
    assert again.is_measured.tolist() == head.is_measured.tolist()


def test_equal_data_give_equal_heads() -> None:
    one, other = (LogAmounts.fit(small_sample(80), tokens(80, 1)) for _ in range(2))
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])


def test_left_out_values_are_those_of_a_fit_without_the_query() -> None:
    sample = small_sample(150, n_landmarks=40)
    responses = np.log(tokens(150, 1))
    fit = fit_shrunk(sample.spectrum, responses)
    left = left_out(sample.spectrum, responses, fit)
    loadings, mean = fit.components.loadings, fit.components.mean
    rows = sample.spectrum.rows.astype(np.float64)
    target = (responses - mean) @ loadings
    live = np.flatnonzero(np.isfinite(fit.penalties))
    for query in (0, 17, 149):
        rest = np.delete(np.arange(150), query)
        values = np.zeros(loadings.shape[1])
        for component in live.tolist():
            normal = rows[rest].T @ rows[rest] + fit.penalties[component] * np.eye(rows.shape[1])
            values[component] = rows[query] @ np.linalg.solve(normal, rows[rest].T @ target[rest, component])
        expected = np.clip(values @ loadings.T + mean, responses.min(), responses.max())
        np.testing.assert_allclose(left[query], expected, atol=2e-3)


def test_a_robust_fit_is_nearer_to_the_truth_than_least_squares() -> None:
    sample = small_sample(300)
    logs = np.log(tokens(300, 1))
    logs[np.random.default_rng(2).random(logs.shape) < 0.08] += 4.0
    truth = np.log(medians(300))
    plain = np.abs(fit_shrunk(sample.spectrum, logs).predict(sample.spectrum.rows) - truth).mean()
    robust = np.abs(fit_robust(sample.spectrum, logs)[0].predict(sample.spectrum.rows) - truth).mean()
    assert robust < 0.7 * plain
