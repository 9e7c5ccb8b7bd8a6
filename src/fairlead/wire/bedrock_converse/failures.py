"""Failures in Bedrock's shape, where they mean something else than their status says."""

from typing import Final

from fairlead.domain.call import Headers
from fairlead.domain.errors import RejectedError
from fairlead.wire.failures import read_failure

_OF_CREDENTIALS: Final = (b"IncompleteSignatureException", b"InvalidSignatureException", b"UnrecognizedClientException")
"""Errors about our signature that may come with status 400."""
_NOT_HERE: Final = (
    b"on-demand throughput",  # the model wants an inference profile in this region
    b"model identifier is invalid",
    b"not authorized to perform this operation",
)
"""A 400 about this account or region, not about the request."""


def read_bedrock_failure(status: int, headers: Headers, body: bytes, upstream: str) -> RejectedError:
    """As `wire.failures.read_failure`; the kind of an error stands in a header here."""
    kind = next((value for name, value in headers if name == b"x-amzn-errortype"), b"")
    if status == 400 and any(words in kind or words in body for words in _OF_CREDENTIALS):
        return read_failure(403, headers, body, upstream)
    error = read_failure(status, headers, body, upstream)
    if status == 400 and any(words in body for words in _NOT_HERE):
        error.is_retryable = True
    return error
