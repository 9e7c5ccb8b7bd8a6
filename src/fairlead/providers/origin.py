"""Origin: where an upstream lives, by which way it is reached, and what may be trusted on that way."""

import base64
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from fairlead.domain.errors import ConfigError
from fairlead.domain.names import UpstreamName

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One scheme, host and port. Its repr shows no credential: a proxy's URL may carry one."""

    name: UpstreamName
    scheme: str
    host: str
    port: int
    proxy: str | None = field(default=None, repr=False)
    """`http://[user:password@]host[:port]`. The environment's proxies are never used."""
    ca_file: str | None = None
    """Trusted instead of the system's authorities."""
    allow_private: bool = False
    """Whether addresses that are not public (loopback, private, link-local, …) may be connected to."""
    max_connections: int = 512

    def __post_init__(self) -> None:
        if self.scheme not in DEFAULT_PORTS:
            raise ConfigError(f"upstream {self.name!r}: the scheme must be http or https, not {self.scheme!r}")
        if not self.host or any(c in "/?#@ \r\n\t\0" for c in self.host):
            raise ConfigError(f"upstream {self.name!r}: the host is empty or holds a character that no host name has")
        if not 0 < self.port < 65536 or self.max_connections < 1:
            raise ConfigError(f"upstream {self.name!r}: the port must be 1 to 65535 and max_connections at least 1")

    @property
    def is_tls(self) -> bool:
        """Whether the bytes travel encrypted."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What the Host header says: the port only when it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


class Proxy(NamedTuple):
    """A forward proxy, parsed."""

    host: str
    port: int
    authorization: bytes
    """A whole header line, or nothing."""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


def parse_proxy(origin: Origin) -> Proxy | None:
    """The origin's proxy. Raises: ConfigError, whose text never repeats the URL."""
    if origin.proxy is None:
        return None
    try:
        parts = urlsplit(origin.proxy)
        port = parts.port or DEFAULT_PORTS["http"]
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
        raise ConfigError(f"upstream {origin.name!r}: the proxy must read http://[user:password@]host[:port]")
    authorization = b""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = b"proxy-authorization: Basic " + base64.b64encode(pair.encode()) + b"\r\n"
    return Proxy(parts.hostname, port, authorization)
