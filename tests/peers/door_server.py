"""A door on loopback without a gateway behind it: requests are read, scripted events of the hub are written back."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fairlead.domain.errors import FairleadError, UpstreamError
from fairlead.domain.events import Event, ReplyFailed
from fairlead.domain.reply import fold
from fairlead.wire.format import AskedRequest, Door

COMMENT = b": x-fairlead-cost-usd=0.0\n\n"
Answer = Callable[[AskedRequest], list[Event]]


@dataclass
class DoorServer:
    """A running door, and the requests that it has read."""

    door: Door
    answer: Answer
    asked: list[AskedRequest] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    port: int = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: *(\d+)", head.lower())
            body = await reader.readexactly(int(length[1])) if length else b""
            status, kind, said = self.reply(head, body)
            writer.write(
                b"HTTP/1.1 %d -\r\ncontent-type: %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
                % (status, kind, len(said), said)
            )
            await writer.drain()
        except Exception as error:  # noqa: BLE001 - told to the test when the server is closed
            self.failures.append(error)
        finally:
            writer.close()

    def reply(self, head: bytes, body: bytes) -> tuple[int, bytes, bytes]:
        """Status, content type and body."""
        if not head.startswith(b"POST"):
            return 200, b"application/json", b'{"object":"list","data":[],"models":[]}'
        try:
            asked = self.door.read_request(body)
            asked.chat()  # what a translated request must be readable as
        except FairleadError as error:
            status, said = self.door.write_failure(error)
            return status, b"application/json", said
        self.asked.append(asked)
        events = self.answer(asked)
        if asked.is_streaming:
            return 200, b"text/event-stream", streamed(asked, events)
        try:
            return 200, b"application/json", asked.write_reply(fold(events))
        except UpstreamError as error:
            status, said = self.door.write_failure(error)
            return status, b"application/json", said


def streamed(asked: AskedRequest, events: list[Event]) -> bytes:
    """The stream of these events, with a sign of life and a comment in it."""
    writer = asked.writer()
    said = b""
    for event in events:
        if isinstance(event, ReplyFailed):
            return said + writer.fail(event.error)
        said += writer.write(event) + writer.ping()
    return said + writer.finish(COMMENT)


@asynccontextmanager
async def serving_door(door: Door, answer: Answer) -> AsyncIterator[DoorServer]:
    """Run a door; a failure inside it fails the test."""
    server = DoorServer(door, answer)
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, limit=1 << 24)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
    assert not server.failures, server.failures
