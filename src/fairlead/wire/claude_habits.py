"""What Anthropic's newest and older models refuse, at Anthropic's and at Bedrock's doors, as dated data.

No other file knows these models by their names.

The API answers a thinking budget, a temperature or an adaptive thinking that a model does not know with a 400. Sources:
Anthropic's migration guides and thinking pages on platform.claude.com as OpenRouter, Vercel's AI Gateway and others
report them (vercel.com/docs/ai-gateway/models-and-providers/reasoning/anthropic, openrouter.ai/docs model migrations
claude-4-7); bedrock/latest/userguide/claude-messages-adaptive-thinking.html on docs.aws.amazon.com; langchain-anthropic
1.7.10; read 2026-11-30. A model that is not Anthropic's, behind a server that speaks the format, is taken for one that
knows budgets and sampling, as those servers document.
"""

import re
from typing import Final, NamedTuple

_FAMILY: Final = re.compile(r"claude-(?:(\d)(?:[-.](\d)(?!\d))?|[a-z]+-(\d+)(?:[-.](\d{1,2})(?!\d))?)")
"""`claude-3-5-sonnet-…` or `claude-sonnet-4-5-…`: the figures are the version; eight more are a date.

Bedrock's names hold these: `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`, also as the end of an ARN.
"""
_ALWAYS_THINKING: Final = ("claude-fable", "claude-mythos")
"""Families that refuse to be kept from thinking, whatever their version."""

FIRST_THINKING: Final = (3, 7)
"""The first version that thinks at all."""
FIRST_ADAPTIVE: Final = (4, 6)
"""The first version that thinks adaptively; earlier ones refuse it."""
FIRST_WITHOUT_BUDGET: Final = (4, 7)
"""The first version that refuses a thinking budget, and a temperature, top_p or top_k of the client's.

It is the first that takes the effort `xhigh`, too.
"""
FIRST_THINKING_UNASKED: Final = (5, 0)
"""From here a request without a word on thinking is thought about."""
FIRST_ALWAYS_THINKING: Final = (5, 5)
"""From here `disabled` is refused."""
FIRST_WITH_EITHER: Final = (4, 1)
"""From here a temperature and a top_p together are refused."""
_LAST_SMALL: Final = {(3, 0): 4_096, (3, 5): 8_192}
"""The most tokens that these may write; all from 3.7 on take DEFAULT_MAX_TOKENS or more."""

DEFAULT_MAX_TOKENS: Final = 32_000
"""The format requires `max_tokens`. This is the least that a Claude model from 3.7 on allows as its most (Opus 4)."""
DEFAULT_MAX_TOKENS_OF_OTHERS: Final = 8_192
"""For servers of other models: what the smallest of them allow."""


class Habits(NamedTuple):
    """What one model takes."""

    thinks: bool
    thinks_unasked: bool
    thinks_always: bool
    is_adaptive: bool
    takes_budget: bool
    takes_sampling: bool
    takes_both_sampling: bool
    """A temperature and a top_p at once."""
    default_max_tokens: int


def habits_of(sent: str) -> Habits:
    """By the name that an upstream is asked for."""
    if "claude" not in sent:
        return Habits(
            thinks=True,
            thinks_unasked=True,
            thinks_always=False,
            is_adaptive=False,
            takes_budget=True,
            takes_sampling=True,
            takes_both_sampling=True,
            default_max_tokens=DEFAULT_MAX_TOKENS_OF_OTHERS,
        )
    found = _FAMILY.search(sent)
    # A Claude whose name shows no version is new: the older ones all show theirs.
    version = (99, 0) if found is None else (int(found[1] or found[3]), int(found[2] or found[4] or 0))
    return Habits(
        thinks=version >= FIRST_THINKING,
        thinks_unasked=version >= FIRST_THINKING_UNASKED,
        thinks_always=version >= FIRST_ALWAYS_THINKING or any(family in sent for family in _ALWAYS_THINKING),
        is_adaptive=version >= FIRST_ADAPTIVE,
        takes_budget=version < FIRST_WITHOUT_BUDGET,
        takes_sampling=version < FIRST_WITHOUT_BUDGET,
        takes_both_sampling=version < FIRST_WITH_EITHER,
        default_max_tokens=_LAST_SMALL.get(version, DEFAULT_MAX_TOKENS),
    )
