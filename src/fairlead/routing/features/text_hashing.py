"""Hashed n-grams of a text: words, pairs of words and runs of five bytes, as bucket numbers, in one pass of numpy.

The law of this file: the same text gives the same buckets on every platform, release and run. So only unsigned 32-bit
arithmetic that wraps around is used, and neither Python's `hash` nor floating point.

How it is fast: the text is encoded once, each byte becomes a code, and the prefix sums P of code_i * M^i (modulo 2^32)
give the hash of any slice as (P[end] - P[start]) * M^-start, whatever its place. All words are hashed by three array
operations, and so are all runs of five bytes. Letter case and the value of digits are folded away.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

N_BUCKET_BITS: Final = 16
N_BUCKETS: Final = 1 << N_BUCKET_BITS
MAX_BYTES: Final = 6_000
"""Longer texts are cut: an outline holds at most about 1,850 characters, three bytes each in most scripts but Latin."""
RUN_BYTES: Final = 5
"""Length of the byte runs: the best of 3, 4 and 5 on held-out difficulty by .01; one length costs a third of three."""

_MODULUS: Final = 1 << 32
HASH_BASE: Final = 0x01000193
"""The multiplier of the FNV-1a hash (http://www.isthe.com/chongo/tech/comp/fnv/): odd, so it has an inverse."""
HASH_PAIR: Final = np.uint32(0xC2B2AE35)
HASH_MIX: Final = np.uint32(0x85EBCA6B)
"""Both are constants of MurmurHash3's finaliser: odd, with well spread bits."""
_HALF: Final = np.uint32(15)
_TO_BUCKET: Final = np.uint32(32 - N_BUCKET_BITS)

Bytes = NDArray[np.uint8]
Buckets = NDArray[np.uint32]


def _powers(base: int) -> NDArray[np.uint32]:
    powers, value = [], 1
    for _ in range(MAX_BYTES + 2):
        powers.append(value)
        value = value * base % _MODULUS
    return np.array(powers, dtype=np.uint32)


def _byte_codes() -> NDArray[np.uint32]:
    """One well-mixed code per byte; capitals share the code of their small letter, all digits that of zero."""
    codes = []
    for byte in range(256):
        folded = byte + 32 if 65 <= byte <= 90 else 48 if 48 <= byte <= 57 else byte
        value = (folded + 1) * 0x9E3779B1 % _MODULUS
        value = (value ^ (value >> 16)) * 0x21F0AAAD % _MODULUS
        codes.append((value ^ (value >> 15)) * 0x735A2D97 % _MODULUS)
    return np.array(codes, dtype=np.uint32)


def _word_bytes() -> NDArray[np.bool_]:
    """Bytes that words are made of: ASCII letters and digits, and every byte of a longer UTF-8 sequence."""
    inside = np.zeros(256, dtype=np.bool_)
    inside[48:58] = inside[65:91] = inside[97:123] = True
    inside[128:] = True
    return inside


_POWERS: Final = _powers(HASH_BASE)
_INVERSES: Final = _powers(pow(HASH_BASE, -1, _MODULUS))
BYTE_CODES: Final = _byte_codes()
IN_WORD: Final = _word_bytes()


def encode_text(text: str) -> Bytes:
    """The text as bytes between two spaces; lone surrogates pass, and what exceeds MAX_BYTES is cut.

    Shapes: (n_bytes,), at least 2.
    """
    data = text.encode("utf-8", "surrogatepass")[: MAX_BYTES - 2]
    return np.frombuffer(b" " + data + b" ", dtype=np.uint8)


def hash_ngrams(data: Bytes) -> Buckets:
    """The buckets of all words, pairs of neighbouring words and byte runs of an encoded text, repeats included.

    Shapes: data (n_bytes,) from encode_text -> (n_ngrams,), empty for an empty text.
    """
    n = len(data)
    prefix = (BYTE_CODES.take(data) * _POWERS[:n]).cumsum(dtype=np.uint32)
    # Tagged by an addition: a five-letter word and the same run of five bytes are two features.
    runs = (prefix[RUN_BYTES:] - prefix[:-RUN_BYTES]) * _INVERSES[: max(0, n - RUN_BYTES)] + HASH_PAIR
    return _buckets_of((*_words_and_pairs(data, prefix), runs))


def _words_and_pairs(data: Bytes, prefix: Buckets) -> tuple[Buckets, Buckets]:
    """Hashes of words and of pairs, from the prefix sums of their bytes."""
    inside = IN_WORD.take(data)
    # A text begins and ends with a space, so changes between outside and inside come in pairs: before and at the end.
    flips = (inside[1:] != inside[:-1]).nonzero()[0]
    starts, ends = flips[0::2], flips[1::2]
    words = (prefix.take(ends) - prefix.take(starts)) * _INVERSES.take(starts)
    return words, words[:-1] * HASH_PAIR + words[1:]


def _buckets_of(hashes: tuple[Buckets, ...]) -> Buckets:
    """The upper bits of well-mixed hashes."""
    mixed = np.concatenate(hashes)
    mixed ^= mixed >> _HALF
    mixed *= HASH_MIX
    return mixed >> _TO_BUCKET
