import numpy as np
import pytest

from fairlead.learning.outcomes import Outcomes, Queries
from tests.learning.small_outcomes import outcomes, queries

NAN = float("nan")


def test_matrices_of_another_shape_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"score has shape \(2, 1\), not \(2, 2\)"):
        Outcomes(queries(2), ("a", "b"), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="latency_s has shape"):
        Outcomes(queries(2), ("a",), np.zeros((2, 1)), latency_s=np.zeros((1, 1)))


def test_texts_and_ids_of_other_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="2 ids, 1 texts and 2 datasets"):
        Queries(("a", "b"), ("one",), ("", ""))


def test_coverage_is_the_share_of_cells_with_a_score() -> None:
    holed = outcomes([[1.0, NAN], [0.0, NAN], [NAN, 0.5], [1.0, 1.0]])

    assert holed.n_scores == 5
    assert holed.coverage == 5 / 8
    assert Outcomes(queries(0), (), np.zeros((0, 0))).coverage == 0.0


def test_rows_are_taken_from_every_measure_in_the_order_asked() -> None:
    taken = outcomes([[1.0], [0.0], [0.5]], [[0.1], [0.2], [0.3]]).take([2, 0, 2])

    assert taken.queries.ids == ("q2", "q0", "q2")
    assert taken.score.ravel().tolist() == [0.5, 1.0, 0.5]
    assert taken.cost_usd is not None
    assert taken.cost_usd.ravel().tolist() == [0.3, 0.1, 0.3]
    assert taken.latency_s is None


def test_arms_are_taken_by_name_and_a_missing_one_is_named() -> None:
    both = outcomes([[1.0, 0.0]], [[0.1, 0.2]])

    assert both.of_arms(["b", "a"]).score.tolist() == [[0.0, 1.0]]
    assert both.of_arms(["b"]).arms == ("b",)
    with pytest.raises(KeyError, match="zzz"):
        both.of_arms(["zzz"])
