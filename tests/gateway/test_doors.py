"""Real sockets: what only a server shows. Hostile bytes, slow clients, hang-ups."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from fairlead.domain.names import UpstreamName
from fairlead.gateway.guard import GuardLimits
from fairlead.gateway.ports import Limits
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of
from tests.peers.live_gateway import serving_gateway
from tests.peers.openai_server import Call, OpenAIServer, Script, answer_well, chunk, serving_openai
from tests.peers.raw_client import RawClient, connected, request
from tests.peers.worlds import STRONG, STRONG_ELSEWHERE, World, endpoint, world

BODY = b'{"model":"lab/strong","messages":[{"role":"user","content":"x"}]}'
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
STREAM_BODY = BODY[:-1] + b',"stream":true}'
PLAIN = request(BODY)
HEALTH = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
START = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
LENGTH = b"content-length: %d\r\n" % len(BODY)
WAIT_S = 20.0


@asynccontextmanager
async def gateway(
    script: Script = answer_well, limits: GuardLimits | None = None, *, n_upstreams: int = 1, body_cap: int = 1 << 20
) -> AsyncIterator[tuple[int, OpenAIServer, World]]:
    """A gateway before one (or two alike) upstream servers: its port, the upstream, the world."""
    async with serving_openai(script) as server, AsyncExitStack() as stack:
        arms = (STRONG, STRONG_ELSEWHERE)[:n_upstreams]
        upstreams = {}
        for arm in arms:
            where = endpoint(arm.upstream, f"http://127.0.0.1:{server.port}/v1")
            upstreams[UpstreamName(arm.upstream)] = Upstream(where, HttpTransport(origin_of(where)))
            stack.callback(upstreams[UpstreamName(arm.upstream)].close)
        w = world(arms=arms, upstreams=dict(upstreams), limits=Limits(max_body_bytes=body_cap))
        async with serving_gateway(w.app, limits) as port:
            yield port, server, w


def status_of(data: bytes) -> int:
    """The status of the first reply; 0 when the connection was closed without one."""
    return int(data.split(b" ")[1]) if data else 0


def n_replies(data: bytes) -> int:
    return len(re.findall(rb"HTTP/1\.1 \d{3} ", data))


HOSTILE = {
    "length and chunks": (START + LENGTH + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "two lengths that differ": (START + LENGTH + b"content-length: 5\r\n\r\n" + BODY, {400}),
    "a signed length": (START + b"content-length: +13\r\n\r\n" + BODY, {400}),
    "a negative length": (START + b"content-length: -1\r\n\r\n" + BODY, {400}),
    "a length beyond 64 bits": (START + b"content-length: 99999999999999999999\r\n\r\n" + BODY, {400}),
    "a length of many bytes": (START + b"content-length: 9999999999999\r\n\r\n" + BODY, {413}),
    "an odd transfer-encoding": (START + b"transfer-encoding: xchunked\r\n\r\n" + BODY, {400}),
    "bare line feeds": (START.replace(b"\r\n", b"\n") + b"content-length: 13\n\n" + BODY, {400}),
    "obs-fold": (START + b"x-a: b\r\n c: d\r\n" + LENGTH + b"\r\n" + BODY, {400}),
    "a space before the colon": (START + b"content-length : 13\r\n\r\n" + BODY, {400}),
    "NUL in a header": (START + b"x-a: b\0c\r\n" + LENGTH + b"\r\n" + BODY, {400}),
    "CR in a header": (START + b"x-a: b\rc: d\r\n" + LENGTH + b"\r\n" + BODY, {400}),
    "no Host": (START.replace(b"host: 127.0.0.1\r\n", b"") + LENGTH + b"\r\n" + BODY, {400}),
    "two Hosts": (START + b"host: localhost\r\n" + LENGTH + b"\r\n" + BODY, {400}),
    "another Host": (request(BODY, host=b"evil.example"), {403}),
    "a 64 KB header": (START + b"x-a: " + b"a" * 65_600 + b"\r\n" + LENGTH + b"\r\n" + BODY, {431}),
    "a 1 MB header": (START + b"x-a: " + b"a" * 1_000_000 + b"\r\n" + LENGTH + b"\r\n" + BODY, {431}),
    "a 1 MB path": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", {431}),
    "5,000 headers": (START + b"".join(b"x-%d: 1\r\n" % i for i in range(5000)) + LENGTH + b"\r\n" + BODY, {431}),
    "a 100 KB chunk extension": (
        START + b"transfer-encoding: chunked\r\n\r\nd;" + b"a" * 100_000 + b"\r\n" + BODY[:13], {400},
    ),
    "a chunk size overflow": (START + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + BODY, {400, 0}),
    "a chunk size that is none": (START + b"transfer-encoding: chunked\r\n\r\nxyz\r\n" + BODY, {400}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01" + b"\0" * 50, {400}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", {400}),
    "CONNECT": (b"CONNECT example.com:443 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", {400, 404, 405}),
    "a path that is not ASCII": ("GET /é HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode(), {400, 404}),
    "a path with CRLF in it": (b"GET /%0d%0ax:y HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", {404}),
    "HTTP/0.9": (b"GET /\r\n\r\n", {400, 403, 404, 0}),
    "coded chunks": (START + b"transfer-encoding: gzip, chunked\r\n\r\n" + CHUNKS, {400}),
    "a compressed body": (request(BODY, b"content-encoding: gzip"), {400}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_request_gets_its_4xx_and_reaches_nobody(name: str) -> None:
    data, expected = HOSTILE[name]
    async with gateway(limits=GuardLimits(head_s=2.0, body_idle_s=2.0)) as (port, server, _), connected(port) as client:
        await client.say(data)
        client.writer.write_eof()
        heard = await client.rest()
        assert status_of(heard) in expected, heard[:300]
        assert n_replies(heard) <= 1
        if heard:
            error = json.loads(heard.partition(b"\r\n\r\n")[2])["error"]
            assert set(error) == {"message", "type", "param", "code"}
        assert server.n_calls == 0
        async with connected(port) as other:
            await other.say(HEALTH)
            assert (await other.answer())[0] == 200


async def test_plain_requests_are_served_one_after_the_other_on_one_connection() -> None:
    async with gateway() as (port, server, _), connected(port) as client:
        for _ in range(3):
            await client.say(PLAIN)
            assert (await client.answer())[0] == 200
        assert server.n_calls == 3


async def test_a_request_that_comes_byte_by_byte_is_served() -> None:
    async with gateway() as (port, _, _), connected(port) as client:
        for at in range(len(PLAIN)):
            await client.say(PLAIN[at : at + 1])
        assert (await client.answer())[0] == 200


@pytest.mark.parametrize("back", [1, 2, 3])
async def test_a_large_body_behind_a_head_that_ends_between_two_pieces_is_served(back: int) -> None:
    body = BODY[:-1] + b',"user":"' + b"u" * 200_000 + b'"}'
    data = request(body)
    at = data.index(b"\r\n\r\n") + 4 - back
    async with gateway() as (port, server, _), connected(port) as client:
        await client.say(data[:at])
        for _ in range(20):
            await asyncio.sleep(0)
        async with connected(port) as other:  # by the time this is answered, the first piece has been read
            await other.say(HEALTH)
            await other.answer()
        await client.say(data[at:])
        assert (await client.answer())[0] == 200
        assert server.n_calls == 1


async def test_a_head_just_below_its_cap_is_read_and_one_byte_more_is_not() -> None:
    limits = GuardLimits(max_head_bytes=2_000)
    bare = len(request(BODY, b"x-a: ")) - len(BODY)
    for extra, status in ((0, 200), (1, 431)):
        async with gateway(limits=limits) as (port, _, _), connected(port) as client:
            await client.say(request(BODY, b"x-a: " + b"a" * (2_000 - bare + extra)))
            assert (await client.answer())[0] == status


async def test_many_small_chunks_are_a_body_like_any_other() -> None:
    pieces = b"".join(b"1\r\n%c\r\n" % letter for letter in BODY * 1)
    long = BODY[:-1] + b',"user":"' + b"u" * 40_000 + b'"}'
    pieces_long = b"".join(b"2;a=b\r\n%b\r\n" % long[at : at + 2] for at in range(0, len(long) - 1, 2))
    tail = b"1\r\n%b\r\n" % long[-1:] if len(long) % 2 else b""
    for chunks in (pieces, pieces_long + tail):
        async with gateway() as (port, _, _), connected(port) as client:
            await client.say(START + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
            assert (await client.answer())[0] == 200


async def test_trailers_without_end_are_refused() -> None:
    async with gateway() as (port, server, _), connected(port) as client:
        await client.say(START + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: ")
        for _ in range(40):
            await client.say(b"a" * 65_536)
        assert status_of(await client.rest()) in (400, 431, 0)
        assert server.n_calls == 0


async def test_expect_continue_is_answered_before_the_body_comes() -> None:
    async with gateway() as (port, _, _), connected(port) as client:
        await client.say(START + b"expect: 100-continue\r\n" + LENGTH + b"\r\n")
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        await client.say(BODY)
        assert (await client.answer())[0] == 200


@pytest.mark.parametrize("first", [BODY, STREAM_BODY])
@pytest.mark.parametrize("second", [PLAIN, HEALTH, b"garbage\r\n\r\n", request(STREAM_BODY)])
async def test_of_pipelined_requests_the_first_is_answered_and_the_rest_closed(first: bytes, second: bytes) -> None:
    async with gateway() as (port, server, _), connected(port) as client:
        await client.say(request(first) + second)
        heard = await client.rest()
        assert n_replies(heard) == 1
        assert server.n_calls <= 1
        if first is STREAM_BODY and status_of(heard) == 200:
            assert heard.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        if second.startswith(b"garbage"):
            assert status_of(heard) in (200, 400)
        else:
            assert status_of(heard) == 200


async def test_an_empty_line_between_requests_is_no_request() -> None:
    async with gateway() as (port, _, _), connected(port) as client:
        for _ in range(2):
            await client.say(PLAIN + b"\r\n")
            assert (await client.answer())[0] == 200


async def test_an_upgrade_that_we_do_not_know_is_no_reason_to_hang() -> None:
    limits = GuardLimits(head_s=1.0, body_idle_s=1.0)
    async with gateway(limits=limits) as (port, _, _), connected(port) as client:
        await client.say(request(BODY, b"connection: upgrade, http2-settings", b"upgrade: h2c"))
        assert (await client.answer())[0] in (200, 400)


SLOW = {"nothing at all": b"", "a head": START + b"x-a: ", "a body": START + b"content-length: 1000\r\n\r\n{"}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("is_dribbling", [False, True])
async def test_a_slow_client_is_told_so_and_closed(name: str, is_dribbling: bool) -> None:
    limits = GuardLimits(head_s=0.2, body_idle_s=0.2)
    async with gateway(limits=limits) as (port, server, _), connected(port) as client:
        await client.say(SLOW[name])

        async def dribble() -> None:
            while is_dribbling and name != "nothing at all":
                await client.say(b"x")
                await asyncio.sleep(0.02)

        dribbling = asyncio.ensure_future(dribble())
        heard = await client.rest()
        dribbling.cancel()
        assert status_of(heard) == 408, heard
        assert json.loads(heard.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"
        assert server.n_calls == 0


async def test_two_hundred_slow_clients_disturb_nobody() -> None:
    async with gateway() as (port, _, _), AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(connected(port)) for _ in range(200)]
        for number, client in enumerate(slow):
            await client.say(list(SLOW.values())[number % 3])
        async with connected(port) as normal:
            for _ in range(20):
                await normal.say(PLAIN)
                assert (await normal.answer())[0] == 200
        assert not any(client.reader.at_eof() for client in slow)


async def test_a_client_that_never_reads_is_dropped_and_frees_the_upstream() -> None:
    piece = chunk("served-name", "x" * 60_000)

    async def endless(call: Call) -> None:
        await call.begin_events()
        try:
            while True:
                await call.piece(piece)
        except ConnectionError:
            call.gone.set()

    async with gateway(endless, GuardLimits(write_s=0.2)) as (port, server, w), connected(port) as client:
        await client.say(request(STREAM_BODY))
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        call = await asyncio.wait_for(server.calls.get(), WAIT_S)
        await asyncio.wait_for(call.gone.wait(), WAIT_S)
        assert [moment.outcome for moment in w.moments.replies] in ([], ["cancelled"])


async def never_begins(call: Call) -> None:
    await call.wait_until_gone()


async def only_a_role(call: Call) -> None:
    await call.begin_events()
    await call.piece(b": processing\n\n")
    await call.wait_until_gone()


async def speaks_and_waits(call: Call) -> None:
    await call.begin_events()
    await call.piece(chunk("served-name", "Hel"))
    await call.wait_until_gone()


async def half_a_reply(call: Call) -> None:
    await call.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
    await call.wait_until_gone()


PHASES = {
    "before the first byte": (never_begins, STREAM_BODY),
    "before the content": (only_a_role, STREAM_BODY),
    "mid-stream": (speaks_and_waits, STREAM_BODY),
    "JSON, before the head": (never_begins, BODY),
    "JSON, half a body": (half_a_reply, BODY),
}


@pytest.mark.parametrize("is_pipelining", [False, True])
@pytest.mark.parametrize("leaving", ["FIN", "RST"])
@pytest.mark.parametrize("phase", PHASES)
async def test_a_client_that_leaves_frees_the_upstream_at_once(phase: str, leaving: str, is_pipelining: bool) -> None:
    script, body = PHASES[phase]
    async with gateway(script) as (port, server, w), connected(port) as client:
        await client.say(request(body) + (PLAIN if is_pipelining else b""))
        call = await asyncio.wait_for(server.calls.get(), WAIT_S)
        if phase == "mid-stream":
            await client.until(b"Hel")
        assert not call.gone.is_set()
        leave(client, leaving)
        await asyncio.wait_for(call.gone.wait(), WAIT_S)
        await until_replied(w)
        assert w.moments.replies[0].outcome == "cancelled"
        assert server.n_calls == 1


@pytest.mark.parametrize("leaving", ["FIN", "RST"])
@pytest.mark.parametrize("body", [BODY, STREAM_BODY])
async def test_a_client_that_leaves_inside_a_failover_frees_the_second_upstream(body: bytes, leaving: str) -> None:
    n_seen = 0

    async def first_fails(call: Call) -> None:
        nonlocal n_seen
        n_seen += 1
        if n_seen == 1:
            await call.json({"error": {"message": "busy"}}, "500 Oh")
        else:
            await call.wait_until_gone()

    async with gateway(first_fails, n_upstreams=2) as (port, server, w), connected(port) as client:
        await client.say(request(body))
        await asyncio.wait_for(server.calls.get(), WAIT_S)
        call = await asyncio.wait_for(server.calls.get(), WAIT_S)
        leave(client, leaving)
        await asyncio.wait_for(call.gone.wait(), WAIT_S)
        await until_replied(w)
        assert [attempt.outcome for attempt in w.moments.attempts] == ["rejected", "cancelled"]


@pytest.mark.parametrize("leaving", ["FIN", "RST"])
async def test_a_client_that_leaves_during_its_upload_reaches_nobody(leaving: str) -> None:
    async with gateway() as (port, server, w):
        async with connected(port) as client:
            await client.say(PLAIN[:-10])
            leave(client, leaving)
        async with connected(port) as other:
            await other.say(PLAIN)
            assert (await other.answer())[0] == 200
        assert server.n_calls == 1
        assert len(w.moments.replies) == 1


def leave(client: RawClient, how: str) -> None:
    if how == "FIN":
        client.finish()
    else:
        client.reset()


async def until_replied(w: World) -> None:
    async with asyncio.timeout(WAIT_S):
        while not w.moments.replies:  # noqa: ASYNC110 - the moment has no event of its own
            await asyncio.sleep(0)


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_above_its_cap_is_413_as_soon_as_it_is_known(is_chunked: bool) -> None:
    async with gateway(body_cap=100_000) as (port, server, _), connected(port) as client:
        if is_chunked:
            await client.say(
                START + b"transfer-encoding: chunked\r\n\r\n", *[b"4000\r\n" + b"x" * 0x4000 + b"\r\n"] * 8
            )
        else:
            await client.say(START + b"content-length: 50000000\r\n\r\n")
        status, body = await client.answer()
        assert (status, json.loads(body)["error"]["code"]) == (413, "body_too_large")
        assert server.n_calls == 0


async def test_a_50_mb_body_is_refused_in_words_even_to_a_client_that_writes_before_it_reads() -> None:
    async with gateway(body_cap=32 << 20) as (port, server, _), connected(port) as client:
        await client.say(START + b"content-length: 50000000\r\n\r\n", *[b"x" * 1_000_000] * 50)
        assert (await client.answer())[0] == 413
        await client.say(PLAIN)
        assert (await client.answer())[0] == 200
        assert server.n_calls == 1


async def test_a_connection_whose_request_was_answered_early_still_has_its_limit() -> None:
    async with gateway(body_cap=1_000) as (port, _, _), connected(port) as client:
        await client.say(START + b"content-length: 2000\r\n\r\n")
        assert (await client.answer())[0] == 413
        await client.say(b"x" * 2_000)
        assert await client.rest() == b"", "closed in silence by the keep-alive limit"


async def test_a_request_answered_early_gets_no_second_answer_when_its_body_is_late() -> None:
    limits = GuardLimits(body_idle_s=0.2)
    async with gateway(body_cap=1_000, limits=limits) as (port, _, _), connected(port) as client:
        await client.say(START + b"content-length: 2000\r\n\r\nx")
        assert (await client.answer())[0] == 413
        assert await client.rest() == b""
