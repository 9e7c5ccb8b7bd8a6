"""The standard errors of the quality benchmarks: of the mean that other queries, or other draws, would give."""

import numpy as np
import pytest

from benchmarks.quality.cost_curves import N_BLOCKS, Split, gain_of
from benchmarks.quality.routers import error_of
from fairlead.learning.outcomes import Floats


def split_of(n: int) -> Split:
    """A resplit of which only the test side, all n queries, is asked."""
    nothing = np.empty(0, dtype=np.int64)
    return Split(None, None, nothing, np.arange(n), 0, np.arange(n) % N_BLOCKS)  # type: ignore[arg-type]


def test_means_are_of_the_whole_test_side_and_without_each_block() -> None:
    values = np.random.default_rng(1).normal(size=(50, 2))

    means = split_of(50).means(values)

    assert means.shape == (1 + N_BLOCKS, 2)
    np.testing.assert_allclose(means[0], values.mean(axis=0))
    np.testing.assert_allclose(means[4], values[np.arange(50) % N_BLOCKS != 3].mean(axis=0))


def test_the_error_over_queries_of_a_mean_is_its_standard_error() -> None:
    n, draw = 20_000, np.random.default_rng(2)
    ours, theirs = draw.normal(0.1, 1.0, (n, 1)), draw.normal(0.0, 1.0, (n, 1))
    split = split_of(n)

    gain = gain_of([split.means(ours)[:, 0]] * 2, [split.means(theirs)[:, 0]] * 2, 1.0)

    assert gain.mean == pytest.approx(float((ours - theirs).mean()))
    assert gain.query_error == pytest.approx(np.sqrt(2 / n), rel=0.5)
    assert gain.resplit_error == pytest.approx(0.0)
    assert gain.error == gain.query_error


def gained(of_seeds: list[float], n: int) -> Floats:
    """The same gain on each of n queries, another for each seed."""
    return np.tile(np.array(of_seeds)[:, None], (1, n))


def test_the_error_of_a_gain_has_the_spread_of_queries_and_of_seeds() -> None:
    assert error_of(gained([0.0, 0.0, 0.03], 100)) == pytest.approx(0.01)
    queries = np.random.default_rng(3).normal(size=(1, 400))
    assert error_of(queries) == pytest.approx(queries.std(ddof=1) / 20)
    both = error_of(gained([0.0, 0.3], 400) + queries)
    assert both == pytest.approx(np.hypot(queries.std(ddof=1) / 20, 0.15))
