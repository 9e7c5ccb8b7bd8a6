"""Usage in the Responses format's words, both ways: what was counted, by the class it is billed in."""

import msgspec

from fairlead.domain.usage import Usage


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """The `usage` object of a response."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None

    def usage(self) -> Usage | None:
        """In the house's classes, which do not overlap: this format's input_tokens include cached reads and writes.

        None when neither input nor output is counted: nothing reported is not nothing used.
        """
        if self.input_tokens is None and self.output_tokens is None:
            return None
        details = self.input_tokens_details
        total_in = max(self.input_tokens or 0, 0)
        cached = min(max((details.cached_tokens if details else None) or 0, 0), total_in)
        written = min(max((details.cache_write_tokens if details else None) or 0, 0), total_in - cached)
        output = max(self.output_tokens or 0, 0)
        reasoning = (self.output_tokens_details.reasoning_tokens if self.output_tokens_details else None) or 0
        return Usage(
            input_tokens=total_in - cached - written,
            cached_read_tokens=cached,
            cache_write_tokens=written,
            output_tokens=output,
            reasoning_tokens=min(max(reasoning, 0), output),
        )


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` object of a response of ours."""
    total_in = usage.all_input_tokens
    return {
        "input_tokens": total_in,
        "input_tokens_details": {
            "cached_tokens": usage.cached_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": total_in + usage.output_tokens,
    }
