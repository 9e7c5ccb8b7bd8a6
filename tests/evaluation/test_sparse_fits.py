import numpy as np
import pytest
from scipy.sparse import csr_matrix

from fairlead.evaluation.sparse_fits import fit_ridge, fit_softmax


def test_ridge_solves_its_normal_equations() -> None:
    drawer = np.random.default_rng(0)
    x, y, w = drawer.standard_normal((50, 6)), drawer.standard_normal(50), drawer.random(50)

    found, mean = fit_ridge(csr_matrix(x), y, w, penalty=2.0)

    exact = np.linalg.solve(
        (x * w[:, None]).T @ x + 2.0 * np.eye(6), (x * w[:, None]).T @ (y - np.average(y, weights=w))
    )
    assert found == pytest.approx(exact, abs=1e-4)
    assert mean == pytest.approx(np.average(y, weights=w))


def test_ridge_of_constant_targets_is_flat() -> None:
    found, mean = fit_ridge(csr_matrix(np.eye(4)), np.full(4, 3.0), np.ones(4), penalty=1.0)

    assert found == pytest.approx(np.zeros(4)) and mean == 3.0


def test_softmax_tells_apart_what_can_be_told_apart() -> None:
    x = np.repeat(np.eye(3), 20, axis=0)
    shares = np.repeat(np.eye(3), 20, axis=0)

    coefficients, intercepts = fit_softmax(csr_matrix(x), shares, np.ones(60), penalty=0.1)

    assert (np.eye(3) @ coefficients + intercepts).argmax(axis=1).tolist() == [0, 1, 2]


def test_softmax_of_soft_labels_gives_the_shares_back() -> None:
    x = csr_matrix(np.ones((10, 1)))
    shares = np.tile([0.7, 0.2, 0.1], (10, 1))

    coefficients, intercepts = fit_softmax(x, shares, np.ones(10), penalty=1e-3)

    logits = coefficients[0] + intercepts
    assert np.exp(logits) / np.exp(logits).sum() == pytest.approx([0.7, 0.2, 0.1], abs=0.01)
