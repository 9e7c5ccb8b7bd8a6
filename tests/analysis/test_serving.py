"""The serving forecast: workloads, loads, times, money, and what fits."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.analysis.architecture import Architecture
from fairlead.analysis.break_even import Tariff, break_even, request_usd
from fairlead.analysis.compute import Work, work_of
from fairlead.analysis.engines import parse_engines
from fairlead.analysis.families import read_architecture
from fairlead.analysis.fits import every_count, rooms
from fairlead.analysis.hardware import Hardware, parse_hardware
from fairlead.analysis.quantisation import RECIPES, Recipe
from fairlead.analysis.serving import Ask, Forecast, forecast
from fairlead.analysis.step_time import token_s
from fairlead.analysis.workload import Placement, Workload, capacity, load_of
from fairlead.assembly.hosting import hardware_in_force, shipped_engines
from fairlead.domain.errors import AnalysisError
from tests.analysis import small_configs as known

MACHINES = hardware_in_force()
FP8 = replace(RECIPES["fp8_block"], kv_element_bytes=1.0)
LLAMA_70B = {
    **known.LLAMA_8B,
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "intermediate_size": 28672,
}


def model(config: Mapping[str, Any], recipe: Recipe = FP8) -> tuple[Architecture, Work, Recipe]:
    shape = read_architecture(config)
    return shape, work_of(shape, recipe), recipe


def asked(gpu: str = "h100_sxm", count: int = 1, **changes: Any) -> Ask:
    workload = Workload(
        **{"prompt_tokens": 1024, "reply_tokens": 1024, "concurrency": 16}
        | {name: changes.pop(name) for name in list(changes) if name in Workload.__slots__}
    )
    return Ask(Placement(MACHINES.accelerator(gpu), count), changes.pop("engine", "vllm"), workload, **changes)


def foretold(config: Mapping[str, Any] = known.LLAMA_8B, recipe: Recipe = FP8, **changes: Any) -> Forecast:
    return forecast(*model(config, recipe), shipped_engines(), asked(**changes))


def test_a_measured_point_lies_in_its_interval() -> None:
    # Llama-3.1-70B in fp8, vLLM on two H100, 1,024 + 1,024 tokens, 64 at once: 28.77 ms (docs/benchmarks.md).
    found = foretold(LLAMA_70B, gpu="h100_sxm", count=2, concurrency=64)
    assert found.token_s.low < 0.02877 < found.token_s.high
    assert found.token_s.likely == pytest.approx(0.02877, rel=0.15)
    assert found.in_domain


SIZES = st.integers(min_value=1, max_value=4_000)


@given(SIZES, SIZES, SIZES, SIZES, st.sampled_from([known.LLAMA_8B, known.GPT_OSS, known.DEEPSEEK_V3, known.QWEN3_5]))
def test_memory_and_time_never_fall_as_context_or_batch_grows(
    prompt: int, more: int, batch: int, others: int, config: Mapping[str, Any]
) -> None:
    shape, work, recipe = model(config)
    cache = work.cache
    assert cache.bytes_of(prompt) <= cache.bytes_of(prompt + more)
    assert work.decode_bytes(batch, prompt) <= work.decode_bytes(batch + others, prompt + more)
    assert work.decode_flops(prompt) <= work.decode_flops(prompt + more)
    assert work.prefill_flops(prompt) <= work.prefill_flops(prompt + more)
    place = Placement(MACHINES.accelerator("gb300"), 64)
    constants = shipped_engines().of(is_mixture=shape.is_mixture).engines["vllm"]
    workloads = [(prompt, batch), (prompt + more, batch), (prompt, batch + others), (prompt + more, batch + others)]
    if any(capacity(work, place, tokens, 500) < at_once for tokens, at_once in workloads):
        return  # where memory is short, others wait: that shows in the first token, not between tokens
    times = [
        token_s(load_of(work, recipe, place, Workload(tokens, 500, at_once)), constants, np.ones(1))[0]
        for tokens, at_once in workloads
    ]
    assert times[0] <= times[1] * (1 + 1e-12) and times[0] <= times[2] * (1 + 1e-12)
    assert max(times) == pytest.approx(times[3])


@given(
    st.sampled_from(["h100_sxm", "h200_sxm", "b200_sxm", "l4", "rtx_5090", "mi300x"]),
    st.sampled_from(["trtllm", "vllm", "sglang"]),
    st.integers(min_value=1, max_value=4_096),
    st.integers(min_value=1, max_value=20_000),
    st.integers(min_value=1, max_value=20_000),
    st.floats(min_value=0, max_value=1),
)
def test_nothing_is_foretold_that_the_data_sheets_do_not_allow(
    gpu: str, engine: str, concurrency: int, prompt: int, reply: int, hit: float
) -> None:
    try:
        found = foretold(
            gpu=gpu,
            engine=engine,
            concurrency=concurrency,
            prompt_tokens=prompt,
            reply_tokens=reply,
            prefix_hit_share=hit,
        )
    except AnalysisError as error:
        assert "do not fit" in str(error)
        return
    assert found.floor_token_s <= found.token_s.low <= found.token_s.likely <= found.token_s.high
    assert 0 < found.first_token_s.low <= found.first_token_s.likely <= found.first_token_s.high
    assert found.output_tokens_per_s.low <= found.output_tokens_per_s.likely <= found.output_tokens_per_s.high
    assert found.running <= concurrency


def test_beyond_what_was_measured_the_first_token_is_known_less_well_too() -> None:
    ratios = []
    for gpu in ("h100_sxm", "l40s"):
        first = foretold(gpu=gpu).first_token_s
        ratios.append(first.high / first.low)
    assert ratios[1] > 1.5 * ratios[0]


def test_a_longer_queue_than_memory_holds_waits_for_its_first_token() -> None:
    short = foretold(LLAMA_70B, gpu="h200_sxm", concurrency=16, prompt_tokens=1024, reply_tokens=8192)
    long = foretold(LLAMA_70B, gpu="h200_sxm", concurrency=128, prompt_tokens=1024, reply_tokens=8192)
    assert long.running < 128 and long.running == pytest.approx(long.capacity)
    assert long.first_token_s.likely > short.first_token_s.likely + 10


def test_cached_prompts_and_accepted_drafts_make_it_faster() -> None:
    plain = foretold()
    assert foretold(prefix_hit_share=0.9).token_s.likely < plain.token_s.likely
    assert foretold(draft_tokens=3, accepted_tokens=2.5).token_s.likely < plain.token_s.likely
    assert not foretold(draft_tokens=3, accepted_tokens=2.5).in_domain


def test_money_is_the_hours_price_over_what_is_served() -> None:
    found = foretold(usd_per_hour=3.6, utilisation=0.5)
    cost = found.cost
    assert cost is not None
    assert cost.request_usd.likely == pytest.approx(0.001 / 0.5 / found.requests_per_s.likely)
    parts = cost.input_share.likely * 1024 + cost.output_share.likely * 1024
    assert parts / 1e6 == pytest.approx(cost.request_usd.likely)
    assert cost.output.likely * 1024 / 1e6 == pytest.approx(cost.request_usd.likely)
    assert cost.output.low <= cost.output.likely <= cost.output.high
    assert foretold().cost is None


def test_one_measured_row_recalibrates() -> None:
    before = foretold({**known.LLAMA_8B, "hidden_size": 5120, "head_dim": 128})
    after = foretold(
        {**known.LLAMA_8B, "hidden_size": 5120, "head_dim": 128}, measured_token_s=before.token_s.likely * 1.4
    )
    assert after.token_s.likely == pytest.approx(before.token_s.likely * 1.4)
    assert after.spread < before.spread
    assert after.output_tokens_per_s.likely < before.output_tokens_per_s.likely


def test_a_measured_row_in_another_unit_is_refused() -> None:
    with pytest.raises(AnalysisError, match="times the forecast"):
        foretold(measured_token_s=9.0)
    with pytest.raises(AnalysisError, match="measured"):
        foretold(measured_token_s=0.0)


def test_the_interval_widens_beyond_what_was_measured() -> None:
    inside, new = foretold(), foretold({**known.LLAMA_8B, "num_hidden_layers": 30})
    outside = foretold(gpu="l40s")
    assert inside.in_domain and not new.in_domain and not outside.in_domain
    assert inside.spread < new.spread <= outside.spread
    assert new.domain == {**inside.domain, "model": False}
    assert outside.domain == {**inside.domain, "gpu": False}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"engine": "of-tomorrow"}, "was not measured. Known are trtllm, vllm, sglang"),
        ({"utilisation": 0.0}, "utilisation"),
        ({"usd_per_hour": -1.0}, "usd_per_hour"),
        ({"count": 0}, "count"),
        ({"concurrency": 0}, "concurrency"),
        ({"prompt_tokens": 10**30}, "prompt_tokens"),
        ({"prefix_hit_share": float("nan")}, "prefix_hit_share"),
        ({"accepted_tokens": 2.0}, "accepted_tokens"),
        ({"prompt_tokens": 10_000_000}, "do not fit"),
    ],
)
def test_a_question_without_sense_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        foretold(**changes)


def test_the_fewest_that_hold_the_model_are_found() -> None:
    shape, work, _ = model(LLAMA_70B, RECIPES["bf16"])
    chips = [MACHINES.accelerator(key) for key in ("h100_sxm", "h200_sxm", "l4")]
    found = {room.place.accelerator.key: room for room in rooms(shape, work, chips, 8_192, 1)}
    assert {key: room.place.count for key, room in found.items()} == {
        "h100_sxm": 2,
        "h200_sxm": 2,
        "l4": 8,
    }
    assert all(room.batch >= 1 and room.context_tokens >= 8_192 for room in found.values())


@given(st.integers(min_value=1, max_value=100_000), st.integers(min_value=1, max_value=64))
def test_what_fits_shrinks_as_context_and_batch_grow(context: int, batch: int) -> None:
    shape, work, _ = model(known.LLAMA_8B)
    chip = MACHINES.accelerator("h100_sxm")
    small = list(every_count(shape, work, chip, context, batch))
    large = list(every_count(shape, work, chip, context * 2, batch * 2))
    for one, other in zip(small, large, strict=True):
        assert one.batch >= other.batch and one.context_tokens >= other.context_tokens


def test_heads_that_do_not_divide_rule_a_count_out() -> None:
    shape, work, _ = model({**known.QWEN2})
    counts = [room.place.count for room in every_count(shape, work, MACHINES.accelerator("h100_sxm"), 1024, 1)]
    assert counts == [1, 2, 4]  # 28 heads


def tariff(price: float, cached: float | None = None) -> Tariff:
    return Tariff("somebody", "name", price, price, cached, "2026-08-21", "a list")


def test_break_even_is_a_days_rent_over_a_requests_price() -> None:
    found = foretold(usd_per_hour=2.0)
    workload = Workload(1024, 1024, 16)
    result = break_even(
        found, workload, [tariff(1.0), tariff(0.001), tariff(0.0)], usd_per_hour=2.0, count=1, utilisation=0.5
    )
    assert result.own_usd_per_day == 48.0
    assert [one.tariff.output_usd for one in result.comparisons] == [0.001, 1.0]
    cheap, dear = result.comparisons
    assert dear.break_even_per_day == pytest.approx(48 / 0.002048)
    assert dear.is_reachable and not cheap.is_reachable and cheap.is_certain
    assert result.capacity_per_day.likely == pytest.approx(found.requests_per_s.likely * 86_400 * 0.5)


def test_a_cached_prefix_is_billed_at_its_own_price_where_there_is_one() -> None:
    workload = Workload(1000, 1, 1, prefix_hit_share=0.5)
    assert request_usd(tariff(1.0, cached=0.1), workload) == pytest.approx((500 * 1.0 + 500 * 0.1 + 1) / 1e6)
    assert request_usd(tariff(1.0), workload) == pytest.approx(1001 / 1e6)


OWN = """
[sources.mine]
title = "our bill"
as_of = 2026-11-01
[accelerators.h100_sxm]
bandwidth_bytes_per_s = { value = 3.0e12, source = "mine" }
[accelerators.own]
memory_bytes = { value = 1e11, source = "mine" }
bandwidth_bytes_per_s = { value = 1e12, source = "mine" }
bf16_flops = { value = 1e14, source = "mine" }
[[quotes]]
accelerator = "h100_sxm"
usd_per_hour = 1.5
source = "mine"
"""


def test_the_operators_figures_and_prices_go_first() -> None:
    machines = hardware_in_force({"own.toml": OWN})
    chip = machines.accelerator("H100_SXM")
    assert chip.bandwidth_bytes_per_s == 3.0e12
    assert chip.figures["bandwidth_bytes_per_s"].source.title == "our bill"
    assert chip.memory_bytes == MACHINES.accelerator("h100_sxm").memory_bytes
    assert machines.accelerator("own").flops("fp8") == 1e14
    rent, shipped = machines.rent("h100_sxm"), MACHINES.rent("h100_sxm")
    assert rent is not None and (rent.usd_per_hour, rent.as_of) == (1.5, date(2026, 11, 1))
    assert shipped is not None and (shipped.usd_per_hour, shipped.low_usd, shipped.high_usd) == (2.95, 1.99, 5.0)
    assert machines.rent("l4") == MACHINES.rent("l4")
    assert machines.rent("gb300") is None


def test_every_shipped_figure_has_a_source_and_a_date() -> None:
    assert len(MACHINES.accelerators) >= 18
    for chip in MACHINES.accelerators.values():
        assert all(figure.source.title and figure.source.as_of.year == 2026 for figure in chip.figures.values())
    for quotes in MACHINES.quotes.values():
        assert all(quote.source.title for quote in quotes)


def test_weights_in_four_bits_are_multiplied_in_sixteen_where_there_is_no_unit_for_them() -> None:
    assert MACHINES.accelerator("h100_sxm").flops("fp4") == 989e12
    assert MACHINES.accelerator("b200_sxm").flops("fp4") == 9000e12
    assert MACHINES.accelerator("a100_sxm").flops("fp8") == 312e12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "TOML"),
        ("colour = 3", "unknown key 'colour'"),
        ("[accelerators.x]\nmemory_bytes = { value = 1.0, source = 'nobody' }", "no figure without a source"),
        ("[accelerators.x]\nbf16 = 3", "unknown key 'bf16'"),
        (OWN.replace("1e11", "-1"), "above 0"),
        (OWN.replace("1e11", "inf"), "above 0"),
        (OWN.replace('bf16_flops = { value = 1e14, source = "mine" }', ""), "bf16_flops is missing"),
        (OWN.replace("2026-11-01", "'soon'"), "a date as_of"),
        (OWN.replace('accelerator = "h100_sxm"', 'accelerator = "h1"'), "'h1' is not among"),
        ("quotes = 3", "a list"),
    ],
)
def test_a_wrong_table_of_hardware_is_named(text: str, said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        hardware_in_force({"own.toml": text})


def test_an_unknown_accelerator_is_refused_with_the_like() -> None:
    with pytest.raises(AnalysisError, match="Known are h100_pcie, h100_sxm"):
        MACHINES.accelerator("h100")
    assert isinstance(parse_hardware({}), Hardware)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "dense": 3}', "[" * 10_000])
def test_a_file_of_constants_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AnalysisError, match="serving_constants"):
        parse_engines(text)
