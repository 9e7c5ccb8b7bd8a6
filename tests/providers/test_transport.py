"""HttpTransport against scripted peers: what is sent, what is understood, what is kept."""

import asyncio
import gzip
import zlib

import pytest

from fairlead.domain.call import Answer
from fairlead.domain.errors import GarbledError
from fairlead.providers.pool import IDLE_MAX_S
from fairlead.providers.request_head import write_headers
from tests.providers.peers import PATIENT, Peer, Script, calling, chunked, post, reply, serving


def always(data: bytes) -> Script:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.say(data)

    return script


async def test_sends_one_request_with_host_length_and_the_given_headers() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.say(reply(b"ok"))

    async with serving(script) as port, calling(port) as transport:
        headers = write_headers([(b"authorization", b"Bearer k"), (b"content-type", b"application/json")])
        answer: Answer = await transport.exchange("POST", "/v1/chat", headers, b'{"a":1}', PATIENT)
        assert await answer.read(100) == b"ok"
    head, body = seen[0]
    assert body == b'{"a":1}'
    assert head == (
        b"POST /v1/chat HTTP/1.1\r\nhost: 127.0.0.1:%d\r\naccept-encoding: identity\r\n"
        b"authorization: Bearer k\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n" % port
    )


async def test_a_get_without_a_body_states_no_length() -> None:
    async def script(peer: Peer) -> None:
        head, _ = await peer.request()
        await peer.say(reply(b"none" if b"content-length" not in head else b"some"))

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("GET", "/v1/models", b"", b"", PATIENT)
        assert await answer.read(100) == b"none"


async def test_header_names_come_in_lower_case_and_values_as_they_are() -> None:
    async with serving(always(reply(b"x", b"200 OK", b"X-Request-ID: AbC"))) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        assert (b"x-request-id", b"AbC") in answer.headers


async def test_exchanges_one_after_another_share_one_connection() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.say(reply(b"%d" % peer.number))

    async with serving(script) as port, calling(port) as transport:
        assert [(await post(transport))[1] for _ in range(5)] == [b"0"] * 5
        assert (transport.n_open, transport.n_idle) == (1, 1)


async def test_a_hundred_exchanges_at_once_each_get_their_own_reply_within_the_cap() -> None:
    async def script(peer: Peer) -> None:
        while True:
            _, body = await peer.request()
            await peer.say(chunked(body, b"!"))

    async with serving(script) as port, calling(port, max_connections=7) as transport:
        replies = await asyncio.gather(*(post(transport, b"body %d" % n) for n in range(100)))
        assert [body for _, body in replies] == [b"body %d!" % n for n in range(100)]
        assert transport.n_open <= 7


async def test_a_connection_that_rested_too_long_is_not_used_again() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.say(reply(b"%d" % peer.number))

    async with serving(script) as port, calling(port) as transport:
        await post(transport)
        transport._pool._idle[0].idle_since -= IDLE_MAX_S
        assert (await post(transport))[1] == b"1"
        assert transport.n_open == 1
        transport._pool._idle[0].idle_since -= IDLE_MAX_S
        transport._pool._sweep(asyncio.get_running_loop())
        assert (transport.n_open, transport.n_idle) == (0, 0)


async def test_a_request_of_megabytes_arrives_whole() -> None:
    async def script(peer: Peer) -> None:
        _, body = await peer.request()
        await peer.say(reply(b"%d %d" % (len(body), zlib.crc32(body))))

    big = bytes(range(256)) * 20_000
    async with serving(script) as port, calling(port) as transport:
        assert (await post(transport, big))[1] == b"%d %d" % (len(big), zlib.crc32(big))


async def test_a_reply_that_comes_before_the_request_is_taken_is_read_and_its_connection_not_used_again() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(reply(b"too large", b"413 Payload Too Large"))
        await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        assert await post(transport, b"x" * (16 << 20)) == (413, b"too large")
        assert transport.n_open == 0


