"""Work: one request as the attempt engine sees it, whichever door it came through."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from fairlead.domain.errors import FairleadError
from fairlead.domain.names import AskedModel, SentModel, TenantName
from fairlead.domain.outline import Outline
from fairlead.domain.usage import Usage
from fairlead.domain.wishes import Wishes
from fairlead.wire import openai_embeddings
from fairlead.wire.format import ReadReply
from fairlead.wire.lane import put_together, raw
from fairlead.wire.openai_chat.failures import write_failure_events
from fairlead.wire.openai_chat.replies import read_embeddings, read_reply
from fairlead.wire.openai_chat.requests import read_request
from fairlead.wire.openai_chat.stream import StreamWatch


class Work(NamedTuple):
    """What to do, in terms that do not depend on the wire format."""

    door: str
    path: str
    """Below an upstream's base URL."""
    tenant: TenantName
    asked: AskedModel
    outline: Outline
    wishes: Wishes
    is_streaming: bool
    body_for: Callable[[SentModel], bytes]
    read_reply: Callable[[bytes, str], ReadReply]
    watch: Callable[[], StreamWatch]
    end_failed: Callable[[FairleadError], bytes]
    """How a stream that has begun ends when it fails."""
    began_s: float


class Door(Protocol):
    """Makes work of a request body."""

    def __call__(self, body: bytes, tenant: TenantName, began_s: float) -> Work:
        """Read the body. Raises: RequestError."""
        ...


def chat_work(body: bytes, tenant: TenantName, began_s: float) -> Work:
    """A chat completion. Raises: RequestError."""
    request = read_request(body)
    return Work(
        door="chat",
        path="/chat/completions",
        tenant=tenant,
        asked=request.asked,
        outline=request.outline,
        wishes=request.wishes,
        is_streaming=request.is_streaming,
        body_for=request.body_for,
        read_reply=read_reply,
        watch=lambda: StreamWatch(hides_usage=not request.wants_usage),
        end_failed=write_failure_events,
        began_s=began_s,
    )


_NO_OUTLINE: Final = Outline()


def embeddings_work(body: bytes, tenant: TenantName, began_s: float) -> Work:
    """Embeddings: one named model, nothing to decide. Raises: RequestError."""
    asked, members, wishes = openai_embeddings.read_embeddings_request(body)

    def body_for(sent: SentModel) -> bytes:
        members["model"] = raw(sent)
        return put_together(members)

    return Work(
        door="embeddings",
        path="/embeddings",
        tenant=tenant,
        asked=asked,
        outline=_NO_OUTLINE,
        wishes=wishes,
        is_streaming=False,
        body_for=body_for,
        read_reply=read_embeddings,
        watch=lambda: StreamWatch(hides_usage=True),
        end_failed=write_failure_events,
        began_s=began_s,
    )


DOORS: Final[Mapping[str, Door]] = {"/v1/chat/completions": chat_work, "/v1/embeddings": embeddings_work}


def estimated_usage(n_input: float, n_content_bytes: int) -> Usage:
    """What a stream that died before its usage is taken to have used; marked so."""
    return Usage(input_tokens=round(n_input), output_tokens=round(n_content_bytes / 4), is_estimated=True)
