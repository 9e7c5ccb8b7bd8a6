"""Reading a reply stream cut in any way: the same events, and never an exception."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from hypothesis import strategies as st

from fairlead.domain.errors import UpstreamError
from fairlead.domain.events import ArgumentsDelta, Event, ReasoningDelta, ReplyFailed, TextDelta
from fairlead.wire.format import ReplyReader

places = st.lists(st.integers(0, 1_000_000), max_size=12)


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    """The data in pieces."""
    ends = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[a:b] for a, b in pairwise(ends)]


def told(reader: Callable[[], ReplyReader], pieces: Iterable[bytes]) -> list[Event]:
    """The events of a stream, with a failure in words: errors have no equality."""
    one = reader()
    events: list[Event] = []
    for piece in pieces:
        events += one.feed(piece)
    events += one.end()
    assert all(not isinstance(event, ReplyFailed) for event in events[:-1]), "nothing comes after a failure"
    assert one.feed(b"more") == [] or not events or not isinstance(events[-1], ReplyFailed)
    return events


def shown(events: Iterable[Event]) -> list[object]:
    """Comparable: failures by kind and text."""
    return [
        (type(event.error).__name__, event.error.message) if isinstance(event, ReplyFailed) else event
        for event in events
    ]


def failure(events: list[Event]) -> UpstreamError | None:
    """The error that a stream ended with."""
    return events[-1].error if events and isinstance(events[-1], ReplyFailed) else None


def words(events: Iterable[Event]) -> str:
    """Everything that was said."""
    return "".join(event.text for event in events if isinstance(event, TextDelta | ReasoningDelta | ArgumentsDelta))
