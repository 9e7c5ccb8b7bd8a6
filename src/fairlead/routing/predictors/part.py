"""Part: one way of foretelling quality, alone or in a stack.

A new part is one small file with a class that keeps this promise and one line in the registry: the stack weighs it,
calibrates it and measures it beside the others without knowing what is inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.query_features import QueryFeatures
from fairlead.routing.predictors.kernel_basis import Grams, KernelBasis, Reading, scale_meaning, scale_shape
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.shrinkage import Spectrum

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


MANY_TEXTS: Final = 1_000
"""From so many on one text has no say in which groups of texts there are: they are found once for all folds."""


@dataclass(frozen=True, slots=True)
class KnownTexts:
    """Texts on the scales of a basis, whether answered or not.

    Shapes: meaning (n, n_dims), unit rows; shape (n, n_shape).
    """

    meaning: Singles
    shape: Singles
    centroids: dict[tuple[int, int], list[Singles]] = field(default_factory=dict, repr=False, compare=False)
    """By most clusters and seed, those that were found: every fold asks for the same."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Training queries: read by a basis, with the spectrum of their basis rows, and a seed for what needs chance."""

    basis: KernelBasis
    reading: Reading
    spectrum: Spectrum
    places: NDArray[np.int64]
    """Where each of these queries stood among those that the basis was fitted on (n,)."""
    seed: int = 0
    known: KnownTexts | None = None
    """All texts that are known, these and those that no model answered; None where they are few.

    What is found without outcomes (groups of alike texts) is found on all of them, and stays when queries are taken.
    """

    def take(self, at: NDArray[np.int64]) -> "Sample":
        """A part of the sample."""
        spectrum = Spectrum.of(self.spectrum.rows[at])
        return Sample(self.basis, take_reading(self.reading, at), spectrum, self.places[at], self.seed, self.known)


def sample_of(basis: KernelBasis, reading: Reading, seed: int, unanswered: QueryFeatures | None = None) -> Sample:
    """The sample of all queries that a basis was fitted on, in their order; `unanswered`: texts without an outcome."""
    meaning, shape = reading.meaning, reading.shape
    if unanswered is not None and len(unanswered):
        meaning = np.vstack((meaning, scale_meaning(unanswered.dense, basis.centre)))
        shape = np.vstack((shape, scale_shape(unanswered.shape, basis.shape_mean, basis.shape_sd)))
    known = KnownTexts(meaning, shape) if len(meaning) >= MANY_TEXTS else None
    return Sample(basis, reading, Spectrum.of(basis.rows(reading)), np.arange(len(reading)), seed, known)


def take_reading(reading: Reading, at: NDArray[np.int64]) -> Reading:
    """The readings at these places."""
    grams = reading.grams
    lengths = (grams.starts[1:] - grams.starts[:-1])[at]
    starts = np.concatenate(([0], lengths.cumsum()))
    places = np.arange(starts[-1]) + np.repeat(grams.starts[at] - starts[:-1], lengths)
    kept = Grams(starts, grams.buckets[places], grams.weights[places])
    return Reading(reading.meaning[at], reading.shape[at], kept, reading.likeness[at])


class Part(Protocol):
    """A fitted part. It holds constant arrays only: any number of threads may ask it at once."""

    @classmethod
    def fit(cls, sample: Sample, scores: Floats) -> Self:
        """Fit it. Shapes: scores (n, n_arms) in [0, 1], NaN = hole."""
        ...

    def predict(self, reading: Reading) -> Floats:
        """Expected scores (n, n_arms); not clipped."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What it knows, as named arrays."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The part that these arrays came from. Raises: KeyError, ValueError."""
        ...


@runtime_checkable
class FunctionPart(Part, Protocol):
    """A part that looks at a text through kernel functions alone, which a stack evaluates together with others'."""

    @property
    def functions(self) -> KernelFunctions:
        """The functions (n_functions)."""
        ...

    def of_values(self, values: Floats) -> Floats:
        """Expected scores (n, n_arms) from the values of the functions (n, n_functions)."""
        ...


def check_shapes(**arrays: tuple[NDArray[Any], tuple[int, ...]]) -> None:
    """Refuse arrays whose shape is not the one beside them. Raises: ValueError that names one."""
    for name, (array, shape) in arrays.items():
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, not {shape}")
