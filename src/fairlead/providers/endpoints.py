"""Endpoints: one URL with its credential, deadlines and policy; and the table of providers known by name.

Adding a provider that speaks OpenAI's format is one table in `data/endpoints.toml`, and nothing else.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final, Literal, cast, get_args
from urllib.parse import urlsplit

from fairlead.domain.call import Deadlines
from fairlead.domain.content import FormatName
from fairlead.domain.data_policy import UNSTATED, DataPolicy
from fairlead.domain.errors import ConfigError
from fairlead.domain.names import ModelId, ProviderName, SentModel, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.addresses import is_public, literal_address
from fairlead.wire import quirks
from fairlead.wire.quirks import Quirks

Auth = Literal["bearer", "api-key", "x-api-key", "none"]

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
    models: tuple[ServedModel, ...] = ()
    """Empty: what the catalogue offers for this provider, or what the server itself lists."""


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """One entry of the table of providers."""

    slug: ProviderName
    title: str
    key_env: tuple[str, ...]
    auth: Auth
    docs: str
    as_of: date
    base_url: str | None = None
    base_url_env: str | None = None
    """The variable that holds the customer's own address, where there is no common one."""
    base_path: str = ""
    offers_of: ProviderName | None = None
    """Sells under another slug's offers: a second address of the same company."""
    quirks: tuple[str, ...] = ()

    @property
    def provider(self) -> ProviderName:
        """The slug that its offers stand under in the catalogue."""
        return self.offers_of or self.slug

    def key_in(self, env: Mapping[str, str]) -> tuple[str, Secret] | None:
        """The first of its variables that holds a key, with the key."""
        for variable in self.key_env:
            value = env.get(variable, "").strip()
            if value:
                return variable, Secret(value)
        return None

    def base_url_in(self, env: Mapping[str, str]) -> str | None:
        """Its address; None when the variable that should hold it is empty."""
        if self.base_url is not None:
            return self.base_url
        given = env.get(self.base_url_env or "", "").strip().rstrip("/")
        if not given:
            return None
        return given if given.endswith(self.base_path) else given + self.base_path


def parse_providers(text: str, file: str = "endpoints.toml") -> Mapping[ProviderName, KnownProvider]:
    """The table of providers, by slug, in the order of the file.

    Raises: ConfigError that names file and key.
    """
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from error
    return MappingProxyType({ProviderName(slug): _provider(slug, table, file) for slug, table in tables.items()})


@cache
def known_providers() -> Mapping[ProviderName, KnownProvider]:
    """The providers that Fairlead ships with."""
    file = resources.files("fairlead.providers") / "data" / "endpoints.toml"
    return parse_providers(file.read_text(encoding="utf-8"))


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


_KEYS: Final = frozenset(
    {"title", "base_url", "base_url_env", "base_path", "offers_of", "key_env", "auth", "docs", "as_of", "quirks"}
)


def _provider(slug: str, value: object, file: str) -> KnownProvider:
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: {slug}: a table is missing here")
    table = cast("dict[str, Any]", value)
    for key in table:
        if key not in _KEYS:
            raise ConfigError(f"{file}: {slug}.{key}: unknown key; known are {', '.join(sorted(_KEYS))}")
    auth = table.get("auth", "bearer")
    if auth not in get_args(Auth):
        raise ConfigError(f"{file}: {slug}.auth: one of {', '.join(get_args(Auth))}")
    if type(table.get("as_of")) is not date:
        raise ConfigError(f"{file}: {slug}.as_of: the day that its docs were read, such as 2026-11-23")
    base_url = _text(table, "base_url", slug, file)
    base_url_env = _text(table, "base_url_env", slug, file)
    if (base_url is None) == (base_url_env is None):
        raise ConfigError(f"{file}: {slug}: give base_url, or base_url_env where each customer has an address")
    offers_of = _text(table, "offers_of", slug, file)
    if base_url is not None and (fault := base_url_fault(base_url)) is not None:
        raise ConfigError(f"{file}: {slug}.base_url: {fault}")
    return KnownProvider(
        slug=ProviderName(slug),
        title=_text(table, "title", slug, file) or slug,
        key_env=_texts(table, "key_env", slug, file),
        auth=cast("Auth", auth),
        docs=_text(table, "docs", slug, file) or "",
        as_of=cast("date", table["as_of"]),
        base_url=base_url,
        base_url_env=base_url_env,
        base_path=_text(table, "base_path", slug, file) or "",
        offers_of=None if offers_of is None else ProviderName(offers_of),
        quirks=_texts(table, "quirks", slug, file),
    )


def _text(table: dict[str, Any], key: str, slug: str, file: str) -> str | None:
    value = table.get(key)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise ConfigError(f"{file}: {slug}.{key}: a text is missing")


def _texts(table: dict[str, Any], key: str, slug: str, file: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
        raise ConfigError(f"{file}: {slug}.{key}: a list of texts")
    return tuple(values)
