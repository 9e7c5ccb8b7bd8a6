"""Money: exact, additive, never falling, and unknown rather than 0."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalogue.cards import Prices
from fairlead.catalogue.prices import price_of
from fairlead.domain.money import Usd
from fairlead.domain.usage import Usage

# Whole nano-dollars a token are thousandths of a USD per million tokens: with them, no sum is ever rounded.
WHOLE_RATES = st.integers(1, 200_000).map(lambda milli: milli / 1000)
ANY_RATES = st.integers(1, 500_000_000).map(lambda micro: micro / 1e6)
COUNTS = st.integers(0, 3_000_000)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS)


def prices(rates: st.SearchStrategy[float]) -> st.SearchStrategy[Prices]:
    return st.builds(Prices, rates, rates, rates, rates)


def together(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.cached_read_tokens + other.cached_read_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        one.output_tokens + other.output_tokens,
    )


def known(usage: Usage, rates: Prices) -> Usd:
    found = price_of(usage, rates)
    assert found is not None
    return found


@given(one=USAGES, other=USAGES, rates=prices(WHOLE_RATES))
def test_prices_of_two_exchanges_add_up_exactly(one: Usage, other: Usage, rates: Prices) -> None:
    assert known(together(one, other), rates) == known(one, rates) + known(other, rates)


@given(one=USAGES, other=USAGES, rates=prices(ANY_RATES))
def test_with_any_rates_the_sum_is_off_by_one_nano_dollar_at_most(one: Usage, other: Usage, rates: Prices) -> None:
    apart = known(one, rates).nano + known(other, rates).nano
    assert abs(known(together(one, other), rates).nano - apart) <= 1


@given(usage=USAGES, more=USAGES, rates=prices(ANY_RATES))
def test_more_tokens_never_cost_less(usage: Usage, more: Usage, rates: Prices) -> None:
    assert known(together(usage, more), rates) >= known(usage, rates)


@given(usage=USAGES, rates=prices(ANY_RATES))
def test_the_price_is_the_exact_sum_rounded_once(usage: Usage, rates: Prices) -> None:
    parts = zip(
        usage[:4],
        (rates.input_per_mtok, rates.cached_read_per_mtok, rates.cache_write_per_mtok, rates.output_per_mtok),
        strict=True,
    )
    exact = sum((n * Fraction(str(rate)) * 1000 for n, rate in parts), Fraction(0))
    assert abs(known(usage, rates).nano - exact) <= Fraction(1, 2)


def test_no_tokens_cost_nothing_even_where_every_rate_is_unknown() -> None:
    assert price_of(Usage(), Prices()) == Usd(0)


@pytest.mark.parametrize("usage", [Usage(input_tokens=1), Usage(output_tokens=1), Usage(cached_read_tokens=1)])
def test_tokens_of_a_class_without_a_rate_make_the_price_unknown(usage: Usage) -> None:
    assert price_of(usage, Prices()) is None


def test_cached_tokens_without_a_rate_of_their_own_cost_what_input_costs() -> None:
    rates = Prices(input_per_mtok=2.0, output_per_mtok=10.0)
    assert price_of(Usage(cached_read_tokens=1000, cache_write_tokens=500), rates) == price_of(
        Usage(input_tokens=1500), rates
    )


def test_reasoning_tokens_are_not_billed_a_second_time() -> None:
    rates = Prices(input_per_mtok=1.0, output_per_mtok=4.0)
    assert price_of(Usage(output_tokens=100, reasoning_tokens=80), rates) == Usd(400_000)


def test_a_millionth_of_a_cent_is_not_lost() -> None:
    assert price_of(Usage(input_tokens=3), Prices(input_per_mtok=0.0375)) == Usd(113)  # 112.5, half up
