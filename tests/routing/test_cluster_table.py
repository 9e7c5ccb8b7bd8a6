import numpy as np
import pytest

from fairlead.routing.predictors.cluster_table import (
    PRIOR_WEIGHT,
    ClusterTable,
    beta_posterior,
    expected_rates,
    half_squares_of,
    k_means,
    nearest,
)
from tests.routing.small_texts import features_of, small_chances, small_sample, small_scores, small_texts


def test_the_posterior_is_that_of_a_beta_by_hand() -> None:
    scores = np.array([[1.0, 0.5], [0.0, np.nan], [1.0, 1.0]])
    expected = np.array([[0.5, 0.2], [0.5, 0.2], [0.5, 0.2]])

    wins, losses = beta_posterior(np.array([0, 0, 2]), scores, expected)

    assert wins - PRIOR_WEIGHT * expected == pytest.approx(np.array([[1.0, 0.5], [0.0, 0.0], [1.0, 1.0]]))
    assert losses - PRIOR_WEIGHT * (1 - expected) == pytest.approx(np.array([[1.0, 0.5], [0.0, 0.0], [0.0, 0.0]]))


def test_without_a_level_a_cluster_is_drawn_to_the_models_mean_and_an_empty_one_is_it() -> None:
    scores = np.array([[1.0], [1.0], [1.0], [0.0]])

    clusters = np.array([0, 0, 0, 1])
    wins, losses = beta_posterior(clusters, scores, expected_rates(clusters, scores, 3, None))

    success = (wins / (wins + losses))[:, 0]
    assert success[2] == pytest.approx(0.75)
    assert success[0] == pytest.approx((3 + PRIOR_WEIGHT * 0.75) / (3 + PRIOR_WEIGHT))


def test_with_a_level_a_cluster_is_drawn_to_the_mean_query_of_a_model_and_the_clusters_own_level() -> None:
    scores = np.array([[1.0, 0.9], [1.0, 0.9], [0.0, np.nan], [0.2, np.nan]])
    clusters, level = np.array([0, 0, 1, 1]), np.array([0.4, 0.4, -0.4, -0.4])

    expected = expected_rates(clusters, scores, 2, level)

    assert expected[0] - expected[1] == pytest.approx([0.8, 0.8])
    assert expected.mean(axis=0)[0] == pytest.approx(0.55, abs=0.01)
    assert expected.mean(axis=0)[1] == pytest.approx(0.5, abs=0.03)


def test_a_prior_is_never_sure() -> None:
    wins, losses = beta_posterior(np.zeros(5, dtype=np.int64), np.ones((5, 1)), np.ones((1, 1)))

    assert losses[0, 0] == pytest.approx(0.01 * PRIOR_WEIGHT)
    assert wins[0, 0] < 5 + PRIOR_WEIGHT


def test_clusters_of_clear_heaps_are_the_heaps() -> None:
    heaps = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]], dtype=np.float32)
    points = np.repeat(heaps, 20, axis=0) + np.random.default_rng(0).normal(0, 0.1, (60, 2)).astype(np.float32)

    best = min(
        (k_means(points, 3, seed) for seed in range(5)),
        key=lambda centroids: float(((points - centroids[at_of(points, centroids)]) ** 2).sum()),
    )

    assert sorted(np.round(best).tolist()) == sorted(heaps.tolist())


def at_of(points: np.typing.NDArray[np.float32], centroids: np.typing.NDArray[np.float32]) -> list[int]:
    return [int(at) for at in nearest(points, centroids, half_squares_of(centroids))]


def test_the_nearest_centroid_is_the_nearest() -> None:
    chance = np.random.default_rng(0)
    points = chance.normal(size=(50, 4)).astype(np.float32)
    centroids = chance.normal(size=(7, 4)).astype(np.float32)

    assert at_of(points, centroids) == ((points[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1).tolist()


def test_fewer_points_than_clusters_and_none_at_all_make_fewer_clusters() -> None:
    points = np.eye(3, dtype=np.float32)

    assert k_means(points, 8, 0).shape == (3, 3)
    assert k_means(points[:0], 8, 0).tolist() == [[0.0, 0.0, 0.0]]
    assert np.isfinite(k_means(np.ones((9, 3), dtype=np.float32), 4, 0)).all()


def test_it_learns_which_model_is_good_at_what() -> None:
    sample = small_sample(300)

    table = ClusterTable.fit(sample, small_scores(300, 0))

    new = features_of(small_texts(90, 77))
    error = ((table.predict(sample.basis.read(new)) - small_chances(90)) ** 2).mean()
    by_means = ((small_chances(90).mean(axis=0) - small_chances(90)) ** 2).mean()
    assert error < 0.5 * by_means


def test_it_comes_back_from_its_arrays_with_the_same_bits() -> None:
    sample = small_sample(60)
    table = ClusterTable.fit(sample, small_scores(60, 0))

    loaded = ClusterTable.from_arrays(table.arrays())

    assert loaded.predict(sample.reading).tobytes() == table.predict(sample.reading).tobytes()


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    arrays = ClusterTable.fit(small_sample(60), small_scores(60, 0)).arrays()
    wins, losses = arrays["wins"], arrays["losses"]

    with pytest.raises(ValueError, match="losses has shape"):
        ClusterTable.from_arrays({**arrays, "losses": losses[:, :2]})
    with pytest.raises(ValueError, match="wins has shape"):
        ClusterTable.from_arrays({**arrays, "wins": wins[1:]})
    with pytest.raises(ValueError, match="not above 0"):
        ClusterTable.from_arrays({**arrays, "wins": wins * 0.0})
    with pytest.raises(ValueError, match="without a cluster"):
        ClusterTable.from_arrays({name: array[:0] for name, array in arrays.items()})
    with pytest.raises(KeyError, match="centroids"):
        ClusterTable.from_arrays({"wins": wins, "losses": losses})
