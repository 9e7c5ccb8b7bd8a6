"""Moments told together: in their order, soon, and to everybody."""

import asyncio
import logging
import os
from collections.abc import Sequence

import pytest

from fairlead.assembly.services import assemble
from fairlead.assembly.traffic import has_process
from fairlead.domain.engine_state import EngineState
from fairlead.domain.moments import Attempted, Replied, Shadowed
from fairlead.gateway.gathering import AT_ONCE, Gathering, Told, each
from fairlead.settings.settings import parse
from fairlead.settings.store_section import StoreSection
from tests.store.small_traffic import AT_S
from tests.store.small_traffic import Told as Request

PATIENCE_S = 30.0


class Listener:
    """Whoever is told, with a list."""

    def __init__(self) -> None:
        self.times: list[Sequence[Told]] = []
        self.is_told = asyncio.Event()

    def __call__(self, told: Sequence[Told]) -> None:
        self.times.append(told)
        self.is_told.set()


async def test_a_single_moment_is_told_soon_and_many_at_once() -> None:
    gathering, listener = Gathering(lambda: AT_S), Listener()
    gathering.listens(listener)
    one = Request().replied()
    gathering.replied(one)
    assert (listener.times, gathering.n_waiting) == ([], 1)
    async with asyncio.timeout(PATIENCE_S):
        await listener.is_told.wait()
    assert (listener.times, gathering.n_waiting) == ([[(AT_S, one)]], 0)
    for _ in range(AT_ONCE):
        gathering.replied(one)
    assert [len(told) for told in listener.times] == [1, AT_ONCE], "not one moment later"
    gathering.tell()
    assert len(listener.times) == 2, "nobody is told nothing"


async def test_moments_are_told_in_their_order_with_the_times_when_they_were() -> None:
    times = iter(range(1_000))
    gathering, listener = Gathering(lambda: float(next(times))), Listener()
    gathering.listens(listener)
    moments = [*Request(name="a").moments(), *Request(name="b").moments()]
    for moment in moments:
        gathering._take(moment)  # type: ignore[arg-type]  # none of them is an opinion
    gathering.tell()
    assert listener.times == [list(enumerate(moments))]


async def test_a_listener_that_raises_takes_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Sequence[Told]) -> None:
        raise KeyError("a bug")

    gathering, listener = Gathering(lambda: AT_S), Listener()
    gathering.listens(broken)
    gathering.listens(listener)
    gathering.replied(Request().replied())
    gathering.tell()
    assert len(listener.times) == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_where_no_loop_would_come_back_moments_are_told_at_once() -> None:
    gathering = Gathering(lambda: AT_S)
    told: list[Told] = []
    gathering.listens(told.extend)
    gathering.replied(Request().replied())
    assert len(told) == 1


def test_an_observer_hears_of_what_it_observes() -> None:
    class Observer:
        def __init__(self) -> None:
            self.heard: list[str] = []

        def attempted(self, _: Attempted) -> None:
            self.heard.append("attempted")

        def replied(self, _: Replied) -> None:
            self.heard.append("replied")

        def shadowed(self, _: Shadowed) -> None:
            self.heard.append("shadowed")

    shadowed = Shadowed(*Request().attempted()[:1], Request().decided().tenant, *Request().attempted()[1:8])  # type: ignore[arg-type]  # by place
    told = [(AT_S, moment) for moment in (*Request().moments(), shadowed)]
    plain, whole = Observer(), Observer()
    each(plain)(told)  # type: ignore[arg-type]  # none of them is an opinion
    each(whole, whole)(told)  # type: ignore[arg-type]
    assert plain.heard == ["attempted", "replied"]
    assert whole.heard == ["attempted", "replied", "shadowed"]


async def test_who_reads_the_metrics_reads_what_has_been_until_now() -> None:
    assembly = await assemble(parse("discover: false", {}), {}, is_demo=True)
    services = assembly.services
    for observer in services.observers:
        observer.replied(Request().replied())
    assert assembly.gathering.n_waiting == 1
    text, _ = services.render_metrics(EngineState())
    assert b'fairlead_requests_total{door="chat",outcome="ok",policy="auto"} 1.0' in text


@pytest.mark.parametrize(
    ("writer", "cores", "n_workers", "wanted"),
    [
        ("auto", 1, 1, False),
        ("auto", 2, 1, True),
        ("auto", 4, 4, False),
        ("auto", 4, 2, True),
        ("thread", 64, 1, False),
        ("process", 1, 1, True),
    ],
)
def test_a_writer_has_a_process_where_a_core_is_to_spare(
    monkeypatch: pytest.MonkeyPatch, writer: str, cores: int, n_workers: int, wanted: bool
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert has_process(StoreSection.model_validate({"writer": writer}), n_workers) is wanted
