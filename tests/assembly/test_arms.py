"""Endpoints and catalogue together: which arms there are, at what price, and which of them plain `auto` may choose."""

from dataclasses import replace
from datetime import date

from fairlead.assembly.arms import Listing, build_arms
from fairlead.catalogue.cards import Fact, ModelCard, Offer, Prices
from fairlead.catalogue.catalogue import Catalogue, catalogue_of
from fairlead.domain.names import ModelId, ProviderName, SentModel, UpstreamName
from fairlead.providers.endpoints import Endpoint, ServedModel

DAY = date(2026, 1, 1)


def offer(provider: str, sent: str, input_usd: float | None = 1.0, output_usd: float | None = 2.0) -> Offer:
    prices = Fact(Prices(input_per_mtok=input_usd, output_per_mtok=output_usd), "test", DAY)
    return Offer(ProviderName(provider), SentModel(sent), prices)


def card(model: str, *offers: Offer) -> ModelCard:
    return ModelCard(
        model=ModelId(model),
        title=model,
        lab=model.partition("/")[0],
        family=None,
        release=None,
        open_weights=None,
        context_tokens=Fact(8_000, "test", DAY),
        max_output_tokens=None,
        offers=offers,
    )


def catalogue(*cards: ModelCard) -> Catalogue:
    return catalogue_of(cards, {}, "test")


def endpoint(name: str, provider: str, *served: str, is_local: bool = False) -> Endpoint:
    return Endpoint(
        name=UpstreamName(name),
        provider=ProviderName(provider),
        base_url="http://127.0.0.1:1/v1",
        is_local=is_local,
        models=tuple(ServedModel(SentModel(sent)) for sent in served),
    )


def test_a_known_provider_offers_what_the_catalogue_says_and_nothing_else() -> None:
    table = catalogue(card("lab/one", offer("groq", "one-fast")), card("lab/two", offer("mistral", "two")))
    (spec,) = build_arms(table, [Listing(endpoint("groq", "groq"), is_by_hand=False)])
    assert (spec.arm.model, spec.arm.sent_model, spec.prices.input_per_mtok) == ("lab/one", "one-fast", 1.0)
    assert spec.in_default_pool
    assert spec.context_tokens == 8_000


def test_a_superseded_model_answers_to_its_name_but_is_not_chosen() -> None:
    old = replace(card("lab/old", offer("groq", "old")), is_current=False)
    (spec,) = build_arms(catalogue(old), [Listing(endpoint("groq", "groq"), is_by_hand=False)])
    assert not spec.in_default_pool


def test_an_unpriced_offer_is_not_chosen_by_default() -> None:
    table = catalogue(card("lab/one", offer("groq", "one", output_usd=None)))
    (spec,) = build_arms(table, [Listing(endpoint("groq", "groq"), is_by_hand=False)])
    assert spec.prices.output_per_mtok is None
    assert not spec.in_default_pool


def test_a_local_server_costs_nothing_and_is_marked() -> None:
    table = catalogue(card("lab/one", offer("groq", "one")))
    (spec,) = build_arms(table, [Listing(endpoint("ollama", "local", "one", is_local=True), is_by_hand=False)])
    assert spec.arm.model == "lab/one"
    assert spec.arm.is_local
    assert (spec.prices.input_per_mtok, spec.prices.output_per_mtok) == (0.0, 0.0)
    assert spec.in_default_pool


def test_a_price_that_the_operator_states_for_a_local_server_wins_over_free() -> None:
    table = catalogue(card("lab/one", offer("local", "one", 0.1, 0.2)))
    (spec,) = build_arms(table, [Listing(endpoint("box", "local", "one", is_local=True), is_by_hand=True)])
    assert spec.prices.output_per_mtok == 0.2


def test_a_model_listed_by_hand_may_be_chosen_though_its_price_is_unknown() -> None:
    (spec,) = build_arms(catalogue(), [Listing(endpoint("mine", "mine", "secret-sauce"), is_by_hand=True)])
    assert spec.arm.model == "mine/secret-sauce"
    assert spec.prices == Prices()
    assert spec.in_default_pool


def test_an_embedding_model_is_never_in_the_pool_of_auto() -> None:
    served = endpoint("ollama", "local", is_local=True)
    served = replace(served, models=(ServedModel(SentModel("nomic-embed"), is_chat=False),))
    (spec,) = build_arms(catalogue(), [Listing(served, is_by_hand=True)])
    assert spec.card.purpose == "embedding"
    assert not spec.in_default_pool
