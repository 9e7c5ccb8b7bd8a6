"""Outcome model: what a log says of every arm on every decision, each decision foretold by a fit without its session.

    outcome = b + c * foretold + own offset of the arm + own slope of the arm * foretold        (ridge, cross-fitted)

Offsets and slopes of an arm are pulled to 0 as if by a few outcomes of the shared line, so that an arm that the log has
hardly seen is foretold by its estimate alone. Only sums by arm are needed: a million decisions fit in a second.
"""

from typing import Final

import numpy as np

from fairlead.learning.outcomes import Floats, Ints

N_FOLDS: Final = 5
OWN_OUTCOMES: Final = 10.0
"""From about so many outcomes on an arm's own line counts more than the shared one."""
_SHARED_OUTCOMES: Final = 1.0
"""Keeps the shared slope finite when every estimate is the same."""


def foretold_outcomes(outcome: Floats, foretold: Floats, chosen: Ints, session: Ints) -> Floats:
    """What every arm would have brought (n, n_arms), within the range of the outcomes seen.

    Shapes: outcome, chosen, session (n,); foretold (n, n_arms), NaN where unknown. Sessions are numbered from 0 without
    a gap, and are at least two.
    """
    n, n_arms = foretold.shape
    line = _standardised(foretold, chosen)
    counts = np.bincount(chosen, minlength=n_arms)
    seen = np.flatnonzero(counts)
    own = (np.cumsum(counts > 0) - 1)[chosen]
    fold = session % N_FOLDS
    x = line[np.arange(n), chosen]
    cells, shape = fold * len(seen) + own, (N_FOLDS, len(seen))
    weights = (None, x, x * x, outcome, x * outcome)
    sums = [np.bincount(cells, weights=each, minlength=N_FOLDS * len(seen)).reshape(shape) for each in weights]
    offset, slope = np.empty((N_FOLDS, n_arms)), np.empty((N_FOLDS, n_arms))
    for k in range(N_FOLDS):
        shared, offsets, slopes = _fit(np.array([each.sum(axis=0) - each[k] for each in sums], dtype=np.float64))
        offset[k], slope[k] = shared
        offset[k, seen] += offsets
        slope[k, seen] += slopes
    found = offset[fold] + slope[fold] * line
    result: Floats = np.clip(found, outcome.min(), outcome.max())
    return result


def _standardised(foretold: Floats, chosen: Ints) -> Floats:
    """The estimates in units of their spread among the chosen; an unknown one is the mean of its arm, else of all."""
    known = np.isfinite(foretold)
    filled = foretold
    if not known.all():
        filled = np.where(known, foretold, 0.0)
        n_known = known.sum(axis=0)
        overall = filled.sum() / max(1, int(known.sum()))
        usual = np.where(n_known > 0, filled.sum(axis=0) / np.maximum(n_known, 1), overall)
        filled = np.where(known, foretold, usual)
    of_chosen = filled[np.arange(len(filled)), chosen]
    spread = float(of_chosen.std())
    result: Floats = (filled - of_chosen.mean()) / (spread if spread > 0 else 1.0)
    return result


def _fit(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """The shared line, then offsets and slopes by arm. Shapes: sums (5, n_seen) -> (2,), (n_seen,), (n_seen,)."""
    count, x, xx, y, xy = sums
    m = len(count)
    gram = np.zeros((2 + 2 * m, 2 + 2 * m))
    gram[0, 0], gram[0, 1], gram[1, 1] = count.sum(), x.sum(), xx.sum()
    gram[0, 2 : 2 + m], gram[0, 2 + m :] = count, x
    gram[1, 2 : 2 + m], gram[1, 2 + m :] = x, xx
    arms = np.arange(m)
    gram[2 + arms, 2 + arms], gram[2 + arms, 2 + m + arms], gram[2 + m + arms, 2 + m + arms] = count, x, xx
    gram = np.triu(gram) + np.triu(gram, 1).T
    gram[np.diag_indices_from(gram)] += np.r_[1e-9, _SHARED_OUTCOMES, np.full(2 * m, OWN_OUTCOMES)]
    beta: Floats = np.linalg.solve(gram, np.r_[y.sum(), xy.sum(), y, xy]).astype(np.float64)
    return beta[:2], beta[2 : 2 + m], beta[2 + m :]
