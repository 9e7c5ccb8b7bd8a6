"""Discovery: which upstreams this machine offers without configuration: keys in the environment, servers on loopback.

Looks at the environment that it is given and at a handful of loopback ports, all at once and for a blink; it never asks
anything beyond this machine. What was looked for is reported too, so that `doctor` can say what is missing.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import msgspec

from fairlead.domain.call import Deadlines
from fairlead.domain.errors import FairleadError, GarbledError, RejectedError
from fairlead.domain.names import ProviderName, SentModel, UpstreamName
from fairlead.providers.endpoints import LOCAL, Endpoint, ServedModel, base_url_fault
from fairlead.providers.known_providers import KnownProvider, known_providers
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of

Probe = Callable[[Endpoint], Awaitable[bytes]]
"""Asks an endpoint for its list of models; gives the body of a 200, and raises FairleadError or OSError otherwise."""

NO_DISCOVERY: Final = "FAIRLEAD_NO_DISCOVERY"
"""This variable, set to anything but 0 or nothing, switches the look at local ports off."""
PROBE_S: Final = 0.3
MODELS_CAP_BYTES: Final = 512 * 1024
MAX_MODELS: Final = 500
MAX_NAME_CHARS: Final = 300
OWN_PORT: Final = 8484

_NOT_CHAT: Final = re.compile(
    r"embed|rerank|whisper|minilm|(^|[/_-])(bge|e5|gte)[-_]|text-to-speech|(^|[/_-])tts", re.IGNORECASE
)


class LocalServer(NamedTuple):
    """A kind of server that people run on their own machine, and its usual port."""

    name: str
    title: str
    port: int


LOCAL_SERVERS: Final = (
    LocalServer("ollama", "Ollama", 11434),
    LocalServer("vllm", "vLLM", 8000),
    LocalServer("llama-cpp", "llama.cpp", 8080),
    LocalServer("lm-studio", "LM Studio", 1234),
)


class KeyFinding(NamedTuple):
    """A provider, and whether the environment holds what it needs."""

    provider: ProviderName
    title: str
    variables: tuple[str, ...]
    """The variables that were looked at."""
    found: str | None
    """The variable that holds the key."""
    problem: str | None
    """Why a key that is there cannot be used."""


class ServerFinding(NamedTuple):
    """A local port, and what answered there."""

    title: str
    base_url: str
    state: Literal["found", "nothing", "unusable"]
    n_models: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """What discovery found, and what it looked for."""

    endpoints: tuple[Endpoint, ...]
    keys: tuple[KeyFinding, ...]
    servers: tuple[ServerFinding, ...]
    """Empty when looking at local ports is switched off."""


async def discover(
    env: Mapping[str, str], probe: Probe, *, servers: tuple[LocalServer, ...] = LOCAL_SERVERS, own_port: int = OWN_PORT
) -> Found:
    """The endpoints that keys and local servers offer. Never raises for what it finds."""
    providers = [_look_for_key(provider, env) for provider in known_providers().values() if provider.is_found]
    local: list[tuple[ServerFinding, Endpoint | None]] = []
    if env.get(NO_DISCOVERY, "").strip() in ("", "0"):
        local = list(await asyncio.gather(*(_look_at(server, probe) for server in servers if server.port != own_port)))
    return Found(
        endpoints=tuple(endpoint for _, endpoint in [*providers, *local] if endpoint is not None),
        keys=tuple(finding for finding, _ in providers),
        servers=tuple(finding for finding, _ in local),
    )


async def with_models(endpoint: Endpoint, probe: Probe, *, limit_s: float) -> Endpoint:
    """This endpoint with the models that its server lists; unchanged when it has some already.

    Raises: FairleadError, OSError or TimeoutError when the server does not say.
    """
    if endpoint.models:
        return endpoint
    async with asyncio.timeout(limit_s):
        return replace(endpoint, models=read_models(await probe(endpoint)))


async def probe_over_http(endpoint: Endpoint) -> bytes:
    """The probe of real life: GET /models over a connection of its own."""
    if endpoint.identity is not None:
        raise GarbledError("services that want signatures list their models elsewhere")
    transport = HttpTransport(origin_of(endpoint))
    try:
        answer = await Upstream(endpoint, transport).list_models()
        try:
            body = await answer.read(MODELS_CAP_BYTES)
        finally:
            answer.close()
        if answer.status != 200:
            raise RejectedError(
                f"it answered with status {answer.status}",
                upstream=endpoint.name,
                upstream_status=answer.status,
                is_retryable=False,
            )
        return body
    finally:
        transport.close()


def read_models(body: bytes) -> tuple[ServedModel, ...]:
    """The models that a server lists in OpenAI's format.

    Raises: GarbledError for anything else; what a stranger's server says is never quoted at length.
    """
    try:
        listing = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError, ValueError):
        raise GarbledError("its list of models is not JSON") from None
    if not isinstance(listing, dict) or not isinstance(listing.get("data") or [], list) or "data" not in listing:
        raise GarbledError("it does not list models as OpenAI does")
    entries: list[Any] = listing["data"] or []
    if any(isinstance(entry, dict) and entry.get("owned_by") == "fairlead" for entry in entries):
        raise GarbledError("it is a Fairlead itself: calling it would go in circles")
    names: dict[str, None] = {}
    for entry in entries[:MAX_MODELS]:
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARS and name.isprintable():
            names[name] = None
    return tuple(ServedModel(SentModel(name), is_chat=_NOT_CHAT.search(name) is None) for name in names)


def _look_for_key(provider: KnownProvider, env: Mapping[str, str]) -> tuple[KeyFinding, Endpoint | None]:
    variables = (*provider.key_env, *provider.address_variables)
    found = provider.key_in(env)
    if found is None:
        return KeyFinding(provider.slug, provider.title, variables, None, None), None
    variable, secret = found
    problem = None
    value = secret.reveal()
    base_url = provider.base_url_in(env)
    if not value.isascii() or not value.isprintable() or " " in value:
        problem = f"{variable} holds a character that no key has"
    elif base_url is None:
        problem = _no_address(provider)
    elif (fault := base_url_fault(base_url)) is not None:
        problem = f"{provider.base_url_env} is no base URL: {fault}"
    finding = KeyFinding(provider.slug, provider.title, variables, variable, problem)
    if problem is not None or base_url is None:
        return finding, None
    return finding, provider.endpoint(UpstreamName(provider.slug), base_url, secret=secret)


def _no_address(provider: KnownProvider) -> str:
    if provider.base_url_by_region is not None:
        return f"{provider.region_env[0]} is not set to a region's name"
    return f"{provider.base_url_env} is not set: it holds the address of your resource"


async def _look_at(server: LocalServer, probe: Probe) -> tuple[ServerFinding, Endpoint | None]:
    endpoint = Endpoint(
        name=UpstreamName(server.name),
        provider=LOCAL,
        base_url=f"http://127.0.0.1:{server.port}/v1",
        auth="none",
        is_local=True,
        allow_private=True,
        deadlines=Deadlines(connect_s=PROBE_S, first_byte_s=PROBE_S, idle_s=PROBE_S, total_s=PROBE_S),
    )
    try:
        found = await with_models(endpoint, probe, limit_s=PROBE_S)
    except (GarbledError, RejectedError) as error:
        return ServerFinding(server.title, endpoint.base_url, "unusable", 0, error.message), None
    except (FairleadError, OSError):  # TimeoutError is one
        return ServerFinding(server.title, endpoint.base_url, "nothing", 0, None), None
    if not found.models:
        problem = "it runs, but has no model yet"
        return ServerFinding(server.title, endpoint.base_url, "unusable", 0, problem), None
    finding = ServerFinding(server.title, endpoint.base_url, "found", len(found.models), None)
    return finding, replace(found, deadlines=Deadlines())
