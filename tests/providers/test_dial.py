"""Trying several addresses: the first that answers wins, and no socket is left behind."""

import asyncio
import socket

import pytest

from fairlead.providers import dial
from fairlead.providers.addresses import Address
from fairlead.providers.dial import connect_first


def refused_address() -> Address:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return Address(socket.AF_INET, unused.getsockname())


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with await asyncio.start_server(nothing, "127.0.0.1", 0) as server:
        place = Address(socket.AF_INET, server.sockets[0].getsockname())
        sock = await connect_first(asyncio.get_running_loop(), [refused_address(), refused_address(), place])
        assert sock.getpeername() == place.sockaddr
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        sock.close()


async def test_an_address_that_never_answers_does_not_keep_the_next_from_being_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hung = Address(socket.AF_INET, ("192.0.2.1", 1))
    dropped = asyncio.Event()
    connect_one = dial._connect_one

    async def scripted(loop: asyncio.AbstractEventLoop, address: Address) -> socket.socket:
        if address is hung:
            try:
                await asyncio.Event().wait()
            finally:
                dropped.set()
        return await connect_one(loop, address)

    monkeypatch.setattr(dial, "_connect_one", scripted)
    monkeypatch.setattr(dial, "STAGGER_S", 0.01)
    async with await asyncio.start_server(nothing, "127.0.0.1", 0) as server:
        place = Address(socket.AF_INET, server.sockets[0].getsockname())
        sock = await connect_first(asyncio.get_running_loop(), [hung, place])
        assert sock.getpeername() == place.sockaddr
        assert dropped.is_set()
        sock.close()


async def test_when_every_address_refuses_the_error_is_the_last_ones() -> None:
    with pytest.raises(ConnectionRefusedError):
        await connect_first(asyncio.get_running_loop(), [refused_address(), refused_address()])
