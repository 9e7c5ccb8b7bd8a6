"""Failures in OpenAI's shape: `{"error": {message, type, param, code}}`, whole or inside a stream."""

import re
from typing import Final

import msgspec

from fairlead.domain.call import Headers
from fairlead.domain.errors import FairleadError, RejectedError
from fairlead.wire.openai_chat.stream import DONE_EVENT
from fairlead.wire.sse import write_event

_ENCODER: Final = msgspec.json.Encoder()
MAX_RETRY_AFTER_S: Final = 3600.0

_CLIENTS_FAULT: Final = frozenset((400, 405, 406, 409, 410, 411, 413, 414, 415, 416, 422))
"""Statuses that another upstream would answer alike: given to the client as they are."""

_CONTEXT_WORDS: Final = (
    b"context_length_exceeded",  # OpenAI and most that follow it
    b"context_window_exceeded",
    b"exceed_context_size_error",  # llama.cpp, tried 2026-11-23
    b"maximum context length",  # vLLM
    b"prompt is too long",  # Anthropic
)
"""A 400 with one of these is one that a model with a larger window may well serve."""

_CREDENTIAL_STATUSES: Final = frozenset((401, 402, 403, 407))
"""What an upstream says about our credentials is not for clients."""
_SAID_CHARS: Final = 300
_LOOKS_SECRET: Final = re.compile(r"(?i)bearer\s+\S+|\b[a-z]{2,8}[-_][A-Za-z0-9_-]{12,}")


class _Error(msgspec.Struct):
    message: str = ""
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class _Wrapped(msgspec.Struct):
    error: _Error | str | None = None


def read_failure(status: int, headers: Headers, body: bytes, upstream: str) -> RejectedError:
    """An upstream's error answer as an error of ours, with whether another attempt makes sense."""
    context = status == 400 and any(words in body for words in _CONTEXT_WORDS)
    return RejectedError(
        f"The upstream '{upstream}' answered with status {status}.",
        upstream=upstream,
        upstream_status=status,
        body=body,
        is_retryable=context or status not in _CLIENTS_FAULT,
        retry_after_s=_retry_after_s(headers),
    )


def status_of(error: FairleadError) -> int:
    """The status that a client gets for this error."""
    if isinstance(error, RejectedError) and (error.upstream_status in (429, 503) or _is_clients_fault(error)):
        return error.upstream_status
    return error.status


def write_failure(error: FairleadError) -> tuple[int, bytes]:
    """Status and body of an error reply."""
    said = _quoted(error) if isinstance(error, RejectedError) and _is_clients_fault(error) else _object(error)
    return status_of(error), _ENCODER.encode({"error": said})


def _is_clients_fault(error: RejectedError) -> bool:
    return error.upstream_status in _CLIENTS_FAULT


def write_failure_events(error: FairleadError) -> bytes:
    """The end of a stream that has failed: the one signal that every client tried raises on, then a clean end."""
    return write_event(_ENCODER.encode({"error": _object(error)})) + DONE_EVENT


def _object(error: FairleadError) -> dict[str, object]:
    message = error.message
    if isinstance(error, RejectedError) and error.upstream_status not in _CREDENTIAL_STATUSES:
        said = _said(error)
        if said is not None:
            message = f"{message} It said: {said.message[:_SAID_CHARS]}"
    return {"message": message, "type": error.kind, "param": error.param, "code": error.code}


def _quoted(error: RejectedError) -> dict[str, object]:
    """The upstream's own words about the client's mistake, in shape."""
    said = _said(error)
    if said is None:
        return _object(error) | {"type": "invalid_request_error"}
    return {
        "message": said.message,
        "type": said.type or "invalid_request_error",
        "param": said.param,
        "code": None if said.code is None else str(said.code),
    }


def _said(error: RejectedError) -> _Error | None:
    """What an upstream's error answer says, if it says it in a shape that is known."""
    try:
        said = msgspec.json.decode(error.body, type=_Wrapped).error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    if isinstance(said, str):
        said = _Error(message=said)
    if said is None or not said.message:
        return None
    # An upstream may quote what it was sent; whatever looks like a credential stays here.
    said.message = _LOOKS_SECRET.sub("***", said.message)
    return said


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
