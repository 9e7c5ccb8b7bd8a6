"""Clients that leave, in process: in every phase the upstream is freed and the record says cancelled."""

import asyncio
from typing import Any

import pytest

from fairlead.domain.call import Call
from fairlead.domain.content import FormatName
from fairlead.domain.errors import UnreachableError
from fairlead.domain.names import UpstreamName
from fairlead.wire.quirks import NONE
from tests.peers.asgi_caller import client
from tests.peers.worlds import ROLE, STRONG, STRONG_ELSEWHERE, chunk, refusal, world

ONE = (STRONG,)
TWO = (STRONG, STRONG_ELSEWHERE)
LONE_ASK = {"model": "lab/strong", "messages": [{"role": "user", "content": "x"}]}


class Waiting:
    """An upstream that keeps a caller waiting in a chosen phase and notices when the caller is cancelled."""

    formats: tuple[FormatName, ...] = ("openai_chat",)
    quirks = NONE

    def __init__(self, phase: str) -> None:
        self._phase = phase
        self.reached = asyncio.Event()
        self.closed = asyncio.Event()
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self._pieces = [ROLE, chunk("Hel")] if phase == "mid-stream" else [ROLE] if phase == "before content" else []

    async def send(self, call: Call) -> "Waiting":
        if self._phase == "before the head":
            await self._wait()
        return self

    def masked(self, text: str) -> str:
        return text

    async def _wait(self) -> None:
        self.reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def read(self, cap_bytes: int) -> bytes:
        await self._wait()
        return b""

    async def next_chunk(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        await self._wait()
        return b""

    def close(self) -> None:
        self.closed.set()


class Failing:
    """An upstream that is not there."""

    formats: tuple[FormatName, ...] = ("openai_chat",)
    quirks = NONE

    async def send(self, call: Call) -> Any:
        raise UnreachableError("gone")

    def masked(self, text: str) -> str:
        return text


@pytest.mark.parametrize("has_failed_before", [False, True])
@pytest.mark.parametrize(
    ("phase", "is_streaming"),
    [
        ("before the head", False),
        ("before the head", True),
        ("whole", False),
        ("before content", True),
        ("mid-stream", True),
    ],
)
async def test_a_client_that_leaves_frees_the_upstream(phase: str, is_streaming: bool, has_failed_before: bool) -> None:
    waiting = Waiting(phase)
    upstreams: dict[UpstreamName, Any] = {UpstreamName("one"): waiting, UpstreamName("two"): waiting}
    if has_failed_before:
        upstreams[UpstreamName("one")] = Failing()
    w = world(arms=TWO, upstreams=upstreams)
    leaver = client(w.app, "POST", "/v1/chat/completions", LONE_ASK | {"stream": is_streaming})
    task = asyncio.ensure_future(leaver.run())
    await asyncio.wait_for(waiting.reached.wait(), 10)
    assert not waiting.closed.is_set()
    leaver.hang_up()
    await asyncio.wait_for(task, 10)
    assert waiting.closed.is_set()
    (moment,) = w.moments.replies
    assert (moment.outcome, moment.status) == ("cancelled", 499)
    assert w.moments.attempts[-1].outcome == "cancelled"
    assert not w.engine.breakers.down(0.0)


async def test_a_client_that_leaves_while_we_wait_between_attempts_is_noticed() -> None:
    w = world({"one": [refusal(429, retry_after="5")]}, arms=ONE)
    leaver = client(w.app, "POST", "/v1/chat/completions", LONE_ASK)
    task = asyncio.ensure_future(leaver.run())
    for _ in range(20):  # nothing here waits for a socket: a few turns of the loop bring it to its pause
        await asyncio.sleep(0)
    assert w.n_calls == 1
    leaver.hang_up()
    await asyncio.wait_for(task, 3)
    assert w.n_calls == 1
    assert w.moments.replies[0].outcome == "cancelled"


async def test_a_client_that_leaves_during_its_upload_is_not_answered() -> None:
    w = world()
    leaver = client(w.app, "POST", "/v1/chat/completions", pieces=[b'{"model":'], is_upload_whole=False)
    task = asyncio.ensure_future(leaver.run())
    await asyncio.sleep(0)
    leaver.hang_up()
    heard = await asyncio.wait_for(task, 10)
    assert (heard.status, w.n_calls) == (0, 0)


async def test_cancelling_the_server_itself_is_not_taken_for_a_hang_up() -> None:
    waiting = Waiting("whole")
    w = world(arms=ONE, upstreams={UpstreamName("one"): waiting})
    task = asyncio.ensure_future(client(w.app, "POST", "/v1/chat/completions", LONE_ASK).run())
    await asyncio.wait_for(waiting.reached.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.closed.is_set()
