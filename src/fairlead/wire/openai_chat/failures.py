"""Failures inside a stream of this format: `{"error": {message, type, param, code}}`, then `[DONE]`."""

from typing import Final

import msgspec

from fairlead.domain.errors import FairleadError
from fairlead.wire.failures import message_of
from fairlead.wire.sse import write_event

_ENCODER: Final = msgspec.json.Encoder()
DONE_EVENT: Final = b"data: [DONE]\n\n"


def write_failure_events(error: FairleadError) -> bytes:
    """The end of a stream that has failed: the one signal that every client tried raises on, then a clean end."""
    said = {"message": message_of(error), "type": error.kind, "param": error.param, "code": error.code}
    return write_event(_ENCODER.encode({"error": said})) + DONE_EVENT
