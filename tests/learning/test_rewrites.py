"""Rewrites keep what is asked, and the same seed gives the same rewrite."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.learning.rewrites import REWRITES, rewrite

QUESTION = "Which planet is the largest one in our solar system, counted by its mass?"
OPTIONS = "Which is red?\nA) a sky\nB) a rose\nC) a leaf\nD) snow\nAnswer:"


@given(st.text(max_size=300), st.sampled_from(sorted(REWRITES)), st.integers(0, 1_000))
def test_any_text_is_rewritten_and_equal_seeds_give_equal_rewrites(text: str, kind: str, seed: int) -> None:
    assert rewrite(text, kind, seed) == rewrite(text, kind, seed)


@pytest.mark.parametrize("kind", sorted(REWRITES))
def test_each_kind_changes_a_text_that_it_applies_to(kind: str) -> None:
    assert any(rewrite(OPTIONS, kind, seed) != OPTIONS for seed in range(10))


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="anagram"):
        rewrite(QUESTION, "anagram", 0)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=300), st.integers(0, 20))
def test_case_changes_no_letter_but_its_case(text: str, seed: int) -> None:
    assert rewrite(text, "case", seed).lower() == text.lower()


@given(st.text(max_size=300), st.integers(0, 20))
def test_spacing_changes_nothing_but_blanks(text: str, seed: int) -> None:
    assert re.sub(r"\s", "", rewrite(text, "spacing", seed)) == re.sub(r"\s", "", text)


def test_spacing_leaves_the_indentation_of_code() -> None:
    code = "def f(x):\n    if x:\n        return 1"
    for seed in range(20):
        assert "\n    if x:" in rewrite(code, "spacing", seed)


@given(st.text(max_size=100), st.integers(0, 20))
def test_a_polite_frame_holds_the_text_as_it_was(text: str, seed: int) -> None:
    framed = rewrite(text, "polite_frame", seed)
    assert text in framed
    assert len(framed) > len(text)


def test_typos_are_few_and_inside_words() -> None:
    text = QUESTION * 10
    old, new = text.split(), rewrite(text, "typos", 0).split()
    changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    assert 1 <= len(changed) <= 0.06 * len(old)
    assert all(a[0] == b[0] and abs(len(a) - len(b)) <= 1 for a, b in changed)


def test_typos_leave_a_text_without_long_words_alone() -> None:
    assert rewrite("2 + 2 = ?", "typos", 0) == "2 + 2 = ?"


@pytest.mark.parametrize(
    "text",
    [
        OPTIONS,
        "Pick one:\nA. x y\nB. z\nC. w",
        "Pick one:\n(A) x\n(B) y\n(C) z\nThen explain.",
        "Pick one: A) one thing B) another C) a third one\nExplain.",
    ],
)
def test_options_change_places_under_the_same_letters(text: str) -> None:
    changed = rewrite(text, "options", 1)
    assert changed != text
    assert Counter(changed.split()) == Counter(text.split())
    letters = r"\(?\b[A-D][).](?=\s)"
    assert re.findall(letters, changed) == re.findall(letters, text)


def test_only_the_last_block_of_options_is_reordered() -> None:
    example = "Which is wet?\nA) sand\nB) water\nAnswer: B\n\n"
    assert rewrite(example + OPTIONS, "options", 3).startswith(example)


@pytest.mark.parametrize("text", ["", QUESTION, "A) alone", "B) x\nC) y"])
def test_a_text_without_options_is_not_touched(text: str) -> None:
    assert rewrite(text, "options", 0) == text
