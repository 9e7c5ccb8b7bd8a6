import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.learning.metrics.ranking import arm_auc, auc, mean_auc

CELLS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=25)


def by_pairs(predicted: list[float], success: list[bool]) -> float | None:
    won = [
        1.0 if predicted[i] > predicted[j] else 0.5 if predicted[i] == predicted[j] else 0.0
        for i in range(len(success))
        for j in range(len(success))
        if success[i] and not success[j]
    ]
    return sum(won) / len(won) if won else None


@given(CELLS)
def test_auc_is_the_share_of_pairs_in_the_right_order(cells: list[tuple[int, bool]]) -> None:
    predicted, success = [float(p) for p, _ in cells], [s for _, s in cells]

    expected = by_pairs(predicted, success)

    found = auc(np.array(predicted), np.array(success, dtype=np.float64))
    assert found == (None if expected is None else pytest.approx(expected))


@given(CELLS, st.lists(st.integers(0, 3), min_size=25, max_size=25))
def test_weights_stand_for_repeated_queries(cells: list[tuple[int, bool]], times: list[int]) -> None:
    predicted, score = np.array([float(p) for p, _ in cells]), np.array([float(s) for _, s in cells])
    rows = np.repeat(np.arange(len(cells)), times[: len(cells)])

    weighted = arm_auc(predicted, score)(np.array([times[: len(cells)]], dtype=np.float64))[0]

    repeated = auc(predicted[rows], score[rows]) if len(rows) else None
    assert np.isnan(weighted) if repeated is None else weighted == pytest.approx(repeated)


def test_unseen_cells_count_nowhere() -> None:
    predicted = np.array([0.1, 0.9, 0.5, 0.4])

    assert auc(predicted, np.array([0.0, np.nan, 1.0, np.nan])) == 1.0


def test_models_of_one_class_are_skipped_and_none_left_is_none() -> None:
    predicted = np.array([[0.1, 0.5], [0.9, 0.1]])

    assert mean_auc(predicted, np.array([[0.0, 1.0], [1.0, 1.0]])) == 1.0
    assert mean_auc(predicted, np.ones((2, 2))) is None
    assert mean_auc(np.empty((0, 2)), np.empty((0, 2))) is None


def test_the_order_of_queries_and_models_does_not_matter() -> None:
    drawer = np.random.default_rng(0)
    predicted, score = drawer.random((40, 3)).round(1), (drawer.random((40, 3)) < 0.5).astype(np.float64)
    rows, arms = drawer.permutation(40), drawer.permutation(3)

    assert mean_auc(predicted[rows][:, arms], score[rows][:, arms]) == pytest.approx(mean_auc(predicted, score))
