"""How a reply may be cut, broken or bent, and what is said of it: the same for every way the bytes are split."""

import asyncio
import itertools
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.call import Deadlines
from fairlead.domain.errors import GarbledError, TruncatedError, UnreachableError, UpstreamError
from fairlead.providers.answer import answer_from
from fairlead.providers.connection import HEAD_CAP_BYTES, STALE_WITHIN_S, Connection
from tests.providers.peers import PATIENT, Peer, calling, chunked, post, reply, serving

CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM = chunked(b'data: {"a":1}\n\n', "data: é\n\n".encode(), b"data: [DONE]\n\n")
LENGTH = reply(b"0123456789", b"200 OK", b"X-Name: value")
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH
PACKED = chunked(b"ab", b"c", headers=b"Connection: keep-alive\r\nX-Name:  value \r\n")


class StillTransport:
    """A transport that takes everything and sends nothing."""

    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class StillLoop:
    """A loop whose clock stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s


def result_of(pieces: list[bytes]) -> tuple[str, object, bytes, bool]:
    """Feed pieces and then the end of the stream to a connection: outcome, head, body, and whether it may be kept."""
    connection = Connection("up", cast(asyncio.AbstractEventLoop, StillLoop()), lambda _: None)
    connection.connection_made(cast(asyncio.Transport, StillTransport()))
    connection.send(b"", b"", Deadlines(), now_s=0, total_at=float("inf"), is_bodiless=False)
    for piece in pieces:
        connection.data_received(piece)
    kept: list[Connection] = []
    may_be_kept = connection.is_complete and connection._is_reusable
    connection.eof_received()
    if not connection.is_head_done:
        assert connection.error is not None
        return type(connection.error).__name__, None, b"", False
    answer = answer_from(connection, "up", kept.append)
    reading = answer.read(1 << 20)
    try:
        reading.send(None)
    except StopIteration as done:
        return "whole", (answer.status, answer.headers), done.value, may_be_kept
    except UpstreamError as error:
        return type(error).__name__, (answer.status, answer.headers), b"", False
    raise AssertionError("the reader waits although the stream has ended")


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(st.sampled_from([STREAM, LENGTH, INTERIM, PACKED]), st.lists(st.integers(0, 10_000), max_size=60))
def test_every_way_of_splitting_a_reply_gives_the_same_result(data: bytes, cuts: list[int]) -> None:
    whole = result_of([data])
    assert whole[0] == "whole"
    assert whole[3]
    assert result_of(split(data, cuts)) == whole


@pytest.mark.parametrize("data", [STREAM, LENGTH, INTERIM, PACKED])
def test_a_reply_fed_byte_by_byte_gives_the_same_result(data: bytes) -> None:
    assert result_of([data[at : at + 1] for at in range(len(data))]) == result_of([data])


@pytest.mark.parametrize("data", [STREAM, LENGTH, INTERIM, PACKED])
def test_a_reply_cut_at_any_byte_is_never_taken_for_a_whole_one(data: bytes) -> None:
    for at in range(len(data)):
        outcome = result_of([data[:at]] if at else [])[0]
        assert outcome == ("TruncatedError" if at else "UnreachableError"), at


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=8))
def test_any_bytes_at_all_end_in_a_reply_or_an_error_of_ours(data: bytes, cuts: list[int]) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n", CHUNKED_HEAD):
        assert result_of(split(start + data, cuts))[0] in (
            "whole", "TruncatedError", "GarbledError", "UnreachableError",
        )  # fmt: skip


GARBLED = {
    "not HTTP": b"\x15\x03\x01 hello\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi",
    "length and chunks": CHUNKED_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-length: 2\r\n\r\n") + b"2\r\nhi\r\n0\r\n\r\n",
    "signed length": b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nhi",
    "odd transfer-encoding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhi",
    "chunked twice removed": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\nhi",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    "obs-fold": b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nhi",
    "NUL in a header": b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 2\r\n\r\nhi",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "chunk size overflow": CHUNKED_HEAD + b"fffffffffffffffff\r\nhi",
    "chunk size not hex": CHUNKED_HEAD + b"zz\r\nhi\r\n",
    "chunk without its end": CHUNKED_HEAD + b"2\r\nhiXX0\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\nx: " + b"a" * HEAD_CAP_BYTES + b"\r\n\r\n",
    "endless interim heads": b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
    "endless trailers": CHUNKED_HEAD + b"2\r\nhi\r\n0\r\n" + b"x: aaaaaaaaaaaaaaaa\r\n" * 8000,
    "an endless chunk extension": CHUNKED_HEAD + b"2;" + b"x" * 200_000,
}


@pytest.mark.parametrize("case", GARBLED)
def test_what_is_not_http_is_garbled_however_it_is_split(case: str) -> None:
    data = GARBLED[case]
    step = 1 if len(data) < 1000 else 1021
    assert result_of([data[at : at + step] for at in range(0, len(data), step)])[0] == "GarbledError"


def test_a_head_just_below_the_cap_is_read() -> None:
    rest = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: \r\n\r\n"
    head = rest.replace(b"x: ", b"x: " + b"a" * (HEAD_CAP_BYTES - len(rest)))
    assert result_of([head + b"hi"])[2] == b"hi"
    assert result_of([head.replace(b"aa", b"aaa", 1) + b"hi"])[0] == "GarbledError"


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\n", b"garbage", reply(b"a second reply")])
def test_bytes_after_the_end_of_a_reply_cost_the_connection_and_not_the_reply(extra: bytes) -> None:
    outcome, _, body, may_be_kept = result_of([LENGTH + extra])
    assert (outcome, body, may_be_kept) == ("whole", b"0123456789", False)


@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_stream_that_is_cut_gives_what_came_and_then_a_truncated_error(is_reset: bool) -> None:
    read = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED_HEAD + b"3\r\none\r\n")
        await read.wait()
        if is_reset:
            peer.reset()

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        assert await answer.next_chunk() == b"one"
        read.set()
        for _ in range(2):
            with pytest.raises(TruncatedError, match="'up'"):
                await answer.next_chunk()
        assert transport.n_open == 0


async def test_a_body_without_a_length_that_ends_in_a_reset_is_truncated() -> None:
    read = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\nsome")
        await read.wait()
        # A reset and not a proper end: closing with unread bytes or without lingering.
        sock = peer.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SOL_SOCKET, SO_LINGER: on, 0 s
        peer.reset()

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        assert await answer.next_chunk() == b"some"
        read.set()
        with pytest.raises(TruncatedError):
            await answer.next_chunk()


async def test_a_first_connection_closed_without_a_reply_is_unreachable_and_not_tried_again() -> None:
    n_connections = 0

    async def script(peer: Peer) -> None:
        nonlocal n_connections
        n_connections += 1
        await peer.request()

    async with serving(script) as port, calling(port) as transport:
        with pytest.raises(UnreachableError, match="without a reply"):
            await post(transport)
        assert n_connections == 1
        assert transport.n_open == 0


async def test_a_rested_connection_that_dies_without_a_byte_is_replaced_by_a_fresh_one_once() -> None:
    seen: list[tuple[int, bytes]] = []

    async def script(peer: Peer) -> None:
        _, body = await peer.request()
        seen.append((peer.number, body))
        await peer.say(reply(b"%d" % peer.number))
        if peer.number < 2:
            _, body = await peer.request()  # the keep-alive race: the request crosses the close
            seen.append((peer.number, body))
        else:
            await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        assert (await post(transport, b"a"))[1] == b"0"
        assert (await post(transport, b"b"))[1] == b"1"
        assert (await post(transport, b"c"))[1] == b"2"
    assert seen == [(0, b"a"), (0, b"b"), (1, b"b"), (1, b"c"), (2, b"c")]


async def test_the_retry_of_the_keep_alive_race_works_at_the_cap_of_one_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(reply(b"%d" % peer.number))
        await peer.request()

    async with serving(script) as port, calling(port, max_connections=1) as transport:
        assert [(await post(transport))[1] for _ in range(4)] == [b"0", b"1", b"2", b"3"]


async def test_a_request_that_is_sent_a_second_time_is_told() -> None:
    n_told = 0

    def told() -> bool:
        nonlocal n_told
        n_told += 1
        return True

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(reply(b"%d" % peer.number))
        await peer.request()

    async with serving(script) as port, calling(port) as transport:
        for expected in (0, 1):
            answer = await transport.exchange("POST", "/", b"", b"x", PATIENT, told)
            assert (await answer.read(10), n_told) == (b"%d" % expected, expected)


async def test_a_request_that_may_not_be_sent_a_second_time_is_not() -> None:
    n_requests = 0

    async def script(peer: Peer) -> None:
        nonlocal n_requests
        await peer.request()
        await peer.say(reply(b""))
        await peer.request()
        n_requests += 1

    async with serving(script) as port, calling(port) as transport:
        await post(transport)
        with pytest.raises(UnreachableError):
            await transport.exchange("POST", "/", b"", b"x", PATIENT, lambda: False)
        assert (n_requests, transport.n_open) == (1, 0)


@pytest.mark.parametrize(("after_s", "is_stale"), [(0.0, True), (STALE_WITHIN_S, True), (STALE_WITHIN_S + 0.01, False)])
def test_a_peer_that_is_lost_long_after_the_request_had_it_and_is_not_asked_again(
    after_s: float, is_stale: bool
) -> None:
    loop = StillLoop()
    connection = Connection("up", cast(asyncio.AbstractEventLoop, loop), lambda _: None)
    connection.connection_made(cast(asyncio.Transport, StillTransport()))
    connection.send(b"", b"", Deadlines(), now_s=0, total_at=float("inf"), is_bodiless=False)
    connection.data_received(reply(b"x"))
    assert connection.rest(0.0)
    connection.send(b"", b"", Deadlines(), now_s=0, total_at=float("inf"), is_bodiless=False)
    loop.now_s = after_s
    connection.connection_lost(None)
    assert isinstance(connection.error, UnreachableError)
    assert connection.is_stale is is_stale


async def test_a_fresh_connection_that_dies_too_ends_the_exchange() -> None:
    n_requests = 0

    async def script(peer: Peer) -> None:
        nonlocal n_requests
        await peer.request()
        n_requests += 1
        if peer.number == 0:
            await peer.say(reply(b""))
            await peer.request()
            n_requests += 1

    async with serving(script) as port, calling(port) as transport:
        await post(transport)
        with pytest.raises(UnreachableError):
            await post(transport)
        assert n_requests == 3


async def test_a_rested_connection_that_answers_one_byte_and_dies_is_not_retried() -> None:
    n_connections = 0

    async def script(peer: Peer) -> None:
        nonlocal n_connections
        n_connections += 1
        await peer.request()
        await peer.say(reply(b""))
        await peer.request()
        await peer.say(b"H")

    async with serving(script) as port, calling(port) as transport:
        await post(transport)
        with pytest.raises(TruncatedError):
            await post(transport)
        assert n_connections == 1


async def test_a_connection_closed_while_it_rests_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(reply(b"%d" % peer.number))

    async with serving(script) as port, calling(port) as transport:
        told = transport._pool._gone

        def gone(connection: Connection) -> None:
            told(connection)
            lost.set()

        monkeypatch.setattr(transport._pool, "_gone", gone)
        assert (await post(transport))[1] == b"0"
        await asyncio.wait_for(lost.wait(), 10)
        assert (transport.n_open, transport.n_idle) == (0, 0)
        assert (await post(transport))[1] == b"1"


async def test_bytes_that_nobody_asked_for_cost_a_resting_connection() -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(reply(b"mine"))
        if peer.number == 0:
            await asyncio.wait_for(rested.wait(), 10)
            await peer.say(reply(b"poison"))
            await peer.gone()
            gone.set()
        else:
            await peer.gone()

    rested = asyncio.Event()
    async with serving(script) as port, calling(port) as transport:
        assert (await post(transport))[1] == b"mine"
        rested.set()
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_idle == 0
        assert (await post(transport))[1] == b"mine"


async def test_garbled_bytes_close_the_connection_at_once() -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"SSH-2.0-OpenSSH_9.2\r\n")
        await peer.gone()
        gone.set()

    async with serving(script) as port, calling(port) as transport:
        with pytest.raises(GarbledError, match="upstream 'up'"):
            await post(transport)
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_open == 0
