import numpy as np
import pytest

from fairlead.learning.metrics.recall import rare_queries, rare_success, recall_at

SCORE = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.4],
    ]
)


def test_rare_queries_have_one_to_three_right_models() -> None:
    assert rare_queries(SCORE).tolist() == [True, True, False, False]


def test_where_every_model_is_right_nothing_is_rare() -> None:
    assert rare_queries(np.array([[1.0, 1.0], [1.0, 0.0]])).tolist() == [False, True]


def test_recall_by_hand() -> None:
    predicted = np.array([[0.1, 0.9, 0.5, 0.0, 0.0], [0.9, 0.2, 0.8, 0.0, 0.0], [0.0] * 5, [0.0] * 5])

    assert recall_at(1, predicted, SCORE) == pytest.approx((0 + 0.5) / 2)
    assert recall_at(3, predicted, SCORE) == pytest.approx(1.0)
    assert rare_success(np.array([0.0, 1.0, 1.0, 0.0]), SCORE) == pytest.approx(0.5)


def test_recall_grows_with_k_and_ends_at_one() -> None:
    drawer = np.random.default_rng(0)
    score, predicted = (drawer.random((50, 5)) < 0.4).astype(np.float64), drawer.random((50, 5))

    found = [recall_at(k, predicted, score) for k in range(1, 6)]

    assert found == sorted(found, key=lambda value: value or 0.0)
    assert found[-1] == 1.0


def test_without_rare_queries_recall_is_undefined() -> None:
    assert recall_at(1, np.ones((2, 3)), np.ones((2, 3))) is None
    assert rare_success(np.ones(2), np.zeros((2, 3))) is None
