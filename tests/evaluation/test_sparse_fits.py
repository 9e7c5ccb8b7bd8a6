import numpy as np
import pytest
from scipy.sparse import csr_matrix

from fairlead.evaluation.block_rows import BlockRows
from fairlead.evaluation.sparse_fits import fit_ridge, fit_softmax, log_softmax


def test_ridge_solves_its_normal_equations() -> None:
    drawer = np.random.default_rng(0)
    x, y, w = drawer.standard_normal((50, 6)), drawer.standard_normal(50), drawer.random(50)

    found, mean = fit_ridge(BlockRows([csr_matrix(x[:, :4]), x[:, 4:].astype(np.float32)]), y, w, penalty=2.0)

    exact = np.linalg.solve(
        (x * w[:, None]).T @ x + 2.0 * np.eye(6), (x * w[:, None]).T @ (y - np.average(y, weights=w))
    )
    assert found == pytest.approx(exact, abs=1e-3)
    assert mean == pytest.approx(np.average(y, weights=w))


def test_ridge_of_constant_targets_is_flat() -> None:
    found, mean = fit_ridge(BlockRows([csr_matrix(np.eye(4))]), np.full(4, 3.0), np.ones(4), penalty=1.0)

    assert found == pytest.approx(np.zeros(4)) and mean == 3.0


def test_softmax_tells_apart_what_can_be_told_apart() -> None:
    x = np.repeat(np.eye(3), 20, axis=0)
    shares = np.repeat(np.eye(3), 20, axis=0)

    coefficients, intercepts = fit_softmax(BlockRows([csr_matrix(x)]), shares, np.ones(60), penalty=0.1)

    assert (np.eye(3) @ coefficients + intercepts).argmax(axis=1).tolist() == [0, 1, 2]


def test_softmax_of_soft_labels_gives_the_shares_back() -> None:
    x = BlockRows([csr_matrix(np.ones((10, 1)))])
    shares = np.tile([0.7, 0.2, 0.1], (10, 1))

    coefficients, intercepts = fit_softmax(x, shares, np.ones(10), penalty=1e-3)

    logits = coefficients[0] + intercepts
    assert np.exp(logits) / np.exp(logits).sum() == pytest.approx([0.7, 0.2, 0.1], abs=0.01)


def test_blocks_stand_side_by_side() -> None:
    drawer = np.random.default_rng(1)
    x, by, values = drawer.standard_normal((7, 5)), drawer.standard_normal((5, 2)), drawer.standard_normal((7, 2))
    rows = BlockRows([x[:, :2].astype(np.float32), csr_matrix(x[:, 2:])])

    assert (len(rows), rows.n_columns) == (7, 5)
    assert rows.times(by) == pytest.approx(x @ by, abs=1e-5)
    assert rows.times(by[:, 0]) == pytest.approx(x @ by[:, 0], abs=1e-5)
    assert rows.flipped_times(values) == pytest.approx(x.T @ values, abs=1e-5)
    keep = np.array([True, False, True, False, False, True, True])
    assert rows.take(keep).times(by) == pytest.approx(x[keep] @ by, abs=1e-5)


def test_logarithms_of_shares_do_not_overflow() -> None:
    assert np.exp(log_softmax(np.array([[1e4, 1e4, -1e4]]))) == pytest.approx(np.array([[0.5, 0.5, 0.0]]))
