from math import log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing.features.shape import LENGTH_CEILING_CHARS, SHAPE_NAMES, shape_of
from fairlead.routing.features.text_hashing import encode_text


def named(text: str, n_chars: int | None = None) -> dict[str, float]:
    return dict(zip(SHAPE_NAMES, shape_of(encode_text(text), len(text) if n_chars is None else n_chars), strict=True))


def test_the_names_are_as_many_as_the_numbers_and_differ() -> None:
    assert len(shape_of(encode_text("a"), 1)) == len(SHAPE_NAMES) == len(set(SHAPE_NAMES))


def test_words_lines_and_marks_are_counted() -> None:
    shape = named("Is it so?\nYes: 12, 3.\n\nlast")

    assert shape["log_words"] == pytest.approx(log1p(7))
    assert shape["log_lines"] == pytest.approx(log1p(3))
    assert shape["log_marks_?"] == shape["log_marks_:"] == shape["log_marks_,"] == shape["log_marks_."]
    assert shape["log_marks_?"] == pytest.approx(log1p(1))
    assert shape["log_marks_{"] == 0.0


def test_lines_are_measured_first_last_and_longest() -> None:
    shape = named("ab\n" + "c" * 20 + "\nxyz")

    # The text stands between two spaces, and a line ends with its break.
    assert shape["log_first_line"] == pytest.approx(log1p(3))
    assert shape["log_longest_line"] == pytest.approx(log1p(21))
    assert shape["log_last_line"] == pytest.approx(log1p(5))


def test_options_blanks_and_fences_are_seen() -> None:
    shape = named("Choose:\nA) one\nB) two\n(C) three\nD. four ____ ```x```")

    assert shape["log_options"] == pytest.approx(log1p(4))
    assert shape["blank"] == shape["code_fence"] == 1.0
    assert named("Take it. Kit) or ___ ``")["log_options"] == 0.0
    assert named("Take it. Kit) or ___ ``")["blank"] == named("``")["code_fence"] == 0.0


def test_shares_are_of_bytes() -> None:
    shape = named("AB12é")  # two spaces around, é takes two bytes

    assert shape["capital_share"] == shape["digit_share"] == shape["non_ascii_share"] == pytest.approx(2 / 8)
    assert shape["space_share"] == pytest.approx(2 / 8)


def test_the_length_is_that_of_the_whole_turn_up_to_a_ceiling() -> None:
    assert named("a", 900)["log_length"] == pytest.approx(log1p(900))
    assert named("a", 10**7)["log_length"] == named("a", LENGTH_CEILING_CHARS)["log_length"]


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")), st.integers(0, 10**9))
def test_any_text_has_a_finite_shape_and_always_the_same(text: str, n_chars: int) -> None:
    shape = shape_of(encode_text(text), n_chars)

    assert np.isfinite(shape).all()
    assert shape == shape_of(encode_text(text), n_chars)
    shares = [value for name, value in zip(SHAPE_NAMES, shape, strict=True) if name.endswith("_share")]
    assert min(shares) >= 0.0
    assert max(shares) <= 1.0
