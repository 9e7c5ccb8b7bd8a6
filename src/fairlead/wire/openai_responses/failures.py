"""Failures inside a stream of this format: an `error` event, then `response.failed`."""

from typing import Final

import msgspec

from fairlead.domain.errors import FairleadError, RejectedError
from fairlead.wire.failures import failure_object
from fairlead.wire.sse import write_named_event

_ENCODER: Final = msgspec.json.Encoder()


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
