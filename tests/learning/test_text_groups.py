import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.learning.text_groups import folded, group_texts, grouped_folds

QUESTION = (
    "A farmer who lives by the river sells seven baskets of apples on the first market day, "
    "half as many on the second, and gives the rest to her neighbours; how many baskets did she sell?"
)
FRAME = "You are a careful assistant that thinks before it speaks and answers in JSON. Question: "
OTHER_FRAME = "Solve the following task. Give the final number only, without any explanation at all. Task: "


def are_one(*texts: str) -> bool:
    return len(set(group_texts(texts).tolist())) == 1


# --- what is one text


@pytest.mark.parametrize(
    "other",
    [
        QUESTION.upper(),
        QUESTION.replace(" ", "  \n"),
        QUESTION.replace(",", "").replace(";", " -"),
        "  " + QUESTION.replace("?", "…?!"),
    ],
)
def test_case_spacing_and_punctuation_make_no_other_text(other: str) -> None:
    assert are_one(QUESTION, other)


def test_options_in_another_order_make_no_other_text() -> None:
    stem = "Which of these metals is liquid at room temperature? "

    assert are_one(stem + "A. iron B. mercury C. gold D. tin", stem + "A. tin B. gold C. mercury D. iron")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (QUESTION, FRAME + QUESTION),
        (QUESTION, QUESTION + " Answer with one number and nothing else, please."),
        (FRAME + QUESTION, OTHER_FRAME + QUESTION),
        (FRAME + QUESTION, OTHER_FRAME + QUESTION + " Think step by step."),
    ],
)
def test_another_frame_makes_no_other_text(one: str, other: str) -> None:
    assert are_one(one, other)


def test_a_question_without_spaces_between_words_is_found_in_another_frame() -> None:
    question = "川沿いに住む農家が最初の市で林檎を七籠売り、次の市でその半分を売りました。全部で何籠売りましたか。"

    assert are_one(question, "次の問題に答えてください。" + question)


def test_what_is_one_text_by_two_steps_is_one_text() -> None:
    assert are_one(QUESTION.lower(), OTHER_FRAME + QUESTION, FRAME + QUESTION)


# --- what is another text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seven", "nine"),
        ("A farmer", "A fisher"),
        ("first market day", "last market day"),
        ("sell?", "eat?"),
        ("by the river", "near New York"),
    ],
)
def test_a_changed_number_or_name_makes_another_text(old: str, new: str) -> None:
    assert old in QUESTION
    assert not are_one(QUESTION, QUESTION.replace(old, new))


def test_two_changed_numbers_make_another_text() -> None:
    assert not are_one(QUESTION, QUESTION.replace("seven", "9").replace("half", "twice"))


def test_many_questions_in_one_frame_stay_apart() -> None:
    topics = ["tides", "volcanoes", "glaciers", "comets", "magnets", "enzymes", "prime numbers", "sonnets"]
    texts = [
        f"{FRAME}What is the most important thing to know about {topic}, and why do {topic} matter?" for topic in topics
    ]

    assert group_texts(texts).tolist() == list(range(len(texts)))


def test_few_words_in_another_order_are_another_text() -> None:
    assert not are_one("is 3 more than 4", "is 4 more than 3")


def test_texts_of_signs_alone_are_told_apart() -> None:
    assert group_texts(["🦊", "🐙", " 🦊 ", "", "  ", "?!"]).tolist() == [0, 1, 0, 2, 2, 3]


def test_strange_texts_are_grouped_without_a_crash() -> None:
    texts = ["x " * 500_000, "y" * 1_000_000, "\ud83e alone", "nul \x00 in it", "x " * 500_000, "naïve 日本語 هذا"]

    assert group_texts(texts).tolist() == [0, 1, 2, 3, 0, 4]


def test_no_texts_make_no_groups() -> None:
    assert group_texts([]).shape == (0,)


WORDS = st.lists(st.sampled_from(["alpha", "beta", "1", "2", "3", ",", "!", "the"]), max_size=40).map(" ".join)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=12))
def test_groups_are_numbered_as_they_appear_and_hold_equal_texts(texts: list[str]) -> None:
    groups = group_texts(texts).tolist()

    assert list(dict.fromkeys(groups)) == list(range(len(set(groups))))
    for one, group in zip(texts, groups, strict=True):
        for other, other_group in zip(texts, groups, strict=True):
            if folded(one) == folded(other):
                assert group == other_group


NUMBERS = st.lists(st.integers(0, 999), min_size=20, max_size=60, unique=True)


@settings(deadline=None)
@given(NUMBERS, st.lists(st.integers(1000, 1999), unique=True, max_size=15), st.booleans())
def test_a_passage_is_found_in_any_frame_before_or_behind_it(
    passage: list[int], frame: list[int], is_before: bool
) -> None:
    text, around = " ".join(f"w{n}" for n in passage), " ".join(f"f{n}" for n in frame)

    assert are_one(text, f"{around} {text}" if is_before else f"{text} {around}")


@settings(deadline=None)
@given(NUMBERS, st.data())
def test_one_changed_word_anywhere_makes_another_text(passage: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(passage) - 1))
    changed = [*passage[:place], 5000, *passage[place + 1 :]]

    assert not are_one(*(" ".join(f"w{n}" for n in words) for words in (passage, changed)))


def test_the_order_of_the_texts_does_not_matter() -> None:
    texts = [QUESTION, FRAME + QUESTION, OTHER_FRAME, QUESTION.replace("seven", "nine"), QUESTION.upper(), "?"]

    def partition(groups: list[int]) -> set[frozenset[int]]:
        return {frozenset(place for place, each in enumerate(groups) if each == group) for group in groups}

    expected = {frozenset({0, 1, 4}), frozenset({2}), frozenset({3}), frozenset({5})}
    assert partition(group_texts(texts).tolist()) == expected
    assert partition(group_texts(texts[::-1])[::-1].tolist()) == expected


# --- folds


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=200),
    st.integers(1, 6),
    st.integers(0, 1000),
)
def test_no_group_is_split_and_folds_are_as_equal_as_the_largest_group_allows(
    groups: list[int], n_folds: int, seed: int
) -> None:
    sizes = np.unique(groups, return_counts=True)[1]
    if n_folds > len(sizes):
        with pytest.raises(ValueError, match=f"{len(sizes)} groups cannot be split into {n_folds} folds"):
            grouped_folds(np.array(groups), n_folds, seed)
        return

    folds = grouped_folds(np.array(groups), n_folds, seed)

    counts = np.bincount(folds, minlength=n_folds)
    assert len({(group, fold) for group, fold in zip(groups, folds.tolist(), strict=True)}) == len(sizes)
    assert counts.min() > 0
    assert counts.max() - counts.min() <= sizes.max()


def test_the_seed_alone_decides_the_folds() -> None:
    groups = np.arange(100)

    assert np.array_equal(grouped_folds(groups, 5, 1), grouped_folds(groups, 5, 1))
    assert not np.array_equal(grouped_folds(groups, 5, 1), grouped_folds(groups, 5, 2))
    assert np.bincount(grouped_folds(groups, 5, 3)).tolist() == [20] * 5


def test_no_fold_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="0 folds"):
        grouped_folds(np.arange(3), 0, 0)
