import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairlead.routing.predictors.components import fit_components, shrunk_means
from fairlead.routing.predictors.shrinkage import PENALTIES, ShrunkFit, Spectrum, fit_shrunk, query_levels, usual_scores

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

N, N_BASIS, N_ARMS = 400, 20, 5


def rows_of(seed: int, n: int = N) -> Singles:
    return np.random.default_rng(seed).normal(size=(n, N_BASIS)).astype(np.float32)


def planted(rows: Singles, noise: float, seed: int = 0) -> tuple[Floats, Floats]:
    """Responses of rank two about unequal means, with noise and without."""
    chance = np.random.default_rng(seed)
    weights = np.random.default_rng(99).normal(size=(N_BASIS, 2)) / np.sqrt(N_BASIS)
    arms = np.random.default_rng(98).normal(size=(2, N_ARMS))
    truth = 0.5 + 0.1 * np.arange(N_ARMS) + 0.2 * (rows.astype(np.float64) @ weights) @ arms
    return truth + noise * chance.normal(size=truth.shape), truth


def with_holes(responses: Floats, share: float, seed: int = 5) -> Floats:
    return np.where(np.random.default_rng(seed).random(responses.shape) < share, np.nan, responses)


def error(fit: ShrunkFit, rows: Singles, truth: Floats) -> float:
    return float(((fit.predict(rows) - truth) ** 2).mean())


def test_the_freedom_of_a_query_is_what_its_own_response_leaves_of_its_fit() -> None:
    rows = rows_of(0, 50)
    spectrum = Spectrum.of(rows)

    for place in (0, 10, len(PENALTIES) - 1):
        inverse = np.linalg.inv(rows.T.astype(np.float64) @ rows + PENALTIES[place] * np.eye(N_BASIS))
        leverage = np.einsum("ij,jk,ik->i", rows, inverse, rows)
        assert spectrum.freedom[:, place] == pytest.approx(1.0 - leverage, abs=1e-4)


def test_of_complete_data_each_component_is_the_ridge_of_its_penalty() -> None:
    rows = rows_of(0)
    responses, _ = planted(rows, noise=0.3)

    fit = fit_shrunk(Spectrum.of(rows), responses)

    wide = rows.astype(np.float64)
    turned = (responses - fit.components.mean) @ fit.components.loadings
    for column, penalty in enumerate(fit.penalties):
        if np.isfinite(penalty):
            ridge = np.linalg.solve(wide.T @ wide + penalty * np.eye(N_BASIS), wide.T @ turned[:, column])
            assert np.allclose(fit.weights[:, column], ridge, atol=1e-4)
        else:
            assert not fit.weights[:, column].any()
    assert np.isfinite(fit.penalties[:2]).all()


def test_the_penalty_is_the_one_with_the_least_left_out_error() -> None:
    rows = rows_of(1, n=60)
    responses, _ = planted(rows, noise=0.5)
    components = fit_components(responses)
    turned = (responses - components.mean) @ components.loadings[:, 0]

    def left_out(penalty: float) -> float:
        total = 0.0
        for at in range(60):
            kept = np.arange(60) != at
            wide = rows[kept].astype(np.float64)
            weights = np.linalg.solve(wide.T @ wide + penalty * np.eye(N_BASIS), wide.T @ turned[kept])
            total += float(turned[at] - rows[at] @ weights) ** 2
        return total

    best = min(PENALTIES.tolist(), key=left_out)

    assert fit_shrunk(Spectrum.of(rows), responses).penalties[0] == best


def test_of_pure_noise_nearly_nothing_is_learned() -> None:
    noise = np.random.default_rng(3).normal(size=(N, N_ARMS))

    fit = fit_shrunk(Spectrum.of(rows_of(2)), noise)

    assert np.isinf(fit.penalties).sum() >= 2
    assert float((fit.predict(rows_of(4)) - fit.components.mean).std()) < 0.1


def test_a_planted_function_of_low_rank_is_recovered_far_better_than_by_the_mean() -> None:
    rows, new = rows_of(0), rows_of(1)
    responses, _ = planted(rows, noise=0.3)
    truth = planted(new, noise=0.0)[1]

    fit = fit_shrunk(Spectrum.of(rows), responses)

    assert error(fit, new, truth) < 0.15 * float(((truth - fit.components.mean) ** 2).mean())


@pytest.mark.parametrize(("share", "at_most"), [(0.5, 0.15), (0.9, 0.6)])
def test_with_holes_it_still_learns(share: float, at_most: float) -> None:
    rows, new = rows_of(0, n=800), rows_of(1)
    responses, _ = planted(rows, noise=0.3)
    truth = planted(new, noise=0.0)[1]

    fit = fit_shrunk(Spectrum.of(rows), with_holes(responses, share))

    assert error(fit, new, truth) < at_most * float(((truth - fit.components.mean) ** 2).mean())


def test_one_hole_hardly_changes_the_fit_of_complete_data() -> None:
    rows = rows_of(0)
    responses, _ = planted(rows, noise=0.3)
    holed = responses.copy()
    holed[7, 2] = np.nan

    spectrum = Spectrum.of(rows)
    difference = fit_shrunk(spectrum, holed).predict(rows) - fit_shrunk(spectrum, responses).predict(rows)

    assert np.abs(difference).max() < 0.01


