"""KernelBasis: how alike two queries are in meaning, shape and wording, as columns that a ridge can be fitted on.

    k(x, z) = exp(-|e - e'|^2) + SHAPE exp(-g |s - s'|^2) + exp(-|e - e'|^2 - g |s - s'|^2) + WORDING <w, w'>

with e the direction of the text's word vectors, s its shape, w its distinct n-grams weighted by rarity. The product
asks for likeness in both at once. Training rows become columns by Nystroem's method over at most N landmarks (Williams
and Seeger 2001, "Using the Nystroem method to speed up kernel machines"). The wording term is linear in w, so a fitted
function keeps one weight per n-gram for it and looks at landmarks only for the rest.

Bits: a text read again on the same machine gives the same bits. Read among others it gives the same grams, meaning and
shape, but a likeness that may differ in its last bits, since a matrix product adds in another order than a product with
a vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.query_features import QueryFeatures
from fairlead.routing.features.shape import SHAPE_NAMES
from fairlead.routing.features.text_hashing import N_BUCKETS

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

MEANING_WIDTH: Final = 1.0
SHAPE_WIDTH: Final = 0.02
"""g: thirty standardised numbers have squared distances around sixty."""
SHAPE: Final = 0.5
WORDING: Final = 1.5
"""Weights of the terms: the flat optimum over seven public sources, in cross-validation on their training folds."""
SHAPE_CEILING: Final = 4.0
"""A standardised number counts no further than so many standard deviations."""
_SMALLEST_SHARE: Final = 1e-4
"""Directions of the landmarks' own kernel below this share of the largest one are noise."""
_CHUNK: Final = 2_048
_NO_LENGTH: Final = np.float32(1e-6)
"""A text this near to the centre has no direction: its meaning is a shorter vector than others have."""
NO_SQUARE: Final = 1e-12
_SMALLEST_SD: Final = np.float32(0.05)
"""A number that hardly varied among the training texts is not blown up when it varies later."""
_CAPITALS: Final = SHAPE_NAMES.index("capital_share")
_NOT_READ: Final = np.float32(1e6)
"""The spread that capitals are said to have: who writes in small letters asks the same. Inside dev 3 to 5 more requests
in a hundred then keep their model when their case is changed; AUC is the same, .001 less at 300 of llmrouter9."""


@dataclass(frozen=True, slots=True)
class Grams:
    """N-gram rows with weights of unit length. Shapes as in QueryFeatures; weights beside buckets."""

    starts: NDArray[np.int64]
    buckets: NDArray[np.uint16]
    weights: Singles

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Reading:
    """Queries as the parts of a predictor see them: on the scales of the training texts, beside its landmarks.

    Shapes: meaning (n, n_dims), unit rows; shape (n, n_shape); likeness (n, n_landmarks), the kernel without its
    wording term.
    """

    meaning: Singles
    shape: Singles
    grams: Grams
    likeness: Singles

    def __len__(self) -> int:
        return len(self.meaning)


