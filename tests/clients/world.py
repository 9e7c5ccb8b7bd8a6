"""A gateway behind its real server, with one scripted upstream of each format: what real SDKs are pointed at.

The upstreams speak the hand-written scripts of the matrix. A prompt names its scene; `loop` calls tools until their
results are in the conversation.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from fairlead.catalogue.cards import Ability
from fairlead.domain.call import Deadlines
from fairlead.domain.content import FormatName
from fairlead.domain.names import TenantName, UpstreamName
from fairlead.gateway.access import AccessKey, digest
from fairlead.gateway.ports import Limits
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of
from fairlead.wire.formats import BACKS
from tests.matrix.peer import Peer, serving_peer
from tests.matrix.scenes import CALLS, SIGNATURE, THOUGHTS, Scene, scene_in
from tests.matrix.upstreams import SCRIPTS, Script, messages_events, messages_whole
from tests.peers.live_gateway import serving_gateway
from tests.peers.worlds import World, changed, endpoint, world
from tests.routing.small_pool import Known

KEY: Final = "fl-real-client"
OTHER_KEY: Final = "fl-other-tenant"
BACK_NAMES: Final = tuple(BACKS)
RESULTS: Final = (b'"tool_result"', b'"role":"tool"', b"_call_output", b"functionResponse", b"toolResult")
"""How the result of a tool looks in the formats; in OpenAI's Responses that of a custom tool ends alike."""


def scene_of(body: bytes) -> Scene:
    """The scene that the prompt names; a loop is over when the tools' results are there."""
    if b"scene:" not in body:
        return Scene("ok")  # the prompt is where `previous_response_id` says
    scene = scene_in(body)
    if scene.kind != "loop":
        return scene
    return Scene("ok" if has_result(body) else "tools")


def has_result(body: bytes) -> bool:
    """Whether a tool's result is in the conversation."""
    packed = body.replace(b" ", b"")
    return any(mark in packed for mark in RESULTS)


@dataclass
class Front:
    """The gateway as a client finds it."""

    port: int
    peers: Mapping[FormatName, Peer]
    world: World

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sent(self, back: FormatName) -> list[dict[str, Any]]:
        """The bodies that this upstream was sent."""
        return [json.loads(body) for body in self.peers[back].bodies]


@asynccontextmanager
async def front(
    scripts: Mapping[FormatName, Script] | None = None,
    *,
    formats: tuple[FormatName, ...] = BACK_NAMES,
    scene_of: Callable[[bytes], Scene] = scene_of,
    model: str = "lab/{back}",
) -> AsyncIterator[Front]:
    """Run it; unless it is to be called otherwise, the model `lab/FORMAT` stands at the upstream of that format."""
    async with AsyncExitStack() as stack:
        peers: dict[FormatName, Peer] = {}
        upstreams: dict[UpstreamName, Upstream] = {}
        for name in formats:
            script = (scripts or {}).get(name, SCRIPTS[name])
            peers[name] = peer = await stack.enter_async_context(serving_peer(name, script=script, scene_of=scene_of))
            live = replace(
                endpoint(name, f"http://127.0.0.1:{peer.port}/v1"),
                formats=(name,),
                deadlines=Deadlines(first_byte_s=5.0, idle_s=5.0),
            )
            upstreams[UpstreamName(name)] = upstream = Upstream(live, HttpTransport(origin_of(live)))
            stack.callback(upstream.close)
        keys = [
            AccessKey("me", digest(KEY), TenantName("t"), frozenset(["chat"])),
            AccessKey("other", digest(OTHER_KEY), TenantName("u"), frozenset(["chat"])),
        ]
        able: dict[Ability, bool] = {"tools": True, "structured_output": True, "vision": True, "reasoning": True}
        arms = [Known(model.format(back=name), name, name, abilities=able) for name in formats]
        made = world(
            arms=arms,
            keys=keys,
            upstreams=dict(upstreams),
            limits=Limits(max_attempts=1),
            clock=asyncio.get_running_loop().time,
        )
        made = changed(made, backs=BACKS)
        port = await stack.enter_async_context(serving_gateway(made.app))
        yield Front(port, peers, made)


def signed_whole(content: str) -> bytes:
    """As the Anthropic script, with signed thoughts before the calls."""
    reply = json.loads(messages_whole(content))
    if content == "tools":
        reply["content"].insert(0, {"type": "thinking", "thinking": "".join(THOUGHTS), "signature": SIGNATURE})
    return json.dumps(reply).encode()


def signed_events(content: str) -> list[bytes]:
    """The same as a stream."""
    events = messages_events(content)
    if content != "tools":
        return events
    n_head = 2
    thoughts: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": piece}}
            for piece in THOUGHTS
        ),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": SIGNATURE}},
        {"type": "content_block_stop", "index": 0},
    ]
    said = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in thoughts]
    moved = []
    for event in events[n_head:]:
        for index in reversed(range(len(CALLS))):
            event = event.replace(b'"index": %d' % index, b'"index": %d' % (index + 1))
        moved.append(event)
    return [*events[:n_head], *said, *moved]


SIGNED: Final = SCRIPTS["anthropic_messages"]._replace(whole=signed_whole, events=signed_events)
