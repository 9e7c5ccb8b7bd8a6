"""Overrides: what the operator's configuration says of models, laid over the catalogue.

The operator's word wins over every list, and is marked so. A block names a model by id or alias and states any of::

    openai/gpt-5.4:
      prices:
        azure: {sent_model: my-deployment, input: 2.5, cached_read: 0.25, output: 15}
        openai: {above_tokens: 272000, input_above: 5, cached_read_above: 0.5, output_above: 22.5}
      context_tokens: 400000
      abilities: {vision: false}
      figures: {gpqa: 0.85}

A block under a name that nothing answers to is a new model and needs an id of the form `lab/name`. Prices are USD per
million tokens; `null` makes a price unknown; a price of 0 is refused here, since only a local server is free and is
marked so where it is configured. What is not stated stays. A request with more input tokens than `above_tokens`, cached
ones among them, is billed at the prices that end in `_above`, all of it; `above_tokens: null` says that none is.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any, Final, cast, get_args

from fairlead.catalogue.cards import Fact, Figure, ModelCard, Offer, Prices, Purpose
from fairlead.catalogue.catalogue import Catalogue, catalogue_of
from fairlead.catalogue.matching import nearest
from fairlead.catalogue.parsing import ABILITIES, ABOVE_KEY, FACT_READERS, PRICE_KEYS, count_in, fact_of, price_in
from fairlead.catalogue.uncertainty import FIRST_HAND_SETUP, standard_error
from fairlead.domain.errors import CatalogueError
from fairlead.domain.names import ModelId, ProviderName, SentModel

SOURCE: Final = "your configuration"
FIELDS: Final = (
    "title", "purpose", "family", "aliases", "current", "release", "open_weights", "context_tokens",
    "max_output_tokens", "parameters_total", "parameters_active", "abilities", "prices", "figures", "source", "as_of",
)  # fmt: skip
"""What a block may state."""

_OFFER_FIELDS: Final = (*PRICE_KEYS, ABOVE_KEY, "sent_model", "context_tokens", "max_output_tokens")
_CARD_FACTS: Final = tuple(key for key in FACT_READERS if key not in ABILITIES)


def overridden(catalogue: Catalogue, blocks: Mapping[str, object], as_of: date) -> Catalogue:
    """The catalogue with these blocks laid over it; its version changes with them.

    Raises: CatalogueError that names the block and the key, with the nearest known one.
    """
    if not blocks:
        return catalogue
    cards = dict(catalogue.cards)
    for name, block in blocks.items():
        fields = _mapping(block, name)
        _known(fields, FIELDS, name)
        card = catalogue.resolve(name) or _new_card(name, catalogue)
        # A second block may name the same card by another alias: the later one is laid over the earlier.
        cards[card.model] = _laid_over(cards.get(card.model, card), fields, as_of, catalogue, name)
    digest = sha256(catalogue.version.encode())
    digest.update(repr(_canonical(blocks)).encode("utf-8", "surrogatepass"))
    return catalogue_of(cards.values(), catalogue.benchmarks, digest.hexdigest())


def _new_card(name: str, catalogue: Catalogue) -> ModelCard:
    lab, slash, rest = name.partition("/")
    if not slash or not lab.strip() or not rest.strip() or name != name.lower():
        like = catalogue.nearest(name)
        hint = f"; nearest: {', '.join(like)}" if like else ""
        raise CatalogueError(f"{name}: no model has this name{hint}. A new model needs a lower-case id `lab/name`")
    return ModelCard(
        model=ModelId(name),
        title=rest,
        lab=lab,
        family=None,
        release=None,
        open_weights=None,
        context_tokens=None,
        max_output_tokens=None,
    )


def _laid_over(card: ModelCard, fields: Mapping[str, Any], as_of: date, catalogue: Catalogue, where: str) -> ModelCard:
    as_of = _day(fields["as_of"], f"{where}.as_of") if "as_of" in fields else as_of
    source = f"{SOURCE}: {fields['source']}" if fields.get("source") else SOURCE
    changes: dict[str, Any] = {}
    for key in _CARD_FACTS:
        if key in fields:
            changes[key] = _fact(key, fields[key], source, as_of, where)
    if "abilities" in fields:
        stated = _mapping(fields["abilities"], f"{where}.abilities")
        _known(stated, ABILITIES, f"{where}.abilities")
        changes["abilities"] = {
            **card.abilities,
            **{key: _fact(key, value, source, as_of, f"{where}.abilities") for key, value in stated.items()},
        }
    if "prices" in fields:
        changes["offers"] = _offers(card, _mapping(fields["prices"], f"{where}.prices"), source, as_of, where)
    if "figures" in fields:
        stated = _mapping(fields["figures"], f"{where}.figures")
        changes["figures"] = _figures(card, stated, source, as_of, catalogue, f"{where}.figures")
    return replace(card, **changes, **_plain_changes(card, fields, where))


def _plain_changes(card: ModelCard, fields: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What has no source of its own: names, and whether the model is current."""
    changes: dict[str, Any] = {
        key: _text(fields[key], f"{where}.{key}") for key in ("title", "family") if key in fields
    }
    if "aliases" in fields:
        aliases = fields["aliases"]
        if not isinstance(aliases, list | tuple) or not all(isinstance(one, str) and one for one in aliases):
            raise CatalogueError(f"{where}.aliases: a list of names, not {aliases!r}")
        changes["aliases"] = tuple(dict.fromkeys((*card.aliases, *aliases)))
    if "current" in fields:
        if not isinstance(fields["current"], bool):
            raise CatalogueError(f"{where}.current: true or false, not {fields['current']!r}")
        changes["is_current"] = fields["current"]
    if "purpose" in fields:
        if fields["purpose"] not in get_args(Purpose):
            raise CatalogueError(f"{where}.purpose: one of {', '.join(get_args(Purpose))}, not {fields['purpose']!r}")
        changes["purpose"] = fields["purpose"]
    return changes


