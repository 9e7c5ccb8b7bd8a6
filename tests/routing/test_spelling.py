import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing.features.spelling import MAX_CHARS, Spelling, is_mendable, is_one_slip
from fairlead.routing.features.word_pieces import WordPieces

WORDS = (
    "theorem",
    "function",
    "junction",
    "integral",
    "integer",
    "there",
    "where",
    "x" * MAX_CHARS,
    "ABCDEF",
    "x2345y",
)
NUMBERS = {word: place for place, word in enumerate(WORDS)}
LETTERS = st.text(alphabet="abc", min_size=5, max_size=8)


def meant(word: str) -> str | None:
    number = Spelling(NUMBERS).meant_by(word)
    return None if number is None else WORDS[number]


def is_reached_by_one_edit(one: str, other: str) -> bool:
    """Every edit tried, one after another."""
    letters = sorted(set(other)) or ["a"]
    edits = {one[:at] + one[at + 1 :] for at in range(len(one))}
    edits |= {one[:at] + letter + one[at:] for at in range(len(one) + 1) for letter in letters}
    edits |= {one[:at] + letter + one[at + 1 :] for at in range(len(one)) for letter in letters}
    edits |= {one[:at] + one[at + 1] + one[at] + one[at + 2 :] for at in range(len(one) - 1)}
    return other in edits


@pytest.mark.parametrize(
    ("word", "is_meant"),
    [
        ("theorm", "theorem"),
        ("theoremm", "theorem"),
        ("theirem", "theorem"),
        ("thoerem", "theorem"),
        ("heorem", "theorem"),
        ("fucntion", "function"),
        ("theorem", "theorem"),
        ("theormes", None),
        ("treorxm", None),
        ("whee", None),
        ("Theorm", None),
        ("theor2m", None),
        ("théorem", None),
        ("abcdeg", None),
        ("x23456", None),
        ("", None),
        ("x" * (MAX_CHARS - 1), "x" * MAX_CHARS),
        ("x" * (MAX_CHARS + 1), None),
    ],
)
def test_a_word_is_taken_for_one_that_is_a_single_slip_away(word: str, is_meant: str | None) -> None:
    assert meant(word) == is_meant


def test_of_several_the_one_that_begins_alike_is_meant_then_the_more_common_one() -> None:
    assert meant("wunction") == "function"
    assert meant("jfnction") == "junction"
    assert Spelling({"planet": 9, "planer": 4}).meant_by("planed") == 4
    assert Spelling({"planet": 4, "planer": 9}).meant_by("planed") == 4


def test_a_vocabulary_without_words_mends_nothing() -> None:
    assert Spelling({"a": 0, "##bcdef": 1}).meant_by("abcdef") is None


@given(one=LETTERS, other=LETTERS)
def test_one_slip_is_what_one_edit_reaches(one: str, other: str) -> None:
    assert is_one_slip(one, other) == is_reached_by_one_edit(one, other)


@given(vocabulary=st.lists(LETTERS, unique=True, max_size=12), word=LETTERS)
def test_the_hashes_find_every_word_that_is_one_slip_away(vocabulary: list[str], word: str) -> None:
    order = [
        (candidate[0] != word[0], place) for place, candidate in enumerate(vocabulary) if is_one_slip(word, candidate)
    ]

    assert Spelling({name: place for place, name in enumerate(vocabulary)}).meant_by(word) == (
        min(order)[1] if order else None
    )


@given(word=st.text(max_size=12))
def test_only_words_of_small_letters_are_mended(word: str) -> None:
    assert not is_mendable(word) or (word.isascii() and word.isalpha() and word == word.lower())


def test_a_misspelt_word_has_the_pieces_of_the_word_that_was_meant() -> None:
    vocabulary = ("theorem", "theo", "##rm", "##s", "the")

    def pieces_of(text: str, *, mends: bool = True) -> list[str]:
        return [vocabulary[number] for number in WordPieces(vocabulary, mends=mends).numbers(text).tolist()]

    assert pieces_of("the Theorm") == ["the", "theorem"]
    assert pieces_of("the Theorm", mends=False) == ["the", "theo", "##rm"]
    assert pieces_of("theorms") == ["theo", "##rm", "##s"]
    assert pieces_of("thes") == ["the", "##s"]
