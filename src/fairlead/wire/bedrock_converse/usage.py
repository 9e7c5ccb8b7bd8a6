"""Usage in Converse's words: its classes do not overlap either."""

import msgspec

from fairlead.domain.usage import Usage


class _CacheDetail(msgspec.Struct, rename="camel"):
    ttl: str | None = None
    input_tokens: int | None = None


class WireUsage(msgspec.Struct, rename="camel"):
    """The `usage` object. Reasoning is part of outputTokens and not told apart."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[_CacheDetail] | None = None
    """Of the writes, by how long they are kept."""

    def usage(self) -> Usage | None:
        """In the house's classes; None when neither input nor output is counted."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        written = max(self.cache_write_input_tokens or 0, 0)
        hour = sum(max(each.input_tokens or 0, 0) for each in self.cache_details or () if each.ttl == "1h")
        return Usage(
            input_tokens=max(self.input_tokens or 0, 0),
            cached_read_tokens=max(self.cache_read_input_tokens or 0, 0),
            cache_write_tokens=written,
            output_tokens=max(self.output_tokens or 0, 0),
            cache_write_1h_tokens=min(hour, written),
        )
