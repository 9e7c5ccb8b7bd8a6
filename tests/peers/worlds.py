"""A small gateway: a handful of models, scripted upstreams, a moment keeper; each test builds its own."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from fairlead.domain.errors import UpstreamError
from fairlead.domain.moments import Attempted, Decided, Replied, Shadowed
from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.gateway.access import Access, AccessKey
from fairlead.gateway.app import App
from fairlead.gateway.engine import Engine
from fairlead.gateway.ports import Limits, Services
from fairlead.gateway.ports import Upstream as UpstreamPort
from fairlead.gateway.routes.table import build_routes
from fairlead.observability.logs import RequestLog
from fairlead.providers.endpoints import Endpoint
from fairlead.providers.scripted import Scene, ScriptedTransport
from fairlead.providers.upstream import Upstream
from tests.conftest import CANARY
from tests.routing.small_pool import Known, router

UPSTREAM_KEY = f"{CANARY}-upstream-0123456789"

STRONG = Known("lab/strong", "one", "alpha", quality=0.9, price_in=5.0, price_out=20.0)
STRONG_ELSEWHERE = Known("lab/strong", "two", "beta", quality=0.9, price_in=6.0, price_out=24.0)
CHEAP = Known("lab/cheap", "two", "beta", quality=0.5, price_in=0.1, price_out=0.2)
MIDDLE = Known("other/middle", "three", "gamma", quality=0.7, price_in=1.0, price_out=2.0)
EMBED = Known("lab/embed", "one", "alpha", in_auto=False, purpose="embedding", price_out=0.0)
ALL = (STRONG, STRONG_ELSEWHERE, CHEAP, MIDDLE, EMBED)


@dataclass
class Moments:
    """An observer that keeps what it is told."""

    decisions: list[Decided] = field(default_factory=list)
    attempts: list[Attempted] = field(default_factory=list)
    replies: list[Replied] = field(default_factory=list)
    shadows: list[Shadowed] = field(default_factory=list)

    def decided(self, moment: Decided) -> None:
        self.decisions.append(moment)

    def attempted(self, moment: Attempted) -> None:
        self.attempts.append(moment)

    def replied(self, moment: Replied) -> None:
        self.replies.append(moment)

    def shadowed(self, moment: Shadowed) -> None:
        self.shadows.append(moment)


@dataclass
class World:
    """One gateway with everything that a test may want to look at."""

    services: Services
    engine: Engine
    app: App
    moments: Moments
    transports: Mapping[str, ScriptedTransport]

    @property
    def n_calls(self) -> int:
        return sum(len(transport.received) for transport in self.transports.values())

    def bodies(self, upstream: str) -> list[dict[str, Any]]:
        """What this upstream was sent."""
        return [json.loads(received.body) for received in self.transports[upstream].received]


def still() -> float:
    """A clock that stands."""
    return 1_000.0


Scenes = Iterable[Scene | UpstreamError]


def world(
    scenes: Mapping[str, Scenes] | None = None,
    *,
    arms: Sequence[Known] = ALL,
    keys: Sequence[AccessKey] = (),
    limits: Limits | None = None,
    clock: Callable[[], float] = still,
    hosts: Iterable[str] = ("127.0.0.1", "localhost"),
    origins: Iterable[str] = (),
    upstreams: Mapping[UpstreamName, UpstreamPort] | None = None,
) -> World:
    """A gateway whose upstreams play these scenes; one that is not named answers every chat with `whole()`."""
    names = sorted({arm.upstream for arm in arms})
    transports = {name: ScriptedTransport((scenes or {}).get(name, [whole()])) for name in names}
    live: dict[UpstreamName, UpstreamPort] = {
        UpstreamName(name): Upstream(endpoint(name), transport) for name, transport in transports.items()
    }
    moments = Moments()
    numbers = count(1)
    chooser = router(*arms)
    services = Services(
        router=chooser,
        upstreams=upstreams if upstreams is not None else live,
        access=Access(keys),
        limits=limits or Limits(),
        observers=(moments, RequestLog(logs_all=True)),
        clock=clock,
        unix_s=lambda: 1_700_000_000.0,
        new_id=lambda: f"fl-test-{next(numbers)}",
        draw=lambda: 0.0,
        model_list=[
            {"id": name, "object": "model", "created": 0, "owned_by": "test"}
            for name in dict.fromkeys([*chooser.names.virtual, *(arm.model for arm in arms)])
        ],
        render_metrics=lambda _state: (b"fairlead_up 1\n", "text/plain; version=0.0.4"),
        config_version="abc",
        decision_observers=(moments,),
        allowed_hosts=frozenset(hosts),
        allowed_origins=frozenset(origins),
    )
    return around(services, moments, transports)


def around(services: Services, moments: Moments, transports: Mapping[str, ScriptedTransport]) -> World:
    """The app of these services, with its engine at hand."""
    engine = Engine(services)
    return World(services, engine, App(services, engine, build_routes(engine)), moments, transports)


def changed(old: World, **changes: Any) -> World:
    """The same world with other services."""
    return around(replace(old.services, **changes), old.moments, old.transports)


def endpoint(name: str, base_url: str = "http://127.0.0.1:1/v1") -> Endpoint:
    """An upstream on loopback, with a credential that must never be seen."""
    return Endpoint(UpstreamName(name), ProviderName(name), base_url, secret=Secret(UPSTREAM_KEY), allow_private=True)


def reply_body(text: str = "hi", model: str = "served-name", **more: Any) -> bytes:
    """A whole chat completion."""
    value = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    return json.dumps(value | more).encode()


def whole(text: str = "hi") -> Scene:
    """A scene with a whole chat completion."""
    return Scene.of(reply_body(text))


def event(value: Any) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One chat chunk."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event(
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "served-name", "choices": [choice]}
        | more
    )


ROLE = event(
    {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "served-name",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
    }
)
USAGE = event(
    {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "served-name",
        "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
)
DONE = b"data: [DONE]\n\n"
STREAM_EVENTS = (ROLE, chunk("Hel"), chunk("lo ü"), chunk(None, "stop"), USAGE, DONE)


def stream(*events: bytes, ending: str = "end") -> Scene:
    """A scene that streams these events."""
    scene = Scene.of(*(events or STREAM_EVENTS))
    return replace(scene, ending=ending, headers=(("content-type", "text/event-stream"),))  # type: ignore[arg-type]


def refusal(status: int, body: bytes = b'{"error":{"message":"no"}}', **headers: str) -> Scene:
    """A scene with an error status; header names with underscores for hyphens."""
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return replace(Scene.of(body, status=status), headers=(("content-type", "application/json"), *lines))
