"""Where public price lists state what hangs on a request's length, or on how long a cache is kept.

litellm's map has `input_cost_per_token_above_200k_tokens` and the like, and `…_above_1hr` for caches; genai-prices has
tables of a base and tiers; models.dev `context_over_200k`. All bill the whole request by its input, cached tokens
among it. Sources, read 2026-11-30: github.com/BerriAI/litellm, github.com/pydantic/genai-prices, models.dev.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from fairlead.catalogue.cards import Prices

LITELLM_KEYS: Final[Mapping[str, str]] = {
    "input_per_mtok": "input_cost_per_token",
    "cached_read_per_mtok": "cache_read_input_token_cost",
    "cache_write_per_mtok": "cache_creation_input_token_cost",
    "output_per_mtok": "output_cost_per_token",
    "cache_write_1h_per_mtok": "cache_creation_input_token_cost_above_1hr",
}
GENAI_KEYS: Final[Mapping[str, str]] = {
    "input_per_mtok": "input_mtok",
    "cached_read_per_mtok": "cache_read_mtok",
    "cache_write_per_mtok": "cache_write_mtok",
    "output_per_mtok": "output_mtok",
}
MODELS_DEV_KEYS: Final[Mapping[str, str]] = {
    "input_per_mtok": "input",
    "cached_read_per_mtok": "cache_read",
    "cache_write_per_mtok": "cache_write",
    "output_per_mtok": "output",
}
MODELS_DEV_ABOVE: Final = ("context_over_200k", 200_000)

_BOUND: Final = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


def above(attribute: str) -> str:
    """The same rate for long requests: `input_per_mtok` -> `input_above_per_mtok`."""
    return attribute.replace("_per_mtok", "_above_per_mtok")


def litellm_keys(row: Mapping[str, Any]) -> tuple[dict[str, str], int | None]:
    """Attribute of Prices -> key of a row of litellm's map; and from how many input tokens it is billed dearer.

    Of several bounds the lowest, so that nothing is told too cheap at it.
    """
    keys = dict(LITELLM_KEYS)
    bounds = [int(found[1]) for key in row if (found := _BOUND.fullmatch(key)) and row[key] is not None]
    if not bounds:
        return keys, None
    suffix = f"_above_{min(bounds)}k_tokens"
    return {**keys, **{above(attribute): key + suffix for attribute, key in keys.items()}}, min(bounds) * 1000


def genai_parts(table: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
    """Attribute of Prices -> price as genai-prices states it; and from how many input tokens it is billed dearer."""
    parts: dict[str, Any] = {}
    starts: set[int] = set()
    for attribute, key in GENAI_KEYS.items():
        price = table.get(key)
        tiers = price.get("tiers") if isinstance(price, dict) else None
        parts[attribute] = price.get("base") if isinstance(price, dict) else price
        if isinstance(tiers, list) and tiers and isinstance(tiers[0], dict) and isinstance(tiers[0].get("start"), int):
            starts.add(tiers[0]["start"])
            parts[above(attribute)] = tiers[0].get("price")
    return parts, min(starts, default=None)


def assembled(parts: Mapping[str, float | None], above_tokens: int | None) -> Prices:
    """The prices of these parts, keyed by attribute; those of long requests only where they are whole and no slip.

    A class that has no price below the bound has none above it (some lists state a storage fee there), and who bills
    long requests dearer says so of input and output both.
    """
    base: dict[str, Any] = {attribute: parts.get(attribute) for attribute in LITELLM_KEYS}
    long: dict[str, Any] = {above(name): parts.get(above(name)) for name, rate in base.items() if rate is not None}
    pairs = [(base[name], long.get(above(name))) for name in ("input_per_mtok", "output_per_mtok")]
    is_whole = above_tokens is not None and above_tokens > 0
    if is_whole and all(low is not None and high is not None and high >= low for low, high in pairs):
        return Prices(**base, **long, above_tokens=above_tokens)
    return Prices(**base)
