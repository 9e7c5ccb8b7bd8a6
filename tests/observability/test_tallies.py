"""Counted through tallies or straight: the page reads the same."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from fairlead.observability.tallies import Tallies

BOUNDS = (0.125, 1.0, 5.0)
"""Sums of eighths are exact in any order."""


class Page:
    def __init__(self, within_s: float | None = None) -> None:
        self.registry = CollectorRegistry()
        self.counter = Counter("c", "counted", ("label",), registry=self.registry)
        self.histogram = Histogram("h", "delays", buckets=BOUNDS, registry=self.registry)
        self.tallies = Tallies(within_s)
        self.bins = self.tallies.bins(self.histogram, BOUNDS)

    def samples(self) -> list[str]:
        text = generate_latest(self.registry).decode()
        return [line for line in text.splitlines() if "_created" not in line]


@given(
    delays=st.lists(st.sampled_from((0.0, 0.125, 0.25, 1.0, 4.75, 5.0, 5.5, 99.0)), max_size=20),
    counts=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9)), max_size=20),
    breaks=st.sets(st.integers(0, 19)),
)
def test_tallies_read_as_the_library_s_own_counting(
    delays: list[float], counts: list[tuple[str, int]], breaks: set[int]
) -> None:
    ours, theirs = Page(), Page()
    for place, delay in enumerate(delays):
        ours.bins.observe(delay)
        theirs.histogram.observe(delay)
        if place in breaks:
            ours.tallies.hand_over()
    for label, n in counts:
        ours.tallies.counts[ours.counter.labels(label)] += n
        theirs.counter.labels(label).inc(n)

    ours.tallies.hand_over()

    assert ours.samples() == theirs.samples()


def test_what_others_read_is_there_soon_without_being_asked_for() -> None:
    async def counted() -> Page:
        page = Page(within_s=0.01)
        page.tallies.counts[page.counter.labels("a")] += 1
        page.bins.observe(0.5)
        page.tallies.touch()
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        loop.call_later(0.02, done.set)
        await done.wait()
        return page

    samples = asyncio.run(counted()).samples()

    assert 'c_total{label="a"} 1.0' in samples and "h_count 1.0" in samples


def test_without_a_loop_what_others_read_is_there_at_once() -> None:
    page = Page(within_s=0.01)

    page.tallies.counts[page.counter.labels("a")] += 3
    page.tallies.touch()

    assert 'c_total{label="a"} 3.0' in page.samples()