async def test_chunks_come_as_they_are_sent() -> None:
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"3\r\none\r\n")
        await more.wait()
        await peer.say(b"3\r\ntwo\r\n0\r\nx-trailer: 1\r\n\r\n")
        await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        assert await answer.next_chunk() == b"one"
        more.set()
        assert await answer.next_chunk() == b"two"
        assert await answer.next_chunk() == b""
        assert await answer.next_chunk() == b""
        assert transport.n_idle == 1
        assert b"x-trailer" not in dict(answer.headers)


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\n", b"all ", b"of it")

    async with serving(script) as port, calling(port) as transport:
        assert await post(transport) == (200, b"all of it")
        assert transport.n_open == 0


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nconnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
async def test_a_connection_that_the_peer_will_close_is_not_kept(head: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(head + b"content-length: 2\r\n\r\nhi")
        await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        assert await post(transport) == (200, b"hi")
        assert transport.n_open == 0


async def test_interim_replies_are_skipped_with_their_headers() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with serving(always(early + reply(b"real"))) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        assert answer.status == 200
        assert answer.headers == [(b"content-length", b"4")]
        assert await answer.read(100) == b"real"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_statuses_without_a_body_end_at_their_head(status: bytes) -> None:
    data = b"HTTP/1.1 %b\r\n%b\r\n" % (status, b"content-length: 5\r\n" if status[:3] == b"304" else b"")
    async with serving(always(data)) as port, calling(port) as transport:
        assert await post(transport) == (int(status[:3]), b"")
        assert await post(transport) == (int(status[:3]), b"")
        assert transport.n_open == 1


async def test_a_reply_to_head_has_no_body_whatever_its_length_says() -> None:
    async with serving(always(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n")) as port, calling(port) as transport:
        answer = await transport.exchange("HEAD", "/", b"", b"", PATIENT)
        assert await answer.read(10) == b""
        assert dict(answer.headers)[b"content-length"] == b"500"


async def test_a_redirect_is_handed_back_and_never_followed() -> None:
    n_requests = 0

    async def script(peer: Peer) -> None:
        nonlocal n_requests
        while True:
            await peer.request()
            n_requests += 1
            await peer.say(reply(b"", b"307 Temporary Redirect", b"location: /elsewhere"))

    async with serving(script) as port, calling(port) as transport:
        assert await post(transport) == (307, b"")
        assert n_requests == 1


async def test_a_reply_above_the_readers_cap_is_refused_and_its_connection_dropped() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"x" * 1000)
        await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        with pytest.raises(GarbledError, match="more than 999 bytes"):
            await answer.read(999)
        assert transport.n_open == 0
        with pytest.raises(GarbledError):
            await answer.next_chunk()


async def test_closing_an_answer_twice_or_after_its_end_harms_nobody() -> None:
    async with serving(always(reply(b"x"))) as port, calling(port) as transport:
        first = await transport.exchange("POST", "/", b"", b"", PATIENT)
        await first.read(10)
        second = await transport.exchange("POST", "/", b"", b"", PATIENT)
        first.close()
        first.close()
        assert await second.read(10) == b"x"
        second.close()
        assert transport.n_idle == 1


async def test_closing_a_whole_unread_answer_keeps_its_connection_clean() -> None:
    async def script(peer: Peer) -> None:
        for n in range(2):
            await peer.request()
            await peer.say(reply(b"reply %d" % n))
        await peer.gone()

    async with serving(script) as port, calling(port) as transport:
        (await transport.exchange("POST", "/", b"", b"", PATIENT)).close()
        assert await post(transport) == (200, b"reply 1")


ENCODED = {
    b"gzip": gzip.compress(b"plain text " * 500),
    b"X-GZIP": gzip.compress(b"plain text " * 250) * 2,
    b"deflate": zlib.compress(b"plain text " * 500),
    b"deflate ": zlib.compress(b"plain text " * 500, wbits=-15),
    b"identity": b"plain text " * 500,
}


@pytest.mark.parametrize("encoding", ENCODED)
async def test_a_compression_that_nobody_asked_for_is_undone(encoding: bytes) -> None:
    data = ENCODED[encoding]
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    packed = chunked(*pieces, headers=b"content-encoding: %b\r\n" % encoding)
    async with serving(always(packed)) as port, calling(port) as transport:
        for _ in range(2):
            answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
            assert await answer.read(1 << 20) == b"plain text " * 500
            assert b"content-encoding" not in dict(answer.headers) or encoding == b"identity"
        assert transport.n_open == 1


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"gzip, gzip"])
async def test_an_unknown_encoding_is_garbled(encoding: bytes) -> None:
    data = reply(b"?", b"200 OK", b"content-encoding: " + encoding)
    async with serving(always(data)) as port, calling(port) as transport:
        with pytest.raises(GarbledError, match="content-encoding"):
            await post(transport)
        assert transport.n_open == 0


async def test_a_bomb_is_refused_long_before_it_has_grown() -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    async with serving(always(reply(bomb, b"200 OK", b"content-encoding: gzip"))) as port, calling(port) as transport:
        answer = await transport.exchange("POST", "/", b"", b"", PATIENT)
        n_bytes = 0
        with pytest.raises(GarbledError, match="grows more than"):
            while piece := await answer.next_chunk():
                n_bytes += len(piece)
        assert 0 < n_bytes < 32 << 20
