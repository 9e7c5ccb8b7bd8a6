"""Anthropic Messages: the outline, the lane, and the way to the hub and back.

Specification: https://platform.claude.com/docs/en/api/messages and the types of the official Python SDK `anthropic`
2.14.0 (generated from its OpenAPI document), read 2026-11-30. Servers ask for the header `anthropic-version`.
"""

from typing import Final

from fairlead.wire.anthropic_messages.failures import write_failure
from fairlead.wire.anthropic_messages.replies import read_reply
from fairlead.wire.anthropic_messages.request_writing import write_request
from fairlead.wire.anthropic_messages.requests import read_request
from fairlead.wire.anthropic_messages.signatures import ORIGIN
from fairlead.wire.anthropic_messages.stream_reading import MessageReader
from fairlead.wire.format import Back, Door

_PATH: Final = "/messages"

DOOR: Final = Door(ORIGIN, _PATH, read_request, write_failure, frozenset((b"anthropic-beta", b"anthropic-version")))
BACK: Final = Back(ORIGIN, lambda _sent, _is_streaming: _PATH, write_request, read_reply, MessageReader)
