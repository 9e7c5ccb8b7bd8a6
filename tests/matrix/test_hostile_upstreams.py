"""Hostile upstreams of every format at every door, over real sockets: an answer or an error, never anything else."""

import asyncio
import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator

import pytest

from fairlead.gateway.ports import Limits
from fairlead.wire.formats import BACKS
from tests.matrix.cells import Cell, Matrix, check_content, doors, matrix
from tests.matrix.hostile import BEHAVIOURS, HostilePeer, MayHear, Told, sized
from tests.matrix.scenes import TEXT, Scene
from tests.matrix.upstreams import SCRIPTS

LIMITS = Limits(
    max_attempts=2, retry_budget_share=0.0, deadline_s=10.0, max_reply_bytes=1 << 20, max_stream_bytes=1 << 20
)
"""Small caps, so that what never ends ends soon. The second attempt is for a connection that another cell spoilt."""
PATIENCE_S = 10.0
"""None of these upstreams is silent: only a busy machine is."""
N_AT_ONCE = 16
HEAVY = ("a bomb", "a huge event", "an endless answer", "an endless opening")
HEAVY_BYTES = 100 * 1024 * 1024
"""Half of what the bomb unpacks to; the caps of one event (16 MB) and of what is read ahead stand below it."""


def cells() -> Iterator[tuple[Cell, MayHear]]:
    """Every cell, generated."""
    for door in doors():
        for back in BACKS:
            for name, behaviour in BEHAVIOURS.items():
                if behaviour.is_for_sse_only and back == "bedrock_converse":
                    continue
                for is_stream, may_hear in ((False, behaviour.json), (True, behaviour.stream)):
                    if may_hear is not None:
                        yield Cell(door, back, is_stream, Scene("hostile", name)), may_hear


def test_every_cell_is_hostile() -> None:
    """What goes over the wire differs from the sound answer, whole and with a length."""
    sound = []
    for cell, _ in cells():
        told = Told(SCRIPTS[cell.back], cell.is_stream)
        expected = sized(told, told.body)
        said = b""
        for piece in BEHAVIOURS[cell.scene.content].say(told):
            said += piece
            if len(said) > len(expected):
                break
        if said == expected:
            sound.append(name_of(cell))
    assert sound == []


def name_of(cell: Cell) -> str:
    return f"{cell.door} -> {cell.back}, {'stream' if cell.is_stream else 'json'}, {cell.scene.content}"


async def heard_wrong(running: Matrix, cell: Cell, may_hear: MayHear) -> str | None:
    """What was wrong with the cell; None where nothing was."""
    try:
        heard = await running.run(cell)
        if heard.error is not None:
            assert "inside Fairlead" not in heard.error, "a bug of ours was met"
            assert may_hear != "whole", f"an error: {heard.error}"
            assert heard.status == 200 or 400 <= heard.status < 600
            assert heard.status != 200 or heard.headers["content-type"].startswith("text/event-stream")
            return None
        assert heard.status == 200, f"status {heard.status} without an error"
        assert may_hear != "error", f"a silent success: {heard.text[:60]!r}, finish {heard.finish}"
        if may_hear == "whole":
            check_content("ok", heard)
        assert heard.text.startswith(TEXT[:16]), f"text {heard.text!r}"
        assert heard.finish == "stop" and heard.has_ended
    except TimeoutError:
        return "it hangs"
    except (AssertionError, KeyError, ValueError, TypeError, IndexError) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return None


async def test_a_hostile_upstream_is_answered_with_the_whole_answer_or_an_error() -> None:
    chosen = [(cell, may_hear) for cell, may_hear in cells() if cell.scene.content not in HEAVY]
    gate = asyncio.Semaphore(N_AT_ONCE)
    async with matrix(make_peer=HostilePeer, limits=LIMITS, patience_s=PATIENCE_S) as running:

        async def one(cell: Cell, may_hear: MayHear) -> str | None:
            async with gate:
                return await heard_wrong(running, cell, may_hear)

        said = await asyncio.gather(*(one(*each) for each in chosen))
        assert all(transport.n_open == transport.n_idle for transport in running.transports), "a connection is leaked"
    wrong = {name_of(cell): what for (cell, _), what in zip(chosen, said, strict=True) if what is not None}
    counts = Counter(cell.scene.content for cell, _ in chosen)
    print(f"{len(chosen)} cells of {len(counts)} behaviours, {len(wrong)} red")
    assert not wrong, json.dumps(wrong, indent=1)[:6000]


@pytest.mark.parametrize("name", HEAVY)
async def test_what_is_too_much_is_cut_off_and_does_not_fill_the_memory(name: str) -> None:
    wrong = {}
    async with matrix(make_peer=HostilePeer, limits=LIMITS, patience_s=PATIENCE_S) as running:
        chosen = [(cell, may_hear) for cell, may_hear in cells() if cell.scene.content == name]
        tracemalloc.start()
        try:
            for cell, may_hear in chosen:
                said = await heard_wrong(running, cell, may_hear)
                if said is not None:
                    wrong[name_of(cell)] = said
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert all(transport.n_open == transport.n_idle for transport in running.transports), "a connection is leaked"
    assert not wrong, json.dumps(wrong, indent=1)
    assert peak_bytes < HEAVY_BYTES


async def test_a_redirect_is_followed_nowhere() -> None:
    n_came = 0

    async def came(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal n_came
        n_came += 1
        writer.close()

    server = await asyncio.start_server(came, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, matrix(make_peer=HostilePeer, limits=LIMITS, patience_s=PATIENCE_S) as running:
        for peer in running.peers.values():
            assert isinstance(peer, HostilePeer)
            peer.redirect_to = b"http://127.0.0.1:%d/v1/elsewhere" % port
        for cell, _ in cells():
            if cell.scene.content.startswith("a redirect"):
                heard = await running.run(cell)
                assert heard.status in (502, 503)
                assert heard.error is not None
                assert str(port) not in heard.error
    assert n_came == 0
