"""Failures in Anthropic's shape: `{"type": "error", "error": {type, message, details}}`, whole or as a stream's event.

Types and statuses: https://platform.claude.com/docs/en/api/errors, read 2026-11-30. `details.error_code` is where the
official SDKs look for a code that names the cause; ours stands there.
"""

from typing import Final

import msgspec

from fairlead.domain.errors import FairleadError, RejectedError
from fairlead.wire.failures import is_clients_fault, message_of, status_of
from fairlead.wire.sse import write_named_event

_ENCODER: Final = msgspec.json.Encoder()
OVERLOADED: Final = 529
_TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}
_CLIENTS_TYPES: Final = frozenset(("invalid_request_error", "request_too_large", "not_found_error", "conflict_error"))


def write_failure(error: FairleadError) -> tuple[int, bytes]:
    """Status and body of an error reply."""
    status = _status(error)
    return status, _ENCODER.encode(_failure(error, status))


def write_failure_event(error: FairleadError) -> bytes:
    """The end of a stream that has failed: the event that the official SDKs raise on."""
    return write_named_event(b"error", _ENCODER.encode(_failure(error, _status(error))))


def _status(error: FairleadError) -> int:
    """As every door's, but that this format has a status of its own for an upstream that is overloaded."""
    if isinstance(error, RejectedError) and error.upstream_status == OVERLOADED:
        return OVERLOADED
    return status_of(error)


def _failure(error: FairleadError, status: int) -> dict[str, object]:
    said = error.said if isinstance(error, RejectedError) and is_clients_fault(error) else None
    kind = said.kind if said else None
    if kind not in _CLIENTS_TYPES:
        kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    details: dict[str, object] = {"error_code": (said.code if said else None) or error.code}
    param = said.param if said else error.param
    if param is not None:
        details["param"] = param
    return {
        "type": "error",
        "error": {"type": kind, "message": message_of(error), "details": details},
        "request_id": error.request_id,
    }
