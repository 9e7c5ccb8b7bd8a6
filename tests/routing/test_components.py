import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairlead.routing.predictors.components import (
    MAX_COMPONENTS,
    MEAN_WEIGHT,
    covariance_of,
    fit_components,
    shrunk_means,
)

Floats = NDArray[np.float64]


@st.composite
def matrices(draw: st.DrawFn) -> Floats:
    """Scores with holes, small, odd and degenerate ones among them."""
    n, n_arms = draw(st.integers(0, 12)), draw(st.integers(1, 15))
    chance = np.random.default_rng(draw(st.integers(0, 10**6)))
    scores = np.round(chance.random((n, n_arms)), draw(st.sampled_from([0, 2])))
    return np.where(chance.random((n, n_arms)) < draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])), np.nan, scores)


def test_a_mean_is_drawn_to_the_mean_of_all_by_hand() -> None:
    scores = np.array([[1.0, 0.0], [1.0, np.nan]])
    overall = 2 / 3

    assert shrunk_means(scores) == pytest.approx(
        [(2 + MEAN_WEIGHT * overall) / (2 + MEAN_WEIGHT), (0 + MEAN_WEIGHT * overall) / (1 + MEAN_WEIGHT)]
    )


def test_an_arm_without_outcomes_takes_the_mean_of_all_and_no_outcomes_at_all_give_a_half() -> None:
    scores = np.array([[1.0, np.nan], [0.0, np.nan], [1.0, np.nan]])

    assert shrunk_means(scores)[1] == pytest.approx(2 / 3)
    assert shrunk_means(np.full((3, 2), np.nan)).tolist() == [0.5, 0.5]


@settings(max_examples=80)
@given(matrices())
def test_any_matrix_has_finite_components_with_orthonormal_columns(scores: Floats) -> None:
    components = fit_components(scores)
    loadings = components.loadings

    assert np.isfinite(components.mean).all()
    assert loadings.shape == (scores.shape[1], min(scores.shape[1], MAX_COMPONENTS))
    assert np.allclose(loadings.T @ loadings, np.eye(loadings.shape[1]), atol=1e-9)
    assert (loadings[np.abs(loadings).argmax(axis=0), np.arange(loadings.shape[1])] > 0).all()


@settings(max_examples=80)
@given(matrices())
def test_the_covariance_is_symmetric_and_positive_semi_definite(scores: Floats) -> None:
    covariance = covariance_of(scores - shrunk_means(scores))

    assert np.isfinite(covariance).all()
    assert np.allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() >= -1e-9


def test_the_covariance_of_complete_data_nears_the_sample_covariance() -> None:
    chance = np.random.default_rng(0)
    common = chance.normal(size=(20_000, 1))
    residuals = common * [1.0, 0.5, -0.5] + 0.3 * chance.normal(size=(20_000, 3))

    assert np.allclose(covariance_of(residuals), residuals.T @ residuals / 20_000, atol=0.005)


def test_what_all_models_share_is_the_first_component() -> None:
    chance = np.random.default_rng(0)
    scores = 0.5 + 0.3 * chance.normal(size=(400, 1)) + 0.05 * chance.normal(size=(400, 6))

    first = fit_components(scores).loadings[:, 0]

    assert np.allclose(first, 1 / np.sqrt(6), atol=0.03)


def test_a_pair_that_shares_no_query_takes_the_typical_correlation() -> None:
    chance = np.random.default_rng(0)
    hard = chance.normal(size=600)
    residuals = np.stack([hard + 0.5 * chance.normal(size=600) for _ in range(3)], axis=1)
    residuals[:300, 0] = np.nan
    residuals[300:, 1] = np.nan

    covariance = covariance_of(residuals)

    correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert correlation == pytest.approx(0.8, abs=0.05)
