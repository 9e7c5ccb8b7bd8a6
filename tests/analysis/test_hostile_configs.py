"""Configs that are wrong, contradictory or hostile: named errors, and nothing looped over on their say-so."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.analysis.config_keys import MAX_CONFIG_BYTES, MAX_DEPTH, config_of
from fairlead.analysis.families import READERS, read_architecture
from fairlead.analysis.memory import cache_of
from fairlead.analysis.parameters import count
from fairlead.analysis.quantisation import native_recipe
from fairlead.domain.errors import AnalysisError
from tests.analysis import small_configs as known

CONFIGS = [value for name, value in vars(known).items() if name.isupper()]

ODD: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([0, -1, 10**30, 10**9, "4096", 4096.0, [], {}, [0] * 9, float("nan"), float("inf")]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=6,
)


def analysed(config: Mapping[str, Any]) -> int:
    """Everything that is made of a config; how many parameters."""
    shape = read_architecture(config)
    cache_of(shape).bytes_of(1000)
    native_recipe(config)
    return count(shape).total


def with_change(config: Mapping[str, Any], key: str, value: object) -> dict[str, Any]:
    """The config with one key changed, in its text part if it has one."""
    if "text_config" in config:
        return {**config, "text_config": {**config["text_config"], key: value}}
    return {**config, key: value}


@given(st.sampled_from(CONFIGS), st.data())
def test_any_value_under_any_key_is_counted_or_refused_by_name(config: Mapping[str, Any], data: st.DataObject) -> None:
    part = config.get("text_config", config)
    key = data.draw(st.sampled_from(sorted(part)))
    value = data.draw(ODD)
    try:
        total = analysed(with_change(config, key, value))
    except AnalysisError as error:
        assert str(error)
        assert len(str(error)) < 2_000
    else:
        assert total > 0


@given(st.dictionaries(st.sampled_from(sorted({key for one in CONFIGS for key in one})), ODD, max_size=12), st.data())
def test_any_mapping_is_counted_or_refused_by_name(fields: Mapping[str, Any], data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(sorted(READERS)))
    with pytest.raises(AnalysisError):
        analysed({**fields, "model_type": family, "hidden_size": None})


@given(
    st.sampled_from(CONFIGS), st.sampled_from(("num_attention_heads", "hidden_size", "num_hidden_layers", "vocab_size"))
)
def test_zero_and_the_immense_are_refused(config: Mapping[str, Any], key: str) -> None:
    for value in (0, -3, 10**30, True, "12", 12.0):
        with pytest.raises(AnalysisError, match=key):
            analysed(with_change(config, key, value))


def test_ten_thousand_layers_are_the_limit_and_cost_nothing() -> None:
    assert analysed({**known.LLAMA_8B, "num_hidden_layers": 10_000}) > 10**12
    with pytest.raises(AnalysisError, match="num_hidden_layers"):
        analysed({**known.LLAMA_8B, "num_hidden_layers": 10_001})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_key_value_heads": 7}, "32 query heads do not divide over 7"),
        ({"num_attention_heads": 30, "num_key_value_heads": 30}, "30 heads do not divide hidden_size 4096"),
        ({"layer_types": ["full_attention"] * 31}, "31 items for 32 layers"),
        ({"layer_types": ["of tomorrow"] * 32}, "'of tomorrow'"),
        ({"mlp_bias": True}, "mlp_bias"),
        ({"linear_attn_config": {"kda_layers": [1]}}, "unknown key 'linear_attn_config'"),
        ({"hc_mult": 4}, "unknown key 'hc_mult'"),
    ],
)
def test_a_contradiction_is_named(change: Mapping[str, Any], said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        analysed({**known.LLAMA_8B, **change})


def test_more_experts_a_token_than_there_are_is_refused() -> None:
    with pytest.raises(AnalysisError, match="visits 9 of 8 experts"):
        analysed({**known.MIXTRAL, "num_experts_per_tok": 9})


def test_a_stated_kind_of_layer_must_agree_with_the_other_keys() -> None:
    with pytest.raises(AnalysisError, match="mlp_layer_types"):
        analysed({**known.GLM_5, "mlp_layer_types": ["sparse"] * 78})


def test_an_unknown_family_is_refused_by_its_name() -> None:
    with pytest.raises(AnalysisError, match="'rwkv9' is not known, and nothing is guessed"):
        read_architecture({"model_type": "rwkv9"})


def test_an_unknown_key_counts_nothing_only_when_the_caller_says_so() -> None:
    strange = {**known.LLAMA_8B, "twin_heads": 3}
    with pytest.raises(AnalysisError, match="unknown key 'twin_heads'"):
        read_architecture(strange)
    assert count(read_architecture(strange, frozenset(("twin_heads",)))).total == 8_030_261_248


def test_an_unknown_key_that_is_switched_off_is_no_matter() -> None:
    assert analysed({**known.LLAMA_8B, "twin_heads": False, "third_eye": None}) == 8_030_261_248


def test_a_nested_bomb_is_an_error() -> None:
    with pytest.raises(AnalysisError, match="nested"):
        config_of("[" * 1_000_000)
    deep: Any = {}
    for _ in range(MAX_DEPTH + 1):
        deep = {"a": deep}
    with pytest.raises(AnalysisError, match="nested deeper"):
        config_of(json.dumps(deep))


@pytest.mark.parametrize("text", ["", "3", "[]", "{", b"\xff\xfe", '{"a": ' + "9" * 5_000 + "}"])
def test_what_is_no_config_is_an_error(text: str | bytes) -> None:
    with pytest.raises(AnalysisError, match="config"):
        config_of(text)


def test_a_config_of_gigabytes_is_not_parsed() -> None:
    with pytest.raises(AnalysisError, match="is smaller than"):
        config_of(b" " * (MAX_CONFIG_BYTES + 1))
