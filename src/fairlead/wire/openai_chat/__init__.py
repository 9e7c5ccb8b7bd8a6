"""OpenAI chat completions: the outline, the lane, and the way to the hub and back.

Specification: https://github.com/openai/openai-openapi at f85dbe2 (2026-08-21), read 2026-11-23.
"""

from typing import Final

from fairlead.wire.failures import write_failure
from fairlead.wire.format import Back, Door
from fairlead.wire.openai_chat.reply_reading import read_chat_reply
from fairlead.wire.openai_chat.request_writing import write_chat_request
from fairlead.wire.openai_chat.requests import read_request
from fairlead.wire.openai_chat.stream_reading import ChatReader

_PATH: Final = "/chat/completions"

DOOR: Final = Door("openai_chat", _PATH, read_request, write_failure)
BACK: Final = Back("openai_chat", lambda _sent, _is_streaming: _PATH, write_chat_request, read_chat_reply, ChatReader)
