"""Failures in OpenAI's shape: `{"error": {message, type, param, code}}`, whole or inside a stream."""

from typing import Final

import msgspec

from fairlead.domain.errors import FairleadError, RejectedError
from fairlead.wire.failures import is_clients_fault, message_of, status_of
from fairlead.wire.sse import write_event

_ENCODER: Final = msgspec.json.Encoder()
DONE_EVENT: Final = b"data: [DONE]\n\n"


def write_failure(error: FairleadError) -> tuple[int, bytes]:
    """Status and body of an error reply."""
    return status_of(error), _ENCODER.encode({"error": failure_object(error)})


def write_failure_events(error: FairleadError) -> bytes:
    """The end of a stream that has failed: the one signal that every client tried raises on, then a clean end."""
    said = {"message": message_of(error), "type": error.kind, "param": error.param, "code": error.code}
    return write_event(_ENCODER.encode({"error": said})) + DONE_EVENT


def failure_object(error: FairleadError) -> dict[str, object]:
    """The error object; an upstream's own words about the client's mistake keep the upstream's type and code."""
    if isinstance(error, RejectedError) and is_clients_fault(error):
        said = error.said
        return {
            "message": message_of(error),
            "type": (said.kind if said else None) or "invalid_request_error",
            "param": said.param if said else None,
            "code": said.code if said else error.code,
        }
    return {"message": message_of(error), "type": error.kind, "param": error.param, "code": error.code}
