"""The head of a request, as bytes: written once where it stays the same, and never able to carry a second request."""

import re
from collections.abc import Iterable
from typing import Final

from fairlead.providers.origin import Origin, Proxy

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_TARGET: Final = re.compile(rb"/[\x21-\x7e]*")

WRITTEN_HERE: Final = frozenset(
    (
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"accept-encoding",
        b"proxy-authorization",
        b"expect",
    )
)
"""Names that belong to the connection: a caller may not set them."""


def write_headers(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Header lines, ready to be sent; an upstream writes its own once and keeps them.

    Raises: ValueError for a name or value that could break out of its line, or a name that belongs to the connection.
        The text names the header and never shows its value.
    """
    lines = []
    for name, value in pairs:
        if not _TOKEN.fullmatch(name) or name.lower() in WRITTEN_HERE:
            raise ValueError(f"header name {name!r}: not a token, or set by the connection itself")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"header {name!r}: its value holds a control character")
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def write_start(origin: Origin, proxy: Proxy | None, method: str, target: str) -> bytes:
    """The request line and the headers that belong to the connection.

    Raises: ValueError for a method or target that could break out of its line.
    """
    verb, path = method.encode("ascii", "replace"), target.encode("ascii", "replace")
    if not _TOKEN.fullmatch(verb) or not _TARGET.fullmatch(path):
        raise ValueError("a method or a target with characters that HTTP does not allow there")
    authority = origin.authority.encode("idna" if not origin.authority.isascii() else "ascii")
    is_forwarded = proxy is not None and not origin.is_tls
    place = b"http://%b%b" % (authority, path) if is_forwarded else path
    pass_on = proxy.authorization if proxy is not None and is_forwarded else b""
    return b"%b %b HTTP/1.1\r\nhost: %b\r\naccept-encoding: identity\r\n%b" % (verb, place, authority, pass_on)
