"""Spelling: which word of a vocabulary a misspelt one may have meant.

A word of small letters a to z that the vocabulary does not hold is read as one that it holds and that is one slip away:
a letter left out, put in, put in another's place, or two neighbours swapped. Of several the one that begins alike, then
the one that stands first, since vocabularies go from frequent to rare. Taken apart into pieces instead, as an uncased
BERT model does it, one slip in twenty words sent a fifth of the requests of a public source to another model.

How it is fast: two words one slip apart become equal when at most one letter is left out of each (symmetric deletion;
Garbe 2012, "1000x faster spelling correction", https://github.com/wolfgarbe/SymSpell). The hashes of all words with one
letter left out are kept in order, in two arrays; what a hash finds is compared letter by letter.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

MIN_CHARS: Final = 5
MAX_CHARS: Final = 24
"""Of words that are mended, and of those that they are taken for."""

_BASE: Final = 0x9E3779B97F4A7C15
"""An odd number with well spread bits (2^64 over the golden ratio), so that it has an inverse modulo 2^64."""
_MASK: Final = (1 << 64) - 1
_INVERSE: Final = pow(_BASE, -1, 1 << 64)
_A: Final = ord("a")


_POWERS: Final = tuple(pow(_BASE, place, 1 << 64) for place in range(MAX_CHARS))


class Spelling:
    """The words of one vocabulary: word -> its number. Holds constant arrays: several threads may ask at once."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._words = [word for word in numbers if is_mendable(word)]
        self._numbers = [numbers[word] for word in self._words]
        self._hashes, self._owners = _shortened(self._words)

    def meant_by(self, word: str) -> int | None:
        """The number of the word that was meant; None if there is none, or this is no word of small letters.

        A word that the vocabulary holds is for the caller to find: here it would be one slip away from itself.
        """
        if not is_mendable(word):
            return None
        hashes = _hashes_of(word)
        firsts, lasts = (self._hashes.searchsorted(hashes, side).tolist() for side in ("left", "right"))
        best = None
        for first, last in zip(firsts, lasts, strict=True):
            for owner in self._owners[first:last].tolist():
                candidate = self._words[owner]
                if is_one_slip(word, candidate):
                    order = candidate[0] != word[0], self._numbers[owner]
                    best = order if best is None else min(best, order)
        return None if best is None else best[1]


def is_mendable(word: str) -> bool:
    """Whether this is a word of small letters, neither too short to tell what was meant nor endless."""
    return MIN_CHARS <= len(word) <= MAX_CHARS and word.isascii() and word.isalpha() and word.islower()


def is_one_slip(one: str, other: str) -> bool:
    """Whether two words are equal but for one letter left out, put in or exchanged, or two neighbours swapped."""
    n = min(len(one), len(other))
    start = next((at for at in range(n) if one[at] != other[at]), n)
    a, b = one[start:], other[start:]
    is_swap = a[:1] == b[1:2] and a[1:2] == b[:1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or is_swap


def _hashes_of(word: str) -> NDArray[np.uint64]:
    """Of the word, and of the word without each of its letters; a polynomial modulo 2^64. Shapes: (n_letters + 1,)."""
    terms = [(ord(letter) - _A + 1) * power & _MASK for letter, power in zip(word, _POWERS, strict=False)]
    whole, before, found = sum(terms) & _MASK, 0, []
    for term in terms:
        # What follows the letter that is left out moves forward by one place.
        found.append(before + (whole - before - term) * _INVERSE & _MASK)
        before += term
    return np.array([whole, *found], dtype=np.uint64)


def _shortened(words: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashes of all words and of each without one of its letters, rising, and whose each is.

    Shapes: two of (n_hashes,).
    """
    letters = np.zeros((len(words), MAX_CHARS), dtype=np.uint64)
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    held = np.arange(MAX_CHARS) < lengths[:, None]
    letters[held] = np.frombuffer("".join(words).encode("ascii"), dtype=np.uint8) - np.uint8(_A - 1)
    terms = letters * np.array(_POWERS, dtype=np.uint64)
    ends = terms.cumsum(axis=1, dtype=np.uint64)
    whole = ends[:, -1:]
    shorter = (ends - terms) + (whole - ends) * np.uint64(_INVERSE)
    owners = np.broadcast_to(np.arange(len(words))[:, None], held.shape)
    hashes = np.concatenate((whole[:, 0], shorter[held]))
    whose = np.concatenate((np.arange(len(words)), owners[held]))
    order = hashes.argsort(kind="stable")
    return hashes[order], whose[order]
