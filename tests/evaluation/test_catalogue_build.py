"""The builder of the catalogue: names that mean one model, prices that lists agree on, the same bytes every time."""

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from fairlead.catalogue.cards import Prices
from fairlead.catalogue.uncertainty import FIRST_HAND_SETUP, VENDOR_SETUP
from fairlead.evaluation.catalogue_figures import RawFigure, chosen, llm_stats, quoted, with_effort
from fairlead.evaluation.catalogue_grouping import Names, grouped
from fairlead.evaluation.catalogue_merging import PriceLists, sizes_of
from fairlead.evaluation.catalogue_sources import Listing, prices_of, rule_matches

TABLES = tomllib.loads((files("fairlead.evaluation") / "catalogue_names.toml").read_text(encoding="utf-8"))
QUOTED = tomllib.loads((files("fairlead.evaluation") / "quoted_figures.toml").read_text(encoding="utf-8"))


def stated(fresh: float | None, output: float | None, **others: float | None) -> Prices:
    parts = {
        "input_per_mtok": fresh,
        "cached_read_per_mtok": 0,
        "cache_write_per_mtok": None,
        "output_per_mtok": output,
    }
    return prices_of({**parts, **others}, 1000 if others else None)


def listing(provider: str, sent: str, fresh: float | None = 1.0, output: float | None = 2.0) -> Listing:
    return Listing(provider, sent, "models_dev", stated(fresh, output))


def test_one_model_at_five_hosts_is_one_group() -> None:
    rows = [
        listing("zhipuai", "glm-5.1"),
        listing("together", "zai-org/GLM-5.1"),
        listing("fireworks", "accounts/fireworks/models/glm-5p1"),
        listing("openrouter", "z-ai/glm-5.1"),
        listing("amazon-bedrock", "zai.glm-5.1"),
    ]
    assert grouped(rows, Names(TABLES)) == {("zhipuai", "glm-5-1"): rows}


@pytest.mark.parametrize(
    ("provider", "sent"),
    [
        ("openrouter", "openai/gpt-oss-120b:free"),
        ("openai", "text-embedding-3-large"),
        ("openrouter", "openrouter/auto"),
        ("fireworks", "accounts/fireworks/routers/kimi-k2p6-turbo"),
        ("groq", "meta-llama/llama-prompt-guard-2-86m"),
        ("openrouter", "mancer/weaver"),
    ],
)
def test_what_is_no_chat_model_of_a_known_lab_is_left_out(provider: str, sent: str) -> None:
    assert grouped([listing(provider, sent)], Names(TABLES)) == {}


def test_two_snapshots_with_other_weights_stay_apart() -> None:
    rows = [listing("anthropic", "claude-3-5-sonnet-20240620"), listing("anthropic", "claude-3-5-sonnet-20241022")]
    assert len(grouped(rows, Names(TABLES))) == 2


@pytest.mark.parametrize(("fresh", "output"), [(0, 0), (None, 1), (1, 0), (None, None)])
def test_a_free_tier_is_an_unknown_price(fresh: float | None, output: float | None) -> None:
    assert stated(fresh, output) == Prices()
    assert stated(1.0, 2.0) == Prices(1.0, None, None, 2.0)


def lists(newest: float | None, older: float | None = None, genai: float | None = None) -> PriceLists:
    rule = {"equals": "m"}
    return PriceLists(
        [listing("host", "M", newest, 20.0)] if newest else [],
        [listing("host", "M", older, 20.0)] if older else [],
        [("host", rule, stated(genai, 20.0))] if genai else [],
        {"trusted/m": "models_dev"},
    )


@pytest.mark.parametrize(
    ("given", "price", "source"),
    [
        (lists(None), 10.0, "models_dev"),
        (lists(12.0), 12.0, "litellm"),
        (lists(12.0, older=12.0), 10.0, "models_dev"),
        (lists(12.0, older=12.0, genai=12.0), 12.0, "genai_prices"),
        (lists(12.0, genai=10.0), 10.0, "genai_prices"),
        (lists(12.0, genai=11.0), 12.0, "litellm"),
        (lists(50.0), 10.0, "models_dev"),
        (lists(2.0), 10.0, "models_dev"),
    ],
)
def test_agreement_wins_then_news_and_slips_never(given: PriceLists, price: float, source: str) -> None:
    chosen = given.price(listing("host", "m", 10.0, 20.0))
    assert (chosen.prices.input_per_mtok, chosen.source) == (price, source)


def test_of_lists_that_agree_the_one_that_knows_long_requests_is_quoted() -> None:
    tiered = stated(10.0, 20.0, input_above_per_mtok=20.0, output_above_per_mtok=30.0)
    newest = [Listing("host", "m", "litellm", tiered)]
    chosen = PriceLists(newest, newest, [], {}).price(listing("host", "m", 10.0, 20.0))
    assert (chosen.prices, chosen.source) == (tiered, "litellm")
    # But not for losing a price that the other one knows.
    whole = Listing("host", "m", "models_dev", stated(10.0, 20.0, cached_read_per_mtok=1.0))
    assert PriceLists(newest, newest, [], {}).price(whole).source == "models_dev"


def test_output_cheaper_than_input_is_taken_for_a_slip() -> None:
    newest = [listing("host", "m", 3.0, 1.0)]
    assert PriceLists(newest, [], [], {}).price(listing("host", "m", 1.0, 2.0)).source == "models_dev"


