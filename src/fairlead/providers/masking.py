"""An endpoint's own secrets, in every form in which they are sent: what must not come back in what it says."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from fairlead.providers.endpoints import DUMMY_KEYS, Endpoint

_LEAST_CHARS: Final = 6
"""A shorter value stands in too many words that have nothing to do with it."""
_OPEN_HEADERS: Final = frozenset(
    ("accept", "content-type", "user-agent", "anthropic-version", "anthropic-beta", "openai-beta", "referer")
)
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_SCHEME: Final = re.compile(r"(?i)(?:bearer|basic|token|key|api-?key)[ \t]+(.+)")


def secrets_of(endpoint: Endpoint) -> tuple[str, ...]:
    """The longest first, so that one which holds another is hidden whole; none that is a word like any other."""
    found = {value for value in _sent(endpoint) if len(value) >= _LEAST_CHARS and not _VERSION.fullmatch(value)}
    return tuple(sorted((value for value in found if value.lower() not in DUMMY_KEYS), key=len, reverse=True))


def _sent(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.secret is not None:
        yield from _forms(endpoint.secret.reveal())
    for name, value in endpoint.headers:
        if name.lower() not in _OPEN_HEADERS:
            yield from _forms(value)
    for _, value in endpoint.query:
        yield from _forms(value)
    identity = endpoint.identity
    if identity is not None:
        yield identity.access_key_id
        yield identity.secret_access_key.reveal()
        if identity.session_token is not None:
            yield identity.session_token.reveal()
    if endpoint.proxy is not None:
        yield from _forms(unquote(urlsplit(endpoint.proxy).password or ""))


def _forms(value: str) -> Iterator[str]:
    """The value, without the scheme that stands before it, and as an address spells it."""
    bare = value.strip()
    yield bare
    yield quote(bare, safe="")
    if (credential := _SCHEME.fullmatch(bare)) is not None:
        yield credential[1]
