"""The clients of the kill test: many at once, at every door, streamed and not; each judges what it heard."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.matrix.cells import check_content
from tests.matrix.clients import CLIENTS, Client, Heard, read_stream
from tests.matrix.scenes import Scene

Verdict = Literal["whole", "proper error", "silent", "hung", "garbled", "left"]
"""whole: all of the answer, with its finish. proper error: an error in the door's own shape. silent: a failure that
looks like an answer. hung: nothing for too long. garbled: not the door's format, or cut. left: the client hung up."""
VERDICTS: Final[tuple[Verdict, ...]] = ("whole", "proper error", "silent", "hung", "garbled", "left")
CONTENTS: Final = ("ok", "tools", "structured", "reasoning")
JSON_SHARE: Final = 0.2
LEAVING_SHARE: Final = 0.05
MODELS: Final = ("auto", "auto:cost", "openai/gpt-4o", "openai/gpt-4o-mini")


@dataclass
class Crowd:
    """The clients and what they heard."""

    port: int
    patience_s: float
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    """The first few of what may not be."""
    n_sent: int = 0

    async def run(self, n_clients: int, until_s: float, seed: str) -> None:
        """Let that many clients ask one request after another until that time of the loop."""
        await asyncio.gather(*(self._client(random.Random(f"{seed}/{at}"), until_s) for at in range(n_clients)))

    async def _client(self, source: random.Random, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(source.random())  # not all at the same moment
        while loop.time() < until_s:
            self.verdicts[await self._one(source)] += 1

    async def _one(self, source: random.Random) -> Verdict:
        door = source.choice(sorted(CLIENTS))
        scene = Scene(source.choice(CONTENTS))
        client, is_stream = CLIENTS[door], source.random() >= JSON_SHARE
        leaves_after_s = source.uniform(0.0, 1.0) if source.random() < LEAVING_SHARE else None
        body = json.dumps(client.body(source.choice(MODELS), scene, is_stream), ensure_ascii=False).encode()
        self.n_sent += 1
        try:
            async with asyncio.timeout(leaves_after_s if leaves_after_s is not None else self.patience_s):
                status, headers, answer = await _post(self.port, client.path, body)
        except TimeoutError:
            if leaves_after_s is not None:
                return "left"
            return self._complain("hung", f"{door}: nothing for {self.patience_s} s")
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            return self._complain("garbled", f"{door}: {type(error).__name__}: {error}")
        self.statuses[status] += 1
        return self._judged(door, client, scene, (status, headers, answer))

    def _judged(self, door: str, client: Client, scene: Scene, answered: tuple[int, dict[str, str], bytes]) -> Verdict:
        status, headers, answer = answered
        heard = Heard(status, headers)
        try:
            if headers["content-type"].startswith("text/event-stream"):
                read_stream(client, heard, answer)
            else:
                value = json.loads(answer)
                if status != 200:
                    check_error(door, value)
                client.read_whole(heard, value)
        except (AssertionError, KeyError, ValueError, TypeError, IndexError) as error:
            return self._complain("garbled", f"{door} {status}: {type(error).__name__}: {error}: {answer[-300:]!r}")
        if heard.error is not None:
            return "proper error"
        try:
            assert status == 200, f"status {status} without an error"
            check_content(scene.kind if scene.kind != "reasoning" else "ok", heard)
        except AssertionError as error:
            return self._complain("silent", f"{door}, {scene.kind}: {error}: {answer[-300:]!r}")
        return "whole"

    def _complain(self, verdict: Verdict, what: str) -> Verdict:
        if len(self.complaints) < 20:
            self.complaints.append(f"{verdict}: {what}")
        return verdict


def check_error(door: str, value: Any) -> None:
    """An error reply has the shape that the door's clients read."""
    if door == "messages":
        assert value["type"] == "error" and isinstance(value["error"]["type"], str), value
    assert isinstance(value["error"]["message"], str) and value["error"]["message"], value


async def _post(port: int, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        writer.write(
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
            + body
        )
        head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        rest = _unchunked(rest)
    elif len(rest) != int(headers.get("content-length", -1)):
        raise ValueError("the gateway's answer was cut")
    return int(lines[0].split(" ")[1]), headers, rest


def _unchunked(data: bytes) -> bytes:
    whole = bytearray()
    while data:
        size, _, data = data.partition(b"\r\n")
        n_bytes = int(size, 16)
        whole += data[:n_bytes]
        data = data[n_bytes + 2 :]
        if n_bytes == 0:
            return bytes(whole)
    raise ValueError("the gateway's stream was cut")
