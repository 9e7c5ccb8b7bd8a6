"""Format: what a wire format can do: a door that clients speak to, a back that upstreams are spoken to in.

Bytes on one side, `domain` values on the other. Nothing here blocks, logs or looks at a clock. A format that is a door
also has a lane: when the upstream speaks the same format, request and reply go through as they came, and are only
watched. Everything else goes through the hub (`domain.request`, `domain.events`): each format is translated to it and
from it, never to another format.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple, Protocol

from fairlead.domain.call import Headers
from fairlead.domain.content import FormatName
from fairlead.domain.errors import FairleadError, RejectedError, UpstreamError
from fairlead.domain.events import Event
from fairlead.domain.names import AskedModel, SentModel
from fairlead.domain.outline import Outline
from fairlead.domain.reply import Reply
from fairlead.domain.request import Carried, ChatRequest
from fairlead.domain.usage import Usage
from fairlead.domain.wishes import Wishes
from fairlead.wire.failures import read_failure


class Phase(Enum):
    """Where a reply stream is."""

    OPENING = auto()
    """No content yet: nothing of it needs to have reached the client."""
    SPEAKING = auto()
    FINISHED = auto()
    """Every choice has its finish reason; usage may still follow."""
    DONE = auto()
    """The format's last event was seen."""
    FAILED = auto()
    """The upstream sent an error in the stream; `failure` says which."""


class ReadReply(NamedTuple):
    """A whole reply as bytes for the client, and what was read off it."""

    body: bytes
    served: str
    usage: Usage | None


class Made(NamedTuple):
    """What a reply gave ids to, by which a client may refer to it later."""

    reply_id: str
    items: tuple[tuple[str, bytes], ...]
    """Each item's id, and its JSON; b"" for an item that need not be told again."""
    is_stored: bool = False
    """Whoever wrote the reply says that it is stored there (`store`)."""


class References(NamedTuple):
    """What a request refers to by ids."""

    previous: str | None
    """A reply that it goes on from."""
    items: tuple[str, ...]


class ReplyStream(Protocol):
    """A reply stream on its way to the client: the lane's watch, or a translation. Bytes in, bytes to send on out."""

    @property
    def phase(self) -> Phase:
        """Where it is."""
        ...

    @property
    def served(self) -> str | None:
        """The model that the upstream says serves."""
        ...

    @property
    def usage(self) -> Usage | None:
        """What the upstream counted, once it has said so."""
        ...

    @property
    def failure(self) -> UpstreamError | None:
        """The error that the upstream sent in the stream."""
        ...

    @property
    def n_content_bytes(self) -> int:
        """Bytes of content so far: what an estimate of the usage is made from when the stream dies."""
        ...

    def feed(self, data: bytes) -> bytes:
        """The bytes to send on; b"" when nothing is whole yet.

        Raises: GarbledError when what comes is not a stream of this format; TruncatedError when it says it is done
            before it has finished.
        """
        ...

    def end(self) -> bytes:
        """The upstream has closed the stream: what still has to be sent on.

        Raises: TruncatedError when the reply is not finished.
        """
        ...

    def finish(self, comment: bytes) -> bytes:
        """The last bytes of a stream that ended well: our SSE comment (or b""), then the format's last event.

        The last event is always held back until here, so that nobody takes a cut stream for a whole one.
        """
        ...

    def fail(self, error: FairleadError) -> bytes:
        """The last bytes of a stream that has begun and failed: an error that the format's clients raise on."""
        ...

    def ping(self) -> bytes:
        """A sign of life between two events, which every client of the format skips."""
        ...


class ReplyWriter(Protocol):
    """Writes a reply stream in the client's format."""

    def write(self, event: Event) -> bytes:
        """One event of the hub; b"" when the format has nothing to say for it yet.

        Raises: GarbledError for what the format cannot say any more, and must not leave out in silence.
        """
        ...

    def finish(self, comment: bytes) -> bytes:
        """As ReplyStream.finish; with whatever the format says last (usage, stop)."""
        ...

    def fail(self, error: FairleadError) -> bytes:
        """As ReplyStream.fail."""
        ...

    def ping(self) -> bytes:
        """As ReplyStream.ping."""
        ...


class ReplyReader(Protocol):
    """Reads a reply stream in the upstream's format."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that are complete now. Never raises: a failure is a ReplyFailed, after which nothing comes.

        An error in the stream is an UpstreamError with the code `upstream_error_in_stream`; what is not this format a
        GarbledError; the format's last event before every choice has finished a TruncatedError.
        """
        ...

    def end(self) -> list[Event]:
        """The upstream has closed the stream: ReplyFailed with a TruncatedError when the reply is not finished."""
        ...

    @property
    def is_done(self) -> bool:
        """Whether the format's last event was seen: nothing more will come."""
        ...


class AskedRequest(Protocol):
    """One request as its door read it: what routing needs, the lane, and the way to the hub and back."""

    @property
    def asked(self) -> AskedModel:
        """The model that was asked for; empty when the client sent only `models`."""
        ...

    @property
    def outline(self) -> Outline:
        """What the router may know."""
        ...

    @property
    def wishes(self) -> Wishes:
        """The request's own constraints and weights."""
        ...

    @property
    def is_streaming(self) -> bool:
        """Whether the client wants a stream of events."""
        ...

    reply_id: str
    """Our own name for the reply, set by the gateway: for formats whose replies need one."""
    created_s: int
    """Unix seconds, set by the gateway: for formats whose replies are dated."""

    @property
    def session(self) -> str | None:
        """The session's name as the body states it (`session_id`, `prompt_cache_key`, …), if it does."""
        ...

    def body_for(self, sent: SentModel) -> bytes:
        """The lane: every member as it came but for the model, our own members and, on a stream, the wish for usage."""
        ...

    def chat(self) -> ChatRequest:
        """The request in no vendor's words. Raises: InvalidOptionError for a member of a shape that means nothing."""
        ...

    def lane_reply(self, body: bytes, sent: str) -> ReadReply:
        """A whole reply of an upstream of the same format, checked; `sent` stands in for a model it does not name.

        Raises: GarbledError, TruncatedError.
        """
        ...

    def lane_stream(self) -> ReplyStream:
        """The watch over a stream of the same format."""
        ...

    def write_reply(self, reply: Reply) -> bytes:
        """A reply of the hub in the client's format."""
        ...

    def writer(self) -> ReplyWriter:
        """The same for a stream."""
        ...


class Door(NamedTuple):
    """A format that clients may speak to us."""

    name: FormatName
    lane_path: str
    """Below the base URL of an upstream of the same format."""
    read_request: Callable[[bytes], AskedRequest]
    """Raises: MalformedBodyError, InvalidOptionError, UnknownOptionError."""
    write_failure: Callable[[FairleadError], tuple[int, bytes]]
    """Status and body of an error answer."""
    passed_headers: frozenset[bytes] = frozenset()
    """Request headers that go on to an upstream of the same format, in lower case."""


class Back(NamedTuple):
    """A format that upstreams may be spoken to in."""

    name: FormatName
    path: Callable[[SentModel, bool], str]
    """Below the base URL, for a model and whether it streams."""
    write_request: Callable[[ChatRequest, SentModel], Carried]
    read_reply: Callable[[bytes], Reply]
    """Raises: GarbledError when it is not a reply (a 200 with an error inside), TruncatedError without a finish."""
    reader: Callable[[], ReplyReader]
    read_failure: Callable[[int, Headers, bytes, str], RejectedError] = read_failure
    """Status, headers, body and the upstream's name -> the error, with whether another attempt makes sense."""
