"""The model map drawn: `fairlead models show NAME`, of the catalogue and of a trained router."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from fairlead.cli.map_view import draw_bar, entry_json, print_entry
from fairlead.cli.models import app
from fairlead.cli.output import Printer
from fairlead.domain.errors import ArtifactError
from fairlead.domain.kinds import KINDS
from fairlead.evaluation.router_file import save_router
from fairlead.learning.onboarding import add_arm
from fairlead.routing.cluster_labels import cluster_labels
from fairlead.routing.features.shape import SHAPE_NAMES
from fairlead.routing.modelmap.entry import Clusters
from fairlead.routing.trained_router import TrainedRouter
from tests.learning.small_router import ARMS, small_outcomes, small_router


def run(*arguments: str, code: int = 0) -> str:
    environment = {"FAIRLEAD_CONFIG": "", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, ["show", *arguments], env=environment)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


@pytest.fixture(scope="module")
def router() -> TrainedRouter:
    return small_router(small_outcomes(180))


def drawn(router: TrainedRouter, arm: str) -> str:
    stream = io.StringIO()
    print_entry(Printer(stream, coloured=False), router, arm, "router.fl")
    return stream.getvalue()


# --- a bar


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(11, 60))
def test_a_bar_is_as_wide_as_wanted_and_shows_the_model_inside_its_interval(
    low: float, mean: float, high: float, median: float, n_columns: int
) -> None:
    low, mean, high = sorted((low, mean, high))

    bar = draw_bar(low, mean, high, {"|": median}, n_columns)

    assert len(bar) == n_columns
    assert bar.count("O") == 1
    assert bar.index("O") == round(mean * (n_columns - 1))
    assert "." not in bar[round(low * (n_columns - 1)) : round(high * (n_columns - 1)) + 1]


def test_marks_stand_over_the_interval_and_the_model_over_the_marks() -> None:
    assert draw_bar(0.2, 0.5, 0.8, {"*": 0.7, "|": 0.3}, 11) == "..-|-O-*-.."
    assert draw_bar(0.0, 0.5, 1.0, {"|": 0.5}, 11) == "-----O-----"


# --- a model of the catalogue


def test_the_catalogues_map_has_a_bar_for_every_kind_and_says_what_it_rests_on() -> None:
    output = run("gpt-5.4").partition("fact ")[0]
    rows = {line.split()[0]: line for line in output.splitlines() if line.split() and line.split()[0] in KINDS}

    assert set(rows) == set(KINDS)
    assert all("O" in row and "|" in row and " to " in row for row in rows.values())
    assert "published figures" in output
    assert "\x1b" not in output


def test_the_map_keeps_to_eighty_columns_of_plain_characters() -> None:
    output = run("gpt-5.4")
    map_lines = output.splitlines()[: [line.split()[:1] for line in output.splitlines()].index(["fact"])]

    assert len(map_lines) > 12
    assert max(len(line) for line in map_lines) <= 80
    assert output[: output.index("fact ")].isascii()


def test_the_map_as_json_agrees_with_itself() -> None:
    told = json.loads(run("gpt-5.4", "--json"))["map"]

    assert [row["kind"] for row in told["kinds"]] == list(KINDS)
    for row in told["kinds"]:
        assert 0 <= row["low"] <= row["chance"] <= row["high"] <= 1
        assert 1 <= row["rank"] <= row["n_ranked"]
    assert set(told["better_than_most"]) == {row["kind"] for row in told["kinds"] if row["above_median"] >= 0.9}
    assert told["basis"] in ("published", "measured")


def test_a_strong_new_model_is_good_where_a_small_old_one_is_weak() -> None:
    strong = json.loads(run("gpt-5.4", "--json"))["map"]
    small = json.loads(run("llama-3.1-8b-instruct", "--json"))["map"]

    assert set(strong["better_than_most"]) >= {"maths", "code"}
    assert not strong["weaker_than_most"]
    assert set(small["weaker_than_most"]) >= {"maths", "code"}
    assert "weaker than most" in run("llama-3.1-8b-instruct")


def test_a_model_without_a_figure_is_called_a_guess(tmp_path: Path) -> None:
    listed = CliRunner().invoke(app, ["--json"], env={"FAIRLEAD_CONFIG": "", "NO_COLOR": "1"})
    bare = next(row["id"] for row in json.loads(listed.output)["models"] if row["n_figures"] == 0)
    known = json.loads(run("gpt-5.4", "--json"))["map"]

    told = json.loads(run(bare, "--json"))["map"]

    assert "a guess from size, price, date" in run(bare)
    assert told["basis"] == "prior"
    widths = [np.mean([row["high"] - row["low"] for row in one["kinds"]]) for one in (told, known)]
    assert widths[0] > 1.5 * widths[1]


# --- a model of a trained router


def test_a_trained_routers_map_says_score_rank_and_from_how_many_outcomes(router: TrainedRouter) -> None:
    output = drawn(router, "sums")
    score = 100 * small_outcomes(180).score.mean(axis=0)

    assert f"mean score         {score[0]:.0f}, 90 % sure" in output
    assert f"rank {1 + int((score > score[0]).sum())} of 4" in output
    assert "180 outcomes" in output and "2026-11-01" in output
    assert f"({ARMS[int(score.argmax())]})" in output
    assert all(label in output for label in ("output tokens", "first token, s", "price", "a call takes"))


def test_it_keeps_to_eighty_columns_too(router: TrainedRouter) -> None:
    for arm in router.arms:
        assert max(len(line) for line in drawn(router, arm).splitlines()) <= 80


def test_clusters_stand_in_order_from_its_best_to_its_worst_against_the_pool(router: TrainedRouter) -> None:
    lines = [line for line in drawn(router, "code").splitlines() if "O" in line and "%" in line and ".." in line]
    gaps = [line.split("%", 1)[1] for line in lines]

    assert len(gaps) >= 3
    first, last = gaps[0], gaps[-1]
    assert first.index("O") - first.index("|") > 0 > last.index("O") - last.index("|")


def test_the_json_of_an_entry_has_every_cluster_and_null_for_the_unknown(router: TrainedRouter) -> None:
    told = entry_json(router, "steady")

    assert len(told["clusters"]) == len(router.model_map.clusters)
    assert sum(row["n"] for row in told["clusters"]) == 180
    assert told["reasoning_tokens"] is None and told["failure_share"] is None
    assert told["quality"]["n"] == 180
    assert all(0 <= row["low"] <= row["score"] <= row["high"] <= 1 for row in told["clusters"])
    json.dumps(told, allow_nan=False)


def test_a_model_that_joined_without_lengths_or_prices_says_so(router: TrainedRouter) -> None:
    outcomes = small_outcomes(40, bare=True)
    grown = add_arm(router, "late", replace(outcomes.of_arms(("coin",)), arms=("late",)), as_of="2026-11-24").router

    output = drawn(grown, "late")

    assert "40 outcomes: the outcomes it joined with, 2026-11-24" in output
    assert "price              not known" in output
    assert "output tokens" not in output


def test_the_command_reads_a_router_file(router: TrainedRouter, tmp_path: Path) -> None:
    path = tmp_path / "router.fl"
    save_router(router, path)

    assert run("SUMS", "--router", str(path)).startswith("sums  (in router.fl)")
    assert json.loads(run("sums", "--router", str(path), "--json")) == json.loads(
        json.dumps(entry_json(router, "sums"))
    )
    assert "Nearest: steady" in run("stedy", "--router", str(path), code=1)


def test_a_file_that_is_no_router_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "router.fl"
    path.write_bytes(b"fairlead?")

    result = CliRunner().invoke(app, ["show", "sums", "--router", str(path)], env={"FAIRLEAD_CONFIG": ""})

    assert isinstance(result.exception, ArtifactError)
    assert "router.fl" in str(result.exception)


def test_clusters_are_named_by_what_sets_their_texts_apart() -> None:
    shape = np.zeros((3, len(SHAPE_NAMES)))
    shape[1, SHAPE_NAMES.index("log_length")] = 3.0
    shape[2, SHAPE_NAMES.index("digit_share")] = 3.0
    clusters = Clusters(np.array([0.8, 0.1, 0.1]), np.zeros(3), np.ones(3), shape)

    assert cluster_labels(clusters) == ("usual ones", "long", "numbers")


def test_a_cluster_that_is_mostly_of_one_kind_is_named_by_it_first() -> None:
    kinds = np.full((2, len(KINDS)), 0.1)
    kinds[0, KINDS.index("maths")] = 0.6
    clusters = Clusters(np.array([0.5, 0.5]), np.zeros(2), np.ones(2), np.zeros((2, len(SHAPE_NAMES))), kinds)
    assert cluster_labels(clusters) == ("maths", "usual ones")
