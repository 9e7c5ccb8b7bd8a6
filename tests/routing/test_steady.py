"""Steadied qualities: near-equal arms are decided by what they are usually worth."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from fairlead.routing.policies.steady import MARGIN, steadied

USUAL = np.array([0.5, 0.7, 0.6])


def chosen(quality: NDArray[np.float64], usual: NDArray[np.float64] = USUAL) -> list[int]:
    return [int(arm) for arm in steadied(quality, usual).argmax(axis=1)]


def test_among_near_equals_the_usually_best_arm_is_the_highest() -> None:
    assert chosen(np.array([[0.80, 0.79, 0.795], [0.80, 0.10, 0.79], [0.80, 0.785, 0.10]])) == [1, 2, 1]


def test_a_clearly_better_arm_is_chosen_whatever_is_usual() -> None:
    quality = np.array([[0.9, 0.8, 0.8]])
    assert chosen(quality) == [0]
    assert steadied(quality, USUAL).tolist() == quality.tolist()


def test_a_small_change_between_near_equals_changes_nothing() -> None:
    assert chosen(np.array([[0.80, 0.79, 0.3]])) == chosen(np.array([[0.79, 0.80, 0.3]])) == [1]


def test_the_order_of_a_threshold_between_two_arms_is_kept() -> None:
    gap = np.linspace(-0.05, 0.05, 101)
    steady = steadied(np.column_stack((0.5 + gap, np.full(101, 0.5))), np.array([0.4, 0.6]))
    assert (np.diff(np.delete(steady[:, 0] - steady[:, 1], 50)) > -2e-4).all()
    within = (gap > 0.001) & (gap < MARGIN - 0.001)
    assert (np.diff((steady[:, 0] - steady[:, 1])[within]) > 0.0).all()


@given(
    arrays(np.float64, (4, 5), elements=st.floats(0, 1)),
    arrays(np.float64, (5,), elements=st.floats(0, 1)),
)
def test_the_highest_is_the_usually_best_within_the_margin_and_little_else_moves(
    quality: NDArray[np.float64], usual: NDArray[np.float64]
) -> None:
    steady = steadied(quality, usual)
    rows = np.arange(len(quality))
    best = steady.argmax(axis=1)
    near = quality >= quality.max(axis=1, keepdims=True) - MARGIN
    assert near[rows, best].all()
    assert (usual[best] == np.where(near, usual, -np.inf).max(axis=1)).all()
    assert np.abs(steady - quality).max() <= MARGIN + 2e-4
    assert (steady == quality).all(axis=1)[(near.sum(axis=1) == 1)].all()


@given(
    arrays(np.float64, (3, 4), elements=st.floats(0, 1)),
    arrays(np.float64, (3, 4), elements=st.floats(0, 1)),
)
def test_alone_a_query_gets_the_bits_that_it_gets_among_others(
    quality: NDArray[np.float64], usual: NDArray[np.float64]
) -> None:
    together = steadied(quality, usual)
    for row in range(3):
        assert steadied(quality[row : row + 1], usual[row : row + 1])[0].tobytes() == together[row].tobytes()
