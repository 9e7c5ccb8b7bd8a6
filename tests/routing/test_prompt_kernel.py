"""The native scores beside numpy's. Compiled here and now, so that a stale library proves nothing."""

import ctypes
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.assembly.shipped import prompt_reader, static_table
from fairlead.domain.outline import Outline
from fairlead.evaluation.native_code import Library
from fairlead.routing.predictors.prompt_kernel import ABI, PromptKernel
from fairlead.routing.predictors.prompt_reader import HEADS, PromptReader
from tests.native_library import native_library
from tests.routing.small_reader import PIECES, small_reader

SMALL = small_reader(seed=3)
ANY_TEXT = st.text(alphabet=st.characters(codec=None), max_size=600)
LIKE_A_PROMPT = st.lists(
    st.sampled_from(
        (
            *PIECES,
            "Apples",
            "hows",
            "Appel",
            "plaese",
            "primez",
            "wrie",
            "(A)",
            "\n\n",
            "\t",
            "____",
            "```",
            "x=3,",
            "é",
            "\x01",
            "B. ",
            "1984",
        )
    ),
    max_size=300,
).map(" ".join)


@pytest.fixture(scope="module")
def small(library: Library) -> PromptKernel:
    return PromptKernel(library, SMALL)


@pytest.fixture(scope="module")
def shipped(library: Library) -> tuple[PromptKernel, PromptReader]:
    reader = dataclasses.replace(prompt_reader(), scorer=None)
    return PromptKernel(library, reader), reader


@pytest.fixture(scope="module")
def mending(library: Library) -> tuple[PromptKernel, PromptReader]:
    reader = dataclasses.replace(prompt_reader(), scorer=None, table=static_table().mending())
    return PromptKernel(library, reader), reader


def test_a_misspelt_word_says_what_the_right_one_says_only_where_the_table_mends(
    shipped: tuple[PromptKernel, PromptReader], mending: tuple[PromptKernel, PromptReader]
) -> None:
    assert mending[0].scores("prove the theirem", 17) == mending[0].scores("prove the thoerem", 17)
    assert shipped[0].scores("prove the theirem", 17) != shipped[0].scores("prove the thoerem", 17)


@given(text=ANY_TEXT | LIKE_A_PROMPT, n_chars=st.integers(0, 10**9))
def test_a_small_model_says_the_same_as_in_numpy(small: PromptKernel, text: str, n_chars: int) -> None:
    assert small.scores(text, n_chars) == pytest.approx(SMALL.scores(text, n_chars), abs=1e-4)


@given(text=ANY_TEXT | LIKE_A_PROMPT, n_chars=st.integers(0, 10**6))
def test_the_shipped_model_says_the_same_as_in_numpy(
    shipped: tuple[PromptKernel, PromptReader], text: str, n_chars: int
) -> None:
    kernel, reader = shipped

    assert kernel.scores(text, n_chars) == pytest.approx(reader.scores(text, n_chars), abs=1e-4)


@given(data=st.data())
def test_misspelt_words_are_mended_as_in_numpy(mending: tuple[PromptKernel, PromptReader], data: st.DataObject) -> None:
    kernel, reader = mending
    word = data.draw(st.sampled_from(reader.table.pieces))
    at = data.draw(st.integers(0, len(word)))
    letter = data.draw(st.sampled_from(("", *"abcdefghijklmnopqrstuvwxyz")))
    text = word[:at] + letter + word[at + data.draw(st.integers(0, 2)) :]

    assert kernel.scores(text, 10) == pytest.approx(reader.scores(text, 10), abs=1e-4)


@given(text=ANY_TEXT)
def test_the_same_text_gives_the_same_bits_whatever_was_read_between(small: PromptKernel, text: str) -> None:
    before = small.scores(text, 10)
    small.scores("how many primes", 3)

    assert small.scores(text, 10) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a" * 100_000,
        "wörter " * 20_000,
        "how " * 50_000,
        "\n" * 9_000,
        "\ud800",
        "\0" * 50,
        "#" * 300,
        "a" * 101,
    ],
    ids=lambda text: f"{text[:3]!r}x{len(text)}",
)
def test_strange_texts_are_read_alike(small: PromptKernel, text: str) -> None:
    assert small.scores(text, len(text)) == pytest.approx(SMALL.scores(text, len(text)), abs=1e-4)


def test_many_more_texts_than_a_mark_in_the_workspace_can_count_are_told_apart(small: PromptKernel) -> None:
    expected = [SMALL.scores(text, 5) for text in ("how many", "write the poem")]

    for _ in range(3_000):
        assert small.scores("how many", 5) == pytest.approx(expected[0], abs=1e-4)
        assert small.scores("write the poem", 5) == pytest.approx(expected[1], abs=1e-4)


def test_a_model_with_more_heads_than_the_code_is_made_for_is_refused(library: Library) -> None:
    class Wide:
        table, landmarks = SMALL.table, SMALL.landmarks
        column_weights = SMALL.column_weights.repeat(3, axis=1)
        piece_table = SMALL.piece_table.repeat(3, axis=1)
        piece_steps, intercepts = SMALL.piece_steps.repeat(3), SMALL.intercepts.repeat(3)

    with pytest.raises(ValueError, match="too large"):
        PromptKernel(library, Wide())


def test_the_library_says_for_which_layout_it_was_compiled(library: Library) -> None:
    assert library.prompt_scores_abi() == ABI


def test_a_reader_uses_its_scorer(small: PromptKernel) -> None:
    outline = Outline(turn_text="How many primes?", turn_chars=16)
    plain, fast = SMALL.read(outline), dataclasses.replace(SMALL, scorer=small).read(outline)

    assert fast.kind_shares == pytest.approx(plain.kind_shares, abs=1e-4)
    assert (fast.difficulty, fast.log_output_tokens) == pytest.approx(
        (plain.difficulty, plain.log_output_tokens), abs=1e-4
    )
    assert len(small.scores("x", 1)) == len(HEADS)


def test_numbers_that_are_no_pieces_are_refused_by_the_code(library: Library, small: PromptKernel) -> None:
    wrong, found = (ctypes.c_int64 * 2)(3, len(PIECES)), (ctypes.c_double * len(HEADS))()

    assert library.prompt_scores_read(small.handle, b"x", 1, 1.0, ctypes.addressof(wrong), 2, found) == 2


def test_it_compiles_without_a_warning(tmp_path: Path) -> None:
    native_library(tmp_path, "-Wall", "-Wextra", "-Werror")
