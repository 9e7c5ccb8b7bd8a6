"""Word pieces: a text as the numbers of known pieces of words, nearly as uncased BERT models split it, in microseconds.

White space and punctuation separate words, a punctuation mark and a Chinese character are words of their own; letters
are made small and lose their accents. A word is then the longest known piece that it begins with, the longest known
continuation (`##x`) after that, and so on; a word that cannot be made up of pieces, or has more than 100 characters,
says nothing and is left out. One rule is our own, for those who ask for it: before a word is taken apart it is read as
the word that it is one slip away from, if there is such a word (spelling.py). The other rules are those of
`BertNormalizer`, `BertPreTokenizer` and `WordPiece` in the `tokenizers` library, compared with version 0.23.3. Control
characters that Python takes for white space separate words here and vanish there; the two may know different editions
of Unicode.

How it is fast: only marks of ASCII are set apart in the whole text; a word is looked up as it stands in one table of
words, and only when it is missing there is it taken apart by the full rules and remembered. Nothing is remembered any
more once the table is full, so that no stranger can fill the memory or drive out what is common. Equal texts give equal
numbers whatever was read before. Several threads may read at once: two of them may at worst work out the same word.
"""

from collections.abc import Sequence
from string import punctuation
from typing import Final
from unicodedata import category, normalize

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.spelling import Spelling

CONTINUES: Final = "##"
"""Begins the name of a piece that continues a word."""
MAX_WORD_CHARS: Final = 100
"""As in the library. It also keeps the time for a text without any space proportional to its length."""
MAX_KNOWN_WORDS: Final = 43_000
"""The 23,000 words of the vocabulary and 20,000 more. Python doubles the table's memory at 43,691."""
MAX_REMEMBERED_CHARS: Final = 32
"""Longer words hardly come back: they are worked out each time, and cannot fill the memory."""
MAX_FOLDED_CHARACTERS: Final = 8_192

_MARKS: Final = tuple((mark, f" {mark} ") for mark in punctuation)
_CJK: Final = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
"""The blocks that the library sets apart; it begins the last but one at 2B920 where Unicode says 2B820."""
_PREFIX_CHARS: Final = 3

Numbers = NDArray[np.int64]


class WordPieces:
    """Splits texts into the pieces of one vocabulary.

    Shapes: pieces (n_pieces,); the number of a piece is its place. Of two equal pieces the later one counts.
    `mends`: whether misspelt words are read as those that were meant.
    """

    def __init__(self, pieces: Sequence[str], max_known_words: int = MAX_KNOWN_WORDS, *, mends: bool = False) -> None:
        self._words = _Words(pieces, max_known_words, mends)

    def numbers(self, text: str) -> Numbers:
        """The numbers of the text's pieces in order, repeats included.

        Shapes: (n_found,), empty for a text of which nothing is known; read-only.
        """
        return np.frombuffer(b"".join(map(self._words.__getitem__, _chunks(text))), dtype=np.int64)

    def distinct_numbers(self, text: str) -> Numbers:
        """The numbers of the pieces that the text holds, each once, rising.

        Shapes: (n_distinct,).
        """
        # Words first: to look a word up costs more than to see that it was there.
        found = np.frombuffer(b"".join(map(self._words.__getitem__, set(_chunks(text)))), dtype=np.int64)
        in_order = np.sort(found)
        is_new = np.empty(len(in_order), dtype=np.bool_)
        is_new[:1] = True
        np.not_equal(in_order[1:], in_order[:-1], out=is_new[1:])
        return in_order[is_new]


class _Words(dict[str, bytes]):
    """Word as it stands in a text -> its pieces' numbers as the bytes of 64-bit integers: to join them is to copy."""

    __slots__ = ("_continuations", "_max_known", "_reach", "_spelling", "_starts")

    def __init__(self, pieces: Sequence[str], max_known: int, mends: bool) -> None:
        self._starts: dict[str, bytes] = {}
        self._continuations: dict[str, bytes] = {}
        # By its first letters, how long a piece can be: spares most of the tries in a word that no one ever wrote.
        self._reach: dict[str, int] = {}
        for place, piece in enumerate(pieces):
            is_start = not piece.startswith(CONTINUES)
            name = piece if is_start else piece[len(CONTINUES) :]
            (self._starts if is_start else self._continuations)[name] = np.int64(place).tobytes()
            prefix = name[:_PREFIX_CHARS]
            self._reach[prefix] = max(len(name), self._reach.get(prefix, 0))
        self._max_known = max_known
        first_places: dict[str, int] = {}
        for place, piece in enumerate(pieces):
            first_places.setdefault(piece, place)
        self._spelling = Spelling(first_places) if mends else None
        # The vocabulary's own words come first, so that strange texts cannot keep them out of the table.
        super().__init__((word, number) for word, number in self._starts.items() if _is_plain(word))

    def __missing__(self, chunk: str) -> bytes:
        found = b"".join(map(self._pieces_of, split_words(chunk)))
        if len(self) < self._max_known and len(chunk) <= MAX_REMEMBERED_CHARS:
            self[chunk] = found
        return found

    def _pieces_of(self, word: str) -> bytes:
        """The numbers of one plain word, nothing if it cannot be made up."""
        n = len(word)
        if n > MAX_WORD_CHARS:
            return b""
        whole = self._starts.get(word)
        if whole is not None:
            return whole
        meant = None if self._spelling is None else self._spelling.meant_by(word)
        if meant is not None:
            return np.int64(meant).tobytes()
        found, known, start = [], self._starts, 0
        while start < n:
            reach = self._reach.get(word[start : start + _PREFIX_CHARS], _PREFIX_CHARS)
            for end in range(min(n, start + reach), start, -1):
                number = known.get(word[start:end])
                if number is not None:
                    found.append(number)
                    known, start = self._continuations, end
                    break
            else:
                return b""
        return b"".join(found)


class _Folded(dict[int, str]):
    """Code point -> what the full rules make of it, with spaces around what stands alone; bounded."""

    def __missing__(self, point: int) -> str:
        folded = "".join(map(_fold, _decompose(chr(point))))
        if len(self) < MAX_FOLDED_CHARACTERS:
            self[point] = folded
        return folded


_FOLDED: Final = _Folded()


def split_words(text: str) -> list[str]:
    """The words of a text by the full rules, as the vocabulary would spell them."""
    if text.isascii() and text.isalnum():
        return [text.lower()]
    return text.translate(_FOLDED).split()


def _chunks(text: str) -> list[str]:
    """The text cut at white space and marks of ASCII: words, but for what is beyond ASCII in them."""
    if not text.isascii():
        # Python alone makes a small sigma at a word's end another letter.
        text = text.replace("Σ", "σ")
    text = text.lower()
    for mark, apart in _MARKS:
        if mark in text:
            text = text.replace(mark, apart)
    return text.split()


def _is_plain(word: str) -> bool:
    """Whether a chunk that reads like this is this very word."""
    return word.isascii() and split_words(word) == [word] and len(word) <= MAX_WORD_CHARS


def _decompose(character: str) -> str:
    """The character without what is dropped: controls, accents; a Chinese character set apart."""
    if character in "\t\n\r":
        return " "
    if character == "\ufffd" or category(character) in ("Cc", "Cf", "Co", "Cs"):
        return ""
    parts = "".join(part for part in normalize("NFD", character) if category(part) != "Mn")
    point = ord(character)
    return f" {parts} " if any(first <= point <= last for first, last in _CJK) else parts


def _fold(character: str) -> str:
    small = character.lower()
    return f" {small} " if character in punctuation or category(character)[0] == "P" else small
