"""Usage in Converse's words: its classes do not overlap either."""

import msgspec

from fairlead.domain.usage import Usage


class WireUsage(msgspec.Struct, rename="camel"):
    """The `usage` object. Reasoning is part of outputTokens and not told apart."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None

    def usage(self) -> Usage | None:
        """In the house's classes; None when neither input nor output is counted."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return Usage(
            input_tokens=max(self.input_tokens or 0, 0),
            cached_read_tokens=max(self.cache_read_input_tokens or 0, 0),
            cache_write_tokens=max(self.cache_write_input_tokens or 0, 0),
            output_tokens=max(self.output_tokens or 0, 0),
        )
