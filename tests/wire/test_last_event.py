"""What stands at the end of a stream without its blank line is an event if it reads as one."""

import pytest

from fairlead.wire.last_event import has_last_event
from fairlead.wire.sse import EventSplitter


@pytest.mark.parametrize(
    ("left", "is_one"),
    [
        (b'data: {"a": 1}', True),
        (b'event: x\r\ndata: {"a": 1}\r\n', True),
        (b"data: [DONE]", True),
        (b"", False),
        (b": a comment", False),
        (b'data: {"a": 1', False),
        (b'data: {"a": "\xff', False),
        (b"data: " + b"[" * 100_000, False),
        (b"data: [DO", False),
        (b"da", False),
    ],
)
def test_what_was_cut_is_no_event(left: bytes, is_one: bool) -> None:
    splitter = EventSplitter()
    assert splitter.feed(b'data: {"first": 1}\n\n' + left) == [b'data: {"first": 1}\n\n']
    assert has_last_event(splitter) == is_one
