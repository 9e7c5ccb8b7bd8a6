"""An upstream of the kill test, as a process: speaks one format at its pace, and breaks down in the way it is told.

    python -m benchmarks.soak.upstream FORMAT PORT COUNT_FILE SEED

It reads moods from standard input, one a line (see Mood), and appends the id of every request that it has read whole to
the count file: one write each, so that the count survives a kill.
"""

import asyncio
import os
import random
import re
import socket
import struct
import sys
from contextlib import suppress
from typing import Final, Literal, get_args

from tests.matrix.scenes import scene_in
from tests.matrix.upstreams import SCRIPTS, Script

Mood = Literal["well", "reset", "stall", "limit", "fail", "cut"]
"""well: whole replies. reset: every connection is reset, and every new request. stall: nothing more is said.
limit: 429 with Retry-After. fail: 500. cut: streams end half-way, JSON replies too."""
MOODS: Final = get_args(Mood)
GAP_S: Final = 0.12
"""Mean pause between two events: streams of a second or two, as many at once as there are clients."""
RETRY_AFTER_S: Final = 1


class KillableUpstream:
    """The server."""

    def __init__(self, script: Script, count_file: str, seed: int) -> None:
        self._script = script
        self._random = random.Random(seed)
        self._count = os.open(count_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._mood: Mood = "well"
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    def change(self, mood: Mood) -> None:
        """From now on, and for what is under way too."""
        self._mood = mood
        self._changed.set()
        self._changed = asyncio.Event()
        if mood == "reset":
            for writer in list(self._writers):
                _reset(writer)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self._writers.add(writer)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", head.lower())
                body = await reader.readexactly(int(length[1])) if length else b""
                name = re.search(rb"x-request-id: *(\S+)", head, re.IGNORECASE)
                os.write(self._count, (name[1] if name else b"?") + b"\n")
                await self._answer(head, body, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        if self._mood == "reset":
            _reset(writer)
            return
        await self._pause()
        if self._mood in ("limit", "fail"):
            status, line = (429, f"retry-after: {RETRY_AFTER_S}\r\n") if self._mood == "limit" else (500, "")
            _whole(writer, f"{status} No", self._script.error(status, "not now"), "application/json", line)
            return
        path = head.split(b" ")[1].decode().lower()
        content = scene_in(body).kind
        if "stream" in path or b'"stream":true' in body.replace(b" ", b""):
            await self._stream(content, writer)
        else:
            whole = self._script.whole(content)
            kept = whole[: len(whole) // 2] if self._mood == "cut" else whole
            _whole(writer, "200 OK", kept, "application/json", "", n_bytes=len(whole))
            if kept is not whole:
                writer.close()

    async def _stream(self, content: str, writer: asyncio.StreamWriter) -> None:
        kind = self._script.stream_type
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        for event in self._script.events(content):
            if self._mood == "cut" and self._random.random() < 0.3:
                writer.write(b"%x\r\n%b\r\n" % (len(event) // 2, event[: len(event) // 2]))
                writer.close()
                return
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
            await self._pause()
        writer.write(b"0\r\n\r\n")

    async def _pause(self) -> None:
        """One gap; in a stall, until the mood changes."""
        await asyncio.sleep(self._random.uniform(0.0, 2.0 * GAP_S))
        while self._mood == "stall":
            await self._changed.wait()


def _whole(
    writer: asyncio.StreamWriter, status: str, body: bytes, kind: str, line: str, n_bytes: int | None = None
) -> None:
    length = len(body) if n_bytes is None else n_bytes
    writer.write(f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{line}content-length: {length}\r\n\r\n".encode() + body)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    with suppress(OSError):  # it may be gone already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _main(name: str, port: int, count_file: str, seed: int) -> None:
    upstream = KillableUpstream(SCRIPTS[name], count_file, seed)
    server = await asyncio.start_server(upstream.accept, "127.0.0.1", port, limit=1 << 22, backlog=1024)
    print("ready", flush=True)
    moods = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(moods), sys.stdin)
    while line := await moods.readline():
        mood = line.decode().strip()
        if mood not in MOODS:
            raise SystemExit(f"no such mood: {mood!r}")
        upstream.change(mood)  # type: ignore[arg-type]
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
