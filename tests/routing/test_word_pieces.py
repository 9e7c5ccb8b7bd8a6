import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing.features.word_pieces import (
    MAX_REMEMBERED_CHARS,
    MAX_WORD_CHARS,
    WordPieces,
    split_words,
)

VOCABULARY = (
    *("the", "un", "##aff", "##able", "able", "a", "##a", "b", "##b", "##ab", "aff", "cafe", ",", ".", "(", ")"),
    *("漢", "字", "–", "σ", "##σ", "don", "'", "t", "2024", "##s", "[", "]", "unk", "e", "##e"),
)
ALPHABET = "ab unfle.,()é\u0301É\tΣσ漢字–—\u00a0\u200b\n'ABs\x00😀"


def pieces_of(text: str, vocabulary: tuple[str, ...] = VOCABULARY) -> list[str]:
    return [vocabulary[number] for number in WordPieces(vocabulary).numbers(text).tolist()]


def plain_pieces(text: str) -> list[str]:
    """The published rules, step by step over the whole text, without any table of words."""
    cleaned = ""
    for character in text:
        if character in "\t\n\r" or unicodedata.category(character) == "Zs":
            cleaned += " "
        elif unicodedata.category(character) in ("Cc", "Cf", "Co") or character == "\ufffd":
            pass
        elif "\u4e00" <= character <= "\u9fff":
            cleaned += f" {character} "
        else:
            cleaned += character
    bare = "".join(c for c in unicodedata.normalize("NFD", cleaned) if unicodedata.category(c) != "Mn")
    spaced = ""
    for character in "".join(c.lower() for c in bare):
        is_mark = unicodedata.category(character).startswith("P") or character in "$+<=>^`|~"
        spaced += f" {character} " if is_mark else character
    found = []
    for word in spaced.split():
        parts: list[str] = []
        rest = word
        while rest:
            sizes = range(len(rest), 0, -1)
            part = next((n for n in sizes if ("##" if parts else "") + rest[:n] in VOCABULARY), 0)
            if not part or len(word) > 100:
                parts = []
                break
            parts.append(("##" if parts else "") + rest[:part])
            rest = rest[part:]
        found += parts
    return found


@given(st.text(alphabet=ALPHABET, max_size=40))
def test_the_fast_way_finds_what_the_rules_say(text: str) -> None:
    assert pieces_of(text) == plain_pieces(text)


@given(st.text(alphabet=ALPHABET, max_size=40))
def test_distinct_numbers_are_those_of_the_text_once_each_and_rising(text: str) -> None:
    words = WordPieces(VOCABULARY)

    assert words.distinct_numbers(text).tolist() == sorted(set(words.numbers(text).tolist()))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" \t\r\n", []),
        ("unaffable", ["un", "##aff", "##able"]),
        ("The CAFÉ, the café.", ["the", "cafe", ",", "the", "cafe", "."]),
        ("cafe\u0301", ["cafe"]),
        ("(the)", ["(", "the", ")"]),
        ("don't", ["don", "'", "t"]),
        ("a漢字b", ["a", "漢", "字", "b"]),
        ("a–b", ["a", "–", "b"]),
        ("ΣΣ", ["σ", "##σ"]),
        ("[UNK]", ["[", "unk", "]"]),
        ("a\u200bb", ["a", "##b"]),
        ("a\u00a0b", ["a", "b"]),
        ("the 2024s", ["the", "2024", "##s"]),
    ],
)
def test_a_text_is_split_as_the_rules_of_the_vocabulary_say(text: str, pieces: list[str]) -> None:
    assert pieces_of(text) == pieces


def test_a_word_that_cannot_be_made_up_says_nothing_at_all() -> None:
    assert pieces_of("the unaffablez b") == ["the", "b"]


def test_the_longest_piece_goes_first() -> None:
    assert pieces_of("aab") == ["a", "##ab"]


def test_a_word_of_more_than_100_characters_is_left_out() -> None:
    assert len(pieces_of("a" * MAX_WORD_CHARS)) == MAX_WORD_CHARS
    assert pieces_of("a" * (MAX_WORD_CHARS + 1)) == []


def test_a_megabyte_without_a_space_is_read_in_one_pass() -> None:
    tries = CountingDict(a=b"")
    words = WordPieces(("a", "##a"))
    words._words._starts = tries

    assert len(words.numbers("ab" * 500_000)) == 0
    assert tries.n_asked == 0


class CountingDict(dict[str, bytes]):
    """Counts how often it is asked."""

    n_asked = 0

    def get(self, key: str, default: object = None) -> bytes | None:  # type: ignore[override]
        self.n_asked += 1
        return super().get(key)


def test_words_are_tried_a_bounded_number_of_times_per_character() -> None:
    vocabulary = ("b" * 60, "a", *(f"##{'b' * n}" for n in range(50, 60)), "##a")
    words = WordPieces(vocabulary)
    tries = CountingDict(words._words._continuations)
    words._words._continuations = tries

    assert len(words.numbers("a" * 100)) == 100
    assert tries.n_asked <= 300


def test_the_table_of_words_stops_growing_and_keeps_the_vocabulary() -> None:
    n_own = len(WordPieces(VOCABULARY)._words)
    words = WordPieces(VOCABULARY, max_known_words=n_own + 3)

    for number in range(50):
        words.numbers(f"strange{number} the")

    assert len(words._words) == n_own + 3
    assert words.numbers("the").tolist() == [VOCABULARY.index("the")]


def test_a_long_word_is_worked_out_but_not_remembered() -> None:
    words = WordPieces(VOCABULARY)
    n_known = len(words._words)

    assert len(words.numbers("b" * (MAX_REMEMBERED_CHARS + 1))) == MAX_REMEMBERED_CHARS + 1
    assert len(words._words) == n_known


@given(st.lists(st.text(alphabet=ALPHABET, max_size=20), max_size=6), st.text(alphabet=ALPHABET, max_size=20))
def test_what_was_read_before_changes_nothing(before: list[str], text: str) -> None:
    words = WordPieces(VOCABULARY, max_known_words=24)

    for other in before:
        words.numbers(other)

    assert words.numbers(text).tolist() == WordPieces(VOCABULARY).numbers(text).tolist()


@given(st.text(st.characters(), max_size=30))
def test_any_text_is_read_even_with_lone_surrogates(text: str) -> None:
    numbers = WordPieces(VOCABULARY).numbers(text)

    assert ((numbers >= 0) & (numbers < len(VOCABULARY))).all()


def test_no_character_keeps_a_mark_or_a_control_inside_a_word() -> None:
    for point in range(sys.maxunicode + 1):
        for word in split_words(chr(point)):
            assert len(word) == 1 or not any(unicodedata.category(c)[0] == "P" for c in word), hex(point)
            assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in word), hex(point)


def test_an_empty_vocabulary_knows_nothing() -> None:
    assert pieces_of("the café", ()) == []
