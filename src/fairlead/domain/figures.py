"""Figures: one decision in few bytes, as a store keeps it: every candidate with its estimates, and what was asked."""

from typing import Final, NamedTuple

from fairlead.domain.decision import Arm, IneligibleCode

COLUMNS: Final = (
    "quality",
    "cost_usd",
    "output_tokens",
    "ttft_s",
    "total_s",
    "utility",
    "quality_low",
    "quality_high",
    "propensity",
)
"""What is kept of each candidate, in this order; single floats, NaN where unknown. New ones go to the end."""

MAX_CANDIDATES: Final = 64
"""Candidates kept of one decision, best first: 38 bytes each. What stands below is not worth a million rows of it."""

HAS_TOOLS: Final = 1
HAS_IMAGES: Final = 2
HAS_AUDIO: Final = 4
HAS_FILES: Final = 8
IS_STRUCTURED: Final = 16
WANTS_REASONING: Final = 32
IN_TOOL_LOOP: Final = 64
FLAG_NAMES: Final = ("tools", "vision", "audio", "files", "structured", "reasoning", "tool_loop")
"""The names of the flags, the lowest bit first."""


class Figures(NamedTuple):
    """What a decision was made from and of. Units: tokens, logits, USD."""

    arms: tuple[Arm, ...]
    """Every arm of the configuration: the same tuple for each of its decisions."""
    places: bytes
    """Places in `arms` of the kept candidates, best first: unsigned 16-bit, little-endian."""
    columns: bytes
    """Shape (len(COLUMNS), n kept): single floats, little-endian, one column of figures after the other."""
    ineligible: tuple[tuple[IneligibleCode, tuple[int, ...]], ...]
    """Ground -> places in `arms` of the arms that it excluded."""
    reason: str
    kind: str | None
    """The kind of task with the largest share; None where the predictor reads no kinds."""
    difficulty: float | None
    language: str
    input_tokens: int
    """Expected."""
    expected_usd: float | None
    """Expected cost of the chosen; None where its price is unknown."""
    n_messages: int
    n_tools: int
    flags: int
