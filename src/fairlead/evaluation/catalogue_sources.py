"""Listing: one model at one provider as a public price list states it; read from the raw lists under FAIRLEAD_DATA.

Only lists under a free licence feed prices, limits and abilities: models.dev, litellm's maps, genai-prices (all MIT). A
price of 0 at a provider that charges is a free tier or an unknown: it is dropped here, so that no later step sees it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from fairlead.catalogue.cards import Ability, Prices
from fairlead.catalogue.price_tiers import assembled, genai_parts, litellm_keys

MODELS_DEV_DATE: Final = date(2026, 7, 2)
LITELLM_DATE: Final = date(2026, 8, 1)
GENAI_DATE: Final = date(2026, 8, 21)
READ_ON: Final = date(2026, 11, 23)
"""When the lists were read: a price that genai-prices announced for a day before this one is in force."""

MODELS_DEV_PROVIDERS: Final = {
    "openai": "openai", "anthropic": "anthropic", "google": "google", "mistral": "mistral", "deepseek": "deepseek",
    "xai": "xai", "groq": "groq", "togetherai": "together", "fireworks-ai": "fireworks", "deepinfra": "deepinfra",
    "cerebras": "cerebras", "openrouter": "openrouter", "moonshotai": "moonshotai", "zai": "zhipuai",
    "alibaba": "alibaba", "minimax": "minimax", "cohere": "cohere", "azure": "azure",
    "amazon-bedrock": "amazon-bedrock", "perplexity": "perplexity", "xiaomi": "xiaomi", "stepfun": "stepfun",
    "upstage": "upstage", "nebius": "nebius", "novita-ai": "novita", "baseten": "baseten",
    "google-vertex": "google-vertex",
}  # fmt: skip
"""Provider in models.dev -> our slug. `zhipuai` there is the Chinese door, priced in yuan; `zai` is the open one."""

LITELLM_PROVIDERS: Final = {
    "openai": "openai", "anthropic": "anthropic", "gemini": "google", "mistral": "mistral", "deepseek": "deepseek",
    "xai": "xai", "groq": "groq", "together_ai": "together", "fireworks_ai": "fireworks", "deepinfra": "deepinfra",
    "cerebras": "cerebras", "openrouter": "openrouter", "moonshot": "moonshotai", "zai": "zhipuai",
    "dashscope": "alibaba", "minimax": "minimax", "cohere_chat": "cohere", "azure": "azure", "azure_ai": "azure",
    "bedrock_converse": "amazon-bedrock", "bedrock": "amazon-bedrock", "perplexity": "perplexity",
    "nebius": "nebius", "novita": "novita", "baseten": "baseten",
}  # fmt: skip

GENAI_PROVIDERS: Final = {
    "openai": "openai", "anthropic": "anthropic", "google": "google", "mistral": "mistral", "deepseek": "deepseek",
    "x-ai": "xai", "groq": "groq", "together": "together", "fireworks": "fireworks", "cerebras": "cerebras",
    "openrouter": "openrouter", "moonshotai": "moonshotai", "minimax": "minimax",
    "cohere": "cohere", "azure": "azure", "aws": "amazon-bedrock", "perplexity": "perplexity", "novita": "novita",
}  # fmt: skip
"""`zhipuai` is left out for the same reason: genai-prices converts its yuan."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One row of one list, in our words."""

    provider: str
    sent: str
    source: str
    prices: Prices
    title: str | None = None
    family: str | None = None
    release: date | None = None
    is_month: bool = False
    """True when the list names only the month of the release: `release` is its first day."""
    open_weights: bool | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    abilities: Mapping[Ability, bool] = field(default_factory=dict)
    is_deprecated: bool = False
    base: str | None = None


def models_dev(folder: Path) -> list[Listing]:
    """The text models of the providers that we name, from models.dev's table."""
    rows = pq.read_table(folder / "models_dev.parquet").to_pylist()
    return [
        Listing(
            provider=MODELS_DEV_PROVIDERS[row["provider"]],
            sent=row["model_id"],
            source="models_dev",
            prices=prices_of(
                {
                    "input_per_mtok": row["price_in_per_m"],
                    "cached_read_per_mtok": row["price_cache_read_per_m"],
                    "cache_write_per_mtok": row["price_cache_write_per_m"],
                    "output_per_mtok": row["price_out_per_m"],
                }
            ),
            title=row["name"],
            family=row["family"],
            release=_release(row),
            is_month=_is_month(row["release_date"]),
            open_weights=row["open_weights"],
            context_tokens=row["context"] or None,
            max_output_tokens=row["max_output"] or None,
            abilities=_abilities(row, (row["in_modalities"] or "").split(",")),
            is_deprecated=row["status"] == "deprecated",
            base=row["base"],
        )
        for row in rows
        if row["provider"] in MODELS_DEV_PROVIDERS and "text" in (row["out_modalities"] or "").split(",")
    ]


def models_dev_records(folder: Path) -> list[Listing]:
    """models.dev's one record a model: facts of the weights, no prices. `provider` is the lab there."""
    records = json.loads((folder / "models_dev_canonical.json").read_text(encoding="utf-8"))
    return [
        Listing(
            provider=name.partition("/")[0],
            sent=name.partition("/")[2],
            source="models_dev",
            prices=Prices(),
            title=record["name"],
            family=record.get("family"),
            release=_release({"provider": "", **record}),
            is_month=_is_month(record.get("release_date")),
            open_weights=record.get("open_weights"),
            context_tokens=record.get("limit", {}).get("context") or None,
            max_output_tokens=record.get("limit", {}).get("output") or None,
            abilities=_abilities(record, record.get("modalities", {}).get("input", [])),
        )
        for name, record in records.items()
    ]


