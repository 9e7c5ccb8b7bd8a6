"""Usage in OpenAI's words: what the upstream counted, by the class it is billed in."""

import msgspec

from fairlead.domain.usage import Usage


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """The `usage` object of chat completions and embeddings."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    """Some providers report cached reads here instead."""

    def usage(self) -> Usage | None:
        """In the house's classes, which do not overlap: OpenAI's prompt_tokens include cached reads.

        None when neither input nor output is counted: nothing reported is not nothing used.
        """
        if self.prompt_tokens is None and self.completion_tokens is None:
            return None
        details = self.prompt_tokens_details
        cached = (details.cached_tokens if details else None) or self.prompt_cache_hit_tokens or 0
        written = (details.cache_write_tokens if details else None) or 0
        prompt = max(self.prompt_tokens or 0, 0)
        cached = min(max(cached, 0), prompt)
        written = min(max(written, 0), prompt - cached)
        output = max(self.completion_tokens or 0, 0)
        reasoning = (self.completion_tokens_details.reasoning_tokens if self.completion_tokens_details else None) or 0
        reasoning = max(reasoning, 0)
        if reasoning and (self.total_tokens or 0) >= prompt + output + reasoning:
            output += reasoning  # some providers count hidden reasoning beside completion_tokens, not in them
        return Usage(
            input_tokens=prompt - cached - written,
            cached_read_tokens=cached,
            cache_write_tokens=written,
            output_tokens=output,
            reasoning_tokens=min(reasoning, output),
        )


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` object for a client."""
    prompt = usage.all_input_tokens
    details: dict[str, int] = {"cached_tokens": usage.cached_read_tokens}
    if usage.cache_write_tokens:
        details["cache_write_tokens"] = usage.cache_write_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
