"""PageCall and PageAnswer: one request for a page for people, as the gateway hands it on, and what comes back."""

from collections.abc import Callable
from typing import NamedTuple

from fairlead.domain.call import Headers
from fairlead.domain.engine_state import NOTHING, EngineState


class PageCall(NamedTuple):
    """What a browser asks."""

    method: str
    path: str
    """Decoded, from /ui on."""
    query: bytes = b""
    headers: Headers = []  # noqa: RUF012 - a frozen default that nobody writes to
    body: bytes = b""
    client: str = ""
    """The address that it came from."""
    is_tls: bool = False
    state: Callable[[], EngineState] = lambda: NOTHING
    """How the engine stands; asked on the event loop only."""


class PageAnswer(NamedTuple):
    """What a browser is told."""

    status: int
    headers: Headers
    body: bytes


class PageCaller(NamedTuple):
    """Who is logged in, as far as the gateway must know to run a request of theirs."""

    name: str
    tenant: str
    may: frozenset[str]