def litellm(path: Path, source: str) -> list[Listing]:
    """The chat models of the providers that we name, from one of litellm's maps."""
    found: list[Listing] = []
    for key, row in json.loads(path.read_text(encoding="utf-8")).items():
        provider = LITELLM_PROVIDERS.get(row.get("litellm_provider", ""))
        if provider is None or row.get("mode") not in ("chat", "responses") or key.startswith("ft:"):
            continue
        keys, bound = litellm_keys(row)
        per_mtok = {attribute: float(row.get(key) or 0.0) * 1e6 for attribute, key in keys.items()}
        limit = row.get("max_input_tokens") or row.get("max_tokens")
        output = row.get("max_output_tokens")
        found.append(
            Listing(
                provider=provider,
                sent=_unprefixed(key, row["litellm_provider"]),
                source=source,
                prices=prices_of(per_mtok, bound),
                context_tokens=limit if isinstance(limit, int) and limit > 0 else None,
                max_output_tokens=output if isinstance(output, int) and output > 0 else None,
                abilities=_litellm_abilities(row),
            )
        )
    return found


def genai_prices(folder: Path, on: date) -> list[tuple[str, Any, Prices]]:
    """genai-prices as (provider, match rule, prices on that day)."""
    found: list[tuple[str, Any, Prices]] = []
    for provider in json.loads((folder / "genai-prices_data.json").read_text(encoding="utf-8")):
        slug = GENAI_PROVIDERS.get(provider["id"])
        for model in provider["models"] if slug else []:
            found.append((slug or "", model["match"], _genai_prices(model["prices"], on)))
    return found


def rule_matches(rule: Mapping[str, Any], name: str) -> bool:
    """Whether a match rule of genai-prices takes this name."""
    ((kind, value),) = rule.items()
    match kind:
        case "or":
            return any(rule_matches(part, name) for part in value)
        case "and":
            return all(rule_matches(part, name) for part in value)
        case "equals":
            return bool(name == value)
        case "starts_with":
            return name.startswith(value)
        case "ends_with":
            return name.endswith(value)
        case "contains":
            return value in name
        case "regex":
            return re.search(value, name) is not None
    raise ValueError(f"unknown match rule {kind!r} of genai-prices")


def prices_of(per_mtok: Mapping[str, float | None], above_tokens: int | None = None) -> Prices:
    """The prices above 0; 0 and None are unknown. A model whose output is free is a free tier: all unknown."""
    if not per_mtok["input_per_mtok"] or not per_mtok["output_per_mtok"]:
        return Prices()
    known = {name: round(price, 9) if price and price > 0 else None for name, price in per_mtok.items()}
    return assembled(known, above_tokens)


def day_of(text: str | None) -> date | None:
    """A date; a month without a day counts from its first."""
    if not text:
        return None
    parts = [int(part) for part in text.split("-")]
    return date(*[*parts, 1, 1][:3]) if len(parts) > 1 else None


def _release(row: Mapping[str, Any]) -> date | None:
    # models.dev fills unknown release dates with the first of January, and on Bedrock with the first of December 2024.
    day = day_of(row.get("release_date"))
    if (
        day is None
        or (day.month == day.day == 1 and not _is_month(row["release_date"]))
        or (row["provider"] == "amazon-bedrock" and day == _FILLED_IN)
    ):
        return None
    return day


def _is_month(text: str | None) -> bool:
    return text is not None and text.count("-") == 1


_FILLED_IN: Final = date(2024, 12, 1)


def _abilities(row: Mapping[str, Any], modalities: list[str]) -> dict[Ability, bool]:
    found: dict[Ability, bool] = {
        "vision": "image" in modalities,
        "audio": "audio" in modalities,
        "files": "pdf" in modalities,
    }
    for key, ability in _FLAGS:
        value = row.get(key)
        if value is not None:
            found[ability] = bool(value)
    return found


_FLAGS: Final[tuple[tuple[str, Ability], ...]] = (
    ("tool_call", "tools"),
    ("reasoning", "reasoning"),
    ("structured_output", "structured_output"),
)


def _litellm_abilities(row: Mapping[str, Any]) -> dict[Ability, bool]:
    # litellm writes a flag only where it is sure: an absent one says nothing.
    names: tuple[tuple[str, Ability], ...] = (
        ("supports_function_calling", "tools"),
        ("supports_vision", "vision"),
        ("supports_audio_input", "audio"),
        ("supports_pdf_input", "files"),
        ("supports_response_schema", "structured_output"),
        ("supports_reasoning", "reasoning"),
    )
    return {ability: bool(row[name]) for name, ability in names if isinstance(row.get(name), bool)}


def _unprefixed(key: str, provider: str) -> str:
    head, slash, tail = key.partition("/")
    if slash and head in (provider, "bedrock", "converse", "azure"):
        return tail
    return key


def _genai_prices(prices: Any, on: date) -> Prices:
    if isinstance(prices, list):
        valid = [part for part in prices if _starts(part) <= on]
        prices = max(valid, key=_starts)["prices"] if valid else {}
    return prices_of(*genai_parts(prices))


def _starts(part: Mapping[str, Any]) -> date:
    start = part.get("constraint", {}).get("start_date")
    return date.fromisoformat(start) if start else date.min