@dataclass(frozen=True, slots=True)
class KernelBasis:
    """Landmarks and the scales they are compared on.

    Shapes: centre (n_dims,); shape_mean, shape_sd (n_shape,); rarity (N_BUCKETS,); meaning, shape, wording: the
    landmarks on these scales, with shape_squares (n_landmarks,); root (n_landmarks, n_basis), with which kernel rows
    become basis rows.
    """

    centre: Singles
    shape_mean: Singles
    shape_sd: Singles
    rarity: Singles
    meaning: Singles
    shape: Singles
    shape_squares: Singles
    wording: Grams
    root: Singles
    chosen: NDArray[np.int64]
    """Which training queries the landmarks are (n_landmarks,); empty in a basis that only serves."""

    @property
    def n_landmarks(self) -> int:
        """How many landmarks a text is compared with."""
        return len(self.meaning)

    def read(self, features: QueryFeatures) -> Reading:
        """The queries beside the landmarks."""
        meaning = scale_meaning(features.dense, self.centre)
        shape = scale_shape(features.shape, self.shape_mean, self.shape_sd)
        return Reading(
            meaning,
            shape,
            weigh_grams(features, self.rarity),
            likeness(meaning, shape, self.meaning, self.shape, self.shape_squares),
        )

    def rows(self, reading: Reading) -> Singles:
        """Basis rows, for fitting. Shapes: (n, n_basis). Raises: ValueError in a basis that only serves."""
        if len(self.root) != self.n_landmarks:
            raise ValueError("this basis was loaded to serve: it has no root to fit on")
        result = np.empty((len(reading), self.root.shape[1]), dtype=np.float32)
        for at in range(0, len(reading), _CHUNK):
            end = min(at + _CHUNK, len(reading))
            kernel = WORDING * wording_product(_slice(reading.grams, at, end), self.wording)
            kernel += reading.likeness[at:end]
            np.matmul(kernel, self.root, out=result[at:end])
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What must be kept to serve: landmarks and scales, not the root."""
        return {
            "centre": self.centre, "shape_mean": self.shape_mean, "shape_sd": self.shape_sd, "rarity": self.rarity,
            "landmark_meaning": self.meaning, "landmark_shape": self.shape,
        }  # fmt: skip


def scale_meaning(dense: Singles, centre: Singles) -> Singles:
    """Directions from the centre of the training texts, of unit length. Shapes: (n, n_dims)."""
    moved = dense - centre
    length = np.sqrt(np.einsum("ij,ij->i", moved, moved))
    moved /= np.maximum(length, _NO_LENGTH)[:, None]
    return moved


def scale_shape(shape: Singles, mean: Singles, sd: Singles) -> Singles:
    """Standardised shapes, capped. Shapes: (n, n_shape)."""
    result: Singles = shape - mean
    result /= sd
    np.minimum(result, SHAPE_CEILING, out=result)
    np.maximum(result, -SHAPE_CEILING, out=result)
    return result


def _slice(grams: Grams, at: int, end: int) -> Grams:
    first, last = grams.starts[at], grams.starts[end]
    return Grams(grams.starts[at : end + 1] - first, grams.buckets[first:last], grams.weights[first:last])


def likeness(meaning: Singles, shape: Singles, to_meaning: Singles, to_shape: Singles, to_squares: Singles) -> Singles:
    """The kernel without its wording term. Shapes: (n, .), (m, .) -> (n, m)."""
    # Unit vectors: |e - e'|^2 = 2 - 2 <e, e'>. Factors are put on the shorter side of a product.
    near = np.multiply(meaning, 2.0 * MEANING_WIDTH) @ to_meaning.T
    near -= 2.0 * MEANING_WIDTH
    np.exp(near, out=near)
    far = np.multiply(shape, 2.0) @ to_shape.T
    far -= np.einsum("ij,ij->i", shape, shape)[:, None]
    far -= to_squares
    far *= SHAPE_WIDTH
    np.exp(far, out=far)
    result: Singles = near * far
    result += near
    far *= SHAPE
    result += far
    return result


def rarity_of(features: QueryFeatures) -> Singles:
    """Smoothed inverse document frequency of every bucket (N_BUCKETS,)."""
    seen = np.bincount(features.buckets, minlength=N_BUCKETS)
    result: Singles = (np.log((1.0 + len(features)) / (1.0 + seen)) + 1.0).astype(np.float32)
    return result


def weigh_grams(features: QueryFeatures, rarity: Singles) -> Grams:
    """Rows of n-grams with their rarity, brought to unit length."""
    weights = rarity.take(features.buckets)
    n = len(features)
    if n == 1:
        # In 64 bits and in the order of the row, as bincount adds: the same bits as among other texts.
        length = float(np.add.accumulate(weights * weights, dtype=np.float64)[-1]) if len(weights) else 0.0
        weights *= np.float32(1.0 / sqrt(max(length, NO_SQUARE)))
        return Grams(features.starts, features.buckets, weights)
    owners = np.repeat(np.arange(n), features.starts[1:] - features.starts[:-1])
    squares = np.bincount(owners, weights=weights * weights, minlength=n)
    scale: Singles = (1.0 / np.sqrt(np.maximum(squares, NO_SQUARE))).astype(np.float32)
    weights *= scale.take(owners)
    return Grams(features.starts, features.buckets, weights)


def wording_product(grams: Grams, landmarks: Grams) -> Singles:
    """Inner products of n-gram rows. Shapes: n rows, m landmarks -> (n, m)."""
    n, m = len(grams), len(landmarks)
    # One column of all buckets per landmark block, filled and gathered: no sparse library, memory bounded by the block.
    result = np.zeros((n, m), dtype=np.float32)
    block = 256
    table = np.zeros((N_BUCKETS, block), dtype=np.float32)
    for at in range(0, m, block):
        end = min(at + block, m)
        first, last = landmarks.starts[at], landmarks.starts[end]
        columns = np.repeat(np.arange(end - at), np.diff(landmarks.starts[at : end + 1]))
        table[:] = 0.0
        table[landmarks.buckets[first:last], columns] = landmarks.weights[first:last]
        for row in range(n):
            here = slice(grams.starts[row], grams.starts[row + 1])
            result[row, at:end] = (grams.weights[here] @ table.take(grams.buckets[here], axis=0))[: end - at]
    return result


def fit_basis(features: QueryFeatures, n_landmarks: int, seed: int) -> KernelBasis:
    """A basis for these training queries; all of them are landmarks if they are no more than n_landmarks.

    Raises: ValueError without a query or a landmark.
    """
    n = len(features)
    if n < 1 or n_landmarks < 1:
        raise ValueError(f"a basis needs a query and a landmark, not {n} and {n_landmarks}")
    centre = features.dense.mean(axis=0)
    mean, sd = features.shape.mean(axis=0), features.shape.std(axis=0)
    sd = np.maximum(sd, _SMALLEST_SD)
    sd[_CAPITALS] = _NOT_READ
    rarity = rarity_of(features)
    chosen = np.arange(n) if n <= n_landmarks else np.sort(np.random.default_rng(seed).permutation(n)[:n_landmarks])
    landmarks = features.take(chosen)
    meaning, shape = scale_meaning(landmarks.dense, centre), scale_shape(landmarks.shape, mean, sd)
    wording = weigh_grams(landmarks, rarity)
    squares = np.einsum("ij,ij->i", shape, shape)
    own = likeness(meaning, shape, meaning, shape, squares).astype(np.float64)
    own += WORDING * wording_product(wording, wording)
    values, vectors = np.linalg.eigh((own + own.T) / 2.0)
    keep = values > _SMALLEST_SHARE * values[-1]
    root = (vectors[:, keep] / np.sqrt(values[keep])).astype(np.float32)
    return KernelBasis(centre, mean, sd, rarity, meaning, shape, squares, wording, root, chosen)


def gram_weights(basis: KernelBasis, landmark_weights: Floats) -> Singles:
    """The wording term of fitted functions as one weight per n-gram.

    Shapes: landmark_weights (n_landmarks, n_functions) -> (N_BUCKETS, n_functions), to be met with weigh_grams' rows.
    """
    table = np.zeros((N_BUCKETS, landmark_weights.shape[1]))
    grams = basis.wording
    owners = np.repeat(np.arange(len(grams)), np.diff(grams.starts))
    for column in range(landmark_weights.shape[1]):
        table[:, column] = WORDING * np.bincount(
            grams.buckets, weights=grams.weights * landmark_weights[owners, column], minlength=N_BUCKETS
        )
    return table.astype(np.float32)


def basis_from(arrays: Mapping[str, NDArray[Any]]) -> KernelBasis:
    """A basis that can serve, from what was kept. Raises: KeyError, ValueError if the arrays do not fit together."""
    n_landmarks, n_dims = arrays["landmark_meaning"].shape
    n_shape = arrays["landmark_shape"].shape[1]
    expected = {
        "centre": (n_dims,), "shape_mean": (n_shape,), "shape_sd": (n_shape,), "rarity": (N_BUCKETS,),
        "landmark_meaning": (n_landmarks, n_dims), "landmark_shape": (n_landmarks, n_shape),
    }  # fmt: skip
    for name, stated in expected.items():
        if arrays[name].shape != stated or arrays[name].dtype != np.float32:
            raise ValueError(f"{name} has shape {arrays[name].shape} and type {arrays[name].dtype}, not {stated}")
    if not bool((arrays["shape_sd"] > 0.0).all()):
        raise ValueError("a standard deviation of the shape is not above 0")
    empty = Grams(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint16), np.empty(0, dtype=np.float32))
    shape = arrays["landmark_shape"]
    return KernelBasis(
        arrays["centre"], arrays["shape_mean"], arrays["shape_sd"], arrays["rarity"],
        arrays["landmark_meaning"], shape, np.einsum("ij,ij->i", shape, shape), empty,
        np.zeros((0, 0), dtype=np.float32), np.empty(0, dtype=np.int64),
    )  # fmt: skip