def test_a_price_that_only_the_newer_list_knows_is_taken_from_it() -> None:
    assert lists(12.0).price(listing("host", "m", None, None)).prices.input_per_mtok == 12.0


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("llama-3.1-8b-instruct", (8_000_000_000, None)),
        ("qwen2.5-7b-instruct", (7_000_000_000, None)),
        ("qwen3-235b-a22b", (235_000_000_000, 22_000_000_000)),
        ("qwen2.5-0.5b", (500_000_000, None)),
        ("mixtral-8x7b-instruct", (None, None)),
        ("llama-4-scout-17b-16e-instruct", (None, None)),
        ("gpt-5.4", (None, None)),
    ],
)
def test_sizes_are_read_off_the_published_name(name: str, sizes: tuple[int | None, int | None]) -> None:
    found = sizes_of(name)
    assert (found.get("parameters_total"), found.get("parameters_active")) == sizes


@pytest.mark.parametrize(
    ("row", "form", "rank"),
    [
        ("star", "star", 0),
        ("star-medium", "star", 0),
        ("star-high", "star", 1),
        ("star-thinking-64k-low-effort", "star", 3),
        ("star-2025-11-13-nothinking", "star", 4),
        ("star-thinking", "star-thinking", 0),
        ("other-high", None, 1),
    ],
)
def test_a_board_row_means_a_model_at_an_effort(row: str, form: str | None, rank: int) -> None:
    known = {"star", "star-thinking"} if row == "star-thinking" else {"star"}
    assert with_effort(row, lambda name: name if name in known else None) == (form, rank)


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"equals": "abc"}, True),
        ({"starts_with": "ab"}, True),
        ({"ends_with": "ab"}, False),
        ({"contains": "b"}, True),
        ({"regex": "^a.c$"}, True),
        ({"or": [{"equals": "x"}, {"equals": "abc"}]}, True),
        ({"and": [{"contains": "a"}, {"contains": "x"}]}, False),
    ],
)
def test_match_rules_read_as_they_say(rule: dict[str, object], fits: bool) -> None:
    assert rule_matches(rule, "abc") is fits


def by_hand(setup: float, **figures: object) -> dict[str, Any]:
    return {"sources": {"page": {"setup": setup}}, "figures": {"page": {"star": {"row": "Star 1", **figures}}}}


def test_a_figure_quoted_by_hand_keeps_its_source_and_row() -> None:
    figures = quoted(by_hand(VENDOR_SETUP, mmlu=88.7), {"star"}, {"mmlu"})

    assert figures == [RawFigure("star", "mmlu", 0.887, "page", "Star_1", None, 0, is_reported=True)]
    assert not quoted(by_hand(FIRST_HAND_SETUP, mmlu=88.7), {"star"}, {"mmlu"})[0].is_reported


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ({"sources": {}, "figures": {"page": {}}}, r"no \[sources.page\]"),
        (by_hand(VENDOR_SETUP, mmlu=101.0), "no percentage"),
        (by_hand(VENDOR_SETUP, other=1.0), "no 'other'"),
        ({**by_hand(VENDOR_SETUP), "figures": {"page": {"moon": {"row": "Moon"}}}}, "no card"),
    ],
)
def test_a_slip_in_a_quotation_is_named(tables: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        quoted(tables, {"star"}, {"mmlu"})


def test_a_board_goes_before_the_lab_s_page_and_that_before_a_copy() -> None:
    copy = RawFigure("star", "mmlu", 0.7, "llmstats", "star", None, 0, is_reported=True, is_copied=True)
    page = RawFigure("star", "mmlu", 0.8, "page", "star", None, 0, is_reported=True)
    board = RawFigure("star", "mmlu", 0.6, "board", "star-high", None, 1)

    assert chosen([copy, page]) == chosen([page, copy]) == {"star": [page]}
    assert chosen([copy, page, board]) == {"star": [board]}


def test_a_figure_filed_under_the_wrong_weights_is_not_quoted(tmp_path: Path) -> None:
    rows = "model,benchmark,score\nlab/star,MMLU,0.8\nlab/star,MATH,0.7\n"
    (tmp_path / "llmstats_benchmarks.csv").write_text(rows, encoding="utf-8")

    found = llm_stats(tmp_path, {"MMLU": "mmlu", "MATH": "math"}, {"lab/star": ["MMLU"]}, lambda _: "star")

    assert [(figure.benchmark, figure.score) for figure in found] == [("math", 0.7)]


def test_every_quoted_source_says_what_a_card_must_show() -> None:
    assert set(QUOTED["figures"]) <= set(QUOTED["sources"])
    for key, source in QUOTED["sources"].items():
        assert source["title"] and source["url"].startswith("https://"), key
        assert source["setup"] in (FIRST_HAND_SETUP, VENDOR_SETUP), key


@pytest.mark.data
def test_the_shipped_files_are_what_the_lists_give() -> None:
    data = os.environ.get("FAIRLEAD_DATA", "")
    if not data or not (Path(data) / "catalogue").is_dir():
        pytest.skip("FAIRLEAD_DATA does not point to the data")
    pytest.importorskip("pyarrow")
    from fairlead.assembly.shipped import catalogue_texts
    from fairlead.evaluation.catalogue_build import HAND_WRITTEN, build

    texts = catalogue_texts()
    shipped = {name: text for name, text in texts.items() if name not in HAND_WRITTEN}
    benchmarks = tomllib.loads(texts["benchmarks.toml"])["benchmarks"]
    assert build(Path(data) / "catalogue", TABLES, QUOTED, benchmarks) == shipped
