"""Which resolved addresses count as public, and in which order they are tried."""

import asyncio
import socket

import pytest

from fairlead.providers.addresses import is_public, literal_address, resolve

REFUSED = [
    *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "64:ff9b::8.8.8.8"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1"),
    *("fc00::1", "fdff::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "not an address", "8.8.8.8.example"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1"),
    *("198.17.0.1", "198.20.0.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860::8888"),
]


@pytest.mark.parametrize("address", REFUSED)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(("host", "address"), [
    ("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("0177.0.0.1", "127.0.0.1"),
    ("[::1]", "::1"), ("::1", "::1"), ("10.0.0.1", "10.0.0.1"), ("api.example", None), ("ünï.example", None),
])  # fmt: skip
def test_an_address_is_recognised_in_every_spelling(host: str, address: str | None) -> None:
    assert literal_address(host) == address


class ScriptedResolver:
    """A loop that answers one name with given addresses, and counts how often it is asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.n_asked = 0

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.n_asked += 1
        return [
            (socket.AF_INET6, 1, 6, "", (a, port, 0, 0)) if ":" in a else (socket.AF_INET, 1, 6, "", (a, port))
            for a in self.addresses
        ]


async def addresses_of(resolver: ScriptedResolver, *, allow_private: bool = False) -> list[str]:
    loop: asyncio.AbstractEventLoop = resolver  # type: ignore[assignment]
    return [a.sockaddr[0] for a in await resolve(loop, "api.example", 443, allow_private=allow_private)]


async def test_private_addresses_behind_a_public_name_are_left_out() -> None:
    mixed = ScriptedResolver("10.0.0.1", "8.8.8.8", "::1", "169.254.169.254")
    assert await addresses_of(mixed) == ["8.8.8.8"]
    assert await addresses_of(ScriptedResolver("127.0.0.1")) == []


async def test_private_addresses_are_given_when_the_operator_allows_them() -> None:
    assert await addresses_of(ScriptedResolver("10.0.0.1"), allow_private=True) == ["10.0.0.1"]


async def test_the_two_families_take_turns() -> None:
    resolver = ScriptedResolver("2606:4700::1", "2606:4700::2", "2606:4700::3", "1.1.1.1", "1.0.0.1")
    assert await addresses_of(resolver) == ["2606:4700::1", "1.1.1.1", "2606:4700::2", "1.0.0.1", "2606:4700::3"]
    assert resolver.n_asked == 1
