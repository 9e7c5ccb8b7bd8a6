"""Plain requests: courtesies and superfluous blanks go, everything that is asked stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.outline import Outline
from fairlead.routing.features.plain_request import plain_outline, plain_request

QUESTION = "What does a policeman patrol?"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Could you please help me with this? ", ""),
        ("Hello! I need some assistance.\n\n", "\n\nThank you so much in advance!"),
        ("Kindly take a look at this one: ", " Cheers!"),
        ("Dear assistant,\n", ""),
        ("", " Thanks a lot."),
    ],
)
def test_a_polite_frame_is_taken_off(before: str, after: str) -> None:
    assert plain_request(before + QUESTION + after) == QUESTION


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        "Please translate: good morning",
        "Can you help a plant grow faster?",
        "Help! My program crashes when I press the button.",
        "I want to thank my teacher. Write a letter.",
        "def f(x):\n    return x",
        "2 + 2 = ?",
    ],
)
def test_what_says_something_of_the_task_stays(text: str) -> None:
    assert text.split()[-1] in plain_request(text)
    assert plain_request(text) == text or text.startswith("Help!")


@pytest.mark.parametrize("text", ["Hello!", "Thanks.", "Could you please help me with this?"])
def test_a_text_of_courtesies_alone_stays(text: str) -> None:
    assert plain_request(text) == text


def test_blanks_are_single_and_indentation_stays() -> None:
    text = "Fix  this:  \r\n\r\n\r\ndef f(x):\n    if x:\n        return  1\n\n"
    assert plain_request(text) == "Fix this:\ndef f(x):\n    if x:\n        return 1"


def test_an_outline_is_shorter_by_what_was_taken_off() -> None:
    framed = Outline(system_text="Be brief.", turn_text=f"Please help me with this. {QUESTION}", turn_chars=5_026)
    assert plain_outline(framed) == framed._replace(turn_text=QUESTION, turn_chars=5_000)


@given(st.text(max_size=300))
def test_a_plain_request_has_only_words_of_the_text_and_never_loses_all(text: str) -> None:
    plain = plain_request(text)
    assert "".join(plain.split()) in "".join(text.split())
    assert bool(plain.strip()) == bool(text.strip())


@given(st.text(alphabet="ab .!?\n\t", max_size=200))
def test_spacing_alone_does_not_change_the_plain_request_of_lines(text: str) -> None:
    assert plain_request(text.replace("\n", " \n\n")) == plain_request(text.replace("\n", "\n\n"))


@pytest.mark.parametrize("piece", [" ", " \t", "\n", ".", "a", "hi ", "thanks! ", " \n"])
def test_a_megabyte_of_anything_is_read(piece: str) -> None:
    for end in ("", "x"):
        text = piece * (1_000_000 // len(piece)) + end
        assert len(plain_request(text)) <= len(text)
