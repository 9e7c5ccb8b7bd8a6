"""Conduct: what each arm really delivers, as arrays that a decision reckons with in place of the prior."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.pool import Pool

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Conduct(NamedTuple):
    """Shapes: every array is (n_arms,). Units: seconds, seconds per output token, shares.

    Whoever measures writes into these arrays between decisions; within one decision they do not change.
    """

    ttft_s: Floats
    """To the first content of a request without input: prefill is added by its length."""
    s_per_token: Floats
    hidden_share: Floats
    """Nears 0 as an arm is measured: its hidden reasoning is then in its measured time to the first content."""
    failure_share: Floats | None
    """Of recent attempts those that failed, drawn towards 0; None while nothing has failed anywhere."""
    is_measured: Bools
    """Enough was seen for the figures to be called measured."""


def unmeasured(pool: Pool) -> Conduct:
    """Nothing has been seen yet: the priors, in arrays of their own."""
    return Conduct(
        pool.ttft_s.copy(),
        pool.s_per_token.copy(),
        pool.hidden_share.copy(),
        None,
        np.zeros(pool.n_arms, dtype=np.bool_),
    )
