"""Intervals, tests and sizes: against published values, scipy, and simulation; undefined is None."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fairlead.evaluation.statistics.intervals import clustered_error, mean_interval, wilson
from fairlead.evaluation.statistics.pairs import benjamini_hochberg, mcnemar, paired
from fairlead.evaluation.statistics.quantiles import t_of, z_of
from fairlead.evaluation.statistics.sample_size import prompts_for


@pytest.mark.parametrize("n_free", [1, 2, 3, 4, 6, 10, 30, 200])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_quantiles_of_students_t_are_those_of_scipy(n_free: int, level: float) -> None:
    assert t_of(level, n_free) == pytest.approx(stats.t.ppf((1 + level) / 2, n_free), rel=0.015)
    assert z_of(level) == pytest.approx(stats.norm.ppf((1 + level) / 2))


def test_wilsons_interval_is_the_published_one() -> None:
    found = wilson(81, 263)  # Newcombe 1998, Stat. Med. 17, table I, method 3
    assert [found.low, found.high] == pytest.approx([0.2553, 0.3662], abs=1e-4)
    none, all_right = wilson(0, 20), wilson(20, 20)
    assert [none.low, none.high] == pytest.approx([0.0, 0.1611], abs=1e-4)
    assert all_right.high == 1.0


def test_nothing_scored_is_undefined_and_one_answer_has_no_interval_but_wilsons() -> None:
    assert mean_interval(np.empty(0), []).value is None
    assert mean_interval(np.array([0.4]), ["a"]).low is None
    assert mean_interval(np.array([1.0]), ["a"]).low == pytest.approx(wilson(1, 1).low or 0)
    assert clustered_error(np.array([0.1, 0.9]), ["a", "a"]) is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_one_value_a_cluster_gives_the_plain_error(values: list[float]) -> None:
    scores = np.array(values)
    error = clustered_error(scores, list(range(len(values))))
    assert error == pytest.approx(float(scores.std(ddof=1)) / math.sqrt(len(values)), abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.integers(2, 4))
def test_the_same_answer_many_times_tells_no_more_than_once(values: list[float], n: int) -> None:
    once = mean_interval(np.array(values), list(range(len(values))))
    often = mean_interval(np.repeat(np.array(values), n), list(np.repeat(np.arange(len(values)), n)))
    assert often.value == pytest.approx(once.value)
    if once.low is None or often.low is None:
        assert (once.low is None) == (often.low is None)
        assert np.ptp(values) < 1e-9
    else:
        assert often.low == pytest.approx(once.low, abs=0.02)


def test_graded_scores_that_are_all_alike_have_no_interval_rather_than_one_of_no_width() -> None:
    alike = mean_interval(np.full(20, 0.3), list(range(20)))
    assert alike.value == pytest.approx(0.3) and alike.low is None
    assert alike.reason is not None and "every prompt says the same" in alike.reason
    found = paired("a", "b", np.ones(20), np.ones(20), list(range(20)))
    for figure in (found.difference, found.bootstrap):
        assert (figure.value, figure.low) == (0.0, None)
    assert found.p_value is None


def test_clustered_intervals_cover_as_they_say() -> None:
    draw, hits = np.random.default_rng(0), 0
    for _ in range(400):
        level = draw.beta(2, 2, size=40)
        answers = (draw.random((40, 5)) < level[:, None]).astype(float)
        found = mean_interval(answers.ravel(), list(np.repeat(np.arange(40), 5)))
        assert found.low is not None and found.high is not None
        hits += found.low <= 0.5 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.parametrize(("better", "worse"), [(10, 2), (5, 5), (0, 6), (40, 61), (700, 600)])
def test_mcnemars_p_is_the_binomial_tests(better: int, worse: int) -> None:
    expected = stats.binomtest(better, better + worse).pvalue
    assert mcnemar(better, worse) == pytest.approx(expected, rel=0.01)


def test_models_that_never_differ_have_no_p() -> None:
    assert mcnemar(0, 0) is None
    same = paired("a", "b", np.ones(5), np.ones(5), list(range(5)))
    assert (same.difference.value, same.p_value) == (0.0, None)
    nothing = paired("a", "b", np.empty(0), np.empty(0), [])
    assert (nothing.difference.value, nothing.n, nothing.p_value) == (None, 0, None)


def test_a_graded_difference_has_the_t_tests_p() -> None:
    draw = np.random.default_rng(1)
    one = draw.random(40)
    other = np.clip(one - 0.05 + draw.normal(0, 0.1, 40), 0, 1)
    found = paired("a", "b", one, other, list(range(40)))
    assert found.p_value == pytest.approx(stats.ttest_rel(one, other).pvalue, rel=0.02)
    assert found.bootstrap.value == pytest.approx(found.difference.value)


def test_adjusted_p_values_are_scipys_and_skip_what_is_undefined() -> None:
    p_values = [0.01, 0.04, None, 0.03, 0.2]
    known = [p for p in p_values if p is not None]
    expected = iter(stats.false_discovery_control(known))
    found = benjamini_hochberg(p_values)
    assert found[2] is None
    assert [p for p in found if p is not None] == pytest.approx(list(expected))


def test_a_sample_size_by_hand_and_that_of_repeated_answers() -> None:
    assert prompts_for(0.05, 0.447) == pytest.approx(628, abs=2)
    assert prompts_for(0.0, 0.4) is None
    assert prompts_for(0.05, 0.2, within_sd=0.4, n_samples=4) == prompts_for(0.05, math.sqrt(0.04 + 0.08))
