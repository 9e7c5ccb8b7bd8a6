"""A committee of cluster tables is the mean of its tables, and a smoother guess than one of them."""

import numpy as np
import pytest

from fairlead.routing.predictors.cluster_committee import N_TABLES, PRIOR_WEIGHT, ClusterCommittee, cluster_rates
from fairlead.routing.predictors.cluster_table import ClusterTable
from fairlead.routing.predictors.kernel_basis import fit_basis
from fairlead.routing.predictors.part import MANY_TEXTS, sample_of
from tests.routing.small_texts import features_of, small_chances, small_sample, small_scores, small_texts


def test_a_rate_is_the_mean_of_the_cluster_drawn_to_what_is_expected() -> None:
    scores = np.array([[1.0, 0.5], [0.0, np.nan], [1.0, 1.0]])
    mean = np.array([0.6, 0.7])

    rates = cluster_rates(np.array([0, 0, 1]), scores, np.tile(mean, (3, 1)))

    assert rates[0] == pytest.approx(
        (np.array([1.0, 0.5]) + PRIOR_WEIGHT * mean) / (np.array([2.0, 1.0]) + PRIOR_WEIGHT)
    )
    assert rates[2] == pytest.approx(mean)


def test_what_it_foretells_is_the_mean_of_the_nearest_clusters_rates() -> None:
    sample, scores = small_sample(120), small_scores(120, 0)
    fitted = ClusterCommittee.fit(sample, scores)
    points = np.hstack((sample.reading.meaning, sample.reading.shape))
    expected = np.zeros_like(scores)
    for directions, heights, rates in zip(fitted.directions, fitted.heights, fitted.rates, strict=True):
        expected += rates[(points @ directions.T - heights).argmax(axis=1)] / N_TABLES

    assert fitted.predict(sample.reading) == pytest.approx(expected, abs=1e-6)


def test_it_foretells_new_texts_better_than_one_table() -> None:
    sample, truth = small_sample(200), small_chances(200)
    reading = sample.basis.read(features_of(small_texts(200, 7)))
    scores = small_scores(200, 0)

    def error(part: ClusterTable | ClusterCommittee) -> float:
        return float(((part.predict(reading) - truth) ** 2).mean())

    assert error(ClusterCommittee.fit(sample, scores)) < error(ClusterTable.fit(sample, scores))


def test_clusters_of_many_known_texts_are_found_once_for_all_folds_and_count_the_answered_alone() -> None:
    answered, other = features_of(small_texts(60, 0)), features_of(small_texts(MANY_TEXTS, 8))
    basis = fit_basis(answered, 60, 0)
    sample = sample_of(basis, basis.read(answered), 0, other)
    scores, half = small_scores(60, 0), np.arange(30)

    whole = ClusterCommittee.fit(sample, scores)
    part = ClusterCommittee.fit(sample.take(half), scores[half])

    assert sample.known is not None and len(sample.known.meaning) == 60 + MANY_TEXTS
    assert sample.take(half).known is sample.known
    assert set(sample.known.centroids) == {(60 // 5 + 1, 0), (30 // 5 + 1, 0)}
    assert len(whole.directions[0]) == 13 and len(part.directions[0]) == 7
    assert sample_of(basis, basis.read(answered), 0).known is None


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("heights", lambda array: array[:, :-1]),
        ("rates", lambda array: array[:-1]),
        ("directions", lambda array: array[0]),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(name: str, cut: object) -> None:
    arrays = ClusterCommittee.fit(small_sample(60), small_scores(60, 0)).arrays()
    assert callable(cut)
    with pytest.raises(ValueError, match="shape"):
        ClusterCommittee.from_arrays({**arrays, name: cut(arrays[name])})


def test_a_rate_that_is_no_number_is_refused() -> None:
    arrays = ClusterCommittee.fit(small_sample(60), small_scores(60, 0)).arrays()
    with pytest.raises(ValueError, match="not a number"):
        ClusterCommittee.from_arrays({**arrays, "rates": arrays["rates"] * np.nan})
