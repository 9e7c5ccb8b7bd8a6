"""A steady choice: near-equal arms are decided by what they are usually worth."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from fairlead.routing.policies.steady import near_best, steady_choice

USUAL = np.array([0.5, 0.7, 0.6])


def test_among_near_equals_the_usually_best_arm_is_chosen() -> None:
    worth = np.array([[0.80, 0.78, 0.79], [0.80, 0.10, 0.79], [0.80, 0.78, 0.10]])
    assert steady_choice(worth, USUAL, 0.03).tolist() == [1, 2, 1]


def test_a_clearly_better_arm_is_chosen_whatever_is_usual() -> None:
    assert steady_choice(np.array([[0.9, 0.8, 0.8]]), USUAL, 0.03).tolist() == [0]


def test_a_small_change_of_worth_between_near_equals_changes_nothing() -> None:
    worth = np.array([[0.80, 0.79, 0.3]])
    assert steady_choice(worth, USUAL).tolist() == steady_choice(worth[:, [1, 0, 2]], USUAL).tolist() == [1]


def test_an_arm_that_may_not_be_chosen_is_not() -> None:
    assert steady_choice(np.array([[0.5, -np.inf, 0.49]]), USUAL).tolist() == [2]


def test_an_arm_without_usual_figures_is_usually_worth_what_it_promises_here() -> None:
    usual = np.array([0.5, np.nan, 0.6])
    assert steady_choice(np.array([[0.80, 0.79, 0.78]]), usual).tolist() == [1]
    assert steady_choice(np.array([[0.50, 0.49, 0.51]]), usual).tolist() == [2]


@given(
    arrays(np.float64, (4, 5), elements=st.floats(-50, 50)),
    arrays(np.float64, (5,), elements=st.floats(-50, 50)),
    st.floats(0, 0.1),
)
def test_the_choice_is_the_usually_best_within_the_margin(
    worth: NDArray[np.float64], usual: NDArray[np.float64], margin: float
) -> None:
    chosen = steady_choice(worth, usual, margin)
    rows = np.arange(len(worth))
    near = near_best(worth, margin)
    assert near[rows, chosen].all()
    assert (worth[rows, chosen] >= worth.max(axis=1) - margin).all()
    assert (usual[chosen] == np.where(near, usual, -np.inf).max(axis=1)).all()
