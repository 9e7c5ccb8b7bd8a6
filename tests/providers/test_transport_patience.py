"""Deadlines, cancellation, back-pressure and the line for a connection: nothing is held that nobody waits for."""

import asyncio
import socket

import pytest

from fairlead.domain.call import Deadlines
from fairlead.domain.errors import SilentError, UnreachableError
from fairlead.providers.connection import PAUSE_ABOVE_BYTES
from fairlead.providers.transport import HttpTransport
from tests.providers.peers import PATIENT, Peer, calling, post, reply, serving

SHORT_S = 0.05
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


async def test_silence_before_the_head_is_named_with_its_limit() -> None:
    async with serving(silent) as port, calling(port) as transport:
        with pytest.raises(SilentError, match=r"'up': first byte: nothing came within 0\.05 s"):
            await post(transport, deadlines=Deadlines(first_byte_s=SHORT_S))
        assert transport.n_open == 0


@pytest.mark.parametrize("prelude", [CHUNKED_HEAD, b"HTTP/1.1 100 Continue\r\n\r\n", CHUNKED_HEAD + b"5"])
async def test_a_head_alone_is_no_first_byte(prelude: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(prelude)
        await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        with pytest.raises(SilentError, match="first byte"):
            await post(transport, deadlines=Deadlines(first_byte_s=SHORT_S))


async def test_silence_between_pieces_is_idle() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED_HEAD + b"3\r\none\r\n")
        await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", Deadlines(idle_s=SHORT_S))
        assert await answer.next_chunk() == b"one"
        with pytest.raises(SilentError, match=r"idle: nothing more came for 0\.05 s"):
            await answer.next_chunk()
        assert transport.n_open == 0


async def test_bytes_that_are_no_body_do_not_renew_the_idle_deadline() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED_HEAD + b"3\r\none\r\n5;")
        while True:
            await peer.say(b"x")  # a chunk extension without end
            await asyncio.sleep(SHORT_S / 5)

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", Deadlines(idle_s=SHORT_S))
        assert await answer.next_chunk() == b"one"
        with pytest.raises(SilentError, match="idle"):
            await asyncio.wait_for(answer.next_chunk(), 10)


async def test_a_stream_that_never_falls_silent_still_ends_at_the_total_deadline() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED_HEAD)
        while True:
            await peer.say(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", Deadlines(total_s=SHORT_S * 2))
        with pytest.raises(SilentError, match="total"):
            while await answer.next_chunk():
                pass
        assert transport.n_open == 0


async def test_silence_is_cut_by_the_total_deadline_when_that_comes_first() -> None:
    async with serving(silent) as port, calling(port) as transport:
        with pytest.raises(SilentError, match=r"total: the reply was not whole within 0\.05 s"):
            await post(transport, deadlines=Deadlines(total_s=SHORT_S))


async def test_a_request_that_nobody_takes_is_cut() -> None:
    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with serving(script) as port, calling(port) as transport:
        with pytest.raises(SilentError, match=r"sending: the request was not taken within 0\.05 s"):
            await post(transport, b"x" * (64 << 20), Deadlines(first_byte_s=SHORT_S))


async def test_a_listener_that_does_not_accept_is_silent_at_connect() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(8):  # more than the backlog holds: later handshakes get no reply
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        async with calling(port) as transport:
            with pytest.raises(SilentError, match=r"connect: not done within 0\.05 s"):
                await post(transport, deadlines=Deadlines(connect_s=SHORT_S))
            assert transport.n_open == 0
        for filler in fillers:
            filler.close()


async def test_a_refused_connection_says_so_without_naming_the_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with calling(port) as transport:
        with pytest.raises(UnreachableError) as caught:
            await post(transport)
        assert str(caught.value) == "upstream 'up': connect: connection refused"
        assert caught.value.upstream == "up"
        assert transport.n_open == 0


async def cancelled_when(started: asyncio.Event, work: "asyncio.Task[object]") -> None:
    await asyncio.wait_for(started.wait(), 10)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", CHUNKED_HEAD, CHUNKED_HEAD + b"3\r\none\r\n"])
async def test_a_cancelled_caller_hangs_up_at_once_in_every_phase_of_a_reply(said: bytes) -> None:
    started, gone = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)
        started.set()
        await peer.gone()
        gone.set()

    async with serving(script) as port, calling(port) as transport:
        await cancelled_when(started, asyncio.ensure_future(post(transport)))
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_open == 0


async def test_a_cancelled_caller_hangs_up_although_its_request_is_still_being_sent() -> None:
    started, gone = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        started.set()
        await peer.gone()
        gone.set()

    async with serving(script) as port, calling(port) as transport:
        await cancelled_when(started, asyncio.ensure_future(post(transport, b"x" * (64 << 20))))
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_open == 0


