"""Catalogue facts drawn at random, checked against the raw lists: `python benchmarks/quality/check_catalogue.py`.

Shares no code with the builder of the catalogue: it looks each fact up anew, in the list that the fact cites, by the
provider and the name that the offer states; a figure quoted by hand from a page that is in no list is looked up in
`quoted_figures.toml`. Reads FAIRLEAD_DATA/catalogue. Exit code 1 when a fact is not what its
source says.
"""

import argparse
import csv
import json
import os
import random
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from fairlead.assembly.shipped import shipped_catalogue
from fairlead.catalogue.cards import ModelCard
from fairlead.catalogue.catalogue import Catalogue

Raw = Any


class Claim(NamedTuple):
    """One fact as the catalogue states it."""

    card: ModelCard
    what: str
    value: object
    source: str
    provider: str = ""
    sent: str = ""


MODELS_DEV = {"together": "togetherai", "fireworks": "fireworks-ai", "zhipuai": "zai", "novita": "novita-ai"}
LITELLM = {
    "google": {"gemini"},
    "together": {"together_ai"},
    "fireworks": {"fireworks_ai"},
    "moonshotai": {"moonshot"},
    "zhipuai": {"zai"},
    "alibaba": {"dashscope"},
    "cohere": {"cohere_chat", "cohere"},
    "azure": {"azure", "azure_ai"},
    "amazon-bedrock": {"bedrock", "bedrock_converse"},
}
GENAI = {"xai": "x-ai", "amazon-bedrock": "aws"}
COLUMNS = {
    "input": ("price_in_per_m", "input_cost_per_token", "input_mtok"),
    "cached_read": ("price_cache_read_per_m", "cache_read_input_token_cost", "cache_read_mtok"),
    "cache_write": ("price_cache_write_per_m", "cache_creation_input_token_cost", "cache_write_mtok"),
    "output": ("price_out_per_m", "output_cost_per_token", "output_mtok"),
}


def claims(catalogue: Catalogue) -> Iterator[Claim]:
    """Every fact of every card."""
    for card in catalogue.cards.values():
        named = {
            "release": card.release,
            "open_weights": card.open_weights,
            "context_tokens": card.context_tokens,
            "max_output_tokens": card.max_output_tokens,
            "parameters_total": card.parameters_total,
            "parameters_active": card.parameters_active,
        }
        for what, fact in [*named.items(), *card.abilities.items()]:
            if fact is not None:
                yield Claim(card, what, fact.value, fact.source)
        for offer in card.offers:
            prices, source = offer.prices.value, offer.prices.source
            place = (source, str(offer.provider), str(offer.sent_model))
            for what in COLUMNS:
                value = getattr(prices, f"{what}_per_mtok")
                if value is not None:
                    yield Claim(card, what, value, *place)
        for figure in card.figures:
            yield Claim(card, figure.benchmark, figure.score, figure.source)


def looked_up(claim: Claim, folder: Path) -> list[object]:
    """What the cited source says: several values where the source has several rows of the model."""
    source = claim.source
    if claim.what in COLUMNS and claim.provider:
        return _price(claim, folder)
    title = source.partition(", http")[0]
    if title in _by_hand():
        # The page is not among the raw lists: this finds a slip on the way into the catalogue, not one in reading.
        row = source.rpartition(", ")[2]
        return [percent / 100 for name, what, percent in _by_hand()[title] if (name, what) == (row, claim.what)]
    for part, look in (
        ("LiveBench", _livebench),
        ("Aider", _aider),
        ("LLMStats", _llm_stats),
        ("quoted by models.dev", _quoted),
        ("the model's published name", _sizes),
        ("litellm", _litellm_fact),
    ):
        if part in source:
            return look(claim, folder)
    return _models_dev_fact(claim, folder)


@cache
def _by_hand() -> dict[str, list[tuple[str, str, float]]]:
    """Title of a source quoted by hand -> its (row, benchmark, percent)."""
    text = files("fairlead.evaluation").joinpath("quoted_figures.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {
        source["title"]: [
            (re.sub(r"\s+", "_", entry["row"]), what, percent)
            for entry in tables["figures"].get(key, {}).values()
            for what, percent in entry.items()
            if what != "row"
        ]
        for key, source in tables["sources"].items()
    }


def _price(claim: Claim, folder: Path) -> list[object]:
    if claim.source.startswith("models.dev"):
        return _models_dev_price(claim, folder)
    return _litellm_price(claim, folder) if claim.source.startswith("litellm") else _genai_price(claim, folder)


