"""Change: what a newer price list would alter, for a person to review before it counts.

A change that looks like a slip (a factor of SUSPECT_FACTOR, a price that falls away, output cheaper than input where it
was dearer) is marked, and whoever writes the changes down must ask for such ones by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from fairlead.catalogue.cards import ModelCard, Offer, Prices
from fairlead.catalogue.catalogue import Catalogue
from fairlead.catalogue.parsing import ABOVE_KEY, PRICE_KEYS
from fairlead.catalogue.price_lists import Door, PriceList
from fairlead.domain.names import ModelId, ProviderName, SentModel

SUSPECT_FACTOR: Final = 5.0
"""Real price cuts of one year stayed below this; slips of a decimal point or of a unit do not."""


@dataclass(frozen=True, slots=True)
class Change:
    """One price of one offer that a newer list states differently. Units: USD per million tokens; None is unknown."""

    model: ModelId
    provider: ProviderName
    sent_model: SentModel
    price: str
    """A key of PRICE_KEYS; or ABOVE_KEY, whose unit is tokens."""
    old: float | None
    new: float | None
    doubt: str | None = None
    """Why this looks like a slip; None when it does not."""


def price_changes(catalogue: Catalogue, newer: PriceList) -> tuple[Change, ...]:
    """What the list says differently of offers that the catalogue has, in the order of the ids.

    A class of tokens that the list is silent about keeps its price: silence is no news.
    """
    found: list[Change] = []
    for card in catalogue.cards.values():
        for offer in card.offers:
            stated = newer.prices.get(Door(str(offer.provider), offer.sent_model.lower()))
            if stated is not None:
                found.extend(_differences(card, offer, stated))
    return tuple(found)


def as_overrides(changes: Iterable[Change], as_of: str, source: str) -> dict[str, Any]:
    """The changes as the block of overrides that `overrides.py` reads."""
    blocks: dict[str, Any] = {}
    for change in changes:
        block = blocks.setdefault(str(change.model), {"as_of": as_of, "source": source, "prices": {}})
        block["prices"].setdefault(str(change.provider), {})[change.price] = change.new
    return blocks


def _differences(card: ModelCard, offer: Offer, stated: Prices) -> list[Change]:
    found: list[Change] = []
    old = offer.prices.value
    crossed = _is_crossed(stated) and not _is_crossed(old)
    for key, attribute in (*PRICE_KEYS.items(), (ABOVE_KEY, ABOVE_KEY)):
        was, will = getattr(old, attribute), getattr(stated, attribute)
        if will is None or was == will:
            continue
        doubt = _doubt(was, will)
        if doubt is None and crossed and key in ("input", "output"):
            doubt = "output would be cheaper than input"
        found.append(Change(card.model, offer.provider, offer.sent_model, key, was, will, doubt))
    return found


def _doubt(old: float | None, new: float) -> str | None:
    if old is None:
        return None
    factor = max(old, new) / min(old, new)
    return f"{factor:.0f} times {'dearer' if new > old else 'cheaper'}" if factor >= SUSPECT_FACTOR else None


def _is_crossed(prices: Prices) -> bool:
    fresh, output = prices.input_per_mtok, prices.output_per_mtok
    return fresh is not None and output is not None and output < fresh
