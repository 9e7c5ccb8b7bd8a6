"""`fairlead models`: the list, one card, and the diff of a newer price list."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from fairlead.assembly.shipped import shipped_catalogue
from fairlead.cli.models import app
from fairlead.settings.settings import parse


def run(*arguments: str, code: int = 0, config: str | None = None, folder: Path | None = None) -> str:
    environment = {"FAIRLEAD_CONFIG": "", "NO_COLOR": "1"}
    if config is not None and folder is not None:
        path = folder / "fairlead.yaml"
        path.write_text(config, encoding="utf-8")
        environment["FAIRLEAD_CONFIG"] = str(path)
    result = CliRunner().invoke(app, list(arguments), env=environment)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


def test_the_list_shows_current_models_and_their_prices() -> None:
    output = run("--provider", "openai")
    assert "openai/gpt-5.4 " in output
    assert "gpt-3.5-turbo" not in output
    assert "gpt-3.5-turbo" in run("--provider", "openai", "--all")
    assert "\x1b" not in output


def test_the_list_as_json_has_stable_keys() -> None:
    listed = json.loads(run("--lab", "anthropic", "--json"))
    assert set(listed) == {"catalogue", "models"}
    assert {row["lab"] for row in listed["models"]} == {"anthropic"}
    assert set(listed["models"][0]) == {
        "id", "title", "lab", "is_current", "provider", "input_usd_per_mtok", "output_usd_per_mtok", "context_tokens",
        "open_weights", "abilities", "release", "providers", "n_figures", "strong_kinds",
    }  # fmt: skip


def test_an_unknown_provider_is_answered_with_the_nearest() -> None:
    assert "openrouter" in run("--provider", "openroute", code=1)


def test_a_card_shows_every_fact_with_source_date_and_age() -> None:
    card = json.loads(run("show", "claude-opus-4-8", "--json"))
    assert card["id"] == "anthropic/claude-opus-4-8"
    facts = [*card["facts"].values(), *card["offers"], *card["figures"]]
    assert len(facts) > 15
    assert all(fact["source"] and fact["as_of"] and isinstance(fact["age_days"], int) for fact in facts)
    text = run("show", "claude-opus-4-8")
    assert "models.dev" in text and "days old" in text and "anthropic/claude-opus-4.8" in text


@pytest.mark.parametrize("name", ["llama3.1:8b", "meta-llama/Llama-3.1-8B-Instruct", "META/llama-3.1-8b-instruct"])
def test_a_card_answers_to_local_spellings(name: str) -> None:
    assert json.loads(run("show", name, "--json"))["id"] == "meta/llama-3.1-8b-instruct"


def test_an_unknown_name_is_answered_with_the_nearest_and_cannot_write_to_the_terminal() -> None:
    output = run("show", "claude-opus-4-9\x1b[2J", code=1)
    assert "Nearest: anthropic/claude-opus-4-" in output
    assert "\x1b" not in output
    assert len(run("show", "x" * 10_000, code=1)) < 400


def test_the_operators_own_facts_are_shown_as_theirs(tmp_path: Path) -> None:
    config = "models:\n  gpt-5.4:\n    context_tokens: 1234\n"
    card = json.loads(run("show", "gpt-5.4", "--json", config=config, folder=tmp_path))
    assert card["facts"]["context_tokens"]["value"] == 1234
    assert card["facts"]["context_tokens"]["source"] == "your configuration"


def price_list(folder: Path, **prices: float) -> Path:
    row: dict[str, Any] = {"litellm_provider": "openai", "mode": "chat", "output_cost_per_token": 1.5e-05, **prices}
    path = folder / "newer.json"
    path.write_text(json.dumps({"gpt-5.4": row}), encoding="utf-8")
    return path


def test_a_newer_list_is_shown_and_changes_nothing_by_itself(tmp_path: Path) -> None:
    path = price_list(tmp_path, input_cost_per_token=3e-06)
    output = run("update", str(path))
    assert "openai/gpt-5.4" in output and "2.5" in output and "3.0" in output
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["newer.json"]


def test_written_changes_are_a_block_that_the_configuration_takes(tmp_path: Path) -> None:
    path, target = price_list(tmp_path, input_cost_per_token=3e-06), tmp_path / "overrides.yaml"
    run("update", str(path), "--write", str(target), "--as-of", "2026-11-01")
    text = target.read_text(encoding="utf-8")
    block = yaml.safe_load(text)["models"]["openai/gpt-5.4"]
    assert block == {"as_of": "2026-11-01", "source": "newer.json", "prices": {"openai": {"input": 3.0}}}
    assert "openai/gpt-5.4" in parse(text, {}).models
    card = json.loads(run("show", "gpt-5.4", "--json", config=text, folder=tmp_path))
    offer = next(offer for offer in card["offers"] if offer["provider"] == "openai")
    assert offer["prices"]["input_usd_per_mtok"] == 3.0
    assert offer["source"] == "your configuration: newer.json"
    assert "is there already" in run("update", str(path), "--write", str(target), code=1)


def test_doubtful_changes_are_written_only_when_asked_for(tmp_path: Path) -> None:
    path = price_list(tmp_path, input_cost_per_token=1e-04)
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    assert "--accept-large" in run("update", str(path), "--write", str(one))
    run("update", str(path), "--write", str(two), "--accept-large")
    assert yaml.safe_load(one.read_text(encoding="utf-8"))["models"] == {}
    assert yaml.safe_load(two.read_text(encoding="utf-8"))["models"]["openai/gpt-5.4"]["prices"] == {
        "openai": {"input": 100.0}
    }


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "\xff\xfe", '{"gpt-5.4": {"litellm_provider": "openai"}}'])
def test_a_malformed_list_is_refused_and_writes_nothing(tmp_path: Path, text: str) -> None:
    path, target = tmp_path / "bad.json", tmp_path / "overrides.yaml"
    path.write_bytes(text.encode("latin-1"))
    assert "bad.json" in run("update", str(path), "--write", str(target), code=1)
    assert not target.exists()


def test_a_missing_file_and_a_wrong_date_are_named(tmp_path: Path) -> None:
    assert "cannot read" in run("update", str(tmp_path / "none.json"), code=1)
    path = price_list(tmp_path, input_cost_per_token=3e-06)
    assert "--as-of" in run("update", str(path), "--as-of", "yesterday", code=1)


def test_the_shipped_catalogue_compared_with_itself_has_no_changes(tmp_path: Path) -> None:
    rows = [
        {
            "provider": offer.provider,
            "model_id": offer.sent_model,
            "price_in_per_m": offer.prices.value.input_per_mtok,
            "price_out_per_m": offer.prices.value.output_per_mtok,
        }
        for card in shipped_catalogue().cards.values()
        for offer in card.offers
        if offer.provider != "zhipuai"  # in that list the name is the Chinese door, priced in yuan
    ]
    path = tmp_path / "same.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert json.loads(run("update", str(path), "--json"))["changes"] == []
