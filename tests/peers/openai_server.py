"""A small OpenAI-like upstream on loopback: answers well, or breaks off in any of the named ways.

As a program (`python -m tests.peers.openai_server NAME`) it prints its port and answers every chat with its own name.
"""

import asyncio
import json
import re
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


@dataclass
class Call:
    """One request as it came in, with the events that tell what became of it."""

    path: str
    head: bytes
    body: dict[str, Any]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """The caller has closed the connection."""

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def json(self, value: Any, status: str = "200 OK", *headers: str) -> None:
        body = json.dumps(value).encode()
        lines = "".join(f"{header}\r\n" for header in headers).encode()
        await self.write(
            b"HTTP/1.1 %b\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n%b"
            % (status.encode(), lines, len(body), body)
        )

    async def begin_events(self) -> None:
        await self.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")

    async def piece(self, data: bytes) -> None:
        await self.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.write(b"0\r\n\r\n")

    def reset(self) -> None:
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def wait_until_gone(self) -> None:
        with suppress(ConnectionError):
            while await self.reader.read(1 << 16):
                pass
        self.gone.set()


Script = Callable[[Call], Awaitable[None]]


class OpenAIServer:
    """A running upstream."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.calls: asyncio.Queue[Call] = asyncio.Queue()
        self.n_calls = 0
        self.port = 0
        self.failures: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", head.lower())
                body = await reader.readexactly(int(length[1])) if length else b"{}"
                call = Call(head.split(b" ")[1].decode(), head, json.loads(body), reader, writer)
                self.n_calls += 1
                self.calls.put_nowait(call)
                await self._script(call)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        except Exception as error:  # noqa: BLE001 - told to the test when the server is closed
            self.failures.append(error)
        finally:
            writer.close()
            self._tasks.discard(task)

    def drop_all(self) -> None:
        for task in list(self._tasks):
            task.cancel()


@asynccontextmanager
async def serving_openai(script: Script) -> AsyncIterator[OpenAIServer]:
    """Run an upstream; a failure inside its script fails the test."""
    server = OpenAIServer(script)
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, limit=1 << 26)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        server.drop_all()
        await asyncio.sleep(0)
    assert not server.failures, server.failures


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(model: str, text: str | None = None, finish: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]})


ERROR = event({"error": {"message": "upstream died", "type": "upstream_error", "code": "gone", "param": None}})
HALF = b'data: {"id":"x","choi'
DONE = b"data: [DONE]\n\n"

BROKEN = (
    "clean end, no finish, no [DONE]",
    "[DONE] without a finish",
    "half an event, then a clean end",
    "close-delimited body, cut",
    "chunked body, cut",
    "reset",
    "half an event, then cut",
    "error, then [DONE]",
    "error, then cut",
    "event: error",
    "finish_reason error",
)
"""The endings of a stream that must never be taken for a finished one."""


async def break_off(call: Call, how: str, has_begun: asyncio.Event) -> None:
    """Stream a little; once the client has read some of it, end in this way."""
    model = call.body["model"]
    if how == "close-delimited body, cut":
        await call.write(HEAD + b"connection: close\r\n\r\n" + chunk(model, "ab "))
        await has_begun.wait()
        await call.write(chunk(model, "ab ") * 2)
        call.writer.close()
        return
    await call.begin_events()
    await call.piece(chunk(model, "ab "))
    await has_begun.wait()
    await call.piece(chunk(model, "ab ") * 2)
    last = {
        "[DONE] without a finish": [DONE],
        "half an event, then a clean end": [HALF],
        "half an event, then cut": [HALF],
        "error, then [DONE]": [ERROR, DONE],
        "error, then cut": [ERROR],
        "event: error": [b"event: error\n" + ERROR],
        "finish_reason error": [chunk(model, None, "error"), DONE],
    }
    for piece in last.get(how, []):
        await call.piece(piece)
    if how == "reset":
        call.reset()
    elif how.endswith("cut"):
        call.writer.close()
    else:
        await call.end()


class Loses:
    """Answers every call well but one, counted from 1, whose connection it resets."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.n_calls = 0

    async def __call__(self, call: Call) -> None:
        self.n_calls += 1
        if self.n_calls == self._number:
            call.reset()
        else:
            await answer_well(call)


async def answer_well(call: Call, name: str = "served-name", text: str = "hello") -> None:
    """A whole reply, streamed if that was asked for."""
    body = call.body
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    if not body.get("stream"):
        message: dict[str, Any] = {"role": "assistant", "content": text}
        finish = "stop"
        if body.get("tools"):
            function = {"name": body["tools"][0]["function"]["name"], "arguments": '{"city":"Ulm"}'}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "t1", "type": "function", "function": function}],
            }
            finish = "tool_calls"
        elif (body.get("response_format") or {}).get("type") == "json_schema":
            message["content"] = '{"answer": 4}'
        choices = [{"index": 0, "message": message, "finish_reason": finish}]
        reply = {"id": "c1", "object": "chat.completion", "created": 1, "model": name, "choices": choices}
        await call.json(reply | {"usage": usage})
        return
    await call.begin_events()
    for word in text.split():
        await call.piece(chunk(name, word + " "))
    await call.piece(chunk(name, None, "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        await call.piece(
            event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": name, "choices": []}
                  | {"usage": usage})
        )  # fmt: skip
    await call.piece(DONE)
    await call.end()


async def _main(name: str) -> None:
    async def script(call: Call) -> None:
        await answer_well(call, name, f"answered by {name}")

    async with serving_openai(script) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
