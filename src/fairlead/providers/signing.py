"""AWS Signature Version 4: a request in, the header lines that sign it out. The time is an argument.

Specification: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read
2026-11-30; the same bytes as botocore 1.44.8 signs with (tests/providers/test_signing.py).
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote

from fairlead.domain.secrets import Secret

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNSIGNED: Final = frozenset((b"authorization", b"connection", b"expect", b"transfer-encoding", b"user-agent"))
"""Headers that proxies on the way may change."""


class Identity(NamedTuple):
    """Who signs, and for which service where. Its repr shows no secret."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None
    region: str
    service: str


class ToSign(NamedTuple):
    """What is signed. `target` is the path as it is sent, escapes and all, with its query."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case; `host` among them."""
    body: bytes


def sign(request: ToSign, identity: Identity, unix_s: float) -> list[tuple[bytes, bytes]]:
    """The headers to send besides: the date, the session's token if there is one, and the signature.

    Units: unix_s in seconds since 1970.
    """
    stamp = datetime.fromtimestamp(unix_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    added = [(b"x-amz-date", stamp.encode())]
    if identity.session_token is not None:
        added.append((b"x-amz-security-token", identity.session_token.reveal().encode()))
    headers = _canonical_headers([*request.headers, *added])
    names = ";".join(headers)
    path, _, query = request.target.partition("?")
    canonical = "\n".join(
        (
            request.method,
            quote(_normal_path(path), safe="/~"),
            "&".join("=".join(pair) for pair in sorted(_pairs(query))),
            *(f"{name}:{value}" for name, value in headers.items()),
            "",
            names,
            sha256(request.body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{identity.region}/{identity.service}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{identity.secret_access_key.reveal()}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    value = f"{_ALGORITHM} Credential={identity.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return [*added, (b"authorization", value.encode())]


def _canonical_headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in _UNSIGNED:
            found.setdefault(name.decode("ascii"), []).append(" ".join(value.decode("latin-1").split()))
    return {name: ",".join(found[name]) for name in sorted(found)}


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&"))] if query else []


def _normal_path(path: str) -> str:
    """Without empty segments and dots, as AWS reads it."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")
