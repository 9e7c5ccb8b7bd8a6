"""Which addresses may be connected to: names are resolved here, checked here, and the checked address is the one used.

A name is never resolved a second time between check and use, so a rebinding resolver gains nothing. An address in any
spelling (decimal, octal, hexadecimal) is judged by what it means.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

# IANA's special-purpose registry, plus multicast and the reserved top. ipaddress.is_global is not enough: it calls
# multicast global, and its answer for mapped and translated addresses changed between Python versions.
_V4_REFUSED: Final = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# For IPv6 the rule is turned round: only global unicast is allowed, which leaves out loopback, ::ffff: mapped,
# 64:ff9b:: translated, unique local, link-local and multicast; tunnels with an IPv4 address inside are refused too.
_V6_ALLOWED: Final = ipaddress.IPv6Network("2000::/3")
_V6_REFUSED: Final = tuple(
    ipaddress.IPv6Network(net)
    for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20", "2620:4f:8000::/48")
)


class Address(NamedTuple):
    """A resolved place to connect to."""

    family: int
    sockaddr: tuple[Any, ...]


def is_public(address: str) -> bool:
    """Whether a resolved address belongs to the public internet."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in net for net in _V4_REFUSED)
    return ip in _V6_ALLOWED and not any(ip in net for net in _V6_REFUSED)


def literal_address(host: str) -> str | None:
    """The address that a host spells out itself, in any notation the resolver would take; None for a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


async def resolve(loop: asyncio.AbstractEventLoop, host: str, port: int, *, allow_private: bool) -> list[Address]:
    """The addresses of a host that may be connected to, families taking turns (RFC 8305); empty when all are refused.

    Raises: OSError when the name does not resolve.
    """
    # A spelt-out address needs no resolver, whatever its spelling; one with a zone keeps it.
    asked = host if "%" in host else literal_address(host) or host
    found = await loop.getaddrinfo(asked, port, type=socket.SOCK_STREAM)
    addresses = [
        Address(family, tuple(sockaddr))
        for family, _, _, _, sockaddr in found
        if family in (socket.AF_INET, socket.AF_INET6) and (allow_private or is_public(str(sockaddr[0])))
    ]
    return _take_turns(addresses)


def _take_turns(addresses: Sequence[Address]) -> list[Address]:
    if not addresses:
        return []
    first = [a for a in addresses if a.family == addresses[0].family]
    other = [a for a in addresses if a.family != addresses[0].family]
    turns: list[Address] = []
    for at in range(max(len(first), len(other))):
        turns += first[at : at + 1] + other[at : at + 1]
    return turns