def test_what_is_solved_with_holes_is_the_penalised_least_squares_over_the_seen_cells() -> None:
    rows = rows_of(0, n=80)
    responses = with_holes(planted(rows, noise=0.3)[0], 0.4)

    fit = fit_shrunk(Spectrum.of(rows), responses)

    live = np.isfinite(fit.penalties)
    loadings, weights = fit.components.loadings[:, live], fit.weights[:, live]
    seen = np.isfinite(responses)
    residual = np.where(seen, responses - fit.predict(rows), 0.0)
    gradient = rows.T @ residual @ loadings - weights * fit.penalties[live] * seen.mean()
    target = rows.T @ np.where(seen, responses - fit.components.mean, 0.0) @ loadings
    assert live.any()
    assert np.linalg.norm(gradient) < 1e-3 * np.linalg.norm(target)


@st.composite
def odd_responses(draw: st.DrawFn) -> Floats:
    n, n_arms = draw(st.integers(0, 10)), draw(st.integers(1, 14))
    chance = np.random.default_rng(draw(st.integers(0, 10**6)))
    responses = draw(st.sampled_from([0.0, 0.5, 1.0])) + draw(st.sampled_from([0.0, 1.0])) * chance.random((n, n_arms))
    responses = np.where(chance.random((n, n_arms)) < draw(st.sampled_from([0.0, 0.3, 0.9, 1.0])), np.nan, responses)
    if n and draw(st.booleans()):
        responses[:, 0] = np.nan
        responses[0] = np.nan
    return responses


@settings(max_examples=80, deadline=None)
@given(odd_responses())
def test_no_matrix_of_responses_gives_a_number_that_is_none(responses: Floats) -> None:
    rows = rows_of(0, n=len(responses))

    fit = fit_shrunk(Spectrum.of(rows), responses)

    assert np.isfinite(fit.weights).all()
    assert np.isfinite(fit.predict(rows_of(1, n=3))).all()


def test_an_arm_without_outcomes_is_foretold_as_the_mean_of_all_and_what_is_common() -> None:
    rows = rows_of(0)
    responses, truth = planted(rows, noise=0.1)
    responses[:, 4] = np.nan

    fit = fit_shrunk(Spectrum.of(rows), responses)

    assert fit.components.mean[4] == pytest.approx(np.nanmean(responses), abs=0.01)
    assert error(fit, rows, truth) < float(((truth - truth.mean(axis=0)) ** 2).mean())


def test_constant_scores_are_foretold_exactly() -> None:
    fit = fit_shrunk(Spectrum.of(rows_of(0)), np.full((N, 3), 0.7))

    assert np.isinf(fit.penalties).all()
    assert fit.predict(rows_of(1, n=4)).ravel() == pytest.approx([0.7] * 12)


def test_equal_data_give_equal_bits() -> None:
    rows = rows_of(0)
    responses = with_holes(planted(rows, noise=0.3)[0], 0.3)

    first, second = (fit_shrunk(Spectrum.of(rows), responses) for _ in range(2))

    assert first.weights.tobytes() == second.weights.tobytes()


def chosen_holes(rows: Singles, noise: float) -> tuple[Floats, Floats]:
    """Two arms that go up and down together, of which the weaker one was asked the easier half alone; and the truth."""
    level = 0.2 * (rows.astype(np.float64) @ np.random.default_rng(97).normal(size=N_BASIS)) / np.sqrt(N_BASIS)
    truth = np.column_stack((0.6 + level, 0.57 + level))
    responses = truth + noise * np.random.default_rng(1).normal(size=truth.shape)
    responses[level < 0.0, 1] = np.nan
    return responses, truth


def test_an_arm_that_was_asked_easy_queries_alone_is_not_held_to_be_good_at_hard_ones() -> None:
    rows = rows_of(0)
    responses, truth = chosen_holes(rows, noise=0.2)
    is_hard = np.isnan(responses[:, 1])

    fit = fit_shrunk(Spectrum.of(rows), responses)

    told = fit.predict(rows).mean(axis=0)
    assert np.nanmean(responses[:, 1]) > np.mean(responses[:, 0]) + 0.05  # as it seems
    assert told == pytest.approx(truth.mean(axis=0), abs=0.03)
    assert fit.predict(rows)[is_hard, 1].mean() == pytest.approx(truth[is_hard, 1].mean(), abs=0.05)


def test_a_mean_over_all_queries_stays_below_the_best_score_there_is() -> None:
    rows = rows_of(0)
    level = 0.4 * rows[:, 0].astype(np.float64)
    truth = np.clip(np.column_stack((0.5 + level, 0.85 + level)), 0.0, 1.0)
    responses = truth.copy()
    responses[level > 0.0, 1] = np.nan  # the better one was asked hard queries alone

    usual = usual_scores(responses, query_levels(Spectrum.of(rows), responses))

    assert (shrunk_means(responses, level - level.mean()) > 0.8).any()
    assert usual[1] < 1.0
    assert usual == pytest.approx(truth.mean(axis=0), abs=0.08)


def test_means_of_the_mean_query_are_told_where_holes_were_chosen_and_only_there() -> None:
    rows = rows_of(0)
    spectrum = Spectrum.of(rows)
    responses, truth = chosen_holes(rows, noise=0.2)

    level = query_levels(spectrum, responses)

    assert level is not None
    assert shrunk_means(responses, level) == pytest.approx(truth.mean(axis=0), abs=0.03)
    assert query_levels(spectrum, truth) is None
    for seed in range(5):
        assert query_levels(spectrum, with_holes(planted(rows, noise=0.3)[0], 0.5, seed)) is None
