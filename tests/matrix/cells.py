"""The cells of the matrix: doors x back formats x {JSON, stream} x scenes; each is one call over real sockets."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from fairlead.domain.call import Deadlines
from fairlead.domain.content import FormatName
from fairlead.domain.names import UpstreamName
from fairlead.gateway.ports import Limits
from fairlead.gateway.work import DOORS
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of
from fairlead.wire.format import Back
from fairlead.wire.formats import BACKS
from tests.matrix.clients import CLIENTS, Heard, read_stream
from tests.matrix.peer import SAID, Peer, serving_peer
from tests.matrix.scenes import CALLS, GARBAGE, GOOD, IMAGE, STRUCTURED, TEXT, THOUGHTS, USAGE, Scene
from tests.matrix.upstreams import SCRIPTS, Script
from tests.peers.live_gateway import serving_gateway
from tests.peers.worlds import changed, endpoint, world
from tests.routing.small_pool import Known

PATIENCE_S: Final = 2.0
"""How long the matrix's gateway waits for a byte of an upstream."""
WHOLE_S: Final = 20.0
"""No cell may take longer: what hangs is a failure."""
N_AT_ONCE: Final = 24


@dataclass(frozen=True)
class Cell:
    """One cell."""

    door: str
    back: FormatName
    is_stream: bool
    scene: Scene

    def __str__(self) -> str:
        shape = "stream" if self.is_stream else "json"
        return f"{self.door} -> {self.back}, {shape}, {self.scene.marker()[6:-1]}"


def doors() -> list[str]:
    return [way.label for way in DOORS.values() if way.label in CLIENTS]


def cells() -> Iterator[Cell]:
    """Every cell, generated."""
    for door in doors():
        for back in BACKS:
            for is_stream in (False, True):
                for scene in _scenes(back, is_stream=is_stream):
                    yield Cell(door, back, is_stream, scene)


def _scenes(back: FormatName, *, is_stream: bool) -> Iterator[Scene]:
    for kind in (*GOOD, "4xx", "429", "5xx", "timeout"):
        yield Scene(kind)
    for at in range(len(GARBAGE)):
        yield Scene("garbage", at=at)
    for content in ("ok", "tools", "reasoning"):
        n_events = len(SCRIPTS[back].events(content)) if is_stream else 8
        for at in range(n_events):
            yield Scene("cut", content, at)
            yield Scene("half", content, at)
    for at in (0, 2, 4):
        yield Scene("stall", "ok", at)


@dataclass
class Matrix:
    """A gateway with one upstream of each format."""

    port: int
    peers: Mapping[FormatName, Peer]
    transports: list[HttpTransport]

    async def run(self, cell: Cell) -> Heard:
        """One call, and what its client heard."""
        client = CLIENTS[cell.door]
        body = json.dumps(client.body(f"lab/{cell.back}", cell.scene, cell.is_stream), ensure_ascii=False).encode()
        async with asyncio.timeout(WHOLE_S):
            status, headers, answer = await _post(self.port, client.path, body)
        heard = Heard(status, headers)
        if headers["content-type"].startswith("text/event-stream"):
            read_stream(client, heard, answer)
        else:
            client.read_whole(heard, json.loads(answer))
        return heard


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
    return int(lines[0].split(" ")[1]), headers, rest


def _unchunked(data: bytes) -> bytes:
    whole = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        n_bytes = int(size, 16)
        whole, data = whole + data[:n_bytes], data[n_bytes + 2 :]
        if n_bytes == 0:
            return whole
    raise AssertionError("the gateway's own answer was cut")


