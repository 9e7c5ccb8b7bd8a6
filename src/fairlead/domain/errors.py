"""Every error of Fairlead, in one tree.

FairleadError
  RequestError                 the client can mend it; a 4xx in the client's own format
    MalformedBodyError         400  not the JSON that this door reads
    InvalidOptionError         400  an option with a value that means nothing
    UnknownOptionError         400  an option of ours that we do not know: refused by name
    NoEligibleModelError       400  every candidate is excluded by the request's own needs and wishes
    UnknownReferenceError      400  an id of an earlier reply that nobody keeps who may serve this request
      UnknownItemError         400  the same of an item
    UnauthenticatedError       401  no key, or not one of ours
    ForbiddenError             403  a key that may not do this; a Host or Origin that is not ours
    UnknownModelError          404  a model name that nothing answers to
    UnknownRouteError          404  a path that nothing answers to
    UnknownDecisionError       404  a decision id that is not in the traffic store, or another tenant's
    MethodError                405  a path that does not take this method
    ConflictError              409  an Idempotency-Key that stands for another request
    BodyTooLargeError          413
  UpstreamError                another candidate may do better; 502 when none did
    UnreachableError           502  refused, unresolvable, not allowed to connect, TLS failed
    SilentError                504  a deadline passed: connect, first byte, idle, total
    GarbledError               502  not HTTP, not JSON, not events; longer than its cap
    TruncatedError             502  ended before its finish
    RejectedError              the upstream's own status: 4xx and 5xx answers
  UnavailableError             503  every candidate is down
    OverloadedError            503  every candidate is busy with all that it bears, and the queue is full
    ShuttingDownError          503  this server is being stopped
  DeadlineError                504  the request's own deadline passed
  SetupError                   the operator can mend it; never seen by a client
    ConfigError                     a file, line, key and mend
    CatalogueError                  a file and key
    ArtifactError                   a router file that is not whole, not ours or from the future
    OutcomesError                   outcomes or queries that cannot be used: file, line and mend
    AnalysisError                   a model, its file or a machine that cannot be analysed: what, where and mend
    EvaluationError                 an evaluation that cannot be run as asked: model, cap, sandbox or record
    StoreError                      a traffic store that cannot be opened, read or written: where and mend
"""

from collections.abc import Callable
from typing import ClassVar, NamedTuple


class Said(NamedTuple):
    """An upstream's own words about a failure, free of whatever looks like a credential."""

    message: str
    kind: str | None = None
    param: str | None = None
    code: str | None = None

    def masked(self, mask: Callable[[str], str]) -> "Said":
        """The same without what `mask` hides."""
        kind, param, code = (mask(text) if text else text for text in self[1:])
        return Said(mask(self.message), kind, param, code)


class FairleadError(Exception):
    """What happened, where, and how to mend it.

    `str(error)` is safe to show to a client: never a secret, never an upstream's URL.
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "server_error"
    code: str = "internal_error"
    request_id: str | None = None
    """Of the request that ended in it, once that has a name; some formats say it in the error."""
    said: Said | None = None
    """The words of the upstream that failed, where it gave any: kept apart, for they are for the client alone."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code


class RequestError(FairleadError):
    """The client can mend it."""

    status = 400
    kind = "invalid_request_error"
    code = "invalid_request"


class MalformedBodyError(RequestError):
    """The body is not the JSON that this door reads."""

    code = "malformed_body"


class InvalidOptionError(RequestError):
    """An option whose value means nothing."""

    code = "invalid_value"


class UnknownOptionError(RequestError):
    """An option of ours that we do not know."""

    code = "unknown_option"


class NoEligibleModelError(RequestError):
    """Nothing may serve this request; the message says which need or wish excluded what."""

    code = "no_eligible_model"


class UnknownReferenceError(RequestError):
    """An id of an earlier reply that nobody keeps who may serve this request."""

    code = "previous_response_not_found"


class UnknownItemError(UnknownReferenceError):
    """The same of an item."""

    code = "item_not_found"


class UnauthenticatedError(RequestError):
    """No key, or not one of ours."""

    status = 401
    kind = "authentication_error"
    code = "invalid_api_key"


class ForbiddenError(RequestError):
    """Known, but not allowed."""

    status = 403
    kind = "permission_error"
    code = "forbidden"


