"""Catalogue: every card in one frozen table, found by id, by alias, or by the normal form of a name.

Knows nothing of files: `parsing.py` makes the cards out of text, and this table only finds them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fairlead.catalogue import matching
from fairlead.catalogue.cards import Benchmark, ModelCard
from fairlead.domain.errors import CatalogueError
from fairlead.domain.model_names import Meant
from fairlead.domain.names import ModelId


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All cards and all benchmarks that their figures speak of. Made by `catalogue_of`, so that its indexes agree."""

    cards: Mapping[ModelId, ModelCard]
    benchmarks: Mapping[str, Benchmark]
    version: str
    """The SHA-256 of the texts that it was made of, in hexadecimal."""
    names: Mapping[str, ModelId]
    """Lower-case id or alias -> id."""
    forms: Mapping[str, ModelId]
    """Normal form of a name -> id; ambiguous forms are absent."""

    def resolve(self, name: str) -> ModelCard | None:
        """The card with exactly this id or alias, whatever the case; None when no card has it."""
        model = self.names.get(name[: matching.MAX_NAME_CHARS].lower())
        return None if model is None else self.cards[model]

    def meant_by(self, name: str) -> Meant | None:
        """The model with exactly this id or alias."""
        card = self.resolve(name)
        return None if card is None else Meant(card.model)

    def match(self, name: str) -> ModelCard | None:
        """The card that a local server's spelling means (rules in `matching.py`); None when unsure."""
        exact = self.resolve(name)
        if exact is not None:
            return exact
        model = self.forms.get(matching.normalised(name))
        return None if model is None else self.cards[model]

    def nearest(self, name: str, n: int = 3) -> tuple[str, ...]:
        """The ids most like a name that nobody has, best first."""
        return matching.nearest(name, self.cards, n)

    def current(self) -> tuple[ModelCard, ...]:
        """The cards that are not superseded or retired, by id."""
        return tuple(card for card in self.cards.values() if card.is_current)


def catalogue_of(cards: Iterable[ModelCard], benchmarks: Mapping[str, Benchmark], version: str) -> Catalogue:
    """The table of these cards, sorted by id.

    A card answers to its id, its aliases, its id without the lab, and the names that it has at providers. An id or a
    written alias belongs to one card; of the other names, those that two cards claim belong to neither.

    Raises: CatalogueError when two cards share an id or an alias, or a figure speaks of an unknown benchmark.
    """
    table = {card.model: card for card in sorted(cards, key=lambda card: card.model)}
    stated = _stated_names(table.values())
    implied: dict[str, ModelId | None] = {}
    for card in table.values():
        for name in {card.model.partition("/")[2], *(offer.sent_model.lower() for offer in card.offers)}:
            implied[name] = card.model if implied.get(name, card.model) == card.model else None
        for figure in card.figures:
            if figure.benchmark not in benchmarks:
                raise CatalogueError(f"{card.model}: figure of unknown benchmark {figure.benchmark!r}")
    names = {name: model for name, model in implied.items() if model is not None} | stated
    return Catalogue(
        cards=MappingProxyType(table),
        benchmarks=MappingProxyType(dict(benchmarks)),
        version=version,
        names=MappingProxyType(names),
        forms=MappingProxyType(dict(matching.index_of(names.items()))),
    )


def _stated_names(cards: Iterable[ModelCard]) -> dict[str, ModelId]:
    """Ids and written aliases, each of exactly one card."""
    owners: dict[str, ModelId] = {}
    for card in cards:
        for name in (card.model, *card.aliases):
            other = owners.setdefault(name.lower(), card.model)
            if other != card.model:
                raise CatalogueError(f"{card.model}: the name {name!r} already belongs to {other}")
    return owners
