"""Usage in Gemini's words. Cached tokens are part of the prompt's, thoughts are counted beside the candidates'."""

import msgspec

from fairlead.domain.usage import Usage


class WireUsage(msgspec.Struct, rename="camel"):
    """The `usageMetadata` object."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None

    def usage(self) -> Usage | None:
        """In the house's classes; None when neither input nor output is counted."""
        if self.prompt_token_count is None and self.candidates_token_count is None:
            return None
        prompt = max(self.prompt_token_count or 0, 0)
        cached = min(max(self.cached_content_token_count or 0, 0), prompt)
        thoughts = max(self.thoughts_token_count or 0, 0)
        return Usage(
            input_tokens=prompt - cached + max(self.tool_use_prompt_token_count or 0, 0),
            cached_read_tokens=cached,
            output_tokens=max(self.candidates_token_count or 0, 0) + thoughts,
            reasoning_tokens=thoughts,
        )
