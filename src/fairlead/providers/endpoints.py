"""Endpoints: one URL with its credential, deadlines and policy, and the formats that are spoken there."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

from fairlead.domain.call import Deadlines
from fairlead.domain.content import FormatName
from fairlead.domain.data_policy import UNSTATED, DataPolicy
from fairlead.domain.names import ModelId, ProviderName, SentModel, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.addresses import is_public, literal_address
from fairlead.providers.signing import Identity
from fairlead.wire import quirks
from fairlead.wire.quirks import Quirks

Auth = Literal["bearer", "api-key", "x-api-key", "x-goog-api-key", "sigv4", "none"]
"""How a credential is sent: a header, or a signature of AWS's kind."""

DUMMY_KEYS: Final = frozenset(
    ("empty", "none", "dummy", "no-key", "not-needed", "ollama", "lm-studio", "local", "token")
)
"""What local servers are given when they want some key, but any."""

LOCAL: Final = ProviderName("local")
SIMULATED: Final = ProviderName("simulated")
DEFAULT_MAX_CONNECTIONS: Final = 1024
"""Envoy's default circuit-breaker bound on connections per upstream."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that an endpoint serves: the name it takes, and the catalogue's name where one was given."""

    sent_model: SentModel
    model: ModelId | None = None
    """None: look the sent name up in the catalogue; a model that it does not know keeps its sent name."""
    is_chat: bool = True
    """False for models that only embed, rank or transcribe."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything needed to call one upstream."""

    name: UpstreamName
    provider: ProviderName
    base_url: str
    formats: tuple[FormatName, ...] = ("openai_chat",)
    """The wire formats that it speaks; the first is the one that other formats are translated to."""
    auth: Auth = "bearer"
    secret: Secret | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request; kept out of the repr, since a credential may stand in one."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    proxy: str | None = field(default=None, repr=False)
    """May hold a user and a password."""
    ca_file: str | None = None
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    max_concurrency: int | None = None
    """Calls under way at once, of all workers together; None learns it from refusals."""
    is_local: bool = False
    """One's own server: its tokens cost nothing more."""
    is_simulated: bool = False
    allow_private: bool = False
    """May connect to loopback and private addresses."""
    data_policy: DataPolicy = UNSTATED
    quirks: Quirks = quirks.NONE
    """What it takes otherwise than OpenAI's chat format says."""
    paths: tuple[tuple[str, str], ...] = ()
    """A path of a format -> where it lies here, when it lies elsewhere; `{model}` stands for the sent model's name."""
    query: tuple[tuple[str, str], ...] = ()
    """Parameters of every request's address, such as Azure's api-version."""
    identity: Identity | None = None
    """Who signs the requests, with `auth` sigv4."""
    models: tuple[ServedModel, ...] = ()
    """Empty: what the catalogue offers for this provider, or what the server itself lists."""


def base_url_fault(url: str) -> str | None:
    """What is wrong with a base URL, in words that may be shown; None when nothing is."""
    if any(char.isspace() or not char.isprintable() for char in url):
        return "it holds a space or a control character"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in ("http", "https"):
        return "it must begin with http:// or https://"
    if not host:
        return "it names no host"
    if "@" in parts.netloc:
        return "it must not hold a user or a password: use api_key"
    if "?" in url or "#" in url:
        return "it must end with its path: no '?' and no '#'"
    return "its port is 0" if port == 0 else None


def host_of(url: str) -> str:
    """The host of a base URL without fault, in lower case."""
    return (urlsplit(url).hostname or "").rstrip(".")


def is_loopback_host(host: str) -> bool:
    """True for `localhost` and for loopback addresses; a name that merely resolves to one is not."""
    address = literal_address(host)
    return host.lower() == "localhost" if address is None else ip_address(address).is_loopback


def is_private_address(host: str) -> bool:
    """True for an address, however it is spelled, that is not on the public internet; False for every name."""
    address = literal_address(host)
    return address is not None and not is_public(address)
