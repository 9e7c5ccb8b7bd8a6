"""Usage in Anthropic's words: the classes are ours, they do not overlap."""

import msgspec

from fairlead.domain.usage import Usage


class _CacheCreation(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """The `usage` object of a message, a message_start or a message_delta."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _CacheCreation | None = None
    output_tokens_details: _OutputDetails | None = None

    def usage(self) -> Usage | None:
        """In the house's classes. None when neither input nor output is counted."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        written, by_ttl = self.cache_creation_input_tokens, self.cache_creation or _CacheCreation()
        hour = max(by_ttl.ephemeral_1h_input_tokens or 0, 0)
        if written is None:
            written = max(by_ttl.ephemeral_5m_input_tokens or 0, 0) + hour
        written = max(written, 0)
        output = max(self.output_tokens or 0, 0)
        thinking = (self.output_tokens_details.thinking_tokens if self.output_tokens_details else None) or 0
        return Usage(
            input_tokens=max(self.input_tokens or 0, 0),
            cached_read_tokens=max(self.cache_read_input_tokens or 0, 0),
            cache_write_tokens=written,
            output_tokens=output,
            reasoning_tokens=min(max(thinking, 0), output),
            cache_write_1h_tokens=min(hour, written),
        )

    def after(self, earlier: "WireUsage | None") -> "WireUsage":
        """This report with what only the earlier one said: a message_delta counts on from its message_start."""
        if earlier is None:
            return self
        return WireUsage(
            *(
                theirs if ours is None else ours
                for ours, theirs in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(earlier), strict=True)
            )
        )


def write_usage(usage: Usage | None) -> dict[str, object]:
    """The `usage` object for a client. What is unknown is 0: the format requires both counts."""
    usage = usage or Usage()
    written: dict[str, object] = {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_read_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.cache_write_1h_tokens:
        written["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_tokens - usage.cache_write_1h_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        }
    if usage.reasoning_tokens:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return written
