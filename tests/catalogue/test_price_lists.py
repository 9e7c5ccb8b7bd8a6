"""Newer price lists: four forms, one meaning; nothing is believed that cannot be a price."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalogue.cards import Prices
from fairlead.catalogue.price_lists import Door, parse_price_list
from fairlead.domain.errors import CatalogueError

ONE = {Door("acme", "rocket"): Prices(2.5, 0.25, 3.0, 15.0)}

LITELLM: dict[str, dict[str, Any]] = {
    "sample_spec": {"litellm_provider": "one of many", "mode": "chat", "input_cost_per_token": "a price"},
    "acme/rocket": {
        "litellm_provider": "acme",
        "mode": "chat",
        "input_cost_per_token": 2.5e-06,
        "cache_read_input_token_cost": 2.5e-07,
        "cache_creation_input_token_cost": 3e-06,
        "output_cost_per_token": 1.5e-05,
    },
    "acme/embed": {"litellm_provider": "acme", "mode": "embedding", "input_cost_per_token": 1e-07},
}
MODELS_DEV = {
    "acme": {"models": {"rocket": {"cost": {"input": 2.5, "cache_read": 0.25, "cache_write": 3.0, "output": 15.0}}}}
}
ROWS = [
    {
        "provider": "acme",
        "model_id": "Rocket",
        "price_in_per_m": 2.5,
        "price_cache_read_per_m": 0.25,
        "price_cache_write_per_m": 3.0,
        "price_out_per_m": 15.0,
    }
]
GENAI = [
    {
        "id": "acme",
        "models": [
            {
                "id": "rocket",
                "prices": [
                    {"prices": {"input_mtok": 9, "output_mtok": 9}},
                    {
                        "constraint": {"start_date": "2026-01-01"},
                        "prices": {
                            "input_mtok": {"base": 2.5, "tiers": [{"start": 1000, "price": 5}]},
                            "cache_read_mtok": 0.25,
                            "cache_write_mtok": 3,
                            "output_mtok": 15,
                        },
                    },
                    {"constraint": {"start_time": "16:30:00Z"}, "prices": {"input_mtok": 1, "output_mtok": 1}},
                ],
            }
        ],
    }
]
TOML = """
lab = "acme"
[sources.s]
title = "S"
as_of = 2026-01-01
[models.rocket]
title = "Rocket"
offers = "s acme rocket input=2.5 cached_read=0.25 cache_write=3 output=15"
"""


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (json.dumps(LITELLM), "litellm's map"),
        (json.dumps(MODELS_DEV), "models.dev's JSON"),
        (json.dumps(ROWS), "models.dev's rows"),
        (json.dumps(GENAI), "genai-prices"),
        (TOML, "catalogue TOML"),
    ],
)
def test_every_form_says_the_same_of_the_same_model(text: str, form: str) -> None:
    found = parse_price_list(text, {})
    assert (found.form, found.prices) == (form, ONE)


def test_providers_that_a_list_names_otherwise_get_our_name() -> None:
    row = {**LITELLM["acme/rocket"], "litellm_provider": "together_ai"}
    found = parse_price_list(json.dumps({"together_ai/Org/Rocket": row}), {})
    assert set(found.prices) == {Door("together", "org/rocket")}


@pytest.mark.parametrize("price", [0, 0.0, -1, 0.2, 1e300])
def test_what_cannot_be_a_price_is_left_out_and_counted(price: float) -> None:
    listed: dict[str, Any] = {**LITELLM, "acme/odd": {**LITELLM["acme/rocket"], "output_cost_per_token": price}}
    found = parse_price_list(json.dumps(listed), {})
    assert (found.prices, found.n_without_price) == (ONE, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "<html>",
        '{"a": 1}',
        '[{"a": 1}]',
        "[" * 100_000,
        '{"a": {"litellm_provider": "x", "mode": "chat", "input_cost_per_token": NaN}}',
        '{"a": {"litellm_provider": "x", "mode": "chat", "input_cost_per_token": "2"}}',
        '{"a": {"litellm_provider": "x", "mode": "chat", "input_cost_per_token": true}}',
        '{"a": {"litellm_provider": "x", "mode": "chat"}, "b": 3}',
        '{"a": {"models": []}}',
        '{"a": {"models": {"m": {"cost": {"input": 1, "output": 2, "currency": "CNY"}}}}}',
        '{"a": {"models": {"m": {"cost": 7}}}}',
        '[{"price_in_per_m": 1, "price_out_per_m": 2}]',
        '[{"models": 3}]',
        '[{"models": [{"id": "m", "prices": [3]}]}]',
        '[{"models": []}, 3]',
        "lab = 'x'\n[models.a]\ntitle = 'A'",
        "lab = 'x'\ncolour = 1",
    ],
)
def test_a_list_that_is_not_whole_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_price_list(text, {}, "prices.json")
    assert "prices.json" in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["models", "cost", "prices", "id", "litellm_provider", "mode", "price_in_per_m", "x"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_gives_prices_above_nothing_or_a_catalogue_error(value: object) -> None:
    try:
        found = parse_price_list(json.dumps(value), {})
    except CatalogueError:
        return
    assert all(price.input_per_mtok and price.output_per_mtok for price in found.prices.values())


TIERED = Prices(
    2.5, 0.25, 3.0, 15.0, 5.0, above_tokens=200_000, input_above_per_mtok=5.0, cached_read_above_per_mtok=0.5,
    cache_write_above_per_mtok=6.0, output_above_per_mtok=22.5, cache_write_1h_above_per_mtok=10.0,
)  # fmt: skip


def tiers(low: float, high: float) -> dict[str, Any]:
    return {"base": low, "tiers": [{"start": 200_000, "price": high}]}


def test_prices_of_long_requests_and_of_an_hour_in_the_cache_are_read_from_each_form() -> None:
    row = LITELLM["acme/rocket"] | {
        "cache_creation_input_token_cost_above_1hr": 5e-06,
        "input_cost_per_token_above_200k_tokens": 5e-06,
        "cache_read_input_token_cost_above_200k_tokens": 5e-07,
        "cache_creation_input_token_cost_above_200k_tokens": 6e-06,
        "output_cost_per_token_above_200k_tokens": 2.25e-05,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1e-05,
        "input_cost_per_token_above_400k_tokens": 9e-06,
    }
    door = Door("acme", "rocket")
    assert parse_price_list(json.dumps({"acme/rocket": row}), {}).prices[door] == TIERED

    minutes = replace(TIERED, cache_write_1h_per_mtok=None, cache_write_1h_above_per_mtok=None)
    cost = MODELS_DEV["acme"]["models"]["rocket"]["cost"]
    long = {"input": 5, "cache_read": 0.5, "cache_write": 6, "output": 22.5}
    dev = {"acme": {"models": {"rocket": {"cost": {**cost, "context_over_200k": long}}}}}
    assert parse_price_list(json.dumps(dev), {}).prices[door] == minutes

    table = {"input_mtok": tiers(2.5, 5), "cache_read_mtok": tiers(0.25, 0.5), "cache_write_mtok": tiers(3, 6)}
    genai = [{"id": "acme", "models": [{"id": "rocket", "prices": {**table, "output_mtok": tiers(15, 22.5)}}]}]
    assert parse_price_list(json.dumps(genai), {}).prices[door] == minutes

    words = "input_above=5 cached_read_above=0.5 cache_write_above=6 output_above=22.5 above_tokens=200000"
    text = TOML.replace('output=15"', f'output=15 cache_write_1h=5 cache_write_1h_above=10 {words}"')
    assert parse_price_list(text, {}).prices[door] == TIERED


@pytest.mark.parametrize(
    "row",
    [
        {"input_cost_per_token_above_200k_tokens": 5e-06},
        {"input_cost_per_token_above_200k_tokens": 2e-06, "output_cost_per_token_above_200k_tokens": 2e-05},
    ],
)
def test_half_a_price_of_long_requests_and_a_cheaper_one_are_left_out(row: dict[str, float]) -> None:
    text = json.dumps({"acme/rocket": LITELLM["acme/rocket"] | row})
    assert parse_price_list(text, {}).prices == ONE


def test_half_a_price_of_long_requests_in_our_own_form_is_a_fault() -> None:
    with pytest.raises(CatalogueError, match="together"):
        parse_price_list(TOML.replace("output=15", "output=15 above_tokens=1000"), {})
