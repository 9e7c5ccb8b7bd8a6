"""PriceList: somebody's newer list of prices, read from its text in whichever of four forms it comes.

Forms: litellm's JSON map; models.dev's JSON (its `api.json`, or rows exported from its table); genai-prices' JSON; and
the catalogue's own TOML. A list that is not whole is refused: a wrong price is worse than an old one. A price of 0 in a
list is a free tier or a gap, so it is left out, and the count of such rows is kept.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fairlead.catalogue.cards import Benchmark, Prices
from fairlead.catalogue.parsing import parse_lab, table_in
from fairlead.catalogue.price_tiers import (
    MODELS_DEV_ABOVE,
    MODELS_DEV_KEYS,
    above,
    assembled,
    genai_parts,
    litellm_keys,
)
from fairlead.domain.errors import CatalogueError

MAX_PRICE_PER_MTOK: Final = 100_000.0
"""Dearer than any model by a factor of 100: above it a row has mistaken its unit, and is left out as having no price.
Below 0 a list means "it depends" (a router's price), which is no price either."""

LITELLM_SLUGS: Final[Mapping[str, str]] = {
    "gemini": "google", "together_ai": "together", "fireworks_ai": "fireworks", "moonshot": "moonshotai",
    "zai": "zhipuai", "dashscope": "alibaba", "cohere_chat": "cohere", "azure_ai": "azure",
    "bedrock_converse": "amazon-bedrock", "bedrock": "amazon-bedrock",
}  # fmt: skip
MODELS_DEV_SLUGS: Final[Mapping[str, str]] = {
    "togetherai": "together", "fireworks-ai": "fireworks", "zai": "zhipuai", "zhipuai": "zhipuai-cn",
    "novita-ai": "novita",
}  # fmt: skip
GENAI_SLUGS: Final[Mapping[str, str]] = {"x-ai": "xai", "aws": "amazon-bedrock", "zhipuai": "zhipuai-cn"}
"""A list's name of a provider -> ours, where they differ."""

Row = tuple[str, str, Prices]
"""Provider, sent name, prices."""


class Door(NamedTuple):
    """One model at one provider, as both sides spell it in lower case."""

    provider: str
    sent_model: str


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by provider and sent name; `n_without_price` rows named a model and no usable price."""

    form: str
    prices: Mapping[Door, Prices]
    n_without_price: int


def parse_price_list(text: str, benchmarks: Mapping[str, Benchmark], file: str = "the list") -> PriceList:
    """The list, in whichever form it is.

    Raises: CatalogueError when the text is in none of the forms, or a price is not a price.
    """
    form, rows = _recognised(text, benchmarks, file)
    prices: dict[Door, Prices] = {}
    n_without = 0
    for provider, sent, found in rows:
        if found.input_per_mtok is None or found.output_per_mtok is None:
            n_without += 1
        else:
            prices[Door(provider, sent.lower())] = found
    if not prices:
        raise CatalogueError(f"{file}: no model with a price in it; is it the right file?")
    return PriceList(form, prices, n_without)


def _recognised(text: str, benchmarks: Mapping[str, Benchmark], file: str) -> tuple[str, Iterator[Row]]:
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        return "catalogue TOML", _own(text, benchmarks, file)
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CatalogueError(f"{file}: not JSON: {error}") from error
    for form, fits, reader in _JSON_FORMS:
        if fits(value):
            return form, reader(value, file)
    raise CatalogueError(
        f"{file}: neither litellm's map, models.dev's or genai-prices' JSON, nor the catalogue's TOML; nothing was read"
    )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that JSON knows")


def _is_litellm(value: object) -> bool:
    return isinstance(value, dict) and any(
        isinstance(row, dict) and "litellm_provider" in row for row in value.values()
    )


def _litellm(value: Any, file: str) -> Iterator[Row]:
    for key, row in value.items():
        if key == "sample_spec":
            continue
        where = f"{file}: {key}"
        fields = table_in(row, where)
        name = str(fields.get("litellm_provider", ""))
        if fields.get("mode") not in ("chat", "responses"):
            continue
        head, slash, tail = key.partition("/")
        sent = tail if slash and head in (name, "azure") else key
        keys, bound = litellm_keys(fields)
        parts = {attribute: _price(fields.get(part), 1e6, f"{where}.{part}") for attribute, part in keys.items()}
        yield LITELLM_SLUGS.get(name, name), sent, assembled(parts, bound)


def _is_models_dev(value: object) -> bool:
    return isinstance(value, dict) and any(isinstance(row, dict) and "models" in row for row in value.values())


def _models_dev(value: Any, file: str) -> Iterator[Row]:
    for name, provider in value.items():
        models = table_in(table_in(provider, f"{file}: {name}").get("models"), f"{file}: {name}.models")
        for sent, model in models.items():
            where = f"{file}: {name}.{sent}"
            cost = table_in(table_in(model, where).get("cost") or {}, f"{where}.cost")
            _in_dollars(cost, where)
            key, bound = MODELS_DEV_ABOVE
            long = table_in(cost.get(key) or {}, f"{where}.cost.{key}")
            parts: dict[str, float | None] = {}
            for attribute, part in MODELS_DEV_KEYS.items():
                parts[attribute] = _price(cost.get(part), 1.0, f"{where}.cost.{part}")
                parts[above(attribute)] = _price(long.get(part), 1.0, f"{where}.cost.{key}.{part}")
            yield MODELS_DEV_SLUGS.get(name, name), sent, assembled(parts, bound)


def _is_models_dev_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "price_in_per_m" in value[0]


def _models_dev_rows(value: Any, file: str) -> Iterator[Row]:
    for number, row in enumerate(value):
        where = f"{file}: row {number}"
        fields = table_in(row, where)
        if not isinstance(fields.get("provider"), str) or not isinstance(fields.get("model_id"), str):
            raise CatalogueError(f"{where}: provider and model_id are missing")
        keys = ("price_in_per_m", "price_cache_read_per_m", "price_cache_write_per_m", "price_out_per_m")
        fresh, read, write, output = (_price(fields.get(part), 1.0, f"{where}.{part}") for part in keys)
        name = fields["provider"]
        yield MODELS_DEV_SLUGS.get(name, name), fields["model_id"], Prices(fresh, read, write, output)


def _is_genai(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "models" in value[0]


def _genai(value: Any, file: str) -> Iterator[Row]:
    for provider in value:
        fields = table_in(provider, f"{file}: a provider")
        name = str(fields.get("id", ""))
        for model in _list(fields.get("models", []), f"{file}: {name}.models"):
            row = table_in(model, f"{file}: {name}")
            where = f"{file}: {name}.{row.get('id')}"
            table = _prices_of_today(row.get("prices") or {}, where)
            stated, bound = genai_parts(table)
            parts = {attribute: _price(price, 1.0, f"{where}.{attribute}") for attribute, price in stated.items()}
            yield GENAI_SLUGS.get(name, name), str(row.get("id", "")), assembled(parts, bound)


def _prices_of_today(prices: object, where: str) -> Mapping[str, Any]:
    """The last entry without a time of day: a discount by the hour is not a price."""
    if not isinstance(prices, list):
        return table_in(prices, f"{where}.prices")
    entries = [table_in(entry, f"{where}.prices") for entry in prices]
    whole = [entry for entry in entries if "start_time" not in table_in(entry.get("constraint") or {}, where)]
    return table_in(whole[-1].get("prices") or {}, f"{where}.prices") if whole else {}


def _own(text: str, benchmarks: Mapping[str, Benchmark], file: str) -> Iterator[Row]:
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CatalogueError(f"{file}: neither JSON nor TOML: {error}") from error
    for card in parse_lab(file, text, benchmarks):
        for offer in card.offers:
            yield str(offer.provider), str(offer.sent_model), offer.prices.value


_JSON_FORMS: Final[tuple[tuple[str, Callable[[object], bool], Callable[[Any, str], Iterator[Row]]], ...]] = (
    ("litellm's map", _is_litellm, _litellm),
    ("models.dev's JSON", _is_models_dev, _models_dev),
    ("models.dev's rows", _is_models_dev_rows, _models_dev_rows),
    ("genai-prices", _is_genai, _genai),
)


def _in_dollars(cost: Mapping[str, Any], where: str) -> None:
    currency = cost.get("currency", "USD")
    if currency != "USD":
        raise CatalogueError(f"{where}: prices in {currency!r}; only lists in USD are read")


def _price(value: object, per_mtok: float, where: str) -> float | None:
    """USD per million tokens; None for an absent price, for 0, and for what cannot be a price."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CatalogueError(f"{where}: a price, not {value!r}")
    price = float(value) * per_mtok
    return round(price, 9) or None if 0 <= price <= MAX_PRICE_PER_MTOK else None


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise CatalogueError(f"{where}: a list is missing here")
    return value
