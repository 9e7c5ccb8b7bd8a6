"""PromptReader: what a prompt's text says of its kind, its difficulty and the length of a good answer, in microseconds.

    score = sum over landmarks of k(text, landmark) * weight + meaning . a + shape . b + sum over pieces of c / sqrt(n)

for each head, with meaning, shape and k as in kernel_basis.py; the pieces are the word pieces of the static table, each
once. The landmarks are centroids of many training texts, never a text. The table of pieces holds small whole numbers,
so that their sums are exact in whatever order a processor adds them. Weights of the request's own flags (tools, a
schema) are hand-set, since no outcome that we may train on carries them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, sqrt
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.decision import PromptTraits
from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.routing.features.language import language_of
from fairlead.routing.features.query_features import Singles, text_of
from fairlead.routing.features.shape import SHAPE_NAMES, shape_of
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.features.text_hashing import encode_text
from fairlead.routing.modelmap.benchmark_scale import Anchor
from fairlead.routing.predictors.kernel_basis import MEANING_WIDTH, SHAPE, SHAPE_CEILING, SHAPE_WIDTH

Floats = NDArray[np.float64]

HEADS: Final = (*KINDS, "difficulty", "log_output_tokens")
"""Shape (n_heads,): the columns of every table of weights."""
MAX_TABLE_VALUE: Final = 511
MAX_EXACT_SUM: Final = 1 << 24
"""Float32 holds every whole number up to here: the largest value times the number of pieces must stay below, and then
every partial sum is exact."""

TOOLS_OFFERED_LOGIT: Final = 2.0
TOOL_LOOP_LOGIT: Final = 4.0
STRUCTURED_LOGIT: Final = 1.0
LONG_TURN_LOGIT: Final = 1.0
LONG_TURN_CHARS: Final = 6_000
"""Hand-set: tools on offer multiply the odds of agentic work by 7, a tool's result as last message by 55; a schema, or
a turn that is mostly material, those of data work by 2.7. Not fitted: no shippable outcome has such requests."""

DIFFICULTY_RANGE: Final = (-6.0, 6.0)
TOKENS_RANGE: Final = (0.0, 9.0)
"""Logits, and natural logarithm of tokens: the ranges that labels span; beyond them lies extrapolation."""

_N_KINDS: Final = len(KINDS)
AGENTIC: Final = KINDS.index("agentic")
DATA: Final = KINDS.index("data")
_CEILING: Final = np.float32(SHAPE_CEILING)
_TWO_WIDTHS: Final = np.float32(2.0 * MEANING_WIDTH)
_NO_LENGTH: Final = 1e-6


class PromptReading(NamedTuple):
    """What was read. Shapes: kind_shares (n_kinds,), summing to 1. Units: difficulty in logits, natural logarithms."""

    kind_shares: list[float]
    difficulty: float
    log_output_tokens: float


class Scorer(Protocol):
    """Something faster than numpy that computes the same scores, as prompt_kernel.py does."""

    def scores(self, text: str, n_chars: int) -> list[float]:
        """One number for each head, intercepts included. `n_chars` as in shape_of."""
        ...


class Landmarks:
    """Centroids of the training texts, and the scales on which a text is compared with them.

    Shapes: centre (n_dims,); shape_mean, shape_sd (n_shape,); meaning (n_landmarks, n_dims), unit rows; shape
    (n_landmarks, n_shape); squares (n_landmarks,), the squared lengths of `shape`.
    Raises: ValueError if the arrays do not fit together.
    """

    def __init__(
        self, centre: Singles, shape_mean: Singles, shape_sd: Singles, meaning: Singles, shape: Singles
    ) -> None:
        (n_landmarks, n_dims), n_shape = meaning.shape, len(SHAPE_NAMES)
        shapes = (centre.shape, shape_mean.shape, shape_sd.shape, shape.shape)
        if shapes != ((n_dims,), (n_shape,), (n_shape,), (n_landmarks, n_shape)):
            raise ValueError(f"landmarks of shapes {meaning.shape} and {shapes}")
        self.centre, self.shape_mean, self.shape_sd = centre, shape_mean, shape_sd
        self.meaning, self.shape = meaning, shape
        self.squares: Singles = np.einsum("ij,ij->i", shape, shape)
        # What is the same for every text, worked out once: the factors of the two exponents, and a product for a
        # division.
        self._near: Singles = meaning * np.float32(2.0 * MEANING_WIDTH)
        self._far: Singles = shape * np.float32(2.0 * SHAPE_WIDTH)
        self._far_squares: Singles = self.squares * np.float32(SHAPE_WIDTH)
        self._per_sd: Singles = np.reciprocal(shape_sd)
        self._shift: Singles = shape_mean * self._per_sd

    def __len__(self) -> int:
        return len(self.meaning)

    @property
    def n_dims(self) -> int:
        """Length of a meaning."""
        return len(self.centre)

    @property
    def n_columns(self) -> int:
        """Length of a row of columns."""
        return len(self.meaning) + len(self.centre) + len(self.shape_mean)

    def columns(self, dense: Singles, shape: Singles) -> Singles:
        """One text's likeness to each landmark (kernel_basis.likeness), then meaning, then shape, on our scales.

        Shapes: dense (n_dims,), shape (n_shape,) -> (n_columns,).
        """
        n, n_dims = self.meaning.shape
        row = np.empty(self.n_columns, dtype=np.float32)
        meaning, standard, alike = row[n : n + n_dims], row[n + n_dims :], row[:n]
        np.subtract(dense, self.centre, out=meaning)
        meaning *= 1.0 / max(sqrt(meaning.dot(meaning)), _NO_LENGTH)
        np.multiply(shape, self._per_sd, out=standard)
        standard -= self._shift
        np.minimum(standard, _CEILING, out=standard)
        np.maximum(standard, -_CEILING, out=standard)
        both = np.empty((2, n), dtype=np.float32)
        near, far = both
        np.dot(self._near, meaning, out=near)
        near -= _TWO_WIDTHS
        np.dot(self._far, standard, out=far)
        far -= self._far_squares
        far -= SHAPE_WIDTH * float(standard.dot(standard))
        np.exp(both, out=both)
        np.multiply(near, far, out=alike)
        alike += near
        far *= SHAPE
        alike += far
        return row


@dataclass(frozen=True, slots=True)
class PromptReader:
    """The fitted text model.

    Shapes: column_weights (n_columns, n_heads), beside Landmarks.columns; piece_table (n_pieces, n_heads), whole
    numbers of at most MAX_TABLE_VALUE; piece_steps (n_heads,), what one of them is worth; intercepts (n_heads,).
    Units: difficulty_sd in logits, log_tokens_sd in natural logarithms: spread of the residuals in cross-validation.
    Raises: ValueError if the arrays do not fit together.
    """

    table: StaticTable
    landmarks: Landmarks
    column_weights: Singles
    piece_table: NDArray[np.int16]
    piece_steps: Floats
    intercepts: Floats
    difficulty_sd: float
    log_tokens_sd: float
    anchors: Mapping[str, Anchor]
    """Benchmarks of the catalogue whose questions were in the fit: they tie published figures to the prompts' scale."""
    scorer: Scorer | None = None
    """Where native code was compiled: what it says in place of `scores`, to about five decimals the same."""

    def __post_init__(self) -> None:
        n_pieces, n_heads = len(self.table.rows), len(HEADS)
        expected = (
            (self.landmarks.centre, (self.table.n_dims,)),
            (self.column_weights, (self.landmarks.n_columns, n_heads)),
            (self.piece_table, (n_pieces, n_heads)), (self.piece_steps, (n_heads,)), (self.intercepts, (n_heads,)),
        )  # fmt: skip
        if any(array.shape != shape for array, shape in expected):
            shapes = ", ".join(str(array.shape) for array, _ in expected)
            raise ValueError(f"the text model's arrays have the wrong shapes: {shapes}")
        if n_pieces * MAX_TABLE_VALUE >= MAX_EXACT_SUM:
            raise ValueError(f"{n_pieces} pieces are too many to be added exactly")

    def scores(self, text: str, n_chars: int) -> list[float]:
        """What the text says to each head, in numpy. `n_chars` as in shape_of."""
        shape = np.array(shape_of(encode_text(text), n_chars), dtype=np.float32)
        dense, numbers = self.table.look_up(text)
        scores = self.intercepts + self.landmarks.columns(dense, shape).dot(self.column_weights)
        n = len(numbers)
        if n:
            held = self.piece_table.take(numbers, axis=0).astype(np.float32)
            scores += np.ones(n, dtype=np.float32).dot(held) * (self.piece_steps * (1.0 / sqrt(n)))
        values: list[float] = scores.tolist()
        return values

    def read(self, outline: Outline) -> PromptReading:
        """What the text and the flags of a request tell."""
        values = (self.scorer or self).scores(*text_of(outline))
        logits = values[:_N_KINDS]
        for_agentic, for_data = flag_logits(outline)
        logits[AGENTIC] += for_agentic
        logits[DATA] += for_data
        highest = max(logits)
        weights = [exp(logit - highest) for logit in logits]
        total = 1.0 / sum(weights)
        low, high = DIFFICULTY_RANGE
        shortest, longest = TOKENS_RANGE
        return PromptReading(
            [weight * total for weight in weights],
            min(high, max(low, values[_N_KINDS])),
            min(longest, max(shortest, values[_N_KINDS + 1])),
        )

    def traits(self, outline: Outline) -> PromptTraits:
        """The same for people."""
        reading = self.read(outline)
        shares = sorted(zip(KINDS, reading.kind_shares, strict=True), key=lambda pair: (-pair[1], pair[0]))
        return PromptTraits(
            kinds=tuple(shares),
            difficulty=reading.difficulty,
            output_tokens=max(1, round(exp(reading.log_output_tokens))),
            language=language_of(outline.turn_text),
        )


def flag_logits(outline: Outline) -> tuple[float, float]:
    """What a request's flags add to the logits of agentic work and of data work."""
    agentic = data = 0.0
    if outline.in_tool_loop:
        agentic = TOOL_LOOP_LOGIT
    elif outline.n_tools:
        agentic = TOOLS_OFFERED_LOGIT
    if outline.wants_structured:
        data = STRUCTURED_LOGIT
    if outline.turn_chars > LONG_TURN_CHARS:
        data += LONG_TURN_LOGIT
    return agentic, data
