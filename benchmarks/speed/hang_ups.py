"""How soon an upstream knows that a client has left: in every phase, streamed and not, over real sockets.

    python -m benchmarks.speed.hang_ups [--rounds 20]

The time from the client's FIN or RST to the end of the upstream's connection, in milliseconds; both ends are on
loopback in one process, so this is the gateway's own share. The goal is 100 ms in every phase.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from fairlead.domain.names import UpstreamName
from fairlead.gateway.ports import HedgeLimits, Limits
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of
from tests.peers.live_gateway import serving_gateway
from tests.peers.openai_server import Call, chunk, serving_openai
from tests.peers.raw_client import connected, request
from tests.peers.worlds import STRONG, STRONG_ELSEWHERE, endpoint, world

GOAL_MS: Final = 100.0


async def silent(call: Call) -> None:
    """Says nothing at all."""
    await call.wait_until_gone()


async def slow_json(call: Call) -> None:
    """A head and half a body."""
    await call.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"id"')
    await call.wait_until_gone()


async def speaking(call: Call) -> None:
    """A stream that has begun."""
    await call.begin_events()
    await call.piece(chunk("m", "hello"))
    await call.wait_until_gone()


async def failing(call: Call) -> None:
    """A refusal: the next is tried."""
    await call.json({"error": {"message": "no"}}, "500 No")


Script = Callable[[Call], Awaitable[None]]
PHASES: Final[dict[str, tuple[Script, Script, bool, bool]]] = {
    "before the first byte, JSON": (silent, silent, False, False),
    "before the first byte, stream": (silent, silent, True, False),
    "in the body, JSON": (slow_json, silent, False, False),
    "in the stream": (speaking, silent, True, False),
    "after a failover, JSON": (failing, silent, False, False),
    "after a failover, stream": (failing, silent, True, False),
    "in a hedge, stream": (silent, silent, True, True),
}


async def measured(phase: str, *, is_reset: bool) -> float:
    """One hang-up in this phase; milliseconds until the last upstream connection was gone."""
    first, second, is_streaming, is_hedged = PHASES[phase]
    limits = Limits(hedge=HedgeLimits(after_s=0.01, max_share=1.0)) if is_hedged else Limits()
    async with serving_openai(first) as one, serving_openai(second) as two, AsyncExitStack() as stack:
        upstreams = {}
        for name, server in (("one", one), ("two", two)):
            where = endpoint(name, f"http://127.0.0.1:{server.port}/v1")
            upstreams[UpstreamName(name)] = Upstream(where, HttpTransport(origin_of(where)))
            stack.callback(upstreams[UpstreamName(name)].close)
        w = world(arms=(STRONG, STRONG_ELSEWHERE), limits=limits, upstreams=upstreams, clock=time.perf_counter)
        port = await stack.enter_async_context(serving_gateway(w.app))
        body = {"model": "lab/strong", "stream": is_streaming, "messages": [{"role": "user", "content": "x"}]}
        async with connected(port) as client:
            await client.say(request(json.dumps(body).encode()))
            waiting = []
            if first is not failing:
                waiting.append(await one.calls.get())
            if first is failing or is_hedged:
                waiting.append(await two.calls.get())
            if first is speaking:
                await client.until(b"hello")
            await asyncio.sleep(0.02)
            began_s = time.perf_counter()
            client.reset() if is_reset else client.finish()
            for call in waiting:
                await asyncio.wait_for(call.gone.wait(), 10)
            return (time.perf_counter() - began_s) * 1e3


async def main(rounds: int) -> None:
    """Print the table."""
    for phase in PHASES:
        for how in ("FIN", "RST"):
            times = [await measured(phase, is_reset=how == "RST") for _ in range(rounds)]
            verdict = "" if max(times) <= GOAL_MS else "  ABOVE THE GOAL"
            print(f"{phase:32} {how}  median {statistics.median(times):6.2f} ms  worst {max(times):6.2f} ms{verdict}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    asyncio.run(main(parser.parse_args().rounds))
