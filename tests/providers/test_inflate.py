"""The inflater on its own: any splitting, any junk, bounded growth."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.providers.inflate import STEP_BYTES, InflateError, Inflater


def inflated(encoding: str, pieces: list[bytes]) -> bytes:
    inflater = Inflater(encoding)
    out = b""
    for piece in pieces:
        inflater.feed(piece)
        while got := inflater.step():
            assert len(got) <= STEP_BYTES
            out += got
    assert inflater.has_ended
    return out


@given(st.binary(max_size=3000), st.integers(1, 100), st.sampled_from(["gzip", "deflate", "raw", "two"]))
def test_what_was_packed_comes_out_whole_for_every_splitting(data: bytes, size: int, how: str) -> None:
    packed = {
        "gzip": gzip.compress(data),
        "deflate": zlib.compress(data),
        "raw": zlib.compress(data, wbits=-15),
        "two": gzip.compress(data[:10]) + gzip.compress(data[10:]),
    }[how]
    encoding = "deflate" if how in ("deflate", "raw") else "gzip"
    assert inflated(encoding, [packed[at : at + size] for at in range(0, len(packed), size)]) == data


def test_more_than_one_step_of_output_comes_in_steps() -> None:
    data = bytes(range(256)) * 8000
    assert inflated("gzip", [gzip.compress(data)]) == data


@given(st.binary(min_size=1, max_size=200))
def test_junk_is_an_error_or_an_unfinished_body_and_never_an_answer(junk: bytes) -> None:
    inflater = Inflater("gzip")
    inflater.feed(junk)
    try:
        while inflater.step():
            pass
    except InflateError:
        return
    assert not inflater.has_ended


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(InflateError, match="does not decode"):
        inflated("gzip", [gzip.compress(b"a") + b"rubbish that is no member"])
    with pytest.raises(InflateError, match="after the end"):
        inflated("deflate", [zlib.compress(b"a"), b"more"])


def test_members_in_a_row_are_limited() -> None:
    with pytest.raises(InflateError, match="after the end"):
        inflated("gzip", [gzip.compress(b"") * 1000])


def test_an_empty_body_has_ended() -> None:
    assert inflated("gzip", []) == b""
