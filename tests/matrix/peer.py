"""The matrix's upstream: one loopback server a format, which plays the scene that the prompt names."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tests.matrix.scenes import GARBAGE, GOOD, Scene, scene_in
from tests.matrix.upstreams import SCRIPTS, Script

STATUSES = {"4xx": "400 Bad Request", "429": "429 Too Many Requests", "5xx": "500 Internal Server Error"}
SAID = "the upstream's own words"


class Peer:
    """One running upstream."""

    def __init__(self, script: Script, scene_of: Callable[[bytes], Scene] = scene_in) -> None:
        self.script = script
        self._scene_of = scene_of
        self.bodies: list[bytes] = []
        """Of every request, in their order."""
        self.port = 0
        self.received: dict[str, bytes] = {}
        """The last request body of each scene."""
        self.paths: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", head.lower())
                body = await reader.readexactly(int(length[1])) if length else b""
                path = head.split(b" ")[1].decode()
                self.paths.add(path)
                self.bodies.append(body)
                scene = self._scene_of(body)
                self.received[scene.marker()] = body
                is_stream = "stream" in path.lower() or b'"stream":true' in body.replace(b" ", b"")
                await self.play(scene, reader, writer, is_stream=is_stream)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.tasks.discard(task)

    async def play(
        self, scene: Scene, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_stream: bool
    ) -> None:
        """Say what the scene wants."""
        if scene.kind in STATUSES:
            status = STATUSES[scene.kind]
            _whole(writer, status, self.script.error(int(status[:3]), SAID), "application/json")
        elif scene.kind == "timeout":
            await reader.read(1)  # until the gateway gives up
            writer.close()
        elif scene.kind == "garbage":
            kind = self.script.stream_type if is_stream else "application/json"
            _whole(writer, "200 OK", GARBAGE[scene.at], kind)
        elif is_stream:
            await self._stream(scene, reader, writer)
        else:
            await self._json(scene, reader, writer)
        with suppress(ConnectionError):
            await writer.drain()

    async def _json(self, scene: Scene, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = self.script.whole(scene.kind if scene.kind in GOOD else scene.content)
        if scene.kind in GOOD:
            _whole(writer, "200 OK", body, "application/json")
            return
        kept = body[: len(body) * (scene.at % 8) // 8]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        if scene.kind == "half":
            writer.write(b"connection: close\r\n\r\n" + kept)  # a clean end in the middle of the reply
        else:
            writer.write(b"content-length: %d\r\n\r\n" % len(body) + kept)
        if scene.kind == "stall":
            await writer.drain()
            await reader.read(1)
        writer.close()

    async def _stream(self, scene: Scene, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        events = self.script.events(scene.kind if scene.kind in GOOD else scene.content)
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
            % self.script.stream_type.encode()
        )
        kept = events if scene.kind in GOOD else events[: scene.at]
        for event in kept:
            _piece(writer, event)
            await writer.drain()
        if scene.kind == "half":
            _piece(writer, events[scene.at][: len(events[scene.at]) // 2])
            writer.close()
        elif scene.kind == "stall":
            await writer.drain()
            await reader.read(1)
            writer.close()
        else:
            writer.write(b"0\r\n\r\n")


def _whole(writer: asyncio.StreamWriter, status: str, body: bytes, kind: str) -> None:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _piece(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


@asynccontextmanager
async def serving_peer(
    name: str,
    make: Callable[[Script], "Peer"] | None = None,
    *,
    script: Script | None = None,
    scene_of: Callable[[bytes], Scene] = scene_in,
) -> AsyncIterator["Peer"]:
    """Run the upstream of a format; of a kind, with a script or a choice of scenes of its own, if need be."""
    script = script or SCRIPTS[name]
    peer = Peer(script, scene_of) if make is None else make(script)
    server = await asyncio.start_server(peer.accept, "127.0.0.1", 0, limit=1 << 22)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in list(peer.tasks):
            task.cancel()
        await asyncio.gather(*peer.tasks, return_exceptions=True)
