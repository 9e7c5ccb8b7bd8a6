"""Access: which caller a key belongs to, and what that caller may do.

A key is 256 random bits, so one SHA-256 over it is enough to keep it safe at rest; a hash is never taken for a key.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from fairlead.domain.call import Headers
from fairlead.domain.errors import ForbiddenError, UnauthenticatedError
from fairlead.domain.names import TenantName

Permission = Literal["chat", "feedback", "read", "admin"]
PERMISSIONS: Final[tuple[Permission, ...]] = ("chat", "feedback", "read", "admin")
KEY_PREFIX: Final = "fl-"
MAX_KEY_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One key of the configuration."""

    name: str
    sha256: str
    """Hex digest of the key, lower case."""
    tenant: TenantName
    may: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    tenant: TenantName
    may: frozenset[Permission]


ANYONE: Final = Caller("anyone", TenantName("default"), frozenset(PERMISSIONS))
"""The caller when no key is configured: allowed on a loopback address only."""


def digest(key: str | bytes) -> str:
    """The hex digest under which a key stands in the configuration."""
    return hashlib.sha256(key.encode() if isinstance(key, str) else key).hexdigest()


class Access:
    """All keys of one configuration."""

    def __init__(self, keys: Iterable[AccessKey]) -> None:
        self._callers = {key.sha256: Caller(key.name, key.tenant, key.may) for key in keys}

    def caller(self, headers: Headers, needs: Permission) -> Caller:
        """Who sends these headers.

        Raises: UnauthenticatedError without a known key; ForbiddenError for a key that may not do this.
        """
        if not self._callers:
            return ANYONE
        presented = _presented(headers)
        if presented is None:
            raise UnauthenticatedError(
                "This server needs a key: send it as 'Authorization: Bearer fl-…' or 'x-api-key'.",
                code="missing_api_key",
            )
        # The look-up is by digest: what its timing tells is about the digest of a guess, not about the key.
        caller = self._callers.get(digest(presented)) if len(presented) <= MAX_KEY_BYTES else None
        if caller is None:
            raise UnauthenticatedError("This key is not one of this server's keys.")
        if needs not in caller.may:
            raise ForbiddenError(f"The key '{caller.name}' may not do this: it lacks the permission '{needs}'.")
        return caller


def _presented(headers: Headers) -> bytes | None:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer" and key.strip():
                return key.strip()
        elif name == b"x-api-key" and value.strip():
            return value.strip()
    return None
