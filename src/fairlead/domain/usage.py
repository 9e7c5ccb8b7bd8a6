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
    cache_write_1h_tokens: int = 0
    """Part of cache_write_tokens: what the upstream said it keeps for an hour, at a price of its own."""

    @property
    def all_input_tokens(self) -> int:
        """Fresh or cached: what a request's length is told by."""
        return self.input_tokens + self.cached_read_tokens + self.cache_write_tokens
