"""Usage: the tokens of one exchange, by the class they are billed in."""

from typing import NamedTuple


class Usage(NamedTuple):
    """Token counts as the upstream reported them; the classes do not overlap.

    Units: tokens. `input_tokens` excludes cached reads and cache writes; `output_tokens` includes hidden reasoning.
    """

    input_tokens: int = 0
    cached_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    """Part of output_tokens, kept apart for reports; never billed twice."""
    is_estimated: bool = False
    """True when no usage was reported and these are our estimate."""
