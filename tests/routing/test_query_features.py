import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fairlead.domain.outline import Outline, outline_of_text
from fairlead.routing.features.query_features import QueryFeatures, distinct, text_of
from fairlead.routing.features.text_hashing import MAX_BYTES, N_BUCKETS, encode_text, hash_ngrams
from tests.routing.small_texts import ENCODER, features_of

ODD_TEXTS = {
    "empty": "",
    "spaces": " \n\t ",
    "one letter": "a",
    "emoji": "🙂🙃 👩‍👩‍👧‍👦" * 9,
    "nul": "a\0b\0",
    "lone surrogate": "\ud83d and \udc00",
    "binary": bytes(range(256)).decode("latin-1") * 3,
    "Chinese": "请把这句话翻译成英文。" * 40,
    "Arabic": "مرحبا بالعالم" * 20,
    "one long word": "x" * 5_000,
    "a megabyte": "word and\n" * 120_000,
}


def bits(features: QueryFeatures) -> tuple[bytes, ...]:
    return tuple(each.tobytes() for each in (features.dense, features.shape, features.starts, features.buckets))


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_any_text_has_finite_features(text: str) -> None:
    features = ENCODER.encode(outline_of_text(text))

    assert len(features) == 1
    assert np.isfinite(features.dense).all()
    assert np.isfinite(features.shape).all()
    assert len(features.buckets) <= 2 * MAX_BYTES


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_a_text_too_wide_for_an_outline_is_no_harm_either(text: str) -> None:
    features = ENCODER.encode(Outline(turn_text=text, turn_chars=len(text)))

    assert np.isfinite(features.shape).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_an_outline_gives_the_same_bits_alone_and_among_others(texts: list[str]) -> None:
    together = features_of(texts)

    for at, text in enumerate(texts):
        alone = ENCODER.encode(outline_of_text(text))
        assert bits(together.take(np.array([at]))) == bits(alone)
        assert bits(features_of([text])) == bits(alone)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6), st.data())
def test_to_take_rows_is_to_encode_their_texts(texts: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=8))

    taken = features_of(texts).take(np.array(rows, dtype=np.int64))

    assert bits(taken) == bits(features_of([texts[row] for row in rows]))


def test_no_outline_gives_no_rows() -> None:
    features = ENCODER.encode_all([])

    assert len(features) == 0
    assert features.starts.tolist() == [0]
    assert features.buckets.dtype == np.uint16


def test_the_system_text_is_read_before_the_turn() -> None:
    both = ENCODER.encode(Outline(system_text="be brief", turn_text="why", turn_chars=3))
    joined = ENCODER.encode(Outline(turn_text="be brief\nwhy", turn_chars=3))

    # The spacing between them is not a word.
    assert both.dense.tobytes() == joined.dense.tobytes()
    assert both.dense.tobytes() != ENCODER.encode(Outline(turn_text="why", turn_chars=3)).dense.tobytes()


@given(arrays(np.uint32, st.integers(0, 400), elements=st.integers(0, N_BUCKETS - 1)))
def test_distinct_buckets_are_those_of_numpys_unique(buckets: np.typing.NDArray[np.uint32]) -> None:
    found = distinct(buckets)

    assert found.dtype == np.uint16
    assert found.tolist() == np.unique(buckets).tolist()


def test_the_buckets_of_a_text_are_its_n_grams_once_each() -> None:
    features = ENCODER.encode(outline_of_text("to be or not to be"))

    assert features.buckets.tolist() == np.unique(hash_ngrams(encode_text("to be or not to be"))).tolist()


def test_the_text_of_a_request_has_its_system_message_and_no_courtesies() -> None:
    turn = "Hello! Sort these names. Thanks a lot."

    text, n_chars = text_of(Outline(system_text="Be brief.", turn_text=turn, turn_chars=5_000))

    assert text == "Be brief.\nSort these names."
    assert n_chars == 5_000 - (len(turn) - len("Sort these names."))
