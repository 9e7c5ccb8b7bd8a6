"""This project's upstream client against aiohttp: CPU of one exchange, both on uvloop, against the same compiled mock.

    python -m benchmarks.speed.transports [--rounds 5] [--exchanges 6000] [--json FILE]

The client process sits on one core and the mock on another. CPU is `time.process_time` of the client, so waiting
costs nothing and the loop's own share is included. Arms take turns, round by round; medians over the rounds. A stream
is 20 events of content. Sent at once, how many events arrive in one read depends on how busy the client is: that case
says more about batching than about cost; paced (5 ms between events, as models write), each event is one read.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import aiohttp
import uvloop

from benchmarks.speed.bodies import chat_bodies
from benchmarks.speed.peers import GATEWAY_CORE, build, cores, mock_upstream
from fairlead.domain.call import Deadlines
from fairlead.domain.names import UpstreamName
from fairlead.providers.origin import Origin
from fairlead.providers.request_head import write_headers
from fairlead.providers.transport import HttpTransport

CONCURRENCY = 64
GAP_US = 5000
PATH = "/v1/chat/completions"
HEADERS = ((b"content-type", b"application/json"), (b"authorization", b"Bearer sk-bench"))

Exchange = Callable[[bytes], Awaitable[int]]
"""Sends a body, reads the whole reply in pieces as they come, gives its length in bytes."""


def of_fairlead(port: int) -> tuple[Exchange, Callable[[], Awaitable[None]]]:
    origin = Origin(name=UpstreamName("mock"), scheme="http", host="127.0.0.1", port=port, allow_private=True)
    transport, headers, deadlines = HttpTransport(origin), write_headers(HEADERS), Deadlines()

    async def exchange(body: bytes) -> int:
        answer = await transport.exchange("POST", PATH, headers, body, deadlines)
        n_bytes = 0
        while piece := await answer.next_chunk():
            n_bytes += len(piece)
        return n_bytes

    async def close() -> None:
        transport.close()

    return exchange, close


def of_aiohttp(port: int) -> tuple[Exchange, Callable[[], Awaitable[None]]]:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=512),
        timeout=aiohttp.ClientTimeout(total=None, connect=10, sock_read=60),
        headers={name.decode(): value.decode() for name, value in HEADERS},
        skip_auto_headers=("user-agent",),
    )
    url = f"http://127.0.0.1:{port}{PATH}"

    async def exchange(body: bytes) -> int:
        n_bytes = 0
        async with session.post(url, data=body, allow_redirects=False) as answer:
            async for piece in answer.content.iter_any():
                n_bytes += len(piece)
        return n_bytes

    return exchange, session.close


async def cpu_us(exchange: Exchange, bodies: list[bytes], n: int) -> float:
    """CPU microseconds of one exchange, CONCURRENCY in flight."""
    left = iter(range(n))

    async def caller() -> None:
        for at in left:
            n_bytes = await exchange(bodies[at % len(bodies)])
            assert n_bytes > 400, "a reply is missing"

    before = time.process_time()
    await asyncio.gather(*(caller() for _ in range(CONCURRENCY)))
    return (time.process_time() - before) / n * 1e6


async def measure(ports: dict[str, int], *, rounds: int, exchanges: int) -> dict[str, dict[str, float]]:
    """Median CPU µs by kind of work and client."""
    small = chat_bodies(n=200, size_bytes=1024, model="mock-model", is_streaming=False)
    large = chat_bodies(n=50, size_bytes=100 * 1024, model="mock-model", is_streaming=False)
    stream = chat_bodies(n=200, size_bytes=1024, model="mock-model", is_streaming=True)
    work = [
        ("JSON 1 KB", ports["at once"], small, exchanges),
        ("JSON 100 KB", ports["at once"], large, exchanges),
        ("stream, at once", ports["at once"], stream, exchanges),
        ("stream, paced", ports["paced"], stream, exchanges // 4),
    ]
    figures = {}
    for kind, port, bodies, n in work:
        arms = {"fairlead": of_fairlead(port), "aiohttp": of_aiohttp(port)}
        seen: dict[str, list[float]] = {arm: [] for arm in arms}
        for at in range(-1, rounds):
            for arm, (exchange, _) in arms.items():
                figure = await cpu_us(exchange, bodies, n)
                if at >= 0:  # the first round warms up
                    seen[arm].append(figure)
        for _, close in arms.values():
            await close()
        figures[kind] = {arm: statistics.median(of) for arm, of in seen.items()}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--exchanges", type=int, default=6000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        peer = build(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        ports = {
            "at once": stack.enter_context(mock_upstream(peer)),
            "paced": stack.enter_context(mock_upstream(peer, chunk_gap_us=GAP_US)),
        }
        os.sched_setaffinity(0, {cores()[GATEWAY_CORE]})
        figures = uvloop.run(measure(ports, rounds=options.rounds, exchanges=options.exchanges))
    print(f"CPU µs of one exchange, {CONCURRENCY} in flight, uvloop {version('uvloop')}, aiohttp {version('aiohttp')}")
    print(f"{'':18}{'fairlead':>10}{'aiohttp':>10}{'ratio':>8}")
    for kind, of in figures.items():
        print(f"{kind:18}{of['fairlead']:10.1f}{of['aiohttp']:10.1f}{of['aiohttp'] / of['fairlead']:8.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
