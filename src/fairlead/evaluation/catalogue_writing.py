"""Writing: merged models -> the text of a lab's file, in the form that `catalogue/parsing.py` reads."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from fairlead.catalogue.parsing import ABOVE_KEY, PRICE_KEYS
from fairlead.catalogue.uncertainty import FIRST_HAND_SETUP, VENDOR_SETUP
from fairlead.evaluation.catalogue_figures import LIVEBENCH_TABLES, RawFigure
from fairlead.evaluation.catalogue_merging import Merged, Offered
from fairlead.evaluation.catalogue_sources import GENAI_DATE, LITELLM_DATE, MODELS_DEV_DATE

_LITELLM: Final = "https://github.com/BerriAI/litellm"
_HEAD: Final = """\
# Models of {title}. Written by `make catalogue` from public lists; may be edited by hand.
# A line of facts: source key=value ...   of offers: source provider sent-name price=USD-per-million-tokens ...
"""


def _source(
    title: str, url: str, as_of: date, licence: str | None = None, setup: float | None = None
) -> dict[str, Any]:
    table: dict[str, Any] = {"title": title, "url": url, "licence": licence, "as_of": as_of, "setup": setup}
    return {key: value for key, value in table.items() if value not in (None, "")}


SOURCES: Final[Mapping[str, Mapping[str, Any]]] = {
    "models_dev": _source("models.dev", "https://github.com/anomalyco/models.dev", MODELS_DEV_DATE, "MIT"),
    "litellm": _source("litellm's price map", _LITELLM, LITELLM_DATE, "MIT"),
    "litellm_2025_09": _source("litellm's price map of 2025-09-01", _LITELLM, date(2025, 9, 1), "MIT"),
    "litellm_2025_03": _source("litellm's price map of 2025-03-31", _LITELLM, date(2025, 3, 31), "MIT"),
    "litellm_2024_12": _source("litellm's price map of 2024-12-31", _LITELLM, date(2024, 12, 31), "MIT"),
    "litellm_2024_08": _source("litellm's price map of 2024-08-13", _LITELLM, date(2024, 8, 13), "MIT"),
    "litellm_2024_05": _source("litellm's price map of 2024-05-15", _LITELLM, date(2024, 5, 15), "MIT"),
    "genai_prices": _source("genai-prices", "https://github.com/pydantic/genai-prices", GENAI_DATE, "MIT"),
    "name": _source("the model's published name", "", MODELS_DEV_DATE),
    "aider": _source("Aider polyglot board", "https://aider.chat/docs/leaderboards", date(2025, 10, 3), "Apache-2.0"),
    "scale": _source("Scale AI board, quoted by models.dev", "https://labs.scale.com/leaderboard", MODELS_DEV_DATE),
    "aa": _source(
        "Artificial Analysis coding agents, quoted by models.dev", "https://artificialanalysis.ai", MODELS_DEV_DATE
    ),
    "openrouter": _source(
        "Artificial Analysis, shown by OpenRouter, quoted by models.dev", "https://openrouter.ai", MODELS_DEV_DATE
    ),
    "swebench": _source("SWE-bench board, quoted by models.dev", "https://www.swebench.com", MODELS_DEV_DATE),
    "vendor": _source("the lab's own report, quoted by models.dev", "", MODELS_DEV_DATE, setup=VENDOR_SETUP),
    "llmstats": _source(
        "the lab's own report, collected by LLMStats (CC BY 4.0)",
        "https://github.com/JonathanChavezTamales/LLMStats",
        date(2025, 5, 31),
        "CC BY 4.0",
        VENDOR_SETUP,
    ),
    **{
        f"livebench_{table[:7]}": _source(
            f"LiveBench, question set of {table.replace('_', '-')}",
            "https://livebench.ai",
            date(*(int(part) for part in table.split("_"))),
            setup=FIRST_HAND_SETUP,
        )
        for table in LIVEBENCH_TABLES
    },
}


def lab_text(
    lab: str,
    title: str,
    models: Iterable[Merged],
    figures: Mapping[str, list[RawFigure]],
    quoted: Mapping[str, Mapping[str, Any]],
) -> str:
    """The file of one lab: sources that are used, then models by name. `quoted` are the sources quoted by hand."""
    known = {**SOURCES, **quoted}
    blocks: list[str] = []
    used: set[str] = set()
    for model in sorted(models, key=lambda model: model.name):
        blocks.append(_model_text(model, _figure_lines(model, figures.get(model.form, []), known), used))
        used.update(figure.source for figure in figures.get(model.form, []))
    sources = "".join(
        f"{key} = {{ {', '.join(f'{name} = {_toml(value)}' for name, value in known[key].items())} }}\n"
        for key in known
        if key in used
    )
    head = _HEAD.format(title=title)
    return (
        f"{head}\nlab = {_toml(lab)}\ntitle = {_toml(title)}\n\n[sources]\n{sources}\n{''.join(blocks)}".rstrip() + "\n"
    )


def _model_text(model: Merged, figure_lines: list[str], used: set[str]) -> str:
    lines = [f"[models.{_toml(model.name)}]", f"title = {_toml(model.title)}"]
    if model.family:
        lines.append(f"family = {_toml(model.family)}")
    if not model.is_current:
        lines.append("current = false")
    if model.aliases:
        lines.append(f"aliases = [{', '.join(map(_toml, model.aliases))}]")
    facts: dict[str, list[str]] = {}
    for key, (value, source) in model.facts.items():
        facts.setdefault(source, []).append(f"{key}={_word(value)}")
    _block(lines, "facts", [f"{source} {' '.join(words)}" for source, words in facts.items()])
    _block(lines, "offers", [_offer_text(offer, model) for offer in model.offers])
    _block(lines, "figures", figure_lines)
    used.update(facts, (offer.priced.source for offer in model.offers))
    return "\n".join(lines) + "\n\n"


def _offer_text(offer: Offered, model: Merged) -> str:
    prices = offer.priced.prices
    words = [offer.priced.source, offer.provider, offer.sent]
    for key, attribute in PRICE_KEYS.items():
        price = getattr(prices, attribute)
        if price is not None:
            words.append(f"{key}={_word(price)}")
    if prices.above_tokens is not None:
        words.append(f"{ABOVE_KEY}={prices.above_tokens}")
    for key in ("context_tokens", "max_output_tokens"):
        value = getattr(offer, key)
        if value is not None and value != model.facts.get(key, (None, ""))[0]:
            words.append(f"{key}={value}")
    return " ".join(words)


def _figure_lines(model: Merged, figures: list[RawFigure], sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line for figures of one source, row and date.

    Rows join a board after its question set was fixed: a figure is never dated before the model that it speaks of.
    """
    release = model.facts["release"][0] if "release" in model.facts else None
    lines: dict[str, list[str]] = {}
    for figure in sorted(figures, key=lambda figure: (figure.source, figure.row, figure.benchmark)):
        stated = figure.as_of or sources[figure.source]["as_of"]
        as_of = max(stated, release) if release is not None else stated
        head = f"{figure.source} row={figure.row}"
        if as_of != sources[figure.source]["as_of"]:
            head += f" as_of={as_of}"
        lines.setdefault(head, []).append(f"{figure.benchmark}={_word(round(figure.score, 4))}")
    return [f"{head} {' '.join(words)}" for head, words in lines.items()]


def _block(lines: list[str], key: str, content: list[str]) -> None:
    if content:
        lines += [f"{key} = '''", *content, "'''"]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    return str(value)


def _toml(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
