import numpy as np
import pytest

from fairlead.learning.metrics.robustness import robustness

SCORE = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])


def test_kept_picks_and_their_loss_by_hand() -> None:
    found = robustness(np.array([0, 1, 0, 0]), np.array([1, 1, 1, 0]), SCORE, seed=0)

    assert found.n_pairs == 4
    assert found.kept.value == 0.5
    assert found.loss.value == 0.25


def test_several_rewordings_of_one_query_are_averaged() -> None:
    reworded = np.array([[0, 1], [1, 1], [0, 0], [0, 0]])

    found = robustness(np.array([0, 1, 0, 0]), reworded, SCORE, seed=0)

    assert (found.n_pairs, found.kept.value, found.loss.value) == (8, 0.875, 0.125)


def test_a_constant_router_keeps_everything() -> None:
    found = robustness(np.zeros(4, dtype=np.int64), np.zeros((4, 3), dtype=np.int64), SCORE, seed=0)

    assert (found.kept.value, found.kept.low, found.loss.value) == (1.0, 1.0, 0.0)


def test_a_rewording_may_also_gain() -> None:
    found = robustness(np.array([1]), np.array([0]), SCORE[:1], seed=0)

    assert found.loss.value == pytest.approx(-1.0)


def test_without_pairs_nothing_is_known() -> None:
    found = robustness(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty((0, 2)), seed=0)

    assert (found.n_pairs, found.kept.value, found.loss.value) == (0, None, None)
