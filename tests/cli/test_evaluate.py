"""`fairlead evaluate`, from a suite to reports, with simulated models and a counting upstream."""

import json
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.evaluation.running import counting_upstream, write_world
from fairlead.cli.main import app
from fairlead.domain.errors import FairleadError
from tests.cli.running import refused


@pytest.fixture(autouse=True)
def nothing_is_discovered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_NO_DISCOVERY", "1")


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"NO_COLOR": "1"})
    if isinstance(result.exception, FairleadError):
        raise result.exception
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def demo_suite(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "tiny.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


QUESTION = {"id": "a", "prompt": "Say yes or no", "reference": "yes", "scorer": "exact"}


@pytest.mark.parametrize("budget", ["inf", "nan", "-1", "1e300"])
@pytest.mark.parametrize("command", ["evaluate", "watch", "profile"])
def test_a_budget_that_nobody_can_spend_is_refused_with_the_bounds(tmp_path: Path, command: str, budget: str) -> None:
    suite = str(demo_suite(tmp_path, [QUESTION]))
    rest = ["evaluate", suite, "--models", "m"] if command == "evaluate" else [command, "m", "--suite", suite]
    said = refused(*rest, "--demo", "--yes", f"--budget={budget}")
    assert "--budget" in said and "from 0 to" in said


def test_models_are_scored_and_every_report_is_written(tmp_path: Path) -> None:
    with counting_upstream("--delay-ms", "1") as upstream:
        arguments = write_world(tmp_path, upstream, 30, ["skill-90", "skill-50"])[3:]
        said = json.loads(run(*arguments))
        again = json.loads(run(*arguments))
        charged = upstream.counts()["n_charged"]
    assert charged == 60
    assert again["record_hash"] == said["record_hash"]
    assert [model["model"] for model in said["models"]] == ["adder/skill-90", "adder/skill-50"]
    assert said["models"][0]["score"]["value"] > said["models"][1]["score"]["value"]
    assert said["spent_usd"] > 0
    folder = tmp_path / "run"
    assert {each.name for each in folder.iterdir()} == {
        "journal.jsonl", "report.html", "report.md", "report.json", "outcomes.jsonl",
    }  # fmt: skip
    assert len((folder / "outcomes.jsonl").read_text().splitlines()) == 60


def test_an_upstream_with_little_room_is_not_overrun(tmp_path: Path) -> None:
    with counting_upstream("--delay-ms", "5", "--capacity", "4") as upstream:
        said = json.loads(run(*write_world(tmp_path, upstream, 40, ["skill-90"])[3:]))
        counts = upstream.counts()
    assert said["models"][0]["n_answered"] == 40
    assert counts["most_active"] <= 4
    assert counts["n_charged"] == 40


def test_a_forecast_makes_no_call(tmp_path: Path) -> None:
    suite = demo_suite(tmp_path, [QUESTION])
    said = run("evaluate", suite, "-m", "simulated/wren-nano", "-b", "1", "--demo", "--dry-run", "--json",
               "-o", tmp_path / "o")  # fmt: skip
    found = json.loads(said)
    assert found["n_calls"] == 1
    assert 0 < found["cost_usd"]["low"] < found["cost_usd"]["mid"] <= found["cost_usd"]["high"] <= found["most_usd"]


def test_nobody_is_charged_without_a_word(tmp_path: Path) -> None:
    suite = demo_suite(tmp_path, [QUESTION])
    said = refused("evaluate", suite, "-m", "simulated/wren-nano", "-b", "1", "--demo", "-o", tmp_path / "o")
    assert "add --yes to spend" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-m", "simulated/wren-nan"], "Nearest: simulated/wren-nano"),
        (["-m", "simulated/lark-embed"], "embeds and does not chat"),
        (["-m", "simulated/wren-nano,simulated/wren-nano"], "names simulated/wren-nano@demo twice"),
        (["-m", ""], "No model is named"),
        (["-m", "simulated/wren-nano", "--in-flight", "perhaps"], "auto, resend or leave"),
        (["-m", "simulated/wren-nano", "--engine", "spark"], "local or ray"),
        (["-m", "simulated/wren-nano", "--address", "x"], "goes with --engine ray"),
        (["-m", "simulated/wren-nano", "--scorer", "vibes"], "scorer 'vibes' is unknown"),
        (["-m", "simulated/wren-nano", "--judge", "simulated/wren-nano"], "is of the family of"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(tmp_path: Path, options: list[str], said: str) -> None:
    suite = demo_suite(tmp_path, [QUESTION])
    text = refused("evaluate", suite, "-b", "1", "--demo", "--yes", "-o", tmp_path / "o", *options)
    assert said in " ".join(text.replace("│", " ").split())


def test_a_model_without_a_price_needs_a_price_table(tmp_path: Path) -> None:
    suite = demo_suite(tmp_path, [QUESTION])
    config = tmp_path / "fairlead.yaml"
    config.write_text("upstreams:\n  far:\n    base_url: https://api.example.com/v1\n    models: [odd]\n")
    text = refused("evaluate", suite, "-m", "far/odd", "-b", "1", "--yes", "--config", config, "-o", tmp_path / "o")
    assert "price of 'far/odd' is not known" in text


def test_a_routers_name_needs_a_price_since_it_may_choose_anybody(tmp_path: Path) -> None:
    suite = demo_suite(tmp_path, [QUESTION])
    config = tmp_path / "fairlead.yaml"
    config.write_text("upstreams:\n  gate:\n    base_url: http://127.0.0.1:1/v1\n    models: [auto]\n")
    text = refused("evaluate", suite, "-m", "gate/auto", "-b", "1", "--yes", "--config", config, "-o", tmp_path / "o")
    assert "'gate/auto' is a router's name" in text


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    suite = demo_suite(tmp_path, [QUESTION])
    (tmp_path / "file").write_text("x")
    text = refused("evaluate", suite, "-m", "simulated/wren-nano", "-b", "1", "--demo", "--yes",
                   "-o", tmp_path / "file" / "o")  # fmt: skip
    assert "the folder cannot be made" in text


@pytest.mark.parametrize("n_signals", [1, 2])
def test_ctrl_c_keeps_what_was_answered_and_the_same_command_goes_on(tmp_path: Path, n_signals: int) -> None:
    with counting_upstream("--delay-ms", "100") as upstream:
        command = [*write_world(tmp_path, upstream, 200, ["skill-90"]), "--concurrency", "4"]
        journal = tmp_path / "run" / "journal.jsonl"
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and (not journal.exists() or b"reply" not in journal.read_bytes()):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.02)
            for _ in range(n_signals):
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "the same command goes on" in said
        found = json.loads(run(*command[3:]))
        counts = upstream.counts()
    assert found["models"][0]["n_answered"] == 200
    assert (counts["n_charged"], counts["most_per_key"]) == (200, 1)
