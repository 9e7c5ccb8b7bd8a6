"""Two linear fits on sparse rows: weighted ridge regression and weighted multinomial logistic regression.

Both are plain conjugate directions in double precision on one thread, hence deterministic: same rows, same numbers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]

RIDGE_TOLERANCE: Final = 1e-8
"""Of the squared residual of the normal equations: beyond it the held-out error does not move."""
MAX_RIDGE_STEPS: Final = 150
MAX_SOFTMAX_STEPS: Final = 120


def fit_ridge(rows: csr_matrix, targets: Floats, weights: Floats, penalty: float) -> tuple[Floats, float]:
    """Coefficients and intercept of the least weighted squares under penalty * |coefficients|^2.

    Shapes: rows (n, d), targets and weights (n,) -> (d,) and a number. The intercept is the weighted mean: the columns
    are sparse or centred.
    """
    mean = float(np.average(targets, weights=weights))
    root = np.sqrt(weights)
    scaled = rows.multiply(root[:, None]).tocsr()
    flipped = scaled.T.tocsr()
    found = np.zeros(rows.shape[1])
    residual: Floats = flipped @ ((targets - mean) * root)
    direction, size = residual.copy(), float(residual @ residual)
    floor = RIDGE_TOLERANCE * size
    for _ in range(MAX_RIDGE_STEPS):
        if size <= floor:
            break
        image: Floats = flipped @ (scaled @ direction) + penalty * direction
        step = size / float(direction @ image)
        found += step * direction
        residual -= step * image
        next_size = float(residual @ residual)
        direction = residual + (next_size / size) * direction
        size = next_size
    return found, mean


def fit_softmax(rows: csr_matrix, shares: Floats, weights: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Coefficients and intercepts of a multinomial logistic model of soft labels, by L-BFGS.

    Shapes: rows (n, d), shares (n, k) summing to 1 by row, weights (n,) -> (d, k) and (k,).
    """
    n_columns, n_classes = rows.shape[1], shares.shape[1]
    flipped = rows.T.tocsr()
    scale = 1.0 / weights.sum()

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat[: n_columns * n_classes].reshape(n_columns, n_classes)
        logits = rows @ coefficients + flat[n_columns * n_classes :]
        logits -= logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        chances = np.exp(logits - log_sum)
        pulled = (chances - shares) * weights[:, None]
        value = -float((shares * (logits - log_sum) * weights[:, None]).sum()) + 0.5 * penalty * float(
            (coefficients**2).sum()
        )
        slope = np.concatenate(((flipped @ pulled + penalty * coefficients).ravel(), pulled.sum(axis=0)))
        return value * scale, slope * scale

    start = np.zeros(n_columns * n_classes + n_classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_SOFTMAX_STEPS, "maxcor": 8}).x
    return found[: n_columns * n_classes].reshape(n_columns, n_classes), found[n_columns * n_classes :]
