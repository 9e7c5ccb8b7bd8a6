"""Expected costs: stated prices, learned prices, costs alone, and nothing at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.catalogue.cards import Prices
from fairlead.routing.predictors.costs import CHARS_PER_TOKEN, Calls, CostBasis, Costs, fit_two_rates
from tests.routing.small_texts import small_sample

N = 90
CHARS = np.linspace(100.0, 3_000.0, N)
INPUTS = np.rint(np.column_stack([CHARS * 0.25 + 12, CHARS * 0.3 + 40]))
OUTPUTS = np.random.default_rng(4).integers(5, 400, (N, 2)).astype(np.float64)
PRICES = np.array([[3.0, 15.0], [0.25, 1.25]]) * 1e-6
COST = INPUTS * PRICES[:, 0] + OUTPUTS * PRICES[:, 1]


def test_prices_are_learned_exactly_where_costs_are_linear_in_tokens() -> None:
    costs = Costs.fit(small_sample(N), Calls(CHARS, COST, INPUTS, OUTPUTS), None, 2)
    np.testing.assert_allclose(np.column_stack([costs.input_usd, costs.output_usd]), PRICES, rtol=1e-6)
    assert costs.basis.tolist() == [CostBasis.LEARNED] * 2
    assert costs.fit_error.max() < 1e-6


def test_a_cost_is_input_and_output_tokens_at_their_prices() -> None:
    sample = small_sample(N)
    costs = Costs.fit(sample, Calls(CHARS, COST, INPUTS, OUTPUTS), None, 2)
    foretold = costs.predict(sample.reading, CHARS, OUTPUTS)
    np.testing.assert_allclose(foretold, COST, rtol=0.05)


def test_a_few_calls_billed_otherwise_do_not_change_the_prices() -> None:
    odd = COST.copy()
    odd[::9] *= 0.5
    costs = Costs.fit(small_sample(N), Calls(CHARS, odd, INPUTS, OUTPUTS), None, 2)
    np.testing.assert_allclose(np.column_stack([costs.input_usd, costs.output_usd]), PRICES, rtol=1e-3)


def test_a_stated_price_wins_over_a_learned_one() -> None:
    stated = [Prices(input_per_mtok=1.0, output_per_mtok=2.0), None]
    costs = Costs.fit(small_sample(N), Calls(CHARS, COST, INPUTS, OUTPUTS), stated, 2)
    assert costs.basis.tolist() == [CostBasis.STATED, CostBasis.LEARNED]
    np.testing.assert_allclose([costs.input_usd[0], costs.output_usd[0]], [1e-6, 2e-6])


def test_half_a_price_is_no_price() -> None:
    costs = Costs.fit(small_sample(N), Calls(CHARS), [Prices(input_per_mtok=1.0), None], 2)
    assert costs.basis.tolist() == [CostBasis.UNKNOWN] * 2


def test_costs_without_tokens_are_foretold_directly() -> None:
    sample = small_sample(N)
    by_kind = np.array([0.001, 0.01, 0.003])[np.arange(N) % 3]
    cost = np.column_stack([by_kind, by_kind * 5]) * np.exp(np.random.default_rng(1).normal(0, 0.1, (N, 2)))
    costs = Costs.fit(sample, Calls(CHARS, cost), None, 2)
    assert costs.basis.tolist() == [CostBasis.DIRECT] * 2
    foretold = costs.predict(sample.reading, CHARS, np.full((N, 2), np.nan))
    assert np.median(np.abs(foretold / cost - 1.0)) < 0.2


def test_costs_that_no_two_prices_explain_are_foretold_directly() -> None:
    wild = np.exp(np.random.default_rng(3).normal(-6.0, 1.5, (N, 2)))
    costs = Costs.fit(small_sample(N), Calls(CHARS, wild, INPUTS, OUTPUTS), None, 2)
    assert costs.basis.tolist() == [CostBasis.DIRECT] * 2
    assert bool(np.isnan(costs.input_usd).all())


def test_an_arm_of_which_nothing_is_known_has_no_cost_rather_than_none_to_pay() -> None:
    sample = small_sample(N)
    cost = COST.copy()
    cost[:, 1] = np.nan
    costs = Costs.fit(sample, Calls(CHARS, cost, INPUTS, OUTPUTS), None, 2)
    foretold = costs.predict(sample.reading, CHARS, OUTPUTS)
    assert bool(np.isfinite(foretold[:, 0]).all())
    assert bool(np.isnan(foretold[:, 1]).all())
    assert costs.is_known.tolist() == [True, False]


def test_a_free_model_costs_nothing() -> None:
    sample = small_sample(N)
    costs = Costs.fit(sample, Calls(CHARS, np.zeros((N, 2)), INPUTS, OUTPUTS), None, 2)
    assert costs.is_known.tolist() == [True, True]
    np.testing.assert_array_equal(costs.predict(sample.reading, CHARS, OUTPUTS), np.zeros((N, 2)))


def test_input_tokens_are_measured_or_of_the_pool_or_the_prior() -> None:
    measured = Costs.fit(small_sample(N), Calls(CHARS, None, INPUTS, None), None, 2).input_tokens(CHARS)
    np.testing.assert_allclose(measured, INPUTS, atol=2.0)
    half = INPUTS.copy()
    half[:, 1] = np.nan
    pooled = Costs.fit(small_sample(N), Calls(CHARS, None, half, None), None, 2).input_tokens(CHARS)
    np.testing.assert_allclose(pooled[:, 1], pooled[:, 0])
    prior = Costs.fit(small_sample(N), Calls(CHARS), None, 2).input_tokens(CHARS)
    np.testing.assert_allclose(prior, np.repeat(CHARS[:, None] / CHARS_PER_TOKEN, 2, axis=1))


def test_prices_are_learned_without_input_tokens_from_the_length_of_the_text() -> None:
    sample = small_sample(N)
    costs = Costs.fit(sample, Calls(CHARS, COST, None, OUTPUTS), None, 2)
    foretold = costs.predict(sample.reading, CHARS, OUTPUTS)
    assert np.median(np.abs(foretold / COST - 1.0)) < 0.1


@pytest.mark.parametrize("has_direct", [False, True])
def test_costs_survive_being_kept(has_direct: bool) -> None:
    sample = small_sample(N)
    calls = Calls(CHARS, COST) if has_direct else Calls(CHARS, COST, INPUTS, OUTPUTS)
    costs = Costs.fit(sample, calls, None, 2)
    again = Costs.from_arrays(costs.arrays())
    expected = costs.predict(sample.reading, CHARS, OUTPUTS)
    np.testing.assert_array_equal(again.predict(sample.reading, CHARS, OUTPUTS), expected)
    assert (again.direct is not None) == has_direct


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_two_rates_are_never_negative_and_give_back_what_they_made(a: float, b: float, seed: int) -> None:
    chance = np.random.default_rng(seed)
    first, second = chance.integers(1, 2_000, 30).astype(np.float64), chance.integers(1, 2_000, 30).astype(np.float64)
    amount = (a * first + b * second) * 1e-6
    one, other, _ = fit_two_rates(first, second, amount)
    assert one >= 0.0
    assert other >= 0.0
    np.testing.assert_allclose(one * first + other * second, amount, rtol=1e-4, atol=1e-10)
