"""An event stream, cut anywhere: whole messages, checked; the same as AWS's own reader finds."""

import struct
from binascii import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import GarbledError
from fairlead.wire.bedrock_converse.event_stream import HEADERS_CAP_BYTES, MESSAGE_CAP_BYTES, Message, MessageSplitter
from tests.wire.bedrock_converse.event_streams import header, message, string_header
from tests.wire.reading import cut, places


def split(pieces: list[bytes]) -> list[Message]:
    splitter = MessageSplitter()
    found: list[Message] = []
    for piece in pieces:
        splitter.add(piece)
        while (one := splitter.take()) is not None:
            found.append(one)
    return found


names = st.text("abc:-", min_size=1, max_size=12)
headers = st.dictionaries(names, st.text(max_size=20), max_size=4)
bodies = st.lists(st.tuples(headers, st.binary(max_size=80)), max_size=4)


def written(each: tuple[dict[str, str], bytes]) -> bytes:
    return message(b"".join(string_header(name, value) for name, value in each[0].items()), each[1])


@given(bodies, places)
def test_any_cut_gives_the_same_messages_and_botocore_agrees(
    messages: list[tuple[dict[str, str], bytes]], at: list[int]
) -> None:
    data = b"".join(map(written, messages))
    found = split(cut(data, at))
    assert found == [Message(*each) for each in messages]
    theirs = EventStreamBuffer()
    theirs.add_data(data)
    assert [(each.headers, each.payload) for each in theirs] == messages


def test_headers_of_every_type_are_passed_over_and_strings_kept() -> None:
    all_types = b"".join(
        header(f"h{kind}", kind, b"\0" * size)
        for kind, size in {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}.items()
    )
    data = message(all_types + header("h6", 6, b"\0\2ab") + string_header("s", "é"), b"x")
    assert split([data]) == [Message({"s": "é"}, b"x")]


GOOD = message(string_header("a", "b"), b"payload")


@pytest.mark.parametrize("place", range(len(GOOD)))
def test_a_flipped_bit_anywhere_is_seen(place: int) -> None:
    broken = bytearray(GOOD)
    broken[place] ^= 1
    splitter = MessageSplitter()
    splitter.add(bytes(broken))
    with pytest.raises(GarbledError):
        splitter.take()


@pytest.mark.parametrize(
    ("total", "n_headers"),
    [(MESSAGE_CAP_BYTES + 1, 0), (2**32 - 1, 0), (15, 0), (0, 0), (40, 25), (2**20, HEADERS_CAP_BYTES + 1)],
)
def test_an_impossible_length_is_refused_before_anything_is_held(total: int, n_headers: int) -> None:
    prelude = struct.pack(">II", total, n_headers)
    splitter = MessageSplitter()
    splitter.add(prelude + struct.pack(">I", crc32(prelude)))
    with pytest.raises(GarbledError, match="impossible length"):
        splitter.take()


@pytest.mark.parametrize(
    "bad",
    [
        *(b"\x05a", b"\x01a\x63", b"\x01a\x07\xff\xff", b"\x01a\x07\x00\x01\xff", b"\x01a\x04\0"),
        *(b"\x01a\x07\0", b"\x01a"),
    ],
)
def test_headers_that_cannot_be_read_are_garbled(bad: bytes) -> None:
    splitter = MessageSplitter()
    splitter.add(message(bad, b""))
    with pytest.raises(GarbledError):
        splitter.take()


@given(st.binary(max_size=100))
def test_no_bytes_do_worse_than_garbled(data: bytes) -> None:
    splitter = MessageSplitter()
    splitter.add(data)
    try:
        while splitter.take() is not None:
            pass
    except GarbledError:
        return


def test_a_large_message_in_small_pieces_costs_its_length() -> None:
    data = message(b"", b"x" * 1_000_000)
    assert split([data[at : at + 500] for at in range(0, len(data), 500)])[0].payload == b"x" * 1_000_000
