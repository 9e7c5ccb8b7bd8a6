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
USAGES = st.builds(
    lambda fresh, read, minutes, hour, output: Usage(fresh, read, minutes + hour, output, cache_write_1h_tokens=hour),
    *[COUNTS] * 5,
)


def prices(rates: st.SearchStrategy[float]) -> st.SearchStrategy[Prices]:
    return st.builds(Prices, rates, rates, rates, rates, rates)


def together(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.cached_read_tokens + other.cached_read_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        one.output_tokens + other.output_tokens,
        cache_write_1h_tokens=one.cache_write_1h_tokens + other.cache_write_1h_tokens,
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
    hour = usage.cache_write_1h_tokens
    parts = (
        (usage.input_tokens, rates.input_per_mtok),
        (usage.cached_read_tokens, rates.cached_read_per_mtok),
        (usage.cache_write_tokens - hour, rates.cache_write_per_mtok),
        (usage.output_tokens, rates.output_per_mtok),
        (hour, rates.cache_write_1h_per_mtok),
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


BY_LENGTH = Prices(
    3.0, 0.3, 3.75, 15.0, 6.0, above_tokens=200_000, input_above_per_mtok=6.0, cached_read_above_per_mtok=0.6,
    cache_write_above_per_mtok=7.5, output_above_per_mtok=22.5, cache_write_1h_above_per_mtok=12.0,
)  # fmt: skip
"""A model of 2025 with a price for each class and a second one for long requests."""


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(200_000, 0, 0, 1000), 0.6 + 0.015),
        (Usage(200_001, 0, 0, 1000), 200_001 * 6e-6 + 0.0225),
        # Cached tokens make a request long as well, and all of it is billed so, the output too.
        (Usage(1, 150_000, 50_000, 1000), 6e-6 + 0.09 + 0.375 + 0.0225),
        (Usage(0, 0, 250_000, 0, cache_write_1h_tokens=100_000), 150_000 * 7.5e-6 + 100_000 * 12e-6),
        (Usage(0, 0, 1000, 0, cache_write_1h_tokens=400), 600 * 3.75e-6 + 400 * 6e-6),
        (Usage(0, 0, 0, 300_000), 4.5),
    ],
)
def test_a_long_request_is_billed_dearer_as_a_whole_and_an_hour_in_the_cache_too(usage: Usage, usd: float) -> None:
    assert known(usage, BY_LENGTH).nano == pytest.approx(usd * 1e9, abs=1)


def test_a_class_with_a_price_of_its_own_has_no_price_where_none_is_stated_for_the_case() -> None:
    rates = Prices(2.0, 0.2, 2.5, 8.0, above_tokens=1000, input_above_per_mtok=4.0, output_above_per_mtok=16.0)
    assert price_of(Usage(10, 0, 20, 1, cache_write_1h_tokens=5), rates) is None
    assert price_of(Usage(2000, 5, 0, 1), rates) is None
    assert price_of(Usage(2000, 0, 5, 1), rates) is None
    assert price_of(Usage(2000, 0, 0, 0), rates) == Usd(8_000_000)
    plain = Prices(2.0, output_per_mtok=8.0)
    assert price_of(Usage(0, 0, 20, 0, cache_write_1h_tokens=5), plain) == Usd(40_000)


@pytest.mark.parametrize(
    "stated",
    [{"above_tokens": 5}, {"input_above_per_mtok": 1.0}, {"cached_read_above_per_mtok": 1.0},
     {"above_tokens": 5, "input_above_per_mtok": 1.0}],
)  # fmt: skip
def test_half_a_price_of_long_requests_is_refused(stated: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="together"):
        Prices(1.0, None, None, 2.0, **stated)  # type: ignore[arg-type]
