"""Counting a request's tokens without running it: POST /v1/messages/count_tokens, as asked and as answered."""

from typing import Final

import msgspec

from fairlead.domain.errors import GarbledError
from fairlead.wire.anthropic_messages.requests import AskedMessages, read_request

COUNT_LANE_PATH: Final = "/messages/count_tokens"
"""Below the base URL of an upstream that speaks this format."""


class _Count(msgspec.Struct):
    input_tokens: int


_COUNT: Final = msgspec.json.Decoder(_Count)


def read_count_request(body: bytes) -> AskedMessages:
    """A request as for a message, but that it has no `max_tokens` and is never a stream; raises what read_request does.

    Its `body_for` is what to send on the lane; its outline's n_chars and tool_chars are what to estimate from.
    """
    asked = read_request(body)
    asked.members.pop("stream", None)
    asked.is_streaming = False
    return asked


def read_count(body: bytes) -> int:
    """An upstream's count. Raises: GarbledError when it is none."""
    try:
        count = _COUNT.decode(body).input_tokens
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise GarbledError("The upstream's reply is no count of tokens.") from None
    if count < 0:
        raise GarbledError("The upstream's count of tokens is negative.")
    return count


def write_count(n_tokens: int) -> bytes:
    """The answer to the client."""
    return msgspec.json.encode({"input_tokens": n_tokens})
