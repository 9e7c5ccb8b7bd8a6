"""Failures of upstreams in whatever format: the error that they mean, and their own words where those may be shown.

Clients hear of a failure in OpenAI's shape, unless their format has another.
"""

import re
from typing import Any, Final

import msgspec

from fairlead.domain.call import Headers
from fairlead.domain.errors import FairleadError, RejectedError, Said

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
_SAID_CHARS: Final = 300
_LOOKS_SECRET: Final = re.compile(
    r"(?i)bearer\s+\S+|\b[a-z]{2,8}[-_][A-Za-z0-9_-]{12,}|\bAKIA[A-Z0-9]{12,}|\bAIza[A-Za-z0-9_-]{20,}"
)


def read_failure(status: int, headers: Headers, body: bytes, upstream: str) -> RejectedError:
    """An upstream's error answer as an error of ours, with whether another attempt makes sense."""
    context = status == 400 and any(words in body for words in _CONTEXT_WORDS)
    return RejectedError(
        f"The upstream '{upstream}' answered with status {status}.",
        upstream=upstream,
        upstream_status=status,
        said=_said(body),
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
    if isinstance(error, RejectedError) and error.said and error.upstream_status not in _CREDENTIAL_STATUSES:
        if is_clients_fault(error):
            return error.said.message
        return f"{error.message} It said: {error.said.message[:_SAID_CHARS]}"
    return error.message


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


def _said(body: bytes) -> Said | None:
    """What an upstream's error answer says, if it says it in a shape that is known.

    `{"error": {message, type, param, code, status}}` (OpenAI, Anthropic, Google), `{"error": "…"}`, `[{"error": …}]`
    (Google's streams), `{"message": "…"}` (Bedrock) and `{"detail": "…"}` (servers built on FastAPI).
    """
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return None
    error = value.get("error", value)
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return None
    message = next((error[key] for key in ("message", "Message", "detail") if isinstance(error.get(key), str)), "")
    if not message:
        return None
    kind, param, code = error.get("type") or error.get("status"), error.get("param"), error.get("code")
    # An upstream may quote what it was sent; whatever looks like a credential stays here.
    return Said(
        message=_LOOKS_SECRET.sub("***", message),
        kind=kind if isinstance(kind, str) else None,
        param=param if isinstance(param, str) else None,
        code=str(code) if isinstance(code, str | int) else None,
    )


def _retry_after_s(headers: Headers) -> float | None:
    """Seconds to wait, from `retry-after-ms` or a numeric `retry-after`. A date is left out: it needs a clock."""
    for name, scale in ((b"retry-after-ms", 1e-3), (b"retry-after", 1.0)):
        for header, value in headers:
            if header == name:
                try:
                    seconds = float(value) * scale
                except ValueError:
                    continue
                if 0 <= seconds < float("inf"):
                    return min(seconds, MAX_RETRY_AFTER_S)
    return None
