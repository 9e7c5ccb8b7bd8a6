import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairlead.routing.features.shape import SHAPE_NAMES
from fairlead.routing.features.text_hashing import N_BUCKETS
from fairlead.routing.predictors.kernel_basis import (
    SHAPE,
    SHAPE_CEILING,
    SHAPE_WIDTH,
    WORDING,
    KernelBasis,
    Reading,
    basis_from,
    fit_basis,
    gram_weights,
    rarity_of,
    weigh_grams,
    wording_product,
)
from fairlead.routing.predictors.part import take_reading
from tests.routing.small_texts import features_of, small_texts

Floats = NDArray[np.float64]


def kernel(basis: KernelBasis, reading: Reading) -> Floats:
    """The whole kernel of queries (rows) with landmarks (columns)."""
    whole: Floats = reading.likeness.astype(np.float64) + WORDING * wording_product(reading.grams, basis.wording)
    return whole


def test_the_kernel_is_the_one_that_is_written_down() -> None:
    features = features_of(small_texts(12, 0))
    basis = fit_basis(features, 12, 0)
    reading = basis.read(features)
    words = np.zeros((12, N_BUCKETS))
    for row in range(12):
        here = features.buckets[features.starts[row] : features.starts[row + 1]]
        words[row, here] = basis.rarity[here]
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    meaning = features.dense - features.dense.mean(axis=0)
    meaning /= np.linalg.norm(meaning, axis=1, keepdims=True)
    shape = (features.shape - features.shape.mean(axis=0)) / np.maximum(features.shape.std(axis=0), 0.05)
    shape[:, SHAPE_NAMES.index("capital_share")] = 0.0
    shape = np.clip(shape, -SHAPE_CEILING, SHAPE_CEILING)

    near = np.exp(-((meaning[:, None] - meaning[None]) ** 2).sum(axis=2))
    far = np.exp(-SHAPE_WIDTH * ((shape[:, None] - shape[None]) ** 2).sum(axis=2))
    by_hand = near + SHAPE * far + near * far + WORDING * words @ words.T

    assert np.allclose(kernel(basis, reading), by_hand, atol=1e-4)


def test_a_text_in_capitals_is_read_like_the_same_in_small_letters() -> None:
    texts = small_texts(40, 3)
    basis = fit_basis(features_of(texts), 40, 0)

    small, large = (basis.read(features_of([change(text) for text in texts])) for change in (str.lower, str.upper))

    assert np.allclose(small.likeness, large.likeness, atol=1e-4)
    assert np.allclose(small.shape, large.shape, atol=1e-4)


def test_the_kernel_is_symmetric_positive_semi_definite_and_greatest_for_a_text_with_itself() -> None:
    features = features_of(small_texts(60, 1))
    basis = fit_basis(features, 60, 0)

    whole = kernel(basis, basis.read(features))

    assert np.allclose(whole, whole.T, atol=1e-5)
    assert np.linalg.eigvalsh((whole + whole.T) / 2.0).min() > -1e-4
    assert np.allclose(np.diag(whole), 2.0 + SHAPE + WORDING, atol=1e-4)
    assert (whole <= np.diag(whole)[:, None] + 1e-4).all()


def test_with_every_query_a_landmark_the_basis_rows_reproduce_the_kernel() -> None:
    features = features_of(small_texts(60, 2))
    basis = fit_basis(features, 100, 0)
    reading = basis.read(features)

    rows = basis.rows(reading).astype(np.float64)

    assert basis.chosen.tolist() == list(range(60))
    assert np.allclose(rows @ rows.T, kernel(basis, reading), atol=0.01)


def test_with_fewer_landmarks_the_kernel_among_them_is_kept_and_none_is_overstated() -> None:
    features = features_of(small_texts(120, 3))
    basis = fit_basis(features, 30, 5)
    reading = basis.read(features)

    rows = basis.rows(reading).astype(np.float64)

    landmarks = rows[basis.chosen]
    assert basis.n_landmarks == 30
    assert np.allclose(landmarks @ landmarks.T, kernel(basis, reading)[basis.chosen], atol=0.01)
    assert (rows**2).sum(axis=1).max() <= 2.0 + SHAPE + WORDING + 0.01


def test_equal_seeds_choose_equal_landmarks() -> None:
    features = features_of(small_texts(50, 4))
    first, again, other = (fit_basis(features, 10, seed).chosen.tolist() for seed in (1, 1, 2))

    assert first == again != other
    assert first == sorted(set(first))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=2, max_size=6))