def _aider(claim: Claim, folder: Path) -> list[object]:
    name = claim.source.rpartition(", ")[2]
    with (folder / "aider_polyglot.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if re.sub(r"\s+", "_", row["model"]) == name]
    return [float(row["pass_rate_2"]) / 100 for row in rows] or _quoted(claim, folder)


def _llm_stats(claim: Claim, folder: Path) -> list[object]:
    name = claim.source.rpartition(", ")[2]
    with (folder / "llmstats_benchmarks.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["model"] == name]
    return [float(row["score"]) for row in rows if _like(row["benchmark"], claim.what)]


def _sizes(claim: Claim, folder: Path) -> list[object]:
    sizes = re.findall(r"(a?)(\d+(?:\.\d+)?)b(?![a-z])", str(claim.card.model))
    wanted = "a" if claim.what == "parameters_active" else ""
    return [round(float(size) * 1e9) for mark, size in sizes if mark == wanted]


@cache
def _rows(folder: Path) -> list[Raw]:
    return list(pq.read_table(folder / "models_dev.parquet").to_pylist())


@cache
def _json(path: Path) -> Raw:
    return json.loads(path.read_text(encoding="utf-8"))


def _models_dev_price(claim: Claim, folder: Path) -> list[object]:
    provider = MODELS_DEV.get(claim.provider, claim.provider)
    column = COLUMNS[claim.what][0]
    return [row[column] for row in _rows(folder) if row["provider"] == provider and row["model_id"] == claim.sent]


def _litellm_map(claim: Claim, folder: Path) -> Raw:
    dated = re.search(r"of (\d{4}-\d\d-\d\d)", claim.source)
    name = f"litellm_history/litellm_prices_{dated.group(1)}.json" if dated else "litellm_model_prices_2026-08.json"
    return _json(folder / name)


def _litellm_rows(claim: Claim, folder: Path, provider: str, sent: str) -> list[Raw]:
    providers = LITELLM.get(provider, {provider})
    return [
        row
        for key, row in _litellm_map(claim, folder).items()
        if row.get("litellm_provider") in providers and sent.lower() in (key.lower(), key.lower().partition("/")[2])
    ]


def _litellm_price(claim: Claim, folder: Path) -> list[object]:
    rows = _litellm_rows(claim, folder, claim.provider, claim.sent)
    column = COLUMNS[claim.what][1]
    return [row[column] * 1e6 for row in rows if row.get(column) is not None]


def _litellm_fact(claim: Claim, folder: Path) -> list[object]:
    names = {
        "context_tokens": ("max_input_tokens", "max_tokens"),
        "max_output_tokens": ("max_output_tokens",),
        "tools": ("supports_function_calling",),
        "vision": ("supports_vision",),
        "audio": ("supports_audio_input",),
        "files": ("supports_pdf_input",),
        "structured_output": ("supports_response_schema",),
        "reasoning": ("supports_reasoning",),
    }[claim.what]
    found: list[object] = []
    for offer in claim.card.offers:
        for row in _litellm_rows(claim, folder, str(offer.provider), str(offer.sent_model)):
            found.extend(row[name] for name in names if name in row)
    return found


def _genai_price(claim: Claim, folder: Path) -> list[object]:
    wanted = GENAI.get(claim.provider, claim.provider)
    column = COLUMNS[claim.what][2]
    found: list[object] = []
    for provider in _json(folder / "genai-prices_data.json"):
        for model in provider["models"] if provider["id"] == wanted else []:
            if _takes(model["match"], claim.sent.lower()):
                prices = model["prices"] if isinstance(model["prices"], list) else [{"prices": model["prices"]}]
                last = prices[-1]["prices"].get(column)
                found.append(last["base"] if isinstance(last, dict) else last)
    return found


def _takes(rule: Raw, name: str) -> bool:
    kind, value = next(iter(rule.items()))
    if kind in ("or", "and"):
        return (any if kind == "or" else all)(_takes(part, name) for part in value)
    found: bool = {
        "equals": name == value,
        "starts_with": name.startswith(value) if kind == "starts_with" else False,
        "ends_with": name.endswith(value) if kind == "ends_with" else False,
        "contains": value in name,
        "regex": bool(re.search(value, name)) if kind == "regex" else False,
    }[kind]
    return found


def _models_dev_fact(claim: Claim, folder: Path) -> list[object]:
    sent = {str(offer.sent_model).lower() for offer in claim.card.offers} | set(claim.card.aliases)
    tails = {re.sub(r"[^a-z0-9]", "", name.rpartition("/")[2]) for name in {*sent, str(claim.card.model)}}
    found: list[object] = []
    for row in _rows(folder):
        name = row["model_id"].lower()
        if name in sent or re.sub(r"[^a-z0-9]", "", name.rpartition("/")[2]) in tails:
            modalities = (row["in_modalities"] or "").split(",")
            found.append(_stated(row, claim.what, modalities, row["context"], row["max_output"]))
    for name, record in _json(folder / "models_dev_canonical.json").items():
        if re.sub(r"[^a-z0-9]", "", name.lower().rpartition("/")[2]) in tails:
            limit = record.get("limit", {})
            inputs = record["modalities"]["input"]
            found.append(_stated(record, claim.what, inputs, limit.get("context"), limit.get("output")))
    return found


def _stated(row: Raw, what: str, modalities: list[str], context: int | None, output: int | None) -> object:
    if what in ("vision", "audio", "files"):
        return {"vision": "image", "audio": "audio", "files": "pdf"}[what] in modalities
    if what == "release":
        day = row.get("release_date") or ""
        return f"{day}-01" if day.count("-") == 1 else day
    names = {"tools": "tool_call"}
    return {"context_tokens": context, "max_output_tokens": output}.get(what) or row.get(names.get(what, what))


def _livebench(claim: Claim, folder: Path) -> list[object]:
    dated = re.search(r"question set of (\d{4})-(\d\d)-(\d\d)", claim.source)
    assert dated is not None
    stamp = "_".join(dated.groups())
    categories = _json(folder / "livebench" / f"categories_{stamp}.json")
    kind = claim.what.split("_", 3)[3]
    tasks = next(tasks for name, tasks in categories.items() if name.lower().replace(" ", "_") == kind)
    row_name = claim.source.rpartition(", ")[2]
    with (folder / "livebench" / f"table_{stamp}.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["model"] == row_name]
    return [sum(float(row[task]) for task in tasks) / len(tasks) / 100 for row in rows]


def _quoted(claim: Claim, folder: Path) -> list[object]:
    tails = {
        re.sub(r"[^a-z0-9]", "", name.rpartition("/")[2].lower())
        for name in (claim.card.model, *claim.card.aliases, *(offer.sent_model for offer in claim.card.offers))
    }
    found: list[object] = []
    for name, record in _json(folder / "models_dev_canonical.json").items():
        named = re.sub(r"[^a-z0-9]", "", name.rpartition("/")[2].lower())
        if named in tails or name in claim.source:
            found.extend(
                quote["score"] / 100 for quote in record.get("benchmarks", []) if _like(quote["name"], claim.what)
            )
    return found


def _like(title: str, key: str) -> bool:
    """Whether a board's title of a benchmark can mean our key."""
    plain, ours = re.sub(r"[^a-z0-9]", "", title.lower()), re.sub(r"[^a-z0-9]", "", key)
    return plain in ours or ours in plain or (plain[:8] == ours[:8]) or {plain, ours} <= {"bigbenchhard", "bbh", "arcc"}


def agrees(value: object, stated: object) -> bool:
    """Whether the source says what we say, up to the digits that we keep."""
    if isinstance(value, bool) or isinstance(stated, bool):
        return value is stated
    if isinstance(value, int | float) and isinstance(stated, int | float):
        return abs(value - stated) <= max(1e-6, 5e-5 if value <= 1 else 1e-6 * value)
    return str(value) == str(stated)


def main() -> int:
    """Draw, look up, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20, help="how many facts to draw; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "data")))
    options = parser.parse_args()
    folder = options.data / "catalogue"
    if not folder.is_dir():
        print(f"{folder}: no such folder; set FAIRLEAD_DATA to the folder that holds catalogue/", file=sys.stderr)
        return 2
    every = list(claims(shipped_catalogue()))
    drawn = random.Random(options.seed).sample(every, options.n) if options.n else every
    n_wrong = 0
    print(f"{'fact':<78} {'ours':>14} {'source':>14}  verdict  (cited)")
    for claim in drawn:
        stated = looked_up(claim, folder)
        fits = [one for one in stated if agrees(claim.value, one)]
        n_wrong += not fits
        shown = fits[0] if fits else (stated or ["nothing"])[0]
        fact = f"{claim.card.model}: {claim.what} {claim.provider}"
        if options.n or not fits:
            verdict = "ok" if fits else "WRONG"
            print(f"{fact:<78} {_short(claim.value):>14} {_short(shown):>14}  {verdict:<7}  ({claim.source[:60]})")
    print(f"{len(drawn)} of {len(every)} facts checked, {n_wrong} wrong (seed {options.seed})")
    return 1 if n_wrong else 0


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
