"""Counts of parameters, memory and precision against published figures."""

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fairlead.analysis.architecture import GroupedAttention
from fairlead.analysis.compute import work_of
from fairlead.analysis.config_keys import config_of
from fairlead.analysis.families import READERS, read_architecture
from fairlead.analysis.memory import cache_of
from fairlead.analysis.parameters import count
from fairlead.analysis.quantisation import GGUF_TYPES, RECIPES, native_recipe, recipe_named, weight_bytes
from fairlead.domain.errors import AnalysisError
from tests.analysis import small_configs as known

PUBLISHED = [
    (known.LLAMA_8B, 8_030_261_248),
    (known.MIXTRAL, 46_702_792_704),
    (known.QWEN2, 7_615_616_512),
    (known.QWEN3, 1_720_574_976),
    (known.QWEN3_CODER, 480_154_875_392),
    (known.DEEPSEEK_V3, 671_026_419_200),
    (known.GLM_5, 743_911_218_432),
    (known.DEEPSEEK_V4, 290_944_616_402),
    (known.GPT_OSS, 116_829_156_672),
    (known.QWEN3_5, 26_895_998_464),
    (known.MINIMAX_M2, 228_689_764_864),
    (known.GLM_4_5_AIR, 106_852_251_264),
    (known.GEMMA_2, 9_241_705_984),
    (known.PHI_3, 3_821_079_552),
    (known.NEMOTRON_NANO, 31_577_937_344),
    (known.LLAMA_4_SCOUT, 107_769_861_120),
]


@pytest.mark.parametrize(("config", "total"), PUBLISHED, ids=[str(config["model_type"]) for config, _ in PUBLISHED])
def test_the_count_meets_the_published_total_to_the_unit(config: Mapping[str, Any], total: int) -> None:
    assert count(read_architecture(config)).total == total


def test_active_parameters_follow_both_conventions() -> None:
    counted = count(read_architecture(known.GPT_OSS))
    assert (counted.active_without_embedding, counted.active_with_embedding) == (5_132_849_472, 5_711_982_912)
    tied = count(read_architecture(known.QWEN3))
    assert tied.active_without_embedding == tied.active_with_embedding == tied.total


def test_a_dense_model_uses_all_its_parameters() -> None:
    counted = count(read_architecture(known.LLAMA_8B))
    assert counted.parts == counted.active
    assert counted.parts.total == counted.total == counted.main


def test_prediction_layers_are_in_the_total_where_the_publisher_counts_them() -> None:
    apart, within = count(read_architecture(known.DEEPSEEK_V3)), count(read_architecture(known.DEEPSEEK_V4))
    assert apart.prediction_layers is not None and apart.total == apart.main
    assert within.prediction_layers is not None and within.total == within.main + within.prediction_layers


def test_layers_that_share_an_indexer_have_none_of_their_own() -> None:
    shared = read_architecture({**known.GLM_5, "indexer_types": ["full"] * 21 + ["shared"] * 57})
    # The published totals of the two releases differ by exactly these 57 indexers.
    assert count(read_architecture(known.GLM_5)).total - count(shared).total == 753_864_139_008 - 753_329_940_480


@pytest.mark.parametrize(
    ("config", "full", "window", "fixed"),
    [
        (known.LLAMA_8B, 131_072, 0, 0),
        (known.DEEPSEEK_V3, 70_272, 0, 0),
        (known.GLM_5, 100_152, 0, 0),
        (known.GPT_OSS, 36_864, 36_864, 0),
        (known.QWEN3_5, 65_536, 0, 153_944_064),
        (known.MINIMAX_M2, 253_952, 0, 0),
    ],
)
def test_the_cache_is_what_published_tables_say(config: Mapping[str, Any], full: int, window: int, fixed: int) -> None:
    cache = cache_of(read_architecture(config))
    assert (cache.full_bytes_per_token, cache.window_bytes_per_token, cache.fixed_bytes) == (full, window, fixed)


def test_a_window_keeps_no_more_than_itself() -> None:
    cache = cache_of(read_architecture(known.GPT_OSS))
    assert cache.windows == (128,)
    assert cache.bytes_of(1000) == 36_864 * 1000 + 36_864 * 128


def test_tensor_parallelism_divides_heads_but_not_a_latent() -> None:
    llama, latent = cache_of(read_architecture(known.LLAMA_8B)), cache_of(read_architecture(known.DEEPSEEK_V3))
    assert llama.bytes_of(100, tensor_parallel=4) == llama.bytes_of(100) / 4
    assert llama.bytes_of(100, tensor_parallel=16) == llama.bytes_of(100) / 8
    assert latent.bytes_of(100, tensor_parallel=8) == latent.bytes_of(100)


def test_a_server_sets_whole_blocks_aside() -> None:
    cache = cache_of(read_architecture(known.LLAMA_8B))
    assert cache.reserved_bytes(17) == cache.bytes_of(32)