async def test_closing_an_unfinished_answer_hangs_up_at_once() -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED_HEAD + b"3\r\none\r\n")
        await peer.gone()
        gone.set()

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        answer.close()
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_open == 0


async def test_a_cancelled_caller_in_the_line_leaves_its_place_to_the_next() -> None:
    first_in, let_go = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            _, body = await peer.request()
            first_in.set()
            await let_go.wait()
            await peer.say(reply(body))

    async with serving(script) as port, calling(port, max_connections=1) as transport:
        calls = [asyncio.ensure_future(post(transport, b"%d" % n)) for n in range(4)]
        await asyncio.wait_for(first_in.wait(), 10)
        calls[1].cancel()
        let_go.set()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(done[1], asyncio.CancelledError)
        assert [done[0], done[2], done[3]] == [(200, b"0"), (200, b"2"), (200, b"3")]
        assert (transport.n_open, transport.n_idle) == (1, 1)


async def test_a_caller_served_and_cancelled_in_the_same_moment_passes_its_connection_on() -> None:
    first_in, let_go = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            first_in.set()
            await let_go.wait()
            await peer.say(reply(b"ok"))

    async with serving(script) as port, calling(port, max_connections=1) as transport:
        first = await_head(transport)
        await asyncio.wait_for(first_in.wait(), 10)
        second, third = asyncio.ensure_future(post(transport)), asyncio.ensure_future(post(transport))
        let_go.set()
        answer = await first
        assert await answer.read(10) == b"ok"  # type: ignore[attr-defined]
        second.cancel()  # the connection has been handed to it, and it has not run since
        assert await third == (200, b"ok")
        assert second.cancelled()
        assert (transport.n_open, transport.n_idle) == (1, 1)


def await_head(transport: HttpTransport) -> "asyncio.Task[object]":
    return asyncio.ensure_future(transport.exchange("POST", "/", b"", b"{}", PATIENT))


async def test_those_who_wait_for_a_connection_are_served_in_order() -> None:
    order: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            _, body = await peer.request()
            order.append(body)
            await peer.say(reply(body))

    async with serving(script) as port, calling(port, max_connections=1) as transport:
        await asyncio.gather(*(post(transport, b"%d" % n) for n in range(9)))
    assert order == [b"%d" % n for n in range(9)]


async def test_no_free_connection_within_the_connect_deadline_is_silence_at_connect() -> None:
    started = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        started.set()
        await peer.gone()

    async with serving(script) as port, calling(port, max_connections=1) as transport:
        first = asyncio.ensure_future(post(transport))
        await asyncio.wait_for(started.wait(), 10)
        with pytest.raises(SilentError, match=r"connect: none of 1 connections became free within 0\.05 s"):
            await post(transport, deadlines=Deadlines(connect_s=SHORT_S))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert transport.n_open == 0


async def test_a_failed_connection_gives_its_slot_to_the_next_in_line() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 1:
            await peer.say(reply(b"ok"))

    async with serving(script) as port, calling(port, max_connections=1) as transport:
        first, second = await asyncio.gather(post(transport), post(transport), return_exceptions=True)
        assert isinstance(first, UnreachableError)
        assert second == (200, b"ok")


async def test_a_peer_that_floods_a_reader_who_does_not_read_is_held_back() -> None:
    size = 50 << 20
    blocked = asyncio.Event()
    n_sent = 0

    async def script(peer: Peer) -> None:
        nonlocal n_sent
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        block = b"x" * (1 << 20)
        for _ in range(size // len(block)):
            peer.writer.write(block)
            try:
                await asyncio.wait_for(peer.writer.drain(), 0.5)
            except TimeoutError:
                blocked.set()
                await peer.writer.drain()
            n_sent += len(block)
        await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        await asyncio.wait_for(blocked.wait(), 20)
        assert n_sent < size // 2
        first = await answer.next_chunk()
        # The mark, and at most one read of the loop (256 KiB) above it.
        assert len(first) <= PAUSE_ABOVE_BYTES + (256 << 10)
        assert len(first) + len(await answer.read(size)) == size
        assert transport.n_idle == 1


async def test_closing_the_transport_ends_everything_that_waits_on_it() -> None:
    started, gone = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        started.set()
        await peer.gone()
        gone.set()

    async with serving(script) as port, calling(port, max_connections=1) as transport:
        calls = [asyncio.ensure_future(post(transport)) for _ in range(3)]
        await asyncio.wait_for(started.wait(), 10)
        transport.close()
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, UnreachableError)
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_open == 0
        with pytest.raises(UnreachableError, match="shut down"):
            await post(transport)
