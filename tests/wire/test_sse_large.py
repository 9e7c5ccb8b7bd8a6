"""A huge event costs its length, not its square."""

from fairlead.wire.sse import EventSplitter


def test_an_event_in_a_thousand_pieces_is_joined_once_and_whole() -> None:
    splitter = EventSplitter()
    piece = b"x" * 8_192
    assert splitter.feed(b"data: ") == []
    assert all(splitter.feed(piece) == [] for _ in range(1_000))
    assert splitter.rest() == b"data: " + piece * 1_000
    assert splitter.feed(b"\n\ndata: next\n\n") == [b"data: " + piece * 1_000 + b"\n\n", b"data: next\n\n"]


def test_a_carriage_return_that_waits_for_its_line_feed_is_not_forgotten() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"data: a\r\r") == []
    assert splitter.feed(b"data: b") == [b"data: a\r\r"]