def test_the_published_size_of_gpt_oss_is_met() -> None:
    shape = read_architecture(known.GPT_OSS)
    recipe = native_recipe(known.GPT_OSS)
    assert recipe is not None and recipe.name == "mxfp4_experts"
    assert weight_bytes(count(shape).parts, recipe) / 2**30 == pytest.approx(60.8, rel=0.002)


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ({"torch_dtype": "bfloat16"}, "bf16"),
        ({"dtype": "float16"}, "fp16"),
        ({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}, "fp8_block"),
        ({"quantization_config": {"quant_method": "fp8"}}, "fp8"),
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "int4"),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "nvfp4"),
        ({"quantization_config": {"quant_algo": "NVFP4", "ignore": ["model.layers.0.self_attn*"]}}, "nvfp4_experts"),
        (
            {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}, "expert_dtype": "fp4"},
            "fp4_experts_fp8",
        ),
        (
            {
                "quantization_config": {
                    "quant_method": "compressed-tensors",
                    "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}},
                    "ignore": ["re:.*self_attn.*"],
                }
            },
            "int4_experts",
        ),
    ],
)
def test_the_precision_is_read_from_the_config(stated: Mapping[str, Any], name: str) -> None:
    found = native_recipe(stated)
    assert found is not None and found.name == name


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"quantization_config": {"quant_method": "of tomorrow"}},
        {"quantization_config": "fp8"},
        {"quantization_config": {"quant_algo": "MIXED_PRECISION", "quant_method": "modelopt"}},
        {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": 3}},
        {"text_config": {"dtype": ["bf16"]}},
    ],
)
def test_a_precision_that_is_not_known_is_none(stated: Mapping[str, Any]) -> None:
    assert native_recipe(stated) is None


def test_a_calibrated_cache_takes_one_byte() -> None:
    found = native_recipe({"quantization_config": {"quant_algo": "NVFP4", "kv_cache_scheme": {"num_bits": 8}}})
    assert found is not None and found.kv_element_bytes == 1


def test_block_types_are_as_small_as_their_blocks() -> None:
    assert recipe_named("Q4_K").body_bytes == 144 / 256
    assert RECIPES["mxfp4"].body_bytes == 0.53125
    assert RECIPES["nvfp4"].body_bytes == 0.5625
    assert GGUF_TYPES["Q6_K"][1:] == (210, 256)


def test_an_unknown_precision_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match=r"'fp3' is not known\. Known are .*bf16"):
        recipe_named("fp3")


def test_decoding_costs_two_operations_a_weight_and_attention_beside() -> None:
    work = work_of(read_architecture(known.LLAMA_8B), RECIPES["bf16"])
    assert work.decode_flops(0) == 2 * work.parameters.active_without_embedding
    assert work.decode_flops(1000) - work.decode_flops(0) == 4 * 32 * 32 * 128 * 1000


def test_a_cached_prefix_saves_its_part_of_the_prefill() -> None:
    work = work_of(read_architecture(known.LLAMA_8B), RECIPES["bf16"])
    assert work.prefill_flops(1000, 1000) == 0
    assert work.prefill_flops(1000, 400) + work.prefill_flops(400) == pytest.approx(work.prefill_flops(1000))


def test_sparse_attention_looks_at_no_more_than_its_indexer_picks() -> None:
    work = work_of(read_architecture(known.GLM_5), RECIPES["fp8"])
    beyond = work.decode_flops(100_000) - work.decode_flops(50_000)
    assert beyond == 2 * 78 * 32 * 128 * 50_000  # only the indexer still grows


def test_few_tokens_touch_few_experts() -> None:
    work = work_of(read_architecture(known.MIXTRAL), RECIPES["bf16"])
    assert work.expert_bytes_touched(1) == pytest.approx(work.expert_bytes * 2 / 8)
    assert work.expert_bytes_touched(1000) == pytest.approx(work.expert_bytes)


def test_windows_alternate_in_gemma_2() -> None:
    windows = [
        (mixer.window, layers)
        for mixer, layers in read_architecture(known.GEMMA_2).mixers()
        if isinstance(mixer, GroupedAttention)
    ]
    assert windows == [(4096, 21), (None, 21)]


def test_every_family_is_refused_by_what_it_lacks() -> None:
    for family in READERS:
        with pytest.raises(AnalysisError, match="config"):
            read_architecture({"model_type": family})


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("FAIRLEAD_DATA"), reason="FAIRLEAD_DATA is not set")
def test_every_row_of_the_truth_is_met() -> None:
    folder = Path(os.environ["FAIRLEAD_DATA"]) / "hardware"
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 46
    for row in rows:
        counted = count(read_architecture(config_of((folder / row["config"]).read_bytes())))
        basis = row["total_basis"].split(":")[0].split()[0]
        allowed = {"exact": 0.0, "formula": 0.003, "published": 0.01}[basis]
        stated = int(row["total_params"] or row["published_total"])
        assert abs(counted.total / stated - 1) <= allowed, row["model"]


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("FAIRLEAD_DATA"), reason="FAIRLEAD_DATA is not set")
def test_every_published_config_is_read_or_refused_by_name() -> None:
    folder = Path(os.environ["FAIRLEAD_DATA"]) / "hardware" / "model_configs"
    refused = {}
    for path in sorted(folder.glob("*_config.json")):
        if "hf_quant" in path.name:
            continue
        try:
            read_architecture(json.loads(path.read_text(encoding="utf-8")))
        except AnalysisError as error:
            refused[path.name] = str(error)
    assert set(refused) == {
        "MiniMaxAI--MiniMax-M3_config.json",
        "moonshotai--Kimi-K3_config.json",
    }
    assert "'minimax_m3'" in refused["MiniMaxAI--MiniMax-M3_config.json"]
