"""Failures in Google's shape, where they mean something else than their status says."""

import re
from typing import Final

from fairlead.domain.call import Headers
from fairlead.domain.errors import RejectedError
from fairlead.wire.failures import MAX_RETRY_AFTER_S, read_failure

_BAD_KEY: Final = b"API_KEY_INVALID"
"""A wrong key is a 400 here."""
_NOT_HERE: Final = (b"FAILED_PRECONDITION", b"User location is not supported")
"""A 400 about this upstream's account or place, not about the request."""
_RETRY_DELAY: Final = re.compile(rb'"retryDelay"\s*:\s*"([0-9]{1,6}(?:\.[0-9]{1,9})?)s"')
"""google.rpc.RetryInfo, in place of a Retry-After header."""


def read_gemini_failure(status: int, headers: Headers, body: bytes, upstream: str) -> RejectedError:
    """As `wire.failures.read_failure`, with Google's own ways of saying credentials, place and delay."""
    if status == 400 and _BAD_KEY in body:
        return read_failure(401, headers, body, upstream)
    error = read_failure(status, headers, body, upstream)
    if status == 400 and any(words in body for words in _NOT_HERE):
        error.is_retryable = True
    if error.retry_after_s is None and (delay := _RETRY_DELAY.search(body)) is not None:
        error.retry_after_s = min(float(delay[1]), MAX_RETRY_AFTER_S)
    return error
