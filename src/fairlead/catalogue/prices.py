"""price_of: the only place where tokens become money.

Exact: rates are taken as whole nano-dollars per million tokens, sums are integers, and the total is rounded once, half
up, to a whole nano-dollar. Knows no defaults: a rate that nobody states makes the price unknown, never 0.
"""

from functools import lru_cache

from fairlead.catalogue.cards import Prices
from fairlead.domain.money import NANO_PER_USD, Usd
from fairlead.domain.usage import Usage

TOKENS_PER_RATE = 1_000_000


@lru_cache(maxsize=4096)
def nano_rates(prices: Prices) -> tuple[int | None, int | None, int | None, int | None]:
    """Nano-dollars per million tokens for input, cached reads, cache writes and output.

    A provider that states no price for cached reads or cache writes bills those tokens as ordinary input: the unknown
    rates fall back to the input rate.
    """
    fresh = _nano(prices.input_per_mtok)
    read = _nano(prices.cached_read_per_mtok)
    write = _nano(prices.cache_write_per_mtok)
    return (
        fresh,
        fresh if read is None else read,
        fresh if write is None else write,
        _nano(prices.output_per_mtok),
    )


def price_of(usage: Usage, prices: Prices) -> Usd | None:
    """What the exchange costs; None when a class with tokens in it has no known rate.

    Hidden reasoning is part of `output_tokens` and is billed there, once.
    """
    counts = (usage.input_tokens, usage.cached_read_tokens, usage.cache_write_tokens, usage.output_tokens)
    total = 0
    for n_tokens, rate in zip(counts, nano_rates(prices), strict=True):
        if n_tokens == 0:
            continue
        if rate is None:
            return None
        total += n_tokens * rate
    return Usd((2 * total + TOKENS_PER_RATE) // (2 * TOKENS_PER_RATE))


def _nano(rate_per_mtok: float | None) -> int | None:
    return None if rate_per_mtok is None else round(rate_per_mtok * NANO_PER_USD)
