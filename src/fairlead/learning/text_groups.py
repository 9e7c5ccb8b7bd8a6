"""Text groups: texts that ask the same thing, so that none is trained on in one fold and tested on in another.

Three rules, each joined with the others by transitivity:

1. Equal texts: the same letters and digits once case, spacing and punctuation are folded away.
2. Equal words in another order (reordered options), from 8 words up.
3. One passage in two frames (another instruction around the same question): the two texts share one unbroken run of at
   least 12 words, which holds at least half of the shorter text's own 8-word shingles, and nothing else.

A shingle is a text's own when at most 4 distinct texts have it: what more have is a frame or a template. A text with
one changed number or name is another text: there the shared words fall into two runs, or what differs beyond the run is
at most 3 words in both texts. Doubtful cases are joined rather than kept apart: a group too large costs a fold some
balance, a leak costs the truth of every figure.

Cost: about linear in the number of words; shingles that no other text has are dropped by one sort. Of a text longer
than 40,000 characters rules 2 and 3 see head and tail.
"""

import heapq
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.outcomes import Ints

SHINGLE_WORDS: Final = 8
MAX_TEXTS_PER_SHINGLE: Final = 4
MIN_RUN_WORDS: Final = 12
MIN_OWN_SHARE: Final = 0.5
"""Thresholds of rule 3, set by hand on templates and reframed questions; the tests hold the cases on either side."""

_EDGE_WORDS: Final = 3
_MIN_WORDS_FOR_ORDER: Final = 8
_SAMPLE_CHARS: Final = 40_000

_NOT_WORD: Final = re.compile(r"[\W_]+")
# Scripts without spaces between words count each letter as a word: Thai to Lao, kana, CJK.
_WORD: Final = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
_SEED: Final = 0x5EED
"""Of the words' hash codes; any number does: it decides which collisions (one in 2^64 a pair) happen."""


def group_texts(texts: Sequence[str]) -> Ints:
    """The number of each text's group, in order of first appearance; see the rules at the head of this file.

    Shapes: (n_texts,).
    """
    exact = _numbered([folded(text) for text in texts])
    firsts = np.unique(exact, return_index=True)[1] if len(exact) else np.empty(0, dtype=np.int64)
    words = _Words([texts[place] for place in firsts.tolist()])
    groups = _Union(len(firsts))
    for one, other in words.reordered():
        groups.join(one, other)
    for one, other in words.reframed():
        groups.join(one, other)
    return _numbered([groups.root(number) for number in exact.tolist()])


def grouped_folds(groups: Ints, n_folds: int, seed: int) -> Ints:
    """The fold of each query, no group split, sizes as equal as the groups allow.

    The largest group goes first, always to the smallest fold; which of equal groups goes where is drawn by `seed`.
    Shapes: groups, result (n_queries,).
    Raises: ValueError when there are fewer groups than folds: some fold would be empty.
    """
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if not 1 <= n_folds <= len(sizes):
        raise ValueError(f"{len(sizes)} groups cannot be split into {n_folds} folds")
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    fold_of_group = np.empty(len(sizes), dtype=np.int64)
    heap = [(0, fold) for fold in range(n_folds)]
    for group, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        filled, fold = heap[0]
        heapq.heapreplace(heap, (filled + size, fold))
        fold_of_group[group] = fold
    return fold_of_group[number.reshape(-1)]


def folded(text: str) -> str:
    """A text without case, spacing and punctuation; one of nothing else (emoji, say) keeps all but its spacing."""
    return _NOT_WORD.sub("", text.casefold()) or " ".join(text.split())


def _numbered(keys: Sequence[object]) -> Ints:
    index: dict[object, int] = {}
    return np.array([index.setdefault(key, len(index)) for key in keys], dtype=np.int64)


