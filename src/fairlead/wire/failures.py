"""Failures of upstreams in whatever format: the error that they mean, and their own words where those may be shown.

Clients hear of a failure in OpenAI's shape, unless their format has another.
"""

import math
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from fairlead.domain.call import Headers
from fairlead.domain.errors import FairleadError, RejectedError, Said
from fairlead.wire.upstream_words import said_in

MAX_RETRY_AFTER_S: Final = 3600.0
_ENCODER: Final = msgspec.json.Encoder()

CLIENTS_FAULT: Final = frozenset((400, 405, 406, 409, 410, 411, 413, 414, 415, 416, 422))
"""Statuses that another upstream would answer alike: given to the client as they are."""

_CONTEXT_WORDS: Final = (
    b"context_length_exceeded",  # OpenAI and most that follow it
    b"context_window_exceeded",
    b"exceed_context_size_error",  # llama.cpp, tried 2026-11-23
    b"maximum context length",  # vLLM
    b"prompt is too long",  # Anthropic
    b"Input is too long",  # Bedrock
    b"exceeds the maximum number of tokens",  # Gemini
)
"""A 400 with one of these is one that a model with a larger window may well serve."""

_CREDENTIAL_STATUSES: Final = frozenset((401, 402, 403, 407))
"""What an upstream says about our credentials is not for clients."""
_SAYS_CREDENTIALS: Final = frozenset(
    (
        "401", "402", "403", "407", "invalid_api_key", "account_deactivated", "insufficient_quota",
        "authentication_error", "permission_error", "billing_error", "UNAUTHENTICATED", "PERMISSION_DENIED",
    )
)  # fmt: skip
"""Codes and kinds by which an error that came with status 200 says the same."""
_SAID_CHARS: Final = 300
_SAID_TO_MEND_CHARS: Final = 4_000
"""Of words about the client's own mistake."""


def read_failure(status: int, headers: Headers, body: bytes, upstream: str) -> RejectedError:
    """An upstream's error answer as an error of ours, with whether another attempt makes sense."""
    context = status == 400 and any(words in body for words in _CONTEXT_WORDS)
    return RejectedError(
        f"The upstream '{upstream}' answered with status {status}.",
        upstream=upstream,
        upstream_status=status,
        said=said_in(body, headers),
        is_retryable=context or status not in CLIENTS_FAULT,
        retry_after_s=_retry_after_s(headers),
    )


def status_of(error: FairleadError) -> int:
    """The status that a client gets for this error."""
    if isinstance(error, RejectedError) and (error.upstream_status in (429, 503) or is_clients_fault(error)):
        return error.upstream_status
    return error.status


def is_clients_fault(error: FairleadError) -> bool:
    """Whether an upstream refused the request itself: its own words are then the client's answer."""
    return isinstance(error, RejectedError) and error.upstream_status in CLIENTS_FAULT


def message_of(error: FairleadError) -> str:
    """What to tell the client: our sentence, with the upstream's own words where they are not about our credentials."""
    said = error.said
    if said is None or _is_of_credentials(error, said):
        return error.message
    if is_clients_fault(error):
        return said.message[:_SAID_TO_MEND_CHARS]
    return f"{error.message} It said: {said.message[:_SAID_CHARS]}"


def write_failure(error: FairleadError) -> tuple[int, bytes]:
    """Status and body of an error reply in OpenAI's shape: `{"error": {message, type, param, code}}`."""
    return status_of(error), _ENCODER.encode({"error": failure_object(error)})


def failure_object(error: FairleadError) -> dict[str, object]:
    """Its inner object; an upstream's own words about the client's mistake keep the upstream's type and code."""
    if isinstance(error, RejectedError) and is_clients_fault(error):
        said = error.said
        return {
            "message": message_of(error),
            "type": (said.kind if said else None) or "invalid_request_error",
            "param": said.param if said else None,
            "code": said.code if said else error.code,
        }
    return {"message": message_of(error), "type": error.kind, "param": error.param, "code": error.code}


def _is_of_credentials(error: FairleadError, said: Said) -> bool:
    if isinstance(error, RejectedError):
        return error.upstream_status in _CREDENTIAL_STATUSES
    return said.code in _SAYS_CREDENTIALS or said.kind in _SAYS_CREDENTIALS


def _retry_after_s(headers: Headers) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after`. A date counts from the answer's own `date`."""
    for name, scale in ((b"retry-after-ms", 1e-3), (b"retry-after", 1.0)):
        for header, value in headers:
            if header == name:
                try:
                    seconds = float(value) * scale
                except ValueError:
                    seconds = _seconds_until(value, headers)
                if 0 <= seconds < math.inf:
                    return min(seconds, MAX_RETRY_AFTER_S)
    return None


def _seconds_until(date: bytes, headers: Headers) -> float:
    """From the moment of the answer, by the upstream's own clock, to this one, or 0; NaN when either is not stated."""
    now = next((value for header, value in headers if header == b"date"), b"")
    try:
        then_s, now_s = (parsedate_to_datetime(each.decode("ascii")).timestamp() for each in (date, now))
    except (ValueError, OverflowError):
        return math.nan
    return max(then_s - now_s, 0.0)
