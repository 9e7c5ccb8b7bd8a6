"""Lengths: how many tokens each arm's reply to a text takes, on the median and on the mean, with an interval.

Tokens as billed, hidden reasoning included where the outcomes include it. An arm that no length was measured of takes
the pool's typical length and is marked so.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.log_amounts import Z_90, LogAmounts
from fairlead.routing.predictors.part import Arrays, Floats, Sample


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths by arm. Every prediction takes a reading, or with `_of_values` the values of `functions` on it."""

    amounts: LogAmounts

    @classmethod
    def fit(cls, sample: Sample, output_tokens: Floats) -> Self:
        """Fit. Shapes: output_tokens (n, n_arms), NaN = hole. Raises: ValueError if none is measured.

        A reply of no token counts as one token.
        """
        return cls(LogAmounts.fit(sample, np.maximum(output_tokens, 1.0)))

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Whether any length of the arm was measured (n_arms,)."""
        measured: NDArray[np.bool_] = self.amounts.n_seen > 0
        return measured

    @property
    def functions(self) -> KernelFunctions:
        """The functions that the lengths are read off, so that they can be evaluated together with other heads'."""
        return self.amounts.functions

    @property
    def log_spread(self) -> Floats:
        """The spread of an arm's log length about the foretold median: one standard deviation if normal (n_arms,)."""
        return self.amounts.log_spread

    def predict(self, reading: Reading) -> Floats:
        """Median tokens (n, n_arms), whole numbers from 1 up."""
        return self.median_of_values(self.functions.evaluate(reading))

    def mean(self, reading: Reading) -> Floats:
        """Expected tokens (n, n_arms): what a cost is made of."""
        return self.mean_of_values(self.functions.evaluate(reading))

    def interval(self, reading: Reading) -> tuple[Floats, Floats]:
        """The tokens between which nine in ten replies end: two of (n, n_arms)."""
        log_median = self.amounts.log_median(self.functions.evaluate(reading))
        reach = Z_90 * self.log_spread
        return np.exp(log_median - reach), np.exp(log_median + reach)

    def median_of_values(self, values: Floats) -> Floats:
        """Median tokens from the values of `functions` (n, n_components)."""
        # Tokens are whole: one-letter answers are foretold exactly.
        result: Floats = np.maximum(np.rint(np.exp(self.amounts.log_median(values))), 1.0)
        return result

    def mean_of_values(self, values: Floats) -> Floats:
        """Expected tokens from the values of `functions` (n, n_components)."""
        result: Floats = np.exp(self.amounts.log_median(values)) * self.amounts.mean_ratio
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What it knows, as named arrays."""
        return self.amounts.arrays()

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The lengths that these arrays came from. Raises: KeyError, ValueError."""
        return cls(LogAmounts.from_arrays(arrays))
