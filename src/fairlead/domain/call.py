"""Call and Answer: one HTTP exchange with an upstream, as the gateway sees it.

The gateway speaks these; `providers` makes them true. No URL and no credential is in here: an upstream adds its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each phase of a call may take. Units: seconds; None is no limit."""

    connect_s: float = 10.0
    first_byte_s: float = 120.0
    """From the request's last byte to the reply's first body byte: reasoning models think before they speak."""
    idle_s: float = 60.0
    """Between two pieces of the reply."""
    total_s: float | None = None


class Call(NamedTuple):
    """What to send: a path below the upstream's base URL, the body, and the sent model (some put it in the path)."""

    path: str
    body: bytes
    is_streaming: bool
    request_id: str = ""
    within_s: float | None = None
    """What is left of the request's own deadline: bounds the wait for the first byte beside the endpoint's limits."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """The client's own headers that go on: a short list that the door names, never a credential."""
    sent_model: str = ""
    """For endpoints whose addresses of a known format hold the model's name (Azure's deployments)."""
    on_repeat: Callable[[], bool] | None = None
    """Asked before the request is sent a second time, a connection that had rested being lost without a reply."""
    idempotency_key: str = ""
    """The same for every sending of one paid call: an upstream that knows it answers again and charges once."""


class Answer(Protocol):
    """What comes back. Exactly one reader; `close` at any moment frees the connection and is safe to call twice."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """Headers as received, names in lower case."""
        ...

    async def read(self, cap_bytes: int) -> bytes:
        """The whole rest of the body.

        Raises: GarbledError above cap_bytes or on broken framing; TruncatedError when it is cut; SilentError when a
            deadline passes.
        """
        ...

    async def next_chunk(self) -> bytes:
        """The next piece of the body, as it came; b"" once the body has ended properly. Raises as `read` does."""
        ...

    def close(self) -> None:
        """Give the connection back if the body was read to its end; drop it otherwise."""
        ...
