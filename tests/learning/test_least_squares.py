from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairlead.learning.least_squares import solve_non_negative

Floats = NDArray[np.float64]


def loss(gram: Floats, cross: Floats, x: Floats) -> float:
    return float(x @ gram @ x / 2.0 - cross @ x)


def by_brute_force(gram: Floats, cross: Floats) -> float:
    """The least loss over every set of weights that may be above 0."""
    best = 0.0
    for kept in product((False, True), repeat=len(cross)):
        at = np.flatnonzero(kept)
        if len(at):
            x = np.zeros(len(cross))
            x[at] = np.linalg.lstsq(gram[np.ix_(at, at)], cross[at], rcond=None)[0]
            if (x >= 0.0).all():
                best = min(best, loss(gram, cross, x))
    return best


@st.composite
def problems(draw: st.DrawFn) -> tuple[Floats, Floats]:
    """Columns and a target, some of the columns equal, opposite or nought, at any scale."""
    n_rows, n = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    chance = np.random.default_rng(draw(st.integers(0, 10**6)))
    columns = np.round(chance.normal(size=(n_rows, n)), draw(st.sampled_from([0, 1, 8])))
    if n > 1:
        columns[:, -1] *= 0.0 if draw(st.booleans()) else 1.0
        columns[:, -1] += draw(st.sampled_from([0.0, 1.0, -1.0])) * columns[:, 0]
    columns *= 10.0 ** draw(st.integers(-4, 4))
    target = chance.normal(size=n_rows) * 10.0 ** draw(st.integers(-4, 4))
    return columns.T @ columns, columns.T @ target


@settings(max_examples=300)
@given(problems())
def test_the_loss_is_the_least_over_all_sets_of_free_weights(problem: tuple[Floats, Floats]) -> None:
    gram, cross = problem

    x = solve_non_negative(gram, cross)

    best = by_brute_force(gram, cross)
    assert (x >= 0.0).all()
    assert loss(gram, cross, x) <= best + 1e-7 * abs(best) + 1e-300


@settings(max_examples=100)
@given(problems())
def test_no_weight_that_is_nought_would_help_and_no_other_can_be_moved(problem: tuple[Floats, Floats]) -> None:
    gram, cross = problem
    x = solve_non_negative(gram, cross)

    gradient = cross - gram @ x

    scale = float(np.abs(cross).max()) + 1e-300
    assert (gradient <= 1e-6 * scale).all()
    assert (np.abs(gradient[x > 0.0]) <= 1e-6 * scale).all()


def test_it_ends_where_a_step_is_only_nearly_at_nought() -> None:
    # Large weights: what should reach 0 misses it by more than any fixed small number.
    gram = np.array([[1.0, 0.999999], [0.999999, 1.0]]) * 1e-9

    x = solve_non_negative(gram, np.array([1.0, 0.9999]))

    assert x == pytest.approx([1e9, 0.0])


def test_without_a_use_all_weights_are_nought_and_none_are_none() -> None:
    assert solve_non_negative(np.eye(3), -np.ones(3)).tolist() == [0.0, 0.0, 0.0]
    assert solve_non_negative(np.zeros((2, 2)), np.zeros(2)).tolist() == [0.0, 0.0]
    assert solve_non_negative(np.zeros((0, 0)), np.zeros(0)).tolist() == []
