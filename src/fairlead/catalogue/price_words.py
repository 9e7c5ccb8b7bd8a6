"""dearer_words: what the four listed prices of an offer do not say, in words for people."""

from collections.abc import Iterator

from fairlead.catalogue.cards import Prices
from fairlead.catalogue.parsing import PRICE_KEYS


def dearer_words(prices: Prices) -> Iterator[str]:
    """Of cache writes that are kept for an hour, and of long requests. USD per million tokens."""
    if prices.cache_write_1h_per_mtok is not None:
        yield f"cache writes kept for an hour {prices.cache_write_1h_per_mtok:g}"
    if prices.above_tokens is not None:
        rates = [
            f"{key.removesuffix('_above').replace('_', ' ')} {rate:g}"
            for key, attribute in PRICE_KEYS.items()
            if key.endswith("_above") and (rate := getattr(prices, attribute)) is not None
        ]
        yield f"requests of more than {prices.above_tokens:,} input tokens {', '.join(rates)}"
