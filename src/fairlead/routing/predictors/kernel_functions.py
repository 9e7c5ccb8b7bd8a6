"""KernelFunctions: several functions fitted on one basis, evaluated together on a text.

Each is a sum over landmarks of the likeness to them, and over the text's n-grams of a weight each. Evaluating ten costs
little more than one: the likeness is worked out once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.text_hashing import N_BUCKETS
from fairlead.routing.predictors.kernel_basis import KernelBasis, Reading, gram_weights

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

LARGEST: Final = 32_767


@dataclass(frozen=True, slots=True)
class KernelFunctions:
    """Shapes: landmark_weights (n_landmarks, n_functions); gram_table (N_BUCKETS, n_functions)."""

    landmark_weights: Singles
    gram_table: Singles

    @classmethod
    def of(cls, basis: KernelBasis, weights: Floats) -> Self:
        """The functions with these weights on the basis rows (n_basis, n_functions)."""
        on_landmarks = basis.root.astype(np.float64) @ weights
        numbers, steps = _whole_numbers(gram_weights(basis, on_landmarks))
        return cls(on_landmarks.astype(np.float32), numbers * steps)

    @classmethod
    def joined(cls, several: Sequence["KernelFunctions"]) -> Self:
        """The functions of several side by side, for one evaluation in place of several."""
        return cls(
            np.hstack([each.landmark_weights for each in several]), np.hstack([each.gram_table for each in several])
        )

    @property
    def n_functions(self) -> int:
        """How many functions these are."""
        return int(self.landmark_weights.shape[1])

    def evaluate(self, reading: Reading) -> Floats:
        """Values (n, n_functions)."""
        values = (reading.likeness @ self.landmark_weights).astype(np.float64)
        grams = reading.grams
        if len(grams) == 1:
            values += grams.weights @ self.gram_table.take(grams.buckets, axis=0)
            return values
        places = grams.starts.tolist()
        for row, (at, end) in enumerate(pairwise(places)):
            values[row] += grams.weights[at:end] @ self.gram_table.take(grams.buckets[at:end], axis=0)
        return values

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays; the table in whole numbers, which it was rounded to when it was made."""
        numbers, steps = _whole_numbers(self.gram_table)
        return {
            "landmark_weights": self.landmark_weights,
            "gram_numbers": numbers.astype(np.int16),
            "gram_steps": steps,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The functions that these arrays came from. Raises: KeyError, ValueError if they do not fit together."""
        weights, numbers, steps = arrays["landmark_weights"], arrays["gram_numbers"], arrays["gram_steps"]
        if weights.ndim != 2 or numbers.shape != (N_BUCKETS, weights.shape[1]) or steps.shape != weights.shape[1:]:
            raise ValueError(f"weights of shape {weights.shape}, but an n-gram table of shape {numbers.shape}")
        if weights.dtype != np.float32 or numbers.dtype != np.int16 or steps.dtype != np.float32:
            raise ValueError(f"weights, numbers and steps of type {weights.dtype}, {numbers.dtype}, {steps.dtype}")
        return cls(weights, numbers.astype(np.float32) * steps)


def _whole_numbers(table: Singles) -> tuple[Singles, Singles]:
    """A table as whole numbers of at most LARGEST and what one of them is worth per column, a power of two.

    A power of two, so that rounding a rounded table changes no bit.
    """
    largest = np.abs(table).max(axis=0, initial=0.0)
    steps = np.exp2(np.ceil(np.log2(np.maximum(largest, 1e-30) / LARGEST))).astype(np.float32)
    return np.rint(table / steps), steps
