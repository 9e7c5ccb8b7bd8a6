"""Every wire format by name: the one file that knows them all."""

from collections.abc import Mapping
from typing import Final

from fairlead.domain.content import FormatName
from fairlead.wire import anthropic_messages, openai_chat, openai_responses
"""The formats that upstreams are spoken to in."""
