import numpy as np
import pytest
from numpy.typing import NDArray

from fairlead.routing.predictors.kernel_basis import Grams, Reading
from fairlead.routing.predictors.neighbours import N_NEIGHBOURS, PRIOR_WEIGHT, TEMPERATURE, Neighbours
from fairlead.routing.predictors.part import Sample
from tests.routing.small_texts import features_of, small_chances, small_sample, small_scores, small_texts

NAN = float("nan")


def reading_of(likeness: NDArray[np.float64]) -> Reading:
    """Queries of which only the likeness to landmarks matters."""
    n = len(likeness)
    grams = Grams(np.zeros(n + 1, dtype=np.int64), np.empty(0, dtype=np.uint16), np.empty(0, dtype=np.float32))
    nothing = np.zeros((n, 0), dtype=np.float32)
    return Reading(nothing, nothing, grams, likeness.astype(np.float32))


def test_a_forecast_is_the_weighed_mean_of_the_landmarks_by_hand() -> None:
    part = Neighbours(np.array([0.5, 0.25]), np.array([[1.0, NAN], [0.0, 1.0], [NAN, NAN]], dtype=np.float32))

    foretold = part.predict(reading_of(np.array([[2.0, 1.9, 2.5]])))

    weights = np.exp(np.array([0.0, -0.1]) / TEMPERATURE)
    first, second = weights / weights.sum()
    level = (first - 0.5 + 0.75 * second) / (1 + second + PRIOR_WEIGHT)
    expected = 0.25 + first * level  # the second arm was not asked at the first landmark
    assert foretold[0] == pytest.approx(
        [
            (first + PRIOR_WEIGHT * 0.5) / (1 + PRIOR_WEIGHT),
            (second + PRIOR_WEIGHT * expected) / (second + PRIOR_WEIGHT),
        ],
        abs=1e-6,
    )


def test_only_the_nearest_landmarks_count() -> None:
    n_landmarks = N_NEIGHBOURS + 30
    chance = np.random.default_rng(0)
    likeness = chance.random((4, n_landmarks))
    scores = np.zeros((n_landmarks, 1), dtype=np.float32)
    part = Neighbours(np.array([0.0]), scores)
    far = np.argsort(likeness, axis=1)[:, : n_landmarks - N_NEIGHBOURS]

    for row in range(4):
        scores[:] = 0.0
        scores[far[row]] = 1.0
        part = Neighbours(np.array([0.0]), scores.copy())
        assert part.predict(reading_of(likeness[row : row + 1]))[0, 0] == 0.0
        assert part.predict(reading_of(likeness))[row, 0] == 0.0
        scores[:] = 1.0 - scores
        part = Neighbours(np.array([1.0]), scores.copy())
        assert part.predict(reading_of(likeness[row : row + 1]))[0, 0] == pytest.approx(1.0)


def test_landmarks_that_no_model_answered_take_no_one_elses_place() -> None:
    scores = np.full((200, 1), NAN, dtype=np.float32)
    scores[::4] = 1.0
    likeness = np.where(np.arange(200) % 4, 2.5, 0.1)[None]

    assert Neighbours(np.array([0.0]), scores).predict(reading_of(likeness))[0, 0] == pytest.approx(1 / 1.05)


def test_without_any_score_the_mean_is_foretold() -> None:
    for scores in (np.full((5, 2), NAN), np.zeros((0, 2))):
        part = Neighbours(np.array([0.3, 0.6]), scores.astype(np.float32))

        assert part.predict(reading_of(np.ones((3, len(scores))))).tolist() == [[0.3, 0.6]] * 3


def test_many_queries_are_foretold_as_each_alone() -> None:
    chance = np.random.default_rng(1)
    scores = np.where(chance.random((90, 3)) < 0.3, NAN, chance.random((90, 3))).astype(np.float32)
    likeness = chance.random((1_100, 90))
    part = Neighbours(np.array([0.1, 0.5, 0.9]), scores)

    together = part.predict(reading_of(likeness))

    for row in (0, 511, 512, 1_099):
        assert together[row] == pytest.approx(part.predict(reading_of(likeness[row : row + 1]))[0], abs=1e-12)


def test_it_learns_which_model_is_good_at_what() -> None:
    sample = small_sample(300, n_landmarks=300)

    part = Neighbours.fit(sample, small_scores(300, 0))

    new = small_chances(90)
    error = ((part.predict(sample.basis.read(features_of(small_texts(90, 77)))) - new) ** 2).mean()
    assert error < 0.7 * ((new.mean(axis=0) - new) ** 2).mean()


def test_landmarks_outside_the_fold_are_not_known() -> None:
    sample = small_sample(40, n_landmarks=40)
    scores = small_scores(40, 0)
    inside = np.arange(0, 40, 2)

    part = Neighbours.fit(sample.take(inside), scores[inside])

    assert np.isnan(part.scores[1::2]).all()
    assert part.scores[::2].tolist() == scores[inside].tolist()


def test_it_comes_back_from_its_arrays_with_the_same_bits() -> None:
    sample: Sample = small_sample(60)
    part = Neighbours.fit(sample, small_scores(60, 0))

    loaded = Neighbours.from_arrays(part.arrays())

    assert loaded.predict(sample.reading).tobytes() == part.predict(sample.reading).tobytes()
    with pytest.raises(ValueError, match="mean has shape"):
        Neighbours.from_arrays({**part.arrays(), "mean": part.mean[:2]})
    with pytest.raises(ValueError, match="infinite"):
        Neighbours.from_arrays({**part.arrays(), "scores": np.full_like(part.scores, np.inf)})
