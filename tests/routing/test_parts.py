"""What every part of the registry keeps to, and what each learns."""

import numpy as np
import pytest

from fairlead.routing.predictors.item_response import ItemResponse, fit_logistic, sigmoid
from fairlead.routing.predictors.kernel_ridge import KernelRidge
from fairlead.routing.predictors.linear import Linear
from fairlead.routing.predictors.part import Part, check_shapes, take_reading
from fairlead.routing.predictors.registry import PARTS
from fairlead.routing.predictors.shrinkage import Spectrum, fit_shrunk
from tests.routing.small_texts import features_of, small_chances, small_sample, small_scores, small_texts, with_holes

EVERY = pytest.mark.parametrize("part", PARTS.values(), ids=PARTS.keys())


@EVERY
def test_a_part_foretells_new_texts_better_than_the_means(part: type[Part]) -> None:
    sample = small_sample(300)
    truth = small_chances(120)

    foretold = part.fit(sample, small_scores(300, 0)).predict(sample.basis.read(features_of(small_texts(120, 77))))

    assert ((foretold - truth) ** 2).mean() < 0.9 * ((truth.mean(axis=0) - truth) ** 2).mean()


# With one landmark in ten known, the nearest neighbours are few and far: the stack then gives them little weight.
@pytest.mark.parametrize("part", [part for name, part in PARTS.items() if name != "neighbours"])
def test_a_part_learns_from_a_tenth_of_the_cells(part: type[Part]) -> None:
    sample = small_sample(600)
    truth = small_chances(120)
    scores = with_holes(small_scores(600, 0), 0.9, seed=1)

    foretold = part.fit(sample, scores).predict(sample.basis.read(features_of(small_texts(120, 77))))

    assert ((foretold - truth) ** 2).mean() < 0.9 * ((truth.mean(axis=0) - truth) ** 2).mean()


@EVERY
def test_a_part_makes_do_with_whatever_outcomes_there_are(part: type[Part]) -> None:
    scores = small_scores(30, 0)
    no_arm, no_query = scores.copy(), scores.copy()
    no_arm[:, 2] = np.nan
    no_query[::3] = np.nan
    worlds = {
        "an arm without outcomes": no_arm,
        "queries without outcomes": no_query,
        "one arm": scores[:, :1],
        "all right": np.ones_like(scores),
        "all wrong": np.zeros_like(scores),
        "nothing at all": np.full_like(scores, np.nan),
        "one outcome": np.where(np.arange(30)[:, None] == 7, scores, np.nan),
        "fourteen arms": np.hstack([scores] * 4)[:, :14],
    }
    sample = small_sample(30)
    odd = sample.basis.read(features_of(["", "🙂" * 300, "\ud800\0", "好" * 900]))

    for name, world in worlds.items():
        fitted = part.fit(sample, world)
        for reading in (sample.reading, odd):
            foretold = fitted.predict(reading)
            assert foretold.shape == (len(reading), world.shape[1]), name
            assert foretold.dtype == np.float64
            assert np.isfinite(foretold).all(), name


@EVERY
def test_a_part_fitted_on_no_query_foretells_a_half(part: type[Part]) -> None:
    sample = small_sample(20)
    nothing = np.empty(0, dtype=np.int64)

    fitted = part.fit(sample.take(nothing), np.empty((0, 3)))

    assert fitted.predict(sample.reading) == pytest.approx(0.5 * np.ones((20, 3)), abs=0.2)


@EVERY
def test_a_part_comes_back_from_its_arrays_with_the_same_bits(part: type[Part]) -> None:
    sample = small_sample(90)
    fitted = part.fit(sample, with_holes(small_scores(90, 0), 0.2, seed=2))

    loaded = part.from_arrays(fitted.arrays())

    assert loaded.predict(sample.reading).tobytes() == fitted.predict(sample.reading).tobytes()
    one = take_reading(sample.reading, np.array([4]))
    assert loaded.predict(one).tobytes() == fitted.predict(one).tobytes()
    for name in fitted.arrays():
        with pytest.raises(KeyError, match=name):
            part.from_arrays({key: array for key, array in fitted.arrays().items() if key != name})


