"""A local upstream in OpenAI's chat format that counts what it would charge for, and can say so.

    python -m benchmarks.evaluation.counting_upstream [--port 0] [--delay-ms 50] [--capacity N] [--forgets]

It adds: to `What is 17 + 25?` the model `skill-90` answers 42 in nine prompts of ten, the same ones each time. A call
with an idempotency key that it knows is answered again and not charged again, unless it `--forgets`. `GET /counts` says
how many calls were charged, for how many keys. Made for tests and measurements; prints its address when it listens.
"""

import argparse
import asyncio
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Books:
    """What was charged."""

    replays: bool = True
    n_charged: int = 0
    n_replayed: int = 0
    n_refused: int = 0
    n_active: int = 0
    most_active: int = 0
    by_key: dict[str, int] = field(default_factory=dict)
    replies: dict[str, asyncio.Future[bytes]] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """For GET /counts."""
        return {
            "n_charged": self.n_charged, "n_keys": len(self.by_key),
            "most_per_key": max(self.by_key.values(), default=0),
            "n_replayed": self.n_replayed, "n_refused": self.n_refused, "most_active": self.most_active,
        }  # fmt: skip


def draw(*parts: str) -> float:
    """The same number from 0 to 1 for the same texts."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:6], "big") / 2**48


def reply_text(model: str, prompt: str) -> str:
    """A right or a wrong sum, or a judge's word, as the model's name says how well it does."""
    skill = float(model.rpartition("-")[2]) / 100 if model.rpartition("-")[2].isdecimal() else 1.0
    if "Which answer is better" in prompt:
        return "A" if draw(prompt) < 0.5 else "B"
    found = re.search(r"(\d+) \+ (\d+)", prompt)
    total = int(found[1]) + int(found[2]) if found else 0
    is_right = draw(model, prompt) < skill
    return f"I add the two numbers.\n#### {total if is_right else total + 1}"


def completion(body: bytes) -> bytes:
    """A whole chat completion."""
    asked = json.loads(body)
    model, prompt = str(asked["model"]), str(asked["messages"][-1]["content"])
    text = reply_text(model, prompt)
    return json.dumps(
        {
            "id": "chatcmpl-1", "object": "chat.completion", "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": len(text) // 4, "total_tokens": 1},
        }
    ).encode()  # fmt: skip


class Server(asyncio.Protocol):
    """One connection, one request at a time: what a keep-alive client sends."""

    def __init__(self, books: Books, delay_s: float, capacity: int) -> None:
        self.books, self.delay_s, self.capacity = books, delay_s, capacity
        self.data = b""
        self.transport: asyncio.Transport | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, rest = self.data.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self.data = rest[length:]
        if lines[0].startswith("GET"):
            path = lines[0].split()[1]
            what: Any = self.books.report() if path == "/counts" else {"object": "list", "data": MODELS}
            self.answer(200, json.dumps(what).encode())
            return
        task = asyncio.get_running_loop().create_task(self.serve(rest[:length], headers.get("idempotency-key", "")))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, body: bytes, key: str) -> None:
        """Charge, think, answer. A caller that has gone is charged all the same, as providers do."""
        books = self.books
        known = books.replies.get(key) if books.replays and key else None
        if known is not None:
            books.n_replayed += 1
            self.answer(200, await asyncio.shield(known), "idempotent-replayed: true\r\n")
            return
        if self.capacity and books.n_active >= self.capacity:
            books.n_refused += 1
            self.answer(
                429, b'{"error": {"message": "too many", "type": "rate_limit_error"}}', "retry-after-ms: 20\r\n"
            )
            return
        books.n_charged += 1
        books.by_key[key] = books.by_key.get(key, 0) + 1
        books.n_active += 1
        books.most_active = max(books.most_active, books.n_active)
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if key:
            books.replies[key] = reply
        await asyncio.sleep(self.delay_s)
        books.n_active -= 1
        reply.set_result(completion(body))
        self.answer(200, reply.result(), "idempotent-replayed: false\r\n" if books.replays else "")

    def answer(self, status: int, body: bytes, more: str = "") -> None:
        """Write a response, if somebody is still there."""
        if self.transport is None or self.transport.is_closing():
            return
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{more}\r\n"
        self.transport.write(head.encode() + body)


MODELS = [{"id": f"skill-{skill}", "object": "model"} for skill in (50, 70, 80, 90, 95, 100)]


async def main() -> None:
    """Listen until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=50.0)
    parser.add_argument("--capacity", type=int, default=0)
    parser.add_argument("--forgets", action="store_true")
    given = parser.parse_args()
    books = Books(replays=not given.forgets)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Server(books, given.delay_ms / 1e3, given.capacity), "127.0.0.1", given.port
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