@asynccontextmanager
async def matrix(
    backs: Mapping[FormatName, Back] = BACKS,
    make_peer: Callable[[Script], Peer] = Peer,
    limits: Limits = Limits(max_attempts=1),  # noqa: B008 - frozen
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[Matrix]:
    """Run the gateway and its upstreams; with broken backs, to see cells turn red."""
    async with AsyncExitStack() as stack:
        peers: dict[FormatName, Peer] = {
            name: await stack.enter_async_context(serving_peer(name, make_peer)) for name in BACKS
        }
        upstreams: dict[UpstreamName, Upstream] = {}
        transports: list[HttpTransport] = []
        for name, peer in peers.items():
            live = replace(
                endpoint(name, f"http://127.0.0.1:{peer.port}/v1"),
                formats=(name,),
                deadlines=Deadlines(first_byte_s=patience_s, idle_s=patience_s),
            )
            transports.append(HttpTransport(origin_of(live)))
            upstreams[UpstreamName(name)] = Upstream(live, transports[-1])
        arms = [Known(f"lab/{name}", name, name) for name in BACKS]
        world_of = world(arms=arms, upstreams=upstreams, limits=limits, clock=asyncio.get_running_loop().time)
        world_of = changed(world_of, backs=backs)
        port = await stack.enter_async_context(serving_gateway(world_of.app))
        yield Matrix(port, peers, transports)
        for upstream in upstreams.values():
            upstream.close()


def check(cell: Cell, heard: Heard, sent: bytes) -> None:
    """Whether this is what the cell's client should have heard. `sent`: what its upstream was sent."""
    kind = cell.scene.kind
    if kind in GOOD:
        _check_good(cell, heard, sent)
    elif kind in ("cut", "half", "stall"):
        if heard.error is None:
            # No error: then nothing may be missing, and the upstream must have said that it was finished.
            check_content(cell.scene.content, heard)
        _check_failure(heard)
    else:
        assert heard.error is not None, "a silent success"
        _check_failure(heard)
        # 503: after the failures of other cells this upstream rests, and was tried for want of another.
        expected = {"4xx": {400}, "429": {429}, "5xx": {502}, "timeout": {503, 504}}.get(kind, {502, 503})
        assert heard.status in expected, f"status {heard.status}"
        if kind == "4xx":
            assert SAID in heard.error, "the upstream's own words are lost"


def _check_failure(heard: Heard) -> None:
    if heard.error is not None and heard.status == 200:
        assert heard.finish is None or not heard.has_ended or heard.error, "an invented finish"
    if heard.error is not None and heard.status != 200:
        assert heard.text == ""
        assert not heard.calls


def _check_good(cell: Cell, heard: Heard, sent: bytes) -> None:
    assert heard.status == 200, f"status {heard.status}: {heard.error}"
    assert heard.error is None, heard.error
    check_content(cell.scene.kind, heard)
    assert heard.usage == USAGE, f"usage {heard.usage}"
    losses = heard.headers.get("x-fairlead-losses", "")
    wanted = {"image": IMAGE, "tools": "get_weather", "structured": "additionalProperties"}.get(cell.scene.kind)
    if wanted is not None:
        assert wanted.encode() in sent or losses, f"{wanted[:20]} was neither sent nor declared lost"
    if cell.scene.kind == "reasoning":
        said = re.search(rb"reasoning|thinking|effort", sent, re.IGNORECASE)
        assert said or "reasoning" in losses, "the wish to reason was neither sent nor declared lost"


def check_content(content: str, heard: Heard) -> None:
    assert heard.has_ended, "no end"
    if content == "tools":
        made = [(i, name, json.loads(arguments)) for i, name, arguments in CALLS]
        assert heard.made_calls() == made, f"calls {heard.calls}"
        assert heard.finish == "tool_calls", f"finish {heard.finish}"
        return
    assert heard.text == (STRUCTURED if content == "structured" else TEXT), f"text {heard.text!r}"
    assert not heard.calls
    assert heard.finish == "stop", f"finish {heard.finish}"
    if content == "reasoning":
        assert heard.thoughts == "".join(THOUGHTS), f"thoughts {heard.thoughts!r}"


async def run_all(running: Matrix, chosen: list[Cell]) -> dict[Cell, str | None]:
    """Run cells, several at once; what was wrong with each, None where nothing was."""
    gate = asyncio.Semaphore(N_AT_ONCE)

    async def one(cell: Cell) -> str | None:
        async with gate:
            try:
                heard = await running.run(cell)
                check(cell, heard, running.peers[cell.back].received.get(cell.scene.marker(), b""))
            except TimeoutError:
                return "it hangs"
            except (AssertionError, KeyError, ValueError, TypeError, IndexError) as error:
                return f"{type(error).__name__}: {error}"[:300]
        return None

    said = await asyncio.gather(*(one(cell) for cell in chosen))
    return dict(zip(chosen, said, strict=True))