@EVERY
def test_equal_samples_and_scores_give_equal_parts(part: type[Part]) -> None:
    first, second = (part.fit(small_sample(90), small_scores(90, 0)).arrays() for _ in range(2))

    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


@EVERY
def test_a_query_is_foretold_alike_alone_and_among_others(part: type[Part]) -> None:
    sample = small_sample(90)
    fitted = part.fit(sample, small_scores(90, 0))
    together = fitted.predict(sample.reading)

    for row in (0, 40, 89):
        alone = fitted.predict(take_reading(sample.reading, np.array([row])))
        assert alone[0] == pytest.approx(together[row], abs=1e-5)


@pytest.mark.parametrize("part", [KernelRidge, ItemResponse, Linear])
def test_arrays_of_other_numbers_of_arms_are_refused(part: type[Part]) -> None:
    arrays = part.fit(small_sample(60), small_scores(60, 0)).arrays()
    first = "easiness" if part is ItemResponse else "mean"

    with pytest.raises(ValueError, match="has shape"):
        part.from_arrays({**arrays, first: arrays[first][:1]})


def test_a_kernel_ridge_says_what_its_fit_on_the_basis_rows_says() -> None:
    sample = small_sample(120)
    scores = small_scores(120, 0)

    direct = fit_shrunk(sample.spectrum, scores).predict(sample.spectrum.rows)

    assert KernelRidge.fit(sample, scores).predict(sample.reading) == pytest.approx(direct, abs=2e-3)


def test_item_response_finds_the_order_of_planted_abilities() -> None:
    sample = small_sample(400)
    difficulty = np.where(np.arange(400) % 3 == 0, 1.5, -0.5)
    abilities = np.array([-1.5, -0.5, 0.5, 1.5])
    chances = sigmoid(abilities - difficulty[:, None])
    scores = (np.random.default_rng(0).random(chances.shape) < chances).astype(np.float64)

    part = ItemResponse.fit(sample, scores)

    foretold = part.predict(sample.reading)
    assert (np.diff(part.easiness) > 0.0).all()
    assert (np.diff(foretold.mean(axis=0)) > 0.0).all()
    assert float(np.abs(foretold - chances).mean()) < 0.08
    assert foretold.min() > 0.0
    assert foretold.max() < 1.0


def test_logistic_regression_reaches_the_scores_own_means() -> None:
    rows = np.random.default_rng(0).normal(size=(2_000, 3)).astype(np.float32)
    scores = (np.random.default_rng(1).random((2_000, 2)) < [0.9, 0.1]).astype(np.float64)

    fit = fit_logistic(Spectrum.of(rows), scores)

    assert sigmoid(fit.predict(rows)).mean(axis=0) == pytest.approx(scores.mean(axis=0), abs=0.01)


def test_a_sigmoid_overflows_nowhere() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
    assert sigmoid(np.array([1.0])) == pytest.approx([1 / (1 + np.exp(-1.0))])


def test_a_part_of_a_sample_has_the_spectrum_of_its_own_rows() -> None:
    sample = small_sample(50)
    at = np.array([3, 7, 20])

    part = sample.take(at)

    assert part.spectrum.rows.tolist() == sample.spectrum.rows[at].tolist()
    assert part.places.tolist() == [3, 7, 20]
    assert len(part.reading) == 3
    assert part.spectrum.values.sum() == pytest.approx(float((part.spectrum.rows**2).sum()), rel=1e-4)


def test_shapes_that_differ_are_named() -> None:
    with pytest.raises(ValueError, match=r"two has shape \(2,\), not \(3,\)"):
        check_shapes(one=(np.zeros(1), (1,)), two=(np.zeros(2), (3,)))
