"""price_of: the only place where tokens become money.

Exact: rates are taken as whole nano-dollars per million tokens, sums are integers, and the total is rounded once, half
up, to a whole nano-dollar. Knows no defaults: a rate that nobody states makes the price unknown, never 0.
"""

from functools import lru_cache
from math import inf
from typing import NamedTuple

from fairlead.catalogue.cards import Prices
from fairlead.domain.money import NANO_PER_USD, Usd
from fairlead.domain.usage import Usage

TOKENS_PER_RATE = 1_000_000


class NanoRates(NamedTuple):
    """Nano-dollars per million tokens; None is unknown."""

    fresh: int | None
    cached_read: int | None
    cache_write: int | None
    output: int | None
    cache_write_1h: int | None


@lru_cache(maxsize=4096)
def nano_rates(prices: Prices, *, is_long: bool = False) -> NanoRates:
    """The rates of a request, or of one with more input than `prices.above_tokens`.

    A provider that states no price for cached reads or cache writes bills those tokens as ordinary input: the unknown
    rates fall back to the input rate. Where it has one, but none is stated for what is kept an hour, or for long
    requests, that one is unknown.
    """
    apart_read = prices.cached_read_per_mtok is not None
    apart_write = prices.cache_write_per_mtok is not None
    held = prices.of_request(inf) if is_long else prices
    fresh = _nano(held.input_per_mtok)
    read, write = _nano(held.cached_read_per_mtok), _nano(held.cache_write_per_mtok)
    hour = _nano(held.cache_write_1h_per_mtok)
    return NanoRates(
        fresh=fresh,
        cached_read=fresh if read is None and not apart_read else read,
        cache_write=fresh if write is None and not apart_write else write,
        output=_nano(held.output_per_mtok),
        cache_write_1h=fresh if hour is None and not apart_write else hour,
    )


def price_of(usage: Usage, prices: Prices) -> Usd | None:
    """What the exchange costs; None when a class with tokens in it has no known rate.

    Hidden reasoning is part of `output_tokens` and is billed there, once. A request with more input than
    `prices.above_tokens` is billed at the rates for such ones, all of it.
    """
    is_long = prices.above_tokens is not None and usage.all_input_tokens > prices.above_tokens
    rates = nano_rates(prices, is_long=is_long)
    hour = usage.cache_write_1h_tokens
    total = 0
    for n_tokens, rate in (
        (usage.input_tokens, rates.fresh),
        (usage.cached_read_tokens, rates.cached_read),
        (usage.cache_write_tokens - hour, rates.cache_write),
        (usage.output_tokens, rates.output),
        (hour, rates.cache_write_1h),
    ):
        if n_tokens == 0:
            continue
        if rate is None:
            return None
        total += n_tokens * rate
    return Usd((2 * total + TOKENS_PER_RATE) // (2 * TOKENS_PER_RATE))


def _nano(rate_per_mtok: float | None) -> int | None:
    return None if rate_per_mtok is None else round(rate_per_mtok * NANO_PER_USD)
