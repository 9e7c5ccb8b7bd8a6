"""Scorers of texts: what counts as the answer in a reply's prose."""

import pytest

from fairlead.evaluation.scorers.score import RIGHT, WRONG, Given
from fairlead.evaluation.scorers.texts import choice, exact, last_number, letter_of, numeric


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("5 apples and 7 pears make 12.", "12"),
        ("It was 3.\n#### 1,234\nAll 9 of them.", "1234"),
        (r"So \boxed{-2.5} and 7 more", "-2.5"),
        ("The answer is **42**. (Not 41.)", "42"),
        ("Answer: $18\nI checked 2 times", "18"),
        ("about 6.02e23", "6.02e23"),
        ("no number", None),
        ("v2.1.3", None),
    ],
)
def test_the_announced_number_counts_and_else_the_last(reply: str, number: str | None) -> None:
    found = last_number(reply)
    assert (None if found is None else float(found)) == (None if number is None else float(number))


def test_numbers_are_equal_to_a_tolerance() -> None:
    assert numeric(Given("3.14159"), 3.1415926, {}) == RIGHT
    assert numeric(Given("3.15"), 3.14, {}) == WRONG
    assert numeric(Given("3.15"), 3.14, {"tolerance": 0.01}) == RIGHT
    assert numeric(Given("1e999999"), 1, {}) == WRONG


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("(c)", "C"),
        ("Answer: D", "D"),
        ("First A seems right. The answer is **B**.", "B"),
        ("B. because it is blue", "B"),
        ("A good question indeed", None),
        ("It is blue", None),
        ("blue", "B"),
    ],
)
def test_the_letter_that_is_settled_on_counts(reply: str, letter: str | None) -> None:
    assert letter_of(reply, ["red", "blue"]) == letter


def test_thinking_aloud_is_not_part_of_the_answer() -> None:
    given = Given("<think>Answer: A? No.</think>Answer: B")
    assert choice(given, "b", {}) == RIGHT
    assert exact(Given("<think>x</think>  Paris \n"), "Paris", {}) == RIGHT


def test_exact_takes_several_right_answers_and_case_where_asked() -> None:
    assert exact(Given("colour"), ["color", "colour"], {}) == RIGHT
    assert exact(Given("PARIS"), "Paris", {}) == WRONG
    assert exact(Given("PARIS"), "Paris", {"ignore_case": True}) == RIGHT
