"""Scripted HTTP peers on loopback: each test says what the peer does, byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fairlead.domain.call import Deadlines
from fairlead.domain.names import UpstreamName
from fairlead.providers.origin import Origin
from fairlead.providers.transport import HttpTransport

Script = Callable[["Peer"], Awaitable[None]]

PATIENT = Deadlines(connect_s=20, first_byte_s=20, idle_s=20)


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number

    async def request(self) -> tuple[bytes, bytes]:
        """Read one request: its head and its body. Raises: IncompleteReadError when the caller has left."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return head, await self.reader.readexactly(int(value))
        return head, b""

    async def say(self, *pieces: bytes) -> None:
        """Write bytes; each piece is handed to the kernel by itself."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the caller has closed the connection."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass

    def reset(self) -> None:
        """End the connection with a reset."""
        self.writer.transport.abort()


@asynccontextmanager
async def serving(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run `script` for every connection; gives the port. A failure inside a script fails the test."""
    failures: list[BaseException] = []
    count = 0
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        peer = Peer(reader, writer, count)
        count += 1
        try:
            await script(peer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        except Exception as error:  # noqa: BLE001 - a script's failure is told to the test below
            failures.append(error)
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert not failures, failures


def origin(port: int, **changes: object) -> Origin:
    """An origin on loopback."""
    settings: dict[str, object] = {
        "name": UpstreamName("up"),
        "scheme": "http",
        "host": "127.0.0.1",
        "port": port,
        "allow_private": True,
    }
    return Origin(**(settings | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def calling(port: int, **changes: object) -> AsyncIterator[HttpTransport]:
    """A transport to a peer on loopback."""
    transport = HttpTransport(origin(port, **changes))
    try:
        yield transport
    finally:
        transport.close()


async def post(transport: HttpTransport, body: bytes = b"{}", deadlines: Deadlines = PATIENT) -> tuple[int, bytes]:
    """One exchange, read whole."""
    answer = await transport.exchange("POST", "/v1/x", b"", body, deadlines)
    return answer.status, await answer.read(64 << 20)


def reply(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    """A reply with a content-length."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, lines, len(body), body)


def chunked(*pieces: bytes, headers: bytes = b"") -> bytes:
    """A chunked reply, whole."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\n%btransfer-encoding: chunked\r\n\r\n%b0\r\n\r\n" % (headers, body)
