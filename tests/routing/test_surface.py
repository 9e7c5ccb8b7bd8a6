from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing.features.surface import LENGTH_CEILING_CHARS, SURFACE_NAMES, surface_of
from fairlead.routing.features.text_hashing import encode_text


def named(text: str) -> dict[str, float]:
    return dict(zip(SURFACE_NAMES, surface_of(encode_text(text), len(text)), strict=True))


def test_a_question_with_digits_is_seen() -> None:
    seen = named("2+2?")

    assert seen["question_mark"] == 1.0
    assert seen["digit_share"] == 2 / 6
    assert seen["symbol_share"] == 1 / 6
    assert seen["code_fence"] == 0.0


def test_a_fence_and_short_lines_are_seen() -> None:
    seen = named("```\na\nb\n```")

    assert seen["code_fence"] == 1.0
    assert seen["newline_share"] == 1.0


def test_length_beyond_the_ceiling_looks_alike() -> None:
    data = encode_text("word")

    assert surface_of(data, LENGTH_CEILING_CHARS) == surface_of(data, 50_000_000)


@given(st.text(alphabet=st.characters(codec=None), max_size=500))
def test_shares_stay_in_range_for_any_text(text: str) -> None:
    log_length, *shares = surface_of(encode_text(text), len(text))

    assert log_length >= 0
    assert all(0.0 <= share <= 1.0 for share in shares)
