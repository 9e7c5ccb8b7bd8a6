"""Server-sent events: however the bytes are cut, the same events come out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import GarbledError
from fairlead.wire.sse import EVENT_CAP_BYTES, EventSplitter, data_of, write_comment, write_event

LINE_ENDS = (b"\n", b"\r\n", b"\r")

lines = st.sampled_from(
    [b"data: {}", b"data:x", b"data: ", b": comment", b"event: delta", b"id: 1", b"data", b"data: \xc3\xa9"]
)
ends = st.sampled_from(LINE_ENDS)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A stream whose every line may end in its own way, and whose events are one to four lines."""
    pieces = [b"\xef\xbb\xbf"] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 6))):
        for _ in range(draw(st.integers(1, 4))):
            pieces.append(draw(lines) + draw(ends))
        pieces.append(draw(ends))
    pieces.append(draw(st.sampled_from([b"", b"data: half", b"\r", b"\n"])))
    return b"".join(pieces)


def fed(data: bytes, cuts: list[int]) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    events = [event for a, b in pairwise(places) for event in splitter.feed(data[a:b])]
    return events, splitter.rest()


def lines_of(data: bytes) -> list[bytes]:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def events_by_the_book(data: bytes) -> list[bytes]:
    """The data of each event, by the specification's own algorithm, line by line."""
    found: list[bytes] = []
    held: list[bytes] = []
    for line in lines_of(data.removeprefix(b"\xef\xbb\xbf"))[:-1]:
        if line == b"":
            if held:
                found.append(b"\n".join(held))
            held = []
        elif line.startswith(b"data:"):
            held.append(line[5:].removeprefix(b" "))
    return found


@given(streams(), st.lists(st.integers(0, 400), max_size=12))
def test_any_chunking_gives_the_same_events(data: bytes, cuts: list[int]) -> None:
    assert fed(data, cuts) == fed(data, [])


@given(streams())
def test_byte_by_byte_gives_the_same_events(data: bytes) -> None:
    assert fed(data, list(range(len(data)))) == fed(data, [])


@given(streams(), st.lists(st.integers(0, 400), max_size=12))
def test_no_byte_is_lost_but_the_byte_order_mark(data: bytes, cuts: list[int]) -> None:
    events, rest = fed(data, cuts)
    assert b"".join(events) + rest == data.removeprefix(b"\xef\xbb\xbf")


@given(streams())
def test_events_carry_the_data_that_the_specification_reads(data: bytes) -> None:
    whole = data + b"\n\n"  # so that nothing is left over on either side
    events, _ = fed(whole, [])
    assert [data_of(event) for event in events if data_of(event)] == [
        text for text in events_by_the_book(whole) if text
    ]


@pytest.mark.parametrize("ends", [a + b for a in LINE_ENDS for b in LINE_ENDS if a + b != b"\r\n"])
def test_every_pair_of_line_ends_makes_a_blank_line(ends: bytes) -> None:
    events, rest = fed(b"data: a" + ends + b"data: b", [])
    assert ([data_of(event) for event in events], rest) == ([b"a"], b"data: b")


def test_a_crlf_alone_does_not_end_an_event() -> None:
    assert fed(b"data: a\r\ndata: b\r\n", []) == ([], b"data: a\r\ndata: b\r\n")


def test_a_byte_order_mark_cut_in_two_is_taken_off() -> None:
    assert fed(b"\xef\xbb\xbfdata: a\n\n", [1, 2]) == ([b"data: a\n\n"], b"")


def test_a_byte_order_mark_later_on_is_text() -> None:
    assert fed(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [])[0][1] == b"\xef\xbb\xbfdata: b\n\n"


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: a\n\n", b"a"),
        (b"data:a\n\n", b"a"),
        (b"data:  a\n\n", b" a"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"data: a\r\ndata: b\r\n\r\n", b"a\nb"),
        (b"data: a\rdata: b\r\r", b"a\nb"),
        (b": keep-alive\n\n", b""),
        (b": note\ndata: a\n\n", b"a"),
        (b"event: x\nid: 3\ndata: a\n\n", b"a"),
        (b"event: ping\n\n", b""),
        (b"database: a\n\n", b""),
        (b"\n\n", b""),
    ],
)
def test_the_data_of_an_event(event: bytes, data: bytes) -> None:
    assert data_of(event) == data


def test_an_event_that_never_ends_is_garbage() -> None:
    splitter = EventSplitter()
    piece = b"x" * (EVENT_CAP_BYTES // 4)
    for _ in range(4):
        splitter.feed(piece)
    with pytest.raises(GarbledError, match="longer than"):
        splitter.feed(b"x")


def test_many_events_may_together_be_longer_than_the_cap_of_one() -> None:
    event = b"data: " + b"x" * (EVENT_CAP_BYTES // 2) + b"\n\n"
    assert [len(found) for found in EventSplitter().feed(event * 3)] == [len(event)] * 3


@given(st.text())
def test_a_comment_of_any_text_is_one_event_without_data(text: str) -> None:
    comment = write_comment(text.encode("utf-8", "replace").decode())
    events, rest = fed(comment, [])
    assert (events, rest) == ([comment], b"")
    assert data_of(comment) == b""


@given(st.binary().filter(lambda data: b"\n" not in data and b"\r" not in data))
def test_what_is_written_is_what_is_read(data: bytes) -> None:
    events, rest = fed(write_event(data), [])
    assert rest == b""
    assert [data_of(event) for event in events] == [data]
