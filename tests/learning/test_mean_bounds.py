"""Lower bounds of a mean hold as often as they say, with few observations as with many."""

import numpy as np
import pytest
from scipy import stats

from fairlead.learning.mean_bounds import MANY_GROUPS, lower_bound, t_quantile


@pytest.mark.parametrize("confidence", [0.95, 0.99375])
@pytest.mark.parametrize("n_free", [MANY_GROUPS - 1, 100, 5_000])
def test_the_quantile_is_that_of_the_t_distribution(confidence: float, n_free: int) -> None:
    assert t_quantile(confidence, n_free) == pytest.approx(stats.t.ppf(confidence, n_free), abs=1e-3)


def test_with_many_groups_of_one_the_bound_is_that_of_a_t_test() -> None:
    differences = np.random.default_rng(0).normal(0.1, 0.3, 400)
    low = lower_bound(differences, np.arange(400), 1.0, 0.95, 0)
    expected = stats.ttest_1samp(differences, 0.0, alternative="greater").confidence_interval(0.95).low
    assert low == pytest.approx(expected, abs=1e-5)


def test_copies_of_a_text_are_one_observation() -> None:
    differences = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 200, p=[0.2, 0.4, 0.4])
    single = lower_bound(differences, np.arange(200), 1.0, 0.95, 0)
    copied = lower_bound(np.repeat(differences, 5), np.repeat(np.arange(200), 5), 1.0, 0.95, 0)
    assert copied == pytest.approx(single, abs=1e-12)
    assert lower_bound(np.repeat(differences, 5), np.arange(1_000), 1.0, 0.95, 0) > single


@pytest.mark.parametrize(("n", "share"), [(40, 0.5), (300, 0.02), (300, 0.2), (1_000, 0.5)])
def test_the_bound_is_above_a_true_mean_of_nought_in_at_most_one_of_twenty(n: int, share: float) -> None:
    n_wrong, n_draws = 0, 400
    for seed in range(n_draws):
        drawer = np.random.default_rng(seed)
        differences = drawer.choice([-1.0, 0.0, 1.0], n, p=[share / 2, 1 - share, share / 2])
        n_wrong += lower_bound(differences, np.arange(n), 1.0, 0.95, seed) > 0
    # Four standard errors of a share of .05 above it.
    assert n_wrong / n_draws <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / n_draws)


def test_three_wins_are_no_proof_and_twenty_are() -> None:
    differences = np.zeros(300)
    differences[:3] = 1.0
    assert lower_bound(differences, np.arange(300), 1.0, 0.95, 0) < 0
    differences[:20] = 1.0
    assert lower_bound(differences, np.arange(300), 1.0, 0.95, 0) > 0


def test_more_confidence_is_a_lower_bound_and_none_is_above_the_mean() -> None:
    for n in (20, 500):
        differences = np.random.default_rng(n).uniform(-0.2, 0.6, n)
        lows = [lower_bound(differences, np.arange(n), 1.0, confidence, 0) for confidence in (0.8, 0.95, 0.99)]
        assert lows == sorted(lows, reverse=True)
        assert lows[0] < differences.mean()


def test_no_difference_at_all_is_no_gain() -> None:
    assert -0.2 < lower_bound(np.zeros(300), np.arange(300), 1.0, 0.95, 0) <= 0
