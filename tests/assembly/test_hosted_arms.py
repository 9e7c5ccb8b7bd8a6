"""Upstreams on one's own GPUs: cost and delay are the forecast's, so that hosted and API models are weighed alike."""

import json
from pathlib import Path

import pytest

from fairlead.assembly.arms import Listing, build_arms
from fairlead.assembly.hosted_arms import foretold, with_hosting
from fairlead.catalogue.cards import Prices
from fairlead.domain.errors import ConfigError
from fairlead.settings.settings import Settings, parse
from tests.analysis.small_configs import LLAMA_8B
from tests.assembly.test_arms import card, catalogue, endpoint, offer

UPSTREAM = """
upstreams:
  mine:
    base_url: http://127.0.0.1:8000/v1
    models: [lab/one]
    hosting:
      config: {config}
      gpu: h100_sxm
      precision: fp8
      usd_per_hour: 3.0
"""


def settings_with(folder: Path, more: str = "", text: str = UPSTREAM) -> Settings:
    (folder / "config.json").write_text(json.dumps(LLAMA_8B))
    return parse(text.format(config=folder / "config.json") + more, {})


def test_a_hosted_model_has_the_cost_and_delay_of_its_gpus(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    listings = [
        Listing(endpoint("mine", "local", "lab/one", is_local=True), is_by_hand=True),
        Listing(endpoint("groq", "groq"), is_by_hand=False),
    ]
    hosted, bought = with_hosting(
        build_arms(catalogue(card("lab/one", offer("groq", "one"))), listings), settings.hosting
    )
    found = foretold("mine", settings.hosting["mine"])
    assert found.cost is not None
    assert hosted.prices == Prices(
        found.cost.input_share.likely, 0.0, found.cost.input_share.likely, found.cost.output_share.likely
    )
    assert hosted.delay is not None
    assert hosted.delay.s_per_token == found.token_s.likely
    whole = hosted.delay.ttft_s + 1_024 * hosted.delay.prefill_s_per_token
    assert whole == pytest.approx(found.first_token_s.likely)
    assert hosted.delay_basis == "prior"
    assert (bought.prices.input_per_mtok, bought.delay) == (1.0, None)


def test_a_price_that_the_operator_states_goes_first(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    listing = Listing(endpoint("mine", "local", "lab/one", is_local=True), is_by_hand=True)
    table = catalogue(card("lab/one", offer("local", "lab/one", 0.5, 0.7)))
    (spec,) = with_hosting(build_arms(table, [listing]), settings.hosting)
    assert (spec.prices.input_per_mtok, spec.prices.output_per_mtok) == (0.5, 0.7)
    assert spec.delay is not None


def test_what_the_operator_measured_is_marked_as_measured(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "      measured_ms: 7.5\n")
    listing = Listing(endpoint("mine", "local", "lab/one", is_local=True), is_by_hand=True)
    (spec,) = with_hosting(build_arms(catalogue(card("lab/one")), [listing]), settings.hosting)
    assert spec.delay is not None and spec.delay.s_per_token == pytest.approx(0.0075)
    assert spec.delay_basis == "measured"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("gpu: h100_sxm", "gpu: of-tomorrow"), "'of-tomorrow' is not known"),
        (("precision: fp8", "precision: fp3"), "'fp3' is not known"),
        (("gpu: h100_sxm", "gpu: h100_sxm\n      engine: theirs"), "'theirs' was not measured"),
        (("gpu: h100_sxm", "gpu: h100_sxm\n      prompt_tokens: 9000000"), "do not fit"),
        (("{config}", "nowhere.json"), "nowhere.json: there is no such file"),
        (("gpu: h100_sxm", "gpu: gb300"), None),
        (("gpu: h100_sxm\n      precision: fp8\n      usd_per_hour: 3.0", "gpu: gb300"), "nobody quotes the rent"),
    ],
)
def test_hosting_that_cannot_be_foretold_is_named(tmp_path: Path, change: tuple[str, str], said: str | None) -> None:
    settings = settings_with(tmp_path, text=UPSTREAM.replace(*change))
    if said is None:
        assert foretold("mine", settings.hosting["mine"]).cost is not None
        return
    with pytest.raises(ConfigError, match=rf"upstreams\.mine\.hosting: .*{said}"):
        foretold("mine", settings.hosting["mine"])


def test_an_unknown_key_of_hosting_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"fairlead\.yaml:11:\d+: upstreams\.mine\.hosting\.colour"):
        settings_with(tmp_path, "      colour: red\n")