class UnknownModelError(RequestError):
    """A model name that nothing answers to."""

    status = 404
    code = "model_not_found"


class UnknownRouteError(RequestError):
    """A path that nothing answers to."""

    status = 404
    code = "unknown_route"


class UnknownDecisionError(RequestError):
    """A decision that the caller cannot speak of: not kept, not known, or another tenant's."""

    status = 404
    code = "unknown_decision"


class MethodError(RequestError):
    """A path that does not take this method; `allowed` are those that it takes."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, message: str, *, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.allowed = allowed


class ConflictError(RequestError):
    """The request contradicts another one: an Idempotency-Key that was used for a different body."""

    status = 409
    code = "idempotency_key_reused"


class BodyTooLargeError(RequestError):
    """More bytes than the door reads."""

    status = 413
    code = "body_too_large"


class UpstreamError(FairleadError):
    """One upstream did not deliver. `upstream` is the operator's name of it."""

    status = 502
    kind = "upstream_error"
    code = "upstream_error"
    is_retryable: bool = True
    is_sent: bool = True
    """Whether the request may have been read and served, and so may have to be paid for, although no reply came."""

    def __init__(
        self, message: str, *, upstream: str = "", code: str | None = None, is_sent: bool | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.upstream = upstream
        if is_sent is not None:
            self.is_sent = is_sent


class UnreachableError(UpstreamError):
    """No connection, or none that brought a byte."""

    code = "upstream_unreachable"
    is_sent = False


class SilentError(UpstreamError):
    """A deadline passed while we waited for the upstream."""

    status = 504
    code = "upstream_timeout"


class GarbledError(UpstreamError):
    """What came is not what the format promises."""

    code = "upstream_garbled"


class TruncatedError(UpstreamError):
    """The reply ended before its finish."""

    code = "upstream_truncated"


class RejectedError(UpstreamError):
    """The upstream answered with an error status.

    Units: retry_after_s in seconds from now, None when the upstream did not say.
    """

    code = "upstream_rejected"

    def __init__(
        self,
        message: str,
        *,
        upstream: str,
        upstream_status: int,
        said: Said | None = None,
        is_retryable: bool,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, upstream=upstream)
        self.upstream_status = upstream_status
        self.said = said
        self.is_retryable = is_retryable
        self.retry_after_s = retry_after_s


class UnavailableError(FairleadError):
    """Nobody can serve now. Units: retry_after_s in seconds from now, None when nobody knows."""

    status = 503
    kind = "upstream_error"
    code = "all_upstreams_down"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class OverloadedError(UnavailableError):
    """Every candidate is busy with all that it bears, and the queue is full or too slow."""

    code = "overloaded"


class ShuttingDownError(UnavailableError):
    """This server is being stopped, and what was running had its time to end."""

    kind = "server_error"
    code = "shutting_down"


class DeadlineError(FairleadError):
    """The request's own deadline passed."""

    status = 504
    kind = "upstream_error"
    code = "deadline_exceeded"


class SetupError(FairleadError):
    """The operator can mend it."""

    kind = "setup_error"
    code = "setup_error"


class ConfigError(SetupError):
    """The configuration: the message names file, line, key and mend."""

    code = "config_error"


class CatalogueError(SetupError):
    """The catalogue: the message names file and key."""

    code = "catalogue_error"


class ArtifactError(SetupError):
    """A router file that is not whole, not ours, or from a future version."""

    code = "artifact_error"


class OutcomesError(SetupError):
    """Outcomes or queries that cannot be used: the message names file, line and mend."""

    code = "outcomes_error"


class AnalysisError(SetupError):
    """A model, its file or a machine that cannot be analysed: the message names the key or byte and the mend."""

    code = "analysis_error"


class EvaluationError(SetupError):
    """An evaluation that cannot be run as asked: the message names the model, cap, sandbox or record, and the mend."""

    code = "evaluation_error"


class StoreError(SetupError):
    """A traffic store that cannot be opened, read or written: the message says where and how to mend it.

    `is_lasting`: the store is there, and will never take what it was given.
    """

    code = "store_error"

    def __init__(self, message: str, *, is_lasting: bool = False) -> None:
        super().__init__(message)
        self.is_lasting = is_lasting