def test_a_text_reads_the_same_alone_and_among_others(texts: list[str]) -> None:
    basis = fit_basis(features_of(small_texts(40, 5)), 40, 0)
    features = features_of(texts)

    together = basis.read(features)

    for at in range(len(texts)):
        row = np.array([at])
        alone, picked = basis.read(features.take(row)), take_reading(together, row)
        assert alone.meaning.tobytes() == picked.meaning.tobytes()
        assert alone.shape.tobytes() == picked.shape.tobytes()
        assert alone.grams.weights.tobytes() == picked.grams.weights.tobytes()
        # A matrix product adds in another order than a product with a vector.
        assert np.allclose(alone.likeness, picked.likeness, rtol=0.0, atol=2e-6)
        assert basis.read(features.take(row)).likeness.tobytes() == alone.likeness.tobytes()


def test_odd_texts_are_read_to_finite_numbers() -> None:
    basis = fit_basis(features_of(small_texts(40, 6)), 40, 0)

    reading = basis.read(features_of(["", "🙂" * 900, "\0", "\ud800", "x" * 9_000, "好" * 2_000]))

    assert np.isfinite(reading.likeness).all()
    assert np.isfinite(reading.grams.weights).all()
    assert np.abs(reading.shape).max() <= SHAPE_CEILING
    assert np.isfinite(basis.rows(reading)).all()


def test_texts_that_are_all_the_same_or_all_empty_still_make_a_basis() -> None:
    for texts in (["same"] * 9, [""] * 9, ["one"]):
        features = features_of(texts)
        basis = fit_basis(features, 5, 0)

        rows = basis.rows(basis.read(features))

        assert rows.shape[1] == 1
        assert np.isfinite(rows).all()


def test_a_basis_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a query and a landmark, not 0 and 5"):
        fit_basis(features_of([]), 5, 0)
    with pytest.raises(ValueError, match="not 1 and 0"):
        fit_basis(features_of(["a"]), 0, 0)


def test_rare_n_grams_weigh_more_and_rows_have_unit_length() -> None:
    features = features_of(["the cat sat", "the dog sat", "the dog ran", ""])
    rarity = rarity_of(features)

    grams = weigh_grams(features, rarity)

    squares = np.add.reduceat(grams.weights**2, grams.starts[:-2])
    assert squares[:3] == pytest.approx([1.0] * 3, abs=1e-5)
    assert len(grams) == 4
    assert rarity.min() < 1.3 < rarity.max()
    assert rarity.max() == pytest.approx(np.log(5.0) + 1.0)


def test_inner_products_of_wording_are_right_over_more_than_one_block_of_landmarks() -> None:
    features = features_of(small_texts(300, 7))
    grams = weigh_grams(features, rarity_of(features))
    rows = np.zeros((300, N_BUCKETS), dtype=np.float32)
    rows[np.repeat(np.arange(300), np.diff(grams.starts)), grams.buckets] = grams.weights

    assert np.allclose(wording_product(grams, grams), rows @ rows.T, atol=1e-5)


def test_one_weight_per_n_gram_says_what_all_landmarks_say_of_the_wording() -> None:
    features = features_of(small_texts(40, 8))
    basis = fit_basis(features, 25, 0)
    on_landmarks = np.random.default_rng(0).normal(size=(25, 3))
    grams = basis.read(features).grams

    table = gram_weights(basis, on_landmarks)

    by_landmarks = WORDING * wording_product(grams, basis.wording) @ on_landmarks
    rows = np.zeros((40, N_BUCKETS), dtype=np.float32)
    rows[np.repeat(np.arange(40), np.diff(grams.starts)), grams.buckets] = grams.weights
    assert np.allclose(rows @ table, by_landmarks, atol=1e-4)


def test_a_basis_comes_back_from_its_arrays_reading_the_same_bits() -> None:
    features = features_of(small_texts(40, 9))
    basis = fit_basis(features, 25, 0)

    served = basis_from(basis.arrays())

    assert served.n_landmarks == 25
    assert served.read(features).likeness.tobytes() == basis.read(features).likeness.tobytes()
    with pytest.raises(ValueError, match="loaded to serve"):
        served.rows(served.read(features))


def test_arrays_that_do_not_fit_together_are_refused_by_name() -> None:
    arrays = fit_basis(features_of(small_texts(40, 9)), 25, 0).arrays()
    changes = {
        "centre": arrays["centre"][:-1],
        "shape_mean": arrays["shape_mean"][None],
        "shape_sd": arrays["shape_sd"].astype(np.float64),
        "rarity": arrays["rarity"][1:],
        "landmark_shape": arrays["landmark_shape"][:-1],
    }

    for name, changed in changes.items():
        with pytest.raises(ValueError, match=name):
            basis_from({**arrays, name: changed})
        with pytest.raises(KeyError, match=name):
            basis_from({key: array for key, array in arrays.items() if key != name})
    with pytest.raises(ValueError, match="not above 0"):
        basis_from({**arrays, "shape_sd": arrays["shape_sd"] * np.float32(0.0)})