class _Union:
    """Sets of numbers that grow together; the smallest is the root."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low


class _Words:
    """The words of all texts, one after the other, as hash codes.

    Shapes: codes (n_words,), starts (n_texts + 1,).
    """

    def __init__(self, texts: Sequence[str]) -> None:
        index: dict[str, int] = {}
        places: list[int] = []
        starts = [0]
        for text in texts:
            places += [index.setdefault(word, len(index)) for word in _WORD.findall(_sampled(text).casefold())]
            starts.append(len(places))
        self.starts = np.array(starts, dtype=np.int64)
        self.codes = np.random.default_rng(_SEED).integers(0, 1 << 64, len(index), dtype=np.uint64)[
            np.array(places, dtype=np.int64)
        ]

    def reordered(self) -> list[tuple[int, int]]:
        """Pairs of texts with the same words, each as often, in whatever order."""
        n_words = np.diff(self.starts)
        sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(self.codes, dtype=np.uint64)])
        bags = sums[self.starts[1:]] - sums[self.starts[:-1]]  # wraps: a sum of hash codes is one of the bag
        texts = np.flatnonzero(n_words >= _MIN_WORDS_FOR_ORDER)
        order = texts[np.argsort(bags[texts], kind="stable")]
        same = (bags[order[1:]] == bags[order[:-1]]) & (n_words[order[1:]] == n_words[order[:-1]])
        return list(zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True))

    def reframed(self) -> list[tuple[int, int]]:
        """Pairs of texts that are one passage in two frames."""
        shared = self._shared_shingles()
        return (
            []
            if shared is None
            else [shared.pair(at) for at in range(len(shared.bounds) - 1) if self._is_one(shared, at)]
        )

    def _shared_shingles(self) -> "_Shared | None":
        """Every own shingle that two texts have, as places in both, ordered by pair."""
        text, at, shingle = self._shingles()
        order = np.argsort(shingle, kind="stable")
        text, at, shingle = text[order], at[order], shingle[order]
        # Within one text the first place of a shingle stands for all: a repeated line is not a second text.
        is_new = np.ones(len(order), dtype=np.bool_)
        is_new[1:] = (shingle[1:] != shingle[:-1]) | (text[1:] != text[:-1])
        text, at, shingle = text[is_new], at[is_new], shingle[is_new]
        begins = (
            np.flatnonzero(np.concatenate([[True], shingle[1:] != shingle[:-1]])) if len(text) else np.empty(0, int)
        )
        n_texts = np.diff(np.append(begins, len(text)))
        n_texts_of = np.repeat(n_texts, n_texts)
        is_own = n_texts_of <= MAX_TEXTS_PER_SHINGLE
        n_own = np.bincount(text[is_own], minlength=len(self.starts) - 1)
        lefts, rights = [], []
        for step in range(1, MAX_TEXTS_PER_SHINGLE):
            left = np.flatnonzero(is_own[: len(text) - step] & (shingle[: len(text) - step] == shingle[step:]))
            lefts.append(left)
            rights.append(left + step)
        left, right = np.concatenate(lefts), np.concatenate(rights)
        if not len(left):
            return None
        pair = text[left] * (len(self.starts) - 1) + text[right]
        order = np.lexsort((at[left], pair))
        left, right, pair = left[order], right[order], pair[order]
        bounds = np.append(np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]])), len(pair))
        one, other = text[left[bounds[:-1]]], text[right[bounds[:-1]]]
        is_enough = np.diff(bounds) >= MIN_OWN_SHARE * np.minimum(n_own[one], n_own[other])
        return _Shared(one, other, at[left], at[right], bounds, is_enough)

    def _shingles(self) -> tuple[Ints, Ints, NDArray[np.uint64]]:
        """Text, place and hash code of every run of SHINGLE_WORDS words, ordered by text and place."""
        n = len(self.codes) - SHINGLE_WORDS + 1
        if n <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64)
        shingle = np.zeros(n, dtype=np.uint64)
        for step in range(SHINGLE_WORDS):
            shingle = shingle * np.uint64(0x9E3779B97F4A7C15) + self.codes[step : step + n]
        text = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        is_within = text[:n] == text[SHINGLE_WORDS - 1 :]
        return text[:n][is_within], np.flatnonzero(is_within), shingle[is_within]

    def _is_one(self, shared: "_Shared", pair: int) -> bool:
        """Whether what a pair shares is one run of words that stands in two frames."""
        if not shared.is_enough[pair]:
            return False
        low, high = int(shared.bounds[pair]), int(shared.bounds[pair + 1])
        one, other = shared.pair(pair)
        a, b = int(shared.at_one[low]), int(shared.at_other[low])
        before_one, before_other = a - int(self.starts[one]), b - int(self.starts[other])
        after_one, after_other = int(self.starts[one + 1]) - a, int(self.starts[other + 1]) - b
        back, ahead = min(before_one, before_other), min(after_one, after_other)
        n_back = _n_equal(self.codes[a - back : a][::-1], self.codes[b - back : b][::-1])
        n_ahead = _n_equal(self.codes[a : a + ahead], self.codes[b : b + ahead])
        if n_back + n_ahead < MIN_RUN_WORDS:
            return False
        if shared.at_one[high - 1] > a + n_ahead - SHINGLE_WORDS:
            return False  # a second run: something in the midst was changed
        heads = self.codes[a - before_one : a - n_back], self.codes[b - before_other : b - n_back]
        tails = self.codes[a + n_ahead : a + after_one], self.codes[b + n_ahead : b + after_other]
        return not (_is_swap(*heads) or _is_swap(*(tail[::-1] for tail in tails)))


class _Shared:
    """Pairs of texts, and the places of what each shares.

    Shapes: one, other, is_enough (n_pairs,); bounds (n_pairs + 1,) into at_one, at_other (n_shared,).
    """

    def __init__(
        self, one: Ints, other: Ints, at_one: Ints, at_other: Ints, bounds: Ints, is_enough: NDArray[np.bool_]
    ) -> None:
        self._one, self._other = one, other
        self.at_one, self.at_other, self.bounds, self.is_enough = at_one, at_other, bounds, is_enough

    def pair(self, at: int) -> tuple[int, int]:
        return int(self._one[at]), int(self._other[at])


def _n_equal(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """How many words are equal before the first that is not."""
    is_other = a != b
    first = int(is_other.argmax()) if len(is_other) else 0
    return first if len(is_other) and is_other[first] else len(is_other)


def _is_swap(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> bool:
    """Whether two leftovers, seen from their far ends, differ in a word or two, as a changed number or name would."""
    n = min(len(one), len(other))
    n_equal = _n_equal(one[:n], other[:n])
    return 1 <= len(one) - n_equal <= _EDGE_WORDS and 1 <= len(other) - n_equal <= _EDGE_WORDS


def _sampled(text: str) -> str:
    if len(text) <= _SAMPLE_CHARS:
        return text
    return f"{text[: _SAMPLE_CHARS // 2]} {text[-_SAMPLE_CHARS // 2 :]}"
