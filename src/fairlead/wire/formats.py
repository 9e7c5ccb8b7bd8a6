"""Every wire format by name: the one file that knows them all."""

from collections.abc import Mapping
from typing import Final

from fairlead.domain.content import FormatName
from fairlead.wire import anthropic_messages, openai_chat
from fairlead.wire.format import Back

BACKS: Final[Mapping[FormatName, Back]] = {back.name: back for back in (openai_chat.BACK, anthropic_messages.BACK)}
"""The formats that upstreams are spoken to in."""
