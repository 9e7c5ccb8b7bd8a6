"""Failures in this format's shape: `{"error": {message, type, param, code}}` whole, `response.failed` in a stream."""

from typing import Final

import msgspec

from fairlead.domain.errors import FairleadError, RejectedError
from fairlead.wire.failures import is_clients_fault, message_of, status_of
from fairlead.wire.sse import write_named_event

_ENCODER: Final = msgspec.json.Encoder()


def write_failure(error: FairleadError) -> tuple[int, bytes]:
    """Status and body of an error reply."""
    return status_of(error), _ENCODER.encode({"error": failure_object(error)})


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


def write_failure_events(error: FairleadError, response: dict[str, object], sequence_number: int) -> bytes:
    """The end of a stream that has failed: `error`, then `response.failed`, then a clean end.

    `response` is the reply so far. The `error` event has its words twice: beside its type, as it is specified, and
    under `error`, as OpenAI's servers send it; on the second the official SDKs raise, on `response.failed` Codex does.
    """
    said = failure_object(error)
    is_limit = isinstance(error, RejectedError) and error.upstream_status == 429
    # The codes of a failed response are an enumeration that has no others for an upstream's failure.
    code = "rate_limit_exceeded" if is_limit else "server_error"
    failed = response | {"status": "failed", "error": {"code": code, "message": said["message"]}}
    event = {
        "type": "error",
        "code": said["code"],
        "message": said["message"],
        "param": said["param"],
        "sequence_number": sequence_number,
        "error": said,
    }
    last = {"type": "response.failed", "response": failed, "sequence_number": sequence_number + 1}
    return write_named_event(b"error", _ENCODER.encode(event)) + write_named_event(
        b"response.failed", _ENCODER.encode(last)
    )
