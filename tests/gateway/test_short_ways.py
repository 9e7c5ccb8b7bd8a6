"""What our own protocol sends at once is what ASGI's messages would have sent, byte for byte, over a real socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from fairlead.domain.call import Headers
from fairlead.gateway.asgi import Receive, Scope, Send, line_of, read_body, send_whole
from fairlead.gateway.delivery import Delivery
from fairlead.gateway.guard import GuardLimits
from tests.peers.live_gateway import serving_gateway
from tests.peers.raw_client import connected

App = Callable[[Scope, Receive, Send], Awaitable[None]]
WITHIN_S: Final = 10.0
PLAIN: Final = (b"content-type", b"application/json")


def whole(status: int, headers: Headers, body: bytes) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive, 1_000)
        await send_whole(line_of(scope), send, status, [*headers], body)

    return app


def stream(pieces: list[bytes], headers: Headers) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive, 1_000)
        out = Delivery(send, line_of(scope))
        await out.begin_stream([*headers], pieces[0])
        for piece in pieces[1:]:
            await out.piece(piece)
        await out.end_stream(b"the end")

    return app


def long_way(app: App) -> App:
    """The same as under any other server."""

    async def without_line(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "extensions": {}}, receive, send)

    return without_line


async def heard(app: Any, asked: bytes, limits: GuardLimits | None = None) -> bytes:
    """All that a client hears that sends this and closes its side when it has been answered."""
    async with serving_gateway(app, limits) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asked)
        found = bytearray()
        async with asyncio.timeout(WITHIN_S):
            while (b"\r\n\r\n" not in found or not found.endswith(ENDS)) and (data := await reader.read(1 << 20)):
                found += data
        writer.close()
        return bytes(found)


ENDS: Final = (b'{"a":1}', b"0\r\n\r\n", b"x" * 100, b"Internal Server Error")


def ask(extra: bytes = b"", method: bytes = b"POST", version: bytes = b"1.1", body: bytes = b"{}") -> bytes:
    head = b"%b /v1/x?y=%%20z HTTP/%b\r\nhost: a\r\n%bcontent-length: %d\r\n\r\n" % (method, version, extra, len(body))
    return head + body


CASES: Final[dict[str, tuple[App, bytes]]] = {
    "a whole answer": (whole(200, [PLAIN, (b"x-a", b"\xe9t\xe9")], b'{"a":1}'), ask()),
    "an error": (whole(429, [PLAIN, (b"retry-after", b"3")], b'{"a":1}'), ask()),
    "a large answer": (whole(200, [PLAIN], b"x" * 300_000), ask()),
    "a client that closes": (whole(200, [PLAIN], b'{"a":1}'), ask(b"connection: close\r\n")),
    "HTTP/1.0": (whole(200, [PLAIN], b'{"a":1}'), ask(version=b"1.0")),
    "one that waits for leave": (whole(200, [PLAIN], b'{"a":1}'), ask(b"expect: 100-continue\r\n")),
    "a server that closes": (whole(503, [PLAIN, (b"connection", b"close")], b'{"a":1}'), ask()),
    "a stream": (stream([b"data: 1\n\n", b"data: 2\n\n", b"", b"data: 3\n\n"], [(b"x-a", b"1")]), ask()),
    "a stream for one that closes": (stream([b"a", b"b"], []), ask(b"connection: close\r\n")),
}


UNSPEAKABLE: Final[dict[str, tuple[App, bytes]]] = {
    "a header of two lines": (whole(200, [PLAIN, (b"x-a", b"1\r\nset-cookie: b=2")], b'{"a":1}'), ask()),
    "a header with a lone feed": (whole(200, [PLAIN, (b"x-a", b"1\nx-b: 2")], b'{"a":1}'), ask()),
    "a header with NUL": (whole(200, [PLAIN, (b"x-a", b"1\x00")], b'{"a":1}'), ask()),
    "a name of two lines": (whole(200, [PLAIN, (b"x-a\r\nx-b", b"1")], b'{"a":1}'), ask()),
    "a stream with a header of two lines": (stream([b"a", b"b"], [(b"x-a", b"1\r\n\r\n")]), ask()),
}
"""Headers that would end before their time, or the head."""


@pytest.mark.parametrize("name", list(CASES))
async def test_the_short_way_says_what_the_long_way_says(name: str) -> None:
    app, asked = CASES[name]

    short, long = await heard(app, asked), await heard(long_way(app), asked)

    assert short == long
    assert short.startswith((b"HTTP/1.1 200", b"HTTP/1.1 429", b"HTTP/1.1 503", b"HTTP/1.1 100"))


@pytest.mark.parametrize("name", list(UNSPEAKABLE))
async def test_what_cannot_be_said_is_not_said_either_way(name: str) -> None:
    app, asked = UNSPEAKABLE[name]

    assert [await heard(app, asked), await heard(long_way(app), asked)] == [b"", b""]


@pytest.mark.parametrize("way", [lambda app: app, long_way])
async def test_a_stream_for_http_1_0_is_plain_until_the_connection_closes(way: Callable[[App], App]) -> None:
    app = stream([b"data: 1\n\n", b"", b"data: 2\n\n"], [])
    async with serving_gateway(way(app)) as port, connected(port) as client:  # type: ignore[arg-type]
        await client.say(ask(version=b"1.0"))
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in head
    assert b"transfer-encoding" not in head
    assert b"content-length" not in head
    assert body == b"data: 1\n\ndata: 2\n\nthe end"


@pytest.mark.parametrize(
    ("method", "status", "body"), [("HEAD", 200, b'{"a":1}'), ("POST", 204, b""), ("POST", 304, b"")]
)
async def test_an_answer_without_a_body_is_left_to_the_long_way(method: str, status: int, body: bytes) -> None:
    seen: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        line = line_of(scope)
        assert line is not None
        seen.append(line.answer(status, [PLAIN, (b"content-length", b"0")], body))
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-a", b"%d" % status)]})
        await send({"type": "http.response.body"})

    async with serving_gateway(app) as port:  # type: ignore[arg-type]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask(method=method.encode()))
        async with asyncio.timeout(WITHIN_S):
            head = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert seen == [False]
    assert head.startswith(b"HTTP/1.1 %d" % status)


async def test_one_connection_serves_one_request_after_another_each_with_its_own_path_and_body() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, 1_000)
        said = b"%b?%b %b" % (scope["path"].encode(), scope["query_string"], body)
        await send_whole(line_of(scope), send, 200, [], said)

    async with serving_gateway(app) as port:  # type: ignore[arg-type]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = []
        async with asyncio.timeout(WITHIN_S):
            for path, body in ((b"/a%20b?c=%20d", b"one"), (b"/a", b""), (b"/a%20b?c=%20d", b"two")):
                writer.write(b"POST %b HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b" % (path, len(body), body))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                said.append(await reader.readexactly(length))
        writer.close()

    assert said == [b"/a b?c=%20d one", b"/a? ", b"/a b?c=%20d two"]


async def test_a_client_that_reads_nothing_holds_a_stream_back() -> None:
    """Back-pressure: what is written at once stops being so while the client does not read."""
    most = 1_000
    n_sent = 0
    is_held = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal n_sent
        await read_body(scope, receive, 1_000)
        out = Delivery(send, line_of(scope))
        await out.begin_stream([], b"x")
        for _ in range(most):
            sent = out.piece(b"x" * 100_000)
            if asyncio.iscoroutine(sent):  # it waits until the client reads
                is_held.set()
            await sent
            n_sent += 1
        await out.end_stream()

    async with serving_gateway(app) as port:  # type: ignore[arg-type]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask())
        async with asyncio.timeout(WITHIN_S):
            await is_held.wait()
            assert n_sent < most
            n_heard = 0
            while data := await reader.read(1 << 20):
                n_heard += len(data)
                if data.endswith(b"0\r\n\r\n"):
                    break
        writer.close()

    assert n_sent == most
    assert n_heard > most * 100_000


async def test_an_idle_connection_is_closed_in_time_and_a_slow_head_on_a_used_one_is_refused() -> None:
    app = whole(200, [PLAIN], b'{"a":1}')
    async with serving_gateway(app, GuardLimits(head_s=0.2)) as port:  # type: ignore[arg-type]
        idle_reader, idle = await asyncio.open_connection("127.0.0.1", port)
        slow_reader, slow = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WITHIN_S):
            for reader, writer in ((idle_reader, idle), (slow_reader, slow)):
                writer.write(ask())
                await reader.readuntil(b'{"a":1}')
            slow.write(b"POST / HT")
            refused = await slow_reader.read()
            rest = await idle_reader.read()
        idle.close()
        slow.close()

    assert refused.startswith(b"HTTP/1.1 408")
    assert rest == b"", "an idle connection ends without a word"
