from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing.features.text_hashing import (
    MAX_BYTES,
    N_BUCKETS,
    RUN_BYTES,
    encode_text,
    hash_ngrams,
)

_MASK = 0xFFFFFFFF
_BASE = 0x01000193
PINNED_SUM = 1232408


def slow_hash(text: str) -> list[int]:
    """The same definition in plain integers, one n-gram at a time."""

    def code(byte: int) -> int:
        folded = byte + 32 if 65 <= byte <= 90 else 48 if 48 <= byte <= 57 else byte
        value = (folded + 1) * 0x9E3779B1 & _MASK
        value = (value ^ (value >> 16)) * 0x21F0AAAD & _MASK
        return (value ^ (value >> 15)) * 0x735A2D97 & _MASK

    def slice_hash(data: bytes) -> int:
        return sum(code(byte) * pow(_BASE, place + 1, 1 << 32) for place, byte in enumerate(data)) & _MASK

    def bucket(value: int) -> int:
        value = (value ^ (value >> 15)) * 0x85EBCA6B & _MASK
        return value >> 16

    data = b" " + text.encode("utf-8", "surrogatepass")[: MAX_BYTES - 2] + b" "
    words, word = [], b""
    for byte in data:
        if (chr(byte).isalnum() and byte < 128) or byte >= 128:
            word += bytes([byte])
        elif word:
            words.append(slice_hash(word))
            word = b""
    pairs = [(left * 0xC2B2AE35 + right) & _MASK for left, right in pairwise(words)]
    runs = [
        (slice_hash(data[start + 1 : start + 1 + RUN_BYTES]) + 0xC2B2AE35) & _MASK
        for start in range(len(data) - RUN_BYTES)
    ]
    return [bucket(value) for value in [*words, *pairs, *runs]]


@given(st.text(max_size=60))
def test_the_array_hash_is_the_plain_definition(text: str) -> None:
    assert hash_ngrams(encode_text(text)).tolist() == slow_hash(text)


def test_buckets_are_pinned_so_that_a_shipped_table_keeps_its_meaning() -> None:
    buckets = hash_ngrams(encode_text("What is the capital of Peru?"))

    assert buckets[:4].tolist() == slow_hash("What is the capital of Peru?")[:4]
    assert int(buckets.astype(np.int64).sum()) == PINNED_SUM


def test_case_and_the_value_of_digits_do_not_matter() -> None:
    assert hash_ngrams(encode_text("Add 12 AND 34")).tolist() == hash_ngrams(encode_text("add 77 and 09")).tolist()


def test_a_word_has_the_same_bucket_wherever_it_stands() -> None:
    alone = hash_ngrams(encode_text("integral"))[0]
    later = hash_ngrams(encode_text("please solve this integral"))[3]

    assert alone == later


@given(st.text(alphabet=st.characters(codec=None), max_size=3_000))
def test_any_text_gives_buckets_in_range(text: str) -> None:
    buckets = hash_ngrams(encode_text(text))

    assert buckets.dtype == np.uint32
    assert len(buckets) == 0 or int(buckets.max()) < N_BUCKETS


def test_empty_text_has_no_ngrams_and_a_lone_surrogate_passes() -> None:
    assert len(hash_ngrams(encode_text(""))) == 0
    assert len(hash_ngrams(encode_text("\ud800"))) > 0


def test_a_text_of_a_megabyte_is_cut() -> None:
    data = encode_text("wörd " * 200_000)

    assert len(data) == MAX_BYTES
    assert len(hash_ngrams(data)) < 2 * MAX_BYTES
