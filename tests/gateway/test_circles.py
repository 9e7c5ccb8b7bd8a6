"""A served request leaves nothing to the collector of circles: what it held is free the moment it is answered."""

import gc
import json
from typing import Any

import pytest

from fairlead.domain.names import UpstreamName
from fairlead.gateway.guard import GuardedProtocol
from fairlead.providers.scripted import Scene
from tests.peers.asgi_caller import call
from tests.peers.live_gateway import serving_gateway
from tests.peers.paced import Paced, turns
from tests.peers.raw_client import connected, request
from tests.peers.worlds import STRONG, STRONG_ELSEWHERE, refusal, stream, whole, world

N = 30
ASK: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
DOORS = {
    "/v1/chat/completions": ASK,
    "/v1/messages": ASK | {"max_tokens": 50},
    "/v1/responses": {"model": "auto", "input": "hello", "store": False},
}


@pytest.mark.parametrize("fails_first", [False, True], ids=["at once", "after a failure"])
@pytest.mark.parametrize("is_stream", [False, True], ids=["JSON", "stream"])
@pytest.mark.parametrize("path", DOORS)
async def test_a_request_leaves_no_circles(path: str, is_stream: bool, fails_first: bool) -> None:
    good: list[Scene] = [stream() if is_stream else whole()]
    w = world({"one": [refusal(500)] if fails_first else good, "two": good}, arms=(STRONG, STRONG_ELSEWHERE))

    async def serve(n: int) -> None:
        for _ in range(n):
            heard = await call(w.app, "POST", path, DOORS[path] | {"stream": is_stream})
            assert heard.status == 200

    await serve(5)
    gc.collect()
    gc.disable()
    try:
        await serve(N)
        n_left = gc.collect()
    finally:
        gc.enable()

    # A breaker may open on the way and such things be kept once; what every request leaves is a multiple of N.
    assert n_left < N


@pytest.mark.parametrize("leaves", ["after the answer", "before it"])
async def test_a_connection_leaves_no_circles(leaves: str) -> None:
    peer = Paced(is_open=False)
    upstreams: dict[UpstreamName, Any] = {UpstreamName("one"): peer}
    w = world(arms=(STRONG,)) if leaves == "after the answer" else world(arms=(STRONG,), upstreams=upstreams)

    async def visit(port: int, n: int) -> None:
        for _ in range(n):
            async with connected(port) as client:
                await client.say(request(json.dumps(ASK).encode()))
                if leaves == "after the answer":
                    assert (await client.answer())[0] == 200
                else:
                    await peer.next_call()

    async with serving_gateway(w.app) as port:
        await visit(port, 3)
        gc.collect()
        gc.disable()
        try:
            await visit(port, N)
            await turns()
            left = [one for one in gc.get_objects() if isinstance(one, GuardedProtocol)]
        finally:
            gc.enable()

    # The last may still be on its way out.
    assert len(left) <= 3
