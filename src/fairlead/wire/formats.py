"""Every wire format by name: the one file that knows them all."""

from collections.abc import Mapping
from typing import Final

from fairlead.domain.content import FormatName
from fairlead.wire import anthropic_messages, bedrock_converse, gemini_generate, openai_chat, openai_responses
from fairlead.wire.format import Back

_ALL: Final = (
    openai_chat.BACK,
    openai_responses.BACK,
    anthropic_messages.BACK,
    gemini_generate.BACK,
    bedrock_converse.BACK,
)
BACKS: Final[Mapping[FormatName, Back]] = {back.name: back for back in _ALL}
"""The formats that upstreams are spoken to in."""