def _offers(card: ModelCard, stated: Mapping[str, Any], source: str, as_of: date, where: str) -> tuple[Offer, ...]:
    offers = {str(offer.provider): offer for offer in card.offers}
    for provider, block in stated.items():
        place = f"{where}.prices.{provider}"
        fields = _mapping(block, place)
        _known(fields, _OFFER_FIELDS, place)
        old = offers.get(provider)
        if old is None and "sent_model" not in fields:
            raise CatalogueError(f"{place}.sent_model: a new offer needs the name that {provider} knows the model by")
        is_silent = fields.keys().isdisjoint((*PRICE_KEYS, ABOVE_KEY))
        prices = _prices(old.prices.value if old is not None else Prices(), fields, place)
        sent = _text(fields["sent_model"], f"{place}.sent_model") if "sent_model" in fields else None
        limits: dict[str, Fact[int] | None] = {
            key: _fact(key, fields[key], source, as_of, place)
            if key in fields
            else (getattr(old, key) if old is not None else None)
            for key in ("context_tokens", "max_output_tokens")
        }
        offers[provider] = Offer(
            provider=ProviderName(provider),
            sent_model=SentModel(sent) if sent is not None else cast("Offer", old).sent_model,
            prices=old.prices if old is not None and is_silent else Fact(prices, source, as_of),
            **limits,
        )
    return tuple(offers.values())


def _prices(base: Prices, fields: Mapping[str, Any], place: str) -> Prices:
    """The prices with those that are stated; no bound for long requests means no prices of them either."""
    stated: dict[str, Any] = {}
    if fields.get(ABOVE_KEY, ...) is None:
        stated = {attribute: None for key, attribute in PRICE_KEYS.items() if key.endswith("_above")}
    for key, value in fields.items():
        if key in PRICE_KEYS:
            stated[PRICE_KEYS[key]] = None if value is None else price_in(_scalar(value), f"{place}.{key}")
        elif key == ABOVE_KEY:
            stated[ABOVE_KEY] = None if value is None else count_in(_scalar(value), f"{place}.{key}")
    try:
        return replace(base, **stated)
    except ValueError as error:
        raise CatalogueError(f"{place}: {error}") from None


def _figures(
    card: ModelCard, stated: Mapping[str, Any], source: str, as_of: date, catalogue: Catalogue, where: str
) -> tuple[Figure, ...]:
    _known(stated, tuple(catalogue.benchmarks), where)
    figures = {figure.benchmark: figure for figure in card.figures}
    for key, value in stated.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise CatalogueError(f"{where}.{key}: a score from 0 to 1, not {value!r}")
        n_questions = catalogue.benchmarks[key].n_questions
        error = standard_error(value, n_questions, FIRST_HAND_SETUP)
        figures[key] = Figure(key, float(value), error, source, as_of)
    return tuple(figures.values())


def _fact(key: str, value: object, source: str, as_of: date, where: str) -> Fact[Any] | None:
    if value is None:
        return None
    return fact_of(key, _scalar(value), source, as_of, where)


def _scalar(value: object) -> str:
    """A YAML scalar as the catalogue's own files write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) else str(value)


def _day(value: object, where: str) -> date:
    return cast("date", fact_of("release", _scalar(value), "", date.min, where).value)


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CatalogueError(f"{where}: a block of `key: value` lines, not {value!r}")
    for key in value:
        if not isinstance(key, str) or not key:
            raise CatalogueError(f"{where}: keys are words, not {key!r}")
    return cast("Mapping[str, Any]", value)


def _known(fields: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in fields:
        if key not in known:
            like = nearest(key, known, n=1)
            hint = f"; did you mean {like[0]!r}?" if like else f"; known are {', '.join(known)}"
            raise CatalogueError(f"{where}: unknown key {key!r}{hint}")


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise CatalogueError(f"{where}: a text, not {value!r}")
    return value


def _canonical(value: object) -> object:
    if isinstance(value, Mapping):
        return sorted((str(key), _canonical(part)) for key, part in value.items())
    if isinstance(value, list | tuple):
        return [_canonical(part) for part in value]
    return repr(value)
