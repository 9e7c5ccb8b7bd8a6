"""Two linear fits on blocks of rows: weighted ridge regression and weighted multinomial logistic regression.

Both take steps by conjugate directions on one thread, hence deterministic: same rows, same numbers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fairlead.evaluation.block_rows import BlockRows

Floats = NDArray[np.float64]

RIDGE_TOLERANCE: Final = 1e-7
"""Of the squared residual of the normal equations: beyond it the held-out error does not move."""
MAX_RIDGE_STEPS: Final = 100
MAX_SOFTMAX_STEPS: Final = 60


def fit_ridge(rows: BlockRows, targets: Floats, weights: Floats, penalty: float) -> tuple[Floats, float]:
    """Coefficients and intercept of the least weighted squares under penalty * |coefficients|^2.

    Shapes: rows (n, d), targets and weights (n,) -> (d,) and a number. The intercept is the weighted mean.
    """
    mean = float(np.average(targets, weights=weights))
    found = np.zeros(rows.n_columns)
    residual = rows.flipped_times(weights * (targets - mean))
    direction, size = residual.copy(), float(residual @ residual)
    floor = RIDGE_TOLERANCE * size
    for _ in range(MAX_RIDGE_STEPS):
        if size <= floor:
            break
        image: Floats = rows.flipped_times(weights * rows.times(direction)) + penalty * direction
        step = size / float(direction @ image)
        found += step * direction
        residual -= step * image
        next_size = float(residual @ residual)
        direction = residual + (next_size / size) * direction
        size = next_size
    return found, mean


def fit_softmax(rows: BlockRows, shares: Floats, weights: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Coefficients and intercepts of a multinomial logistic model of soft labels, by L-BFGS.

    Shapes: rows (n, d), shares (n, k) summing to 1 by row, weights (n,) -> (d, k) and (k,).
    """
    n_columns, n_classes = rows.n_columns, shares.shape[1]
    scale = 1.0 / weights.sum()

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat[: n_columns * n_classes].reshape(n_columns, n_classes)
        log_chances = log_softmax(rows.times(coefficients) + flat[n_columns * n_classes :])
        pulled = (np.exp(log_chances) - shares) * weights[:, None]
        size = 0.5 * penalty * float((coefficients**2).sum())
        value = size - float((shares * log_chances * weights[:, None]).sum())
        slope = np.concatenate(((rows.flipped_times(pulled) + penalty * coefficients).ravel(), pulled.sum(axis=0)))
        return value * scale, slope * scale

    start = np.zeros(n_columns * n_classes + n_classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_SOFTMAX_STEPS, "maxcor": 8}).x
    return found[: n_columns * n_classes].reshape(n_columns, n_classes), found[n_columns * n_classes :]


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of shares that sum to 1 by row. Shapes: (n, k) -> (n, k)."""
    logits = logits - logits.max(axis=1, keepdims=True)
    result: Floats = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return result
