"""Upstream: a live endpoint. It adds what a call lacks: base path, credential, headers; and nothing else.

A secret is revealed here and where requests are signed, into the header lines of this endpoint's own origin, and in
`masking`, to hide it in what the endpoint says.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from fairlead import __version__
from fairlead.domain.call import Answer, Call, Deadlines
from fairlead.domain.content import FormatName
from fairlead.domain.errors import ConfigError
from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.secrets import MASK, Secret
from fairlead.providers.endpoints import Auth, Endpoint
from fairlead.providers.masking import secrets_of
from fairlead.providers.origin import DEFAULT_PORTS, Origin
from fairlead.providers.request_head import write_headers
from fairlead.providers.signing import ToSign, sign
from fairlead.wire.path_segment import path_segment
from fairlead.wire.quirks import Quirks

USER_AGENT: Final = f"fairlead/{__version__}"
_SLACK_S: Final = 0.5
"""A request that has just come has a hair less left than the whole: not worth new deadlines."""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


_JSON: Final = (b"content-type", b"application/json")
_STREAM_TYPES: Final[dict[FormatName, str]] = {"bedrock_converse": "application/vnd.amazon.eventstream"}
"""What a stream of each format is called; server-sent events but for these."""


class Exchange(Protocol):
    """What an upstream needs of a transport. `headers` are whole lines, each with its CRLF."""

    async def exchange(
        self,
        method: str,
        target: str,
        headers: bytes,
        body: bytes,
        deadlines: Deadlines,
        on_repeat: Callable[[], bool] | None = None,
    ) -> Answer:
        """Sends one request; the answer once its head is there. `on_repeat`: see `domain.call.Call`."""
        ...

    def close(self) -> None:
        """Drops every connection."""
        ...


class Upstream:
    """One endpoint over one transport."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Exchange,
        *,
        whole_within_s: float | None = None,
        unix_s: Callable[[], float] | None = None,
    ) -> None:
        """`whole_within_s`: a reply that is not streamed must be whole by then, dribble or not.

        `unix_s` gives the seconds since 1970: signatures are dated, and only an endpoint that signs needs it.
        Raises: ConfigError when a header or the credential cannot be sent, or a signature could not be dated.
        """
        if endpoint.identity is not None and unix_s is None:
            raise ConfigError(f"upstream {endpoint.name!r}: it signs its requests, and nobody told it the time")
        self.endpoint = endpoint
        self.name: UpstreamName = endpoint.name
        self.formats: tuple[FormatName, ...] = endpoint.formats
        self.quirks: Quirks = endpoint.quirks
        self.provider: ProviderName = endpoint.provider
        self._transport = transport
        self._deadlines = endpoint.deadlines
        limits = [limit for limit in (endpoint.deadlines.total_s, whole_within_s) if limit is not None]
        self._whole_deadlines = replace(endpoint.deadlines, total_s=min(limits, default=None))
        self._base_path = urlsplit(endpoint.base_url).path.rstrip("/")
        # Written once: only the request's id differs from call to call.
        self._asking = _header_lines(endpoint, {"accept": "application/json"})
        self._posting = _header_lines(endpoint, {"accept": "application/json", "content-type": "application/json"})
        stream_type = _STREAM_TYPES.get(endpoint.formats[0], "text/event-stream")
        self._streaming = _header_lines(endpoint, {"accept": stream_type, "content-type": "application/json"})
        self._own_names = _names_of(self._streaming)
        self._paths = dict(endpoint.paths)
        self._query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in endpoint.query)
        self._secrets = secrets_of(endpoint)
        self._unix_s = unix_s
        self._host = origin_of(endpoint).authority.encode("ascii", "replace") if endpoint.identity else b""

    def __repr__(self) -> str:
        return f"Upstream({self.name})"

    async def send(self, call: Call) -> Answer:
        """Send a call; the answer once its head is there.

        Raises: UpstreamError.
        """
        headers = self._streaming if call.is_streaming else self._posting
        if call.request_id and _REQUEST_ID.fullmatch(call.request_id):
            headers = b"%bx-request-id: %b\r\n" % (headers, call.request_id.encode())
        if call.headers:
            headers += self._passed(call.headers)
        if call.idempotency_key and _REQUEST_ID.fullmatch(call.idempotency_key):
            headers = b"%bidempotency-key: %b\r\n" % (headers, call.idempotency_key.encode())
        deadlines = self._deadlines if call.is_streaming else self._whole_deadlines
        if call.within_s is not None and call.within_s + _SLACK_S < _longest(deadlines):
            deadlines = _tightened(deadlines, call.within_s)
        target = self._target(call.path, call.sent_model)
        if self.endpoint.identity is not None:
            headers += self._signature("POST", target, (_JSON,), call.body)
        return await self._transport.exchange("POST", target, headers, call.body, deadlines, call.on_repeat)

    async def list_models(self) -> Answer:
        """Ask for the list of models (GET /models).

        Raises: UpstreamError.
        """
        target = self._target("/models", "")
        headers = self._asking
        if self.endpoint.identity is not None:
            headers += self._signature("GET", target, (), b"")
        return await self._transport.exchange("GET", target, headers, b"", self.endpoint.deadlines)

    def _passed(self, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
        """The client's headers that go on: none that this endpoint sends itself, none that could break its line."""
        kept: list[bytes] = []
        for name, value in headers:
            if name not in self._own_names:
                with suppress(ValueError):
                    kept.append(write_headers(((name, value),)))
        return b"".join(kept)

    def _target(self, path: str, sent_model: str) -> str:
        """Where a format's path lies at this endpoint: elsewhere for some, with a query for some."""
        if self._paths and (template := self._paths.get(path)) is not None:
            path = template.replace("{model}", path_segment(sent_model) if "{model}" in template else "")
        if self._query:
            path = f"{path}{'&' if '?' in path else '?'}{self._query}"
        return self._base_path + path

    def _signature(self, method: str, target: str, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> bytes:
        identity, unix_s = self.endpoint.identity, self._unix_s
        assert identity is not None and unix_s is not None
        request = ToSign(method, target, ((b"host", self._host), *headers), body)
        return write_headers(sign(request, identity, unix_s()))

    def masked(self, text: str) -> str:
        """Words of this endpoint without its own secrets, which it may quote."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def close(self) -> None:
        """Drop every connection."""
        self._transport.close()


def origin_of(endpoint: Endpoint) -> Origin:
    """Where this endpoint lives, for a transport.

    Raises: ConfigError.
    """
    parts = urlsplit(endpoint.base_url)
    scheme = parts.scheme.lower()
    return Origin(
        name=endpoint.name,
        scheme=scheme,
        host=parts.hostname or "",
        port=parts.port or DEFAULT_PORTS.get(scheme, 0),
        proxy=endpoint.proxy,
        ca_file=endpoint.ca_file,
        allow_private=endpoint.allow_private,
        max_connections=endpoint.max_connections,
    )


def _names_of(lines: bytes) -> frozenset[bytes]:
    return frozenset(line.partition(b":")[0].lower() for line in lines.split(b"\r\n") if line)


def _longest(deadlines: Deadlines) -> float:
    return max(deadlines.connect_s, deadlines.first_byte_s, deadlines.total_s or 0.0)


def _tightened(deadlines: Deadlines, within_s: float) -> Deadlines:
    left_s = max(within_s, 0.001)  # a deadline of 0 could be read as none
    return replace(
        deadlines,
        connect_s=min(deadlines.connect_s, left_s),
        first_byte_s=min(deadlines.first_byte_s, left_s),
        total_s=None if deadlines.total_s is None else min(deadlines.total_s, left_s),
    )


def _header_lines(endpoint: Endpoint, usual: dict[str, str]) -> bytes:
    pairs = {"user-agent": USER_AGENT} | usual | {name.lower(): value for name, value in endpoint.headers}
    if endpoint.secret is not None and endpoint.auth != "none":
        name, value = _credential(endpoint.auth, endpoint.secret)
        pairs[name] = value
    try:
        return write_headers((name.encode("ascii"), value.encode("latin-1")) for name, value in pairs.items())
    except ValueError:  # its text may hold a piece of a credential: say it without
        raise ConfigError(
            f"upstream {endpoint.name!r}: a header or the key holds a character that cannot be sent"
        ) from None


def _credential(auth: Auth, secret: Secret) -> tuple[str, str]:
    if auth == "bearer":
        return "authorization", f"Bearer {secret.reveal()}"
    return auth, secret.reveal()
