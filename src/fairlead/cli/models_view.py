"""A model's card and its row in the list, as people and machines see them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from fairlead.catalogue.cards import Fact, ModelCard, Offer
from fairlead.catalogue.catalogue import Catalogue
from fairlead.catalogue.parsing import LISTED_KEYS, PRICE_KEYS
from fairlead.catalogue.price_words import dearer_words
from fairlead.cli.output import Cell, Printer
from fairlead.domain.kinds import KINDS

STRONG_SHARE: Final = 0.2
"""A model is strong in a kind when it is among this share of the best of all that have a figure there."""

_SHORT: Final = {"structured_output": "json"}


def model_row(card: ModelCard, provider: str | None, strong: Sequence[str]) -> dict[str, Any]:
    """One line of the list; prices of the named provider, else of the cheapest offer."""
    offer = _offer_of(card, provider)
    prices = offer.prices.value if offer is not None else None
    return {
        "id": card.model,
        "title": card.title,
        "lab": card.lab,
        "is_current": card.is_current,
        "provider": offer.provider if offer is not None else None,
        "input_usd_per_mtok": prices.input_per_mtok if prices is not None else None,
        "output_usd_per_mtok": prices.output_per_mtok if prices is not None else None,
        "context_tokens": card.context_tokens.value if card.context_tokens is not None else None,
        "open_weights": card.open_weights.value if card.open_weights is not None else None,
        "abilities": [_SHORT.get(key, key) for key, fact in card.abilities.items() if fact.value],
        "release": card.release.value.isoformat() if card.release is not None else None,
        "providers": [offer.provider for offer in card.offers],
        "n_figures": len(card.figures),
        "strong_kinds": list(strong),
    }


def strong_kinds(catalogue: Catalogue) -> Mapping[str, tuple[str, ...]]:
    """Model -> kinds of task where its published figures stand among the best STRONG_SHARE of the current models.

    Each benchmark ranks the current models that have a figure there; a model's standing in a kind is the mean of its
    ranks, weighted by what each benchmark says of the kind. A display only: the router has its own, finer estimate.
    """
    ranks: dict[str, dict[str, float]] = {}
    for card in catalogue.current():
        for figure in card.figures:
            ranks.setdefault(figure.benchmark, {})[card.model] = figure.score
    standing: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for key, scores in ranks.items():
        if len(scores) < 8:  # a rank among a handful says nothing
            continue
        ordered = sorted(scores.values())
        for model, score in scores.items():
            share = sum(other < score for other in ordered) / (len(ordered) - 1)
            for kind, weight in catalogue.benchmarks[key].kinds.items():
                standing.setdefault(kind, {}).setdefault(model, []).append((weight, share))
    strong: dict[str, list[str]] = {}
    for kind in KINDS:
        for model, parts in standing.get(kind, {}).items():
            total = sum(weight for weight, _ in parts)
            if sum(weight * share for weight, share in parts) / total >= 1 - STRONG_SHARE:
                strong.setdefault(model, []).append(kind)
    return {model: tuple(kinds) for model, kinds in strong.items()}


def print_card(
    out: Printer, card: ModelCard, catalogue: Catalogue, today: date, print_map: Callable[[], None] = lambda: None
) -> None:
    """The card for people; `print_map` draws what the model is good at, between the heading and the facts."""
    out.line(f"{card.title}  ({card.model})", "bold")
    if not card.is_current:
        out.line("superseded or retired: it answers to its name, but is not in the default pool", "yellow")
    out.pair("lab", card.lab)
    out.pair("family", card.family or "-")
    print_map()
    out.line()
    out.table(
        ("fact", "value", "as of", "days old", "source"),
        [
            (key, _shown(fact.value), fact.as_of.isoformat(), (today - fact.as_of).days, fact.source)
            for key, fact in facts_of(card).items()
        ],
        right=("value", "days old"),
    )
    out.line()
    _print_offers(out, card, today)
    out.line()
    _print_figures(out, card, catalogue, today)
    out.line()
    out.pair("also called", ", ".join(card.aliases) or "-")


def card_json(card: ModelCard, catalogue: Catalogue, today: date) -> dict[str, Any]:
    """The card for machines; the keys are stable."""
    return {
        "id": card.model,
        "title": card.title,
        "lab": card.lab,
        "family": card.family,
        "is_current": card.is_current,
        "aliases": list(card.aliases),
        "facts": {key: _fact_json(fact, today) for key, fact in facts_of(card).items()},
        "offers": [_offer_json(offer, today) for offer in card.offers],
        "figures": [
            {
                "benchmark": figure.benchmark,
                "title": catalogue.benchmarks[figure.benchmark].title,
                "score": figure.score,
                "uncertainty": round(figure.uncertainty, 4),
                "source": figure.source,
                "as_of": figure.as_of.isoformat(),
                "age_days": (today - figure.as_of).days,
            }
            for figure in card.figures
        ],
        "strong_kinds": list(strong_kinds(catalogue).get(card.model, ())),
        "catalogue": catalogue.version,
    }


def facts_of(card: ModelCard) -> dict[str, Fact[Any]]:
    """The facts of the weights that a source states, in a fixed order."""
    named: dict[str, Fact[Any] | None] = {
        "release": card.release,
        "open_weights": card.open_weights,
        "context_tokens": card.context_tokens,
        "max_output_tokens": card.max_output_tokens,
        "parameters_total": card.parameters_total,
        "parameters_active": card.parameters_active,
    }
    named.update({str(ability): fact for ability, fact in card.abilities.items()})
    return {key: fact for key, fact in named.items() if fact is not None}


def short_count(n_tokens: int | None) -> str | None:
    """A count of tokens as people say it: 128k, 1M."""
    if n_tokens is None:
        return None
    if n_tokens >= 1_000_000:
        return f"{n_tokens / 1_000_000:.1f}M".replace(".0M", "M")
    return f"{n_tokens // 1000}k" if n_tokens >= 1000 else str(n_tokens)


def _print_offers(out: Printer, card: ModelCard, today: date) -> None:
    if not card.offers:
        out.line("No provider offers it: a local server may.")
        return
    rows: list[list[Cell]] = []
    for offer in card.offers:
        prices = [getattr(offer.prices.value, PRICE_KEYS[key]) for key in LISTED_KEYS]
        age = (today - offer.prices.as_of).days
        context = short_count(offer.context_tokens.value) if offer.context_tokens is not None else None
        rows.append([offer.provider, *prices, context, age, offer.prices.source, offer.sent_model])
    heads = ("provider", "input", "cached", "write", "output", "context", "days old", "source", "sent as")
    out.table(heads, rows, right=("input", "cached", "write", "output", "context", "days old"))
    out.line("USD per million tokens; a dash is unknown, or no other than the card's.", "dim")
    for offer in card.offers:
        for words in dearer_words(offer.prices.value):
            out.line(f"{offer.provider}: {words}.")


def _print_figures(out: Printer, card: ModelCard, catalogue: Catalogue, today: date) -> None:
    if not card.figures:
        out.line("No published figure is known: its quality is a prior from family, size and price.")
        return
    out.table(
        ("benchmark", "score", "±", "as of", "days old", "source"),
        [
            (
                catalogue.benchmarks[figure.benchmark].title,
                f"{figure.score:.3f}",
                f"{figure.uncertainty:.3f}",
                figure.as_of.isoformat(),
                (today - figure.as_of).days,
                figure.source,
            )
            for figure in card.figures
        ],
        right=("score", "±", "days old"),
    )


def _offer_of(card: ModelCard, provider: str | None) -> Offer | None:
    wanted = [offer for offer in card.offers if provider is None or offer.provider == provider.lower()]
    priced = [offer for offer in wanted if offer.prices.value.output_per_mtok is not None]
    if not priced:
        return wanted[0] if wanted else None
    return min(priced, key=lambda offer: (_blend(offer), str(offer.provider)))


def _blend(offer: Offer) -> float:
    # Three parts input to one part output, the usual mix of chat traffic; only to pick the row's offer.
    prices = offer.prices.value
    return 3 * (prices.input_per_mtok or 0.0) + (prices.output_per_mtok or 0.0)


def _fact_json(fact: Fact[Any], today: date) -> dict[str, Any]:
    value = fact.value.isoformat() if isinstance(fact.value, date) else fact.value
    return {
        "value": value,
        "source": fact.source,
        "as_of": fact.as_of.isoformat(),
        "age_days": (today - fact.as_of).days,
    }


def _offer_json(offer: Offer, today: date) -> dict[str, Any]:
    prices = offer.prices.value
    return {
        "provider": offer.provider,
        "sent_model": offer.sent_model,
        "prices": {f"{key}_usd_per_mtok": getattr(prices, attribute) for key, attribute in PRICE_KEYS.items()},
        "above_tokens": prices.above_tokens,
        "source": offer.prices.source,
        "as_of": offer.prices.as_of.isoformat(),
        "age_days": (today - offer.prices.as_of).days,
        "context_tokens": offer.context_tokens.value if offer.context_tokens is not None else None,
        "max_output_tokens": offer.max_output_tokens.value if offer.max_output_tokens is not None else None,
    }


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
