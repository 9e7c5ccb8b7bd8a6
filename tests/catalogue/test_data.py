"""The shipped catalogue: large enough, current enough, and every fact with its source and date."""

import tomllib
from collections import Counter
from datetime import date
from importlib.resources import files
from typing import Any

import pytest

from fairlead.assembly.shipped import shipped_catalogue
from fairlead.catalogue.cards import Fact, ModelCard
from fairlead.catalogue.parsing import PRICE_KEYS
from fairlead.domain.kinds import KINDS

CATALOGUE = shipped_catalogue()


def facts_of(card: ModelCard) -> list[Fact[Any]]:
    facts: list[Fact[Any] | None] = [
        card.release, card.open_weights, card.context_tokens, card.max_output_tokens, card.parameters_total,
        card.parameters_active, *card.abilities.values(), *(offer.prices for offer in card.offers),
        *(offer.context_tokens for offer in card.offers), *(offer.max_output_tokens for offer in card.offers),
    ]  # fmt: skip
    return [fact for fact in facts if fact is not None]


def test_there_are_enough_current_models_of_enough_labs_at_enough_providers() -> None:
    current = CATALOGUE.current()
    priced = {
        str(offer.provider)
        for card in current
        for offer in card.offers
        if offer.prices.value.input_per_mtok is not None and offer.prices.value.output_per_mtok is not None
    }
    assert len(current) >= 150
    assert len({card.lab for card in current}) >= 10
    assert len(priced) >= 10


def test_enough_current_models_have_three_published_figures() -> None:
    judged = [card for card in CATALOGUE.current() if len(card.figures) >= 3]
    assert len(judged) >= 40
    assert len({card.lab for card in judged}) >= 8
    covered = Counter(
        kind
        for card in judged
        for kind in {kind for figure in card.figures for kind in CATALOGUE.benchmarks[figure.benchmark].kinds}
    )
    assert min(covered[kind] for kind in KINDS) >= 40


def test_every_fact_has_a_source_and_a_date_that_has_been() -> None:
    for card in CATALOGUE.cards.values():
        cited = [
            *((fact.source, fact.as_of) for fact in facts_of(card)),
            *((one.source, one.as_of) for one in card.figures),
        ]
        for source, as_of in cited:
            assert source.strip(), card.model
            assert date(2023, 1, 1) < as_of <= date(2026, 11, 23), card.model


def test_no_price_is_zero_and_output_is_rarely_cheaper_than_input() -> None:
    crossed = []
    for card in CATALOGUE.cards.values():
        for offer in card.offers:
            prices = offer.prices.value
            known = [getattr(prices, name) for name in PRICE_KEYS.values() if getattr(prices, name) is not None]
            assert all(price > 0 for price in known), (card.model, offer.provider)
            if prices.input_per_mtok and prices.output_per_mtok and prices.output_per_mtok < prices.input_per_mtok:
                crossed.append((card.model, offer.provider))
    assert len(crossed) <= 3, crossed


def test_every_figure_is_a_share_with_an_error_and_no_benchmark_comes_twice() -> None:
    for card in CATALOGUE.cards.values():
        assert all(0 <= figure.score <= 1 and 0.02 < figure.uncertainty < 0.2 for figure in card.figures), card.model
        keys = [figure.benchmark for figure in card.figures]
        assert len(keys) == len(set(keys)), card.model


def test_one_provider_makes_one_offer_of_a_model() -> None:
    for card in CATALOGUE.cards.values():
        providers = [offer.provider for offer in card.offers]
        assert len(providers) == len(set(providers)), card.model


def test_a_figure_is_never_older_than_the_model() -> None:
    for card in CATALOGUE.cards.values():
        if card.release is not None:
            boards = [figure for figure in card.figures if figure.source.startswith("LiveBench")]
            assert all(figure.as_of >= card.release.value for figure in boards), card.model


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-5.4", "openai/gpt-5.4"),
        ("gpt-5.4-2026-03-05", "openai/gpt-5.4"),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5"),
        ("claude-3-5-sonnet-20240620", "anthropic/claude-3-5-sonnet-20240620"),
        ("claude-3-5-sonnet-20241022", "anthropic/claude-3-5-sonnet"),
        ("llama3.1:8b", "meta/llama-3.1-8b-instruct"),
        ("llama3.1:8b-instruct-q4_K_M", "meta/llama-3.1-8b-instruct"),
        ("meta-llama/Llama-3.3-70B-Instruct", "meta/llama-3.3-70b-instruct"),
        ("Qwen/Qwen2.5-7B-Instruct", "alibaba/qwen2.5-7b-instruct"),
        ("qwen2.5:7b", "alibaba/qwen2.5-7b-instruct"),
        ("gpt-oss:20b", "openai/gpt-oss-20b"),
        ("gemma3:27b", "google/gemma-3-27b-it"),
        ("accounts/fireworks/models/glm-5p2", "zhipuai/glm-5.2"),
        ("deepseek-ai/DeepSeek-V4-Pro", "deepseek/deepseek-v4-pro"),
    ],
)
def test_well_known_spellings_find_their_card(name: str, model: str) -> None:
    card = CATALOGUE.match(name)
    assert card is not None
    assert card.model == model


def test_measured_outcomes_are_named_after_cards_that_exist() -> None:
    text = (files("fairlead.evaluation") / "outcome_names.toml").read_text(encoding="utf-8")
    names = tomllib.loads(text)["names"]
    assert len(names) > 100
    assert set(names.values()) <= set(CATALOGUE.cards)
