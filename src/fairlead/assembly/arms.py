"""Arms: endpoints and catalogue together -> everything that can be chosen, with price and limits.

The rule for plain `auto` stands here, in one place: current chat models with a known price, whatever runs locally (at
marginal cost 0, marked), and every model that the operator has listed by hand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fairlead.catalogue.cards import ModelCard, Offer, Prices
from fairlead.catalogue.catalogue import Catalogue
from fairlead.domain.decision import Arm
from fairlead.domain.names import ModelId, SentModel
from fairlead.providers.endpoints import Endpoint, ServedModel
from fairlead.providers.known_providers import known_providers
from fairlead.routing.pool import ArmSpec

FREE: Final = Prices(0.0, 0.0, 0.0, 0.0)
"""A local server's marginal cost: its tokens cost nothing more once it runs."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One endpoint's models, as assembly found them."""

    endpoint: Endpoint
    is_by_hand: bool
    """The operator listed these models; they were not found by looking."""


def build_arms(catalogue: Catalogue, listings: Iterable[Listing]) -> list[ArmSpec]:
    """Every arm, one per model and endpoint."""
    specs: list[ArmSpec] = []
    for listing in listings:
        endpoint = listing.endpoint
        if endpoint.models:
            specs += [_served(catalogue, listing, served) for served in endpoint.models]
        elif endpoint.provider in known_providers():
            specs += [
                _spec(endpoint, card, offer, offer.sent_model, offer.prices.value, is_chosen=card.is_current)
                for card in catalogue.cards.values()
                for offer in card.offers
                if offer.provider == endpoint.provider
            ]
    return specs


def _served(catalogue: Catalogue, listing: Listing, served: ServedModel) -> ArmSpec:
    endpoint = listing.endpoint
    model = _model_id(catalogue, endpoint, served)
    card = catalogue.resolve(model) or _unknown_card(model, served)
    offer = next((offer for offer in card.offers if offer.provider == endpoint.provider), None)
    prices = offer.prices.value if offer is not None else FREE if endpoint.is_local else Prices()
    by_hand = listing.is_by_hand and served.is_chat
    return _spec(
        endpoint, card, offer, served.sent_model, prices, is_chosen=by_hand or (endpoint.is_local and served.is_chat)
    )


def _spec(
    endpoint: Endpoint, card: ModelCard, offer: Offer | None, sent: SentModel, prices: Prices, *, is_chosen: bool
) -> ArmSpec:
    is_priced = prices.input_per_mtok is not None and prices.output_per_mtok is not None
    context = (offer.context_tokens if offer else None) or card.context_tokens
    most = (offer.max_output_tokens if offer else None) or card.max_output_tokens
    return ArmSpec(
        arm=Arm(card.model, endpoint.name, endpoint.provider, sent, endpoint.is_local, endpoint.is_simulated),
        card=card,
        prices=prices,
        context_tokens=context.value if context else None,
        max_output_tokens=most.value if most else None,
        data_policy=endpoint.data_policy,
        in_default_pool=is_chosen and (is_priced or bool(endpoint.models)),
    )


def _model_id(catalogue: Catalogue, endpoint: Endpoint, served: ServedModel) -> ModelId:
    """The catalogue's name; for a model that it does not know `upstream/name`, or the name itself if it has a slash."""
    if served.model is not None:
        return served.model
    card = catalogue.match(served.sent_model)
    if card is not None:
        return card.model
    name = served.sent_model.lower()
    return ModelId(name if "/" in name else f"{endpoint.name.lower()}/{name}")


def _unknown_card(model: ModelId, served: ServedModel) -> ModelCard:
    """A model of which nothing is known: it can be asked for by name, and `auto` sees it with a wide prior."""
    return ModelCard(
        model=model,
        title=served.sent_model,
        lab=model.partition("/")[0],
        family=None,
        release=None,
        open_weights=None,
        context_tokens=None,
        max_output_tokens=None,
        purpose="chat" if served.is_chat else "embedding",
    )
