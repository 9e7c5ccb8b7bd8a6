"""PromptReader: what a prompt's text says of its kind, its difficulty and the length of a good answer, in microseconds.

A linear model over hashed n-grams and surface features. Its table holds small whole numbers in float32, so that their
sums are exact in whatever order a processor adds them: the n-gram part is the same on every platform. Weights of the
request's own flags (tools, a schema) are hand-set, since no outcome that we may train on carries them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.decision import PromptTraits
from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.routing.features.language import language_of
from fairlead.routing.features.surface import SURFACE_NAMES, surface_of
from fairlead.routing.features.text_hashing import MAX_BYTES, N_BUCKETS, encode_text, hash_ngrams
from fairlead.routing.modelmap.benchmark_scale import Anchor

Floats = NDArray[np.float64]

HEADS: Final = (*KINDS, "difficulty", "log_output_tokens")
"""Shape (n_heads,): the columns of the table."""
MAX_TABLE_VALUE: Final = 1_023
"""At most 1.5 n-grams start at a byte (a run, and every second byte a word and a pair), so a sum stays below
MAX_BYTES * 2 * 1,023 = 1.23e7 < 2^24: every partial sum is a whole number that float32 holds exactly."""

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
_AGENTIC: Final = KINDS.index("agentic")
_DATA: Final = KINDS.index("data")
_ONES: Final = np.ones(2 * MAX_BYTES, dtype=np.float32)


class PromptReading(NamedTuple):
    """What was read. Shapes: kind_shares (n_kinds,), summing to 1. Units: difficulty in logits, natural logarithms."""

    kind_shares: list[float]
    difficulty: float
    log_output_tokens: float


@dataclass(frozen=True, slots=True)
class PromptReader:
    """The fitted text model.

    Shapes: table (N_BUCKETS, n_heads), whole numbers of at most MAX_TABLE_VALUE; steps (n_heads,), what one of them
    is worth; surface_weights (n_surface, n_heads); intercepts (n_heads,).
    Units: difficulty_sd in logits, log_tokens_sd in natural logarithms: spread of the residuals in cross-validation.
    """

    table: NDArray[np.float32]
    steps: Floats
    surface_weights: Floats
    intercepts: Floats
    difficulty_sd: float
    log_tokens_sd: float
    anchors: Mapping[str, Anchor]
    """Benchmarks of the catalogue whose questions were in the fit: they tie published figures to the prompts' scale."""

    def __post_init__(self) -> None:
        shapes = (self.table.shape, self.steps.shape, self.surface_weights.shape, self.intercepts.shape)
        n_heads = len(HEADS)
        if shapes != ((N_BUCKETS, n_heads), (n_heads,), (len(SURFACE_NAMES), n_heads), (n_heads,)):
            raise ValueError(f"the text model's arrays have the wrong shapes: {shapes}")

    def read(self, outline: Outline) -> PromptReading:
        """What the text and the flags of a request tell."""
        text = outline.turn_text
        if outline.system_text:
            text = f"{outline.system_text}\n{text}"
        data = encode_text(text)
        buckets = hash_ngrams(data)
        scores = np.array(surface_of(data, outline.turn_chars)) @ self.surface_weights + self.intercepts
        n = len(buckets)
        if n:
            sums = _ONES[:n] @ self.table.take(buckets, axis=0)
            scores += sums * self.steps * (1.0 / sqrt(n))
        values: list[float] = scores.tolist()
        logits = values[:_N_KINDS]
        _add_flags(logits, outline)
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


def _add_flags(logits: list[float], outline: Outline) -> None:
    if outline.in_tool_loop:
        logits[_AGENTIC] += TOOL_LOOP_LOGIT
    elif outline.n_tools:
        logits[_AGENTIC] += TOOLS_OFFERED_LOGIT
    if outline.wants_structured:
        logits[_DATA] += STRUCTURED_LOGIT
    if outline.turn_chars > LONG_TURN_CHARS:
        logits[_DATA] += LONG_TURN_LOGIT
