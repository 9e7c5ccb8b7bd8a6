"""`fairlead train`, `predict` and `benchmark`, from files to files."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from fairlead.assembly import shipped
from fairlead.cli.main import app
from fairlead.domain.errors import FairleadError
from fairlead.evaluation import benchmark_run, training_report
from fairlead.evaluation.router_file import Router, load_router, save_router
from tests.cli.running import refused
from tests.learning.small_trainings import POEM, SUM, costs, encoder, sums_and_poems, tokens

N = 60


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"NO_COLOR": "1"})
    if isinstance(result.exception, FairleadError):
        raise result.exception
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def rows(*, with_text: bool = True, with_tokens: bool = False) -> list[dict[str, Any]]:
    read, cost, length = sums_and_poems(N), costs(N), tokens(N)
    listed = []
    for place, text in enumerate(read.queries.texts):
        for column, arm in enumerate(read.arms):
            row: dict[str, Any] = {"query_id": f"q{place}", "model": arm, "score": float(read.score[place, column])}
            if with_text:
                row["query"] = text
            row |= {"cost_usd": float(cost[place, column]), "colour": 1}
            if with_tokens:
                row["output_tokens"] = float(length[place, column])
            listed.append(row)
    return listed


def write(path: Path, listed: Sequence[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(listed)), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in listed), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(listed[0]))
            writer.writeheader()
            writer.writerows(listed)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> Path:
    return write(folder / "outcomes.csv", rows())


@pytest.fixture(scope="module")
def report(folder: Path, outcomes: Path) -> str:
    return run("train", outcomes, "-o", folder / "router.fl", "--seed", "3")


@pytest.fixture(scope="module")
def router(folder: Path, report: str) -> Path:
    return folder / "router.fl"


@pytest.fixture(autouse=True)
def small_and_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "query_encoder", encoder)  # the very same, read once
    monkeypatch.setattr(benchmark_run, "N_DRAWS", 20)
    monkeypatch.setattr(training_report, "cross_validated", partial(training_report.cross_validated, n_draws=20))


def test_a_training_prints_what_was_read_how_good_it_is_and_the_verdict(report: str, router: Path) -> None:
    assert "180 scores of 3 models on 60 queries: 100% of all pairs" in report
    assert "outcomes.csv: columns ignored: " in report and "colour" in report
    assert "no delay in these outcomes" in report
    for name in ("router", "best_single", "zero_router", "oracle", "cluster_table", "neighbours", "Parts of the stack"):
        assert name in report
    assert "\nRoute.\n" in report and f"The router is in {router}." in report
    assert "\x1b" not in report


def test_the_router_that_was_written_decides(router: Path) -> None:
    loaded = Router.load(router)
    assert (loaded.decide(SUM).model, loaded.decide(POEM).model) == ("calculator", "bard")
    assert loaded.trained.card["files"] == ["outcomes.csv"] and loaded.trained.card["seed"] == 3


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_the_format_of_the_file_makes_no_difference(tmp_path: Path, router: Path, suffix: str) -> None:
    path = write(tmp_path / f"outcomes{suffix}", rows())
    stated = json.loads(run("train", path, "-o", tmp_path / "router.fl", "--seed", "3", "--json"))
    assert stated["n_scores"] == 180 and stated["models"] == ["bard", "calculator", "dear"]
    assert stated["verdict"]["is_route"] is True
    one, other = Router.load(router).predict([SUM, POEM]), Router.load(tmp_path / "router.fl").predict([SUM, POEM])
    np.testing.assert_array_equal(one.quality, other.quality)


def test_texts_may_stand_in_a_table_of_their_own_and_models_be_chosen(tmp_path: Path) -> None:
    bare = write(tmp_path / "bare.csv", rows(with_text=False))
    table = [
        {"query_id": f"q{place}", "query": text} for place, text in enumerate(sums_and_poems(N).queries.texts)
    ]  # fmt: skip
    queries = write(tmp_path / "queries.jsonl", table)
    run("train", bare, "--queries", queries, "--models", "bard, calculator", "-o", tmp_path / "r.fl", "-q")
    assert Router.load(tmp_path / "r.fl").models == ("bard", "calculator")


def test_stated_prices_are_heeded(tmp_path: Path) -> None:
    outcomes = write(tmp_path / "outcomes.csv", rows(with_tokens=True)[:90])
    prices = tmp_path / "prices.csv"
    prices.write_text("model,input_usd_per_mtok,output_usd_per_mtok\nbard,1,1000\n", encoding="utf-8")
    run("train", outcomes, "-o", tmp_path / "r.fl", "--prices", prices, "--models", "bard,calculator")
    foretold = Router.load(tmp_path / "r.fl").predict([POEM])
    assert foretold.cost_usd[0, 0] == pytest.approx(foretold.output_tokens[0, 0] * 1e-3, rel=0.1)


def test_calls_that_state_tokens_alone_have_figures_of_cost_at_stated_prices(tmp_path: Path) -> None:
    unpriced = [
        {key: row[key] for key in row if key != "cost_usd"} | {"input_tokens": 40} for row in rows(with_tokens=True)
    ]
    outcomes, prices = write(tmp_path / "outcomes.csv", unpriced), tmp_path / "prices.csv"
    listed = "model,input_usd_per_mtok,output_usd_per_mtok\nbard,1,2\ncalculator,2,4\ndear,10,20\n"
    prices.write_text(listed, encoding="utf-8")
    for said in (
        run("benchmark", outcomes, "--folds", "2", "--prices", prices, "--plot", tmp_path / "f.svg"),
        run("train", outcomes, "-o", tmp_path / "r.fl", "--prices", prices),
    ):
        assert "Quality for money" in said
        assert "Costs are tokens times your prices" in said
    assert (tmp_path / "f.svg").exists()
    stated = json.loads(run("benchmark", outcomes, "--folds", "2", "--prices", prices, "--json"))
    assert stated["n_priced"] == N
    assert any(note.startswith("Costs are tokens times your prices") for note in stated["notes"])


def test_predictions_have_a_row_per_query_and_model_and_one_chosen(tmp_path: Path, router: Path) -> None:
    queries = write(tmp_path / "queries.csv", [{"query_id": "a", "query": SUM}, {"query_id": "b", "query": POEM}])
    said = run("predict", router, queries, "-o", tmp_path / "out.parquet")
    assert "6 rows written" in said
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == [
        "query_id", "model", "quality", "quality_low", "quality_high", "cost_usd", "output_tokens", "latency_s",
        "chosen",
    ]  # fmt: skip
    chosen = {row["query_id"]: row["model"] for row in table.to_pylist() if row["chosen"]}
    assert chosen == {"a": "calculator", "b": "bard"} and sum(table["chosen"].to_pylist()) == 2
    assert table["latency_s"].null_count == 6 and table["cost_usd"].null_count == 0


def test_a_sweep_of_cost_weights_chooses_once_per_query_and_weight(tmp_path: Path, router: Path) -> None:
    queries = write(tmp_path / "queries.jsonl", [{"query_id": "a", "query": SUM}, {"query_id": "b", "query": POEM}])
    run("predict", router, queries, "-o", tmp_path / "out.parquet", "--cost-weight", "0", "--cost-weight", "50")
    listed = pq.read_table(tmp_path / "out.parquet").to_pylist()
    chosen = [(row["cost_weight"], row["query_id"], row["model"]) for row in listed if row["chosen"]]
    assert len(listed) == 12
    assert sorted(chosen) == [(0, "a", "calculator"), (0, "b", "bard"), (50, "a", "bard"), (50, "b", "bard")]


def test_a_preference_decides_and_an_unknown_one_is_refused(tmp_path: Path, router: Path) -> None:
    queries = write(tmp_path / "queries.csv", [{"query_id": "a", "query": SUM}])
    out = tmp_path / "out.parquet"
    run("predict", router, queries, "-o", out, "--prefer", "cost_weight=50")
    assert [row["model"] for row in pq.read_table(out).to_pylist() if row["chosen"]] == ["bard"]
    assert "no preset is called 'cheep'" in refused("predict", router, queries, "-o", out, "--prefer", "cheep")
    assert "exclude each other" in refused(
        "predict", router, queries, "-o", out, "--prefer", "cost", "--cost-weight", "1"
    )
    assert "0 or more" in refused("predict", router, queries, "-o", out, "--cost-weight", "nan")
    twice = ("--cost-weight", "0.1", "--cost-weight", "1", "--cost-weight", ".1")
    assert "0.1 is named twice" in refused("predict", router, queries, "-o", out, *twice)


@pytest.mark.parametrize(
    "preference", ["", " ", "cost=-1", "quality=nan", "min_quality=2", "max_cost_usd=0", "quality=1,quality=1", "cheep"]
)
def test_a_preference_that_is_none_is_asked_wrongly_whatever_the_command(
    tmp_path: Path, outcomes: Path, router: Path, preference: str
) -> None:
    for command in (
        ("predict", router, outcomes, "-o", tmp_path / "out.parquet"),
        ("profile", "calculator", "--router", router, "--answers", outcomes),
        ("replay", "--log", outcomes),
    ):
        assert "--prefer" in refused(*command, "--prefer", preference)


def test_no_model_at_all_is_not_every_model(tmp_path: Path, outcomes: Path) -> None:
    for models in ("", " , "):
        assert "--models names none" in refused("train", outcomes, "-o", tmp_path / "r.fl", "--models", models)


def test_a_verdict_not_to_route_is_told_and_may_be_ignored(tmp_path: Path) -> None:
    few = write(tmp_path / "few.csv", rows()[: 3 * 28])
    assert "\nDo not route.\n" in run("train", few, "-o", tmp_path / "r.fl")
    queries = write(tmp_path / "q.csv", [{"query_id": "a", "query": SUM}, {"query_id": "b", "query": POEM}])
    chosen = {}
    for flags in ((), ("--ignore-verdict",)):
        said = run("predict", tmp_path / "r.fl", queries, "-o", tmp_path / "out.parquet", *flags)
        assert ("Do not route" in said) is (not flags)
        listed = pq.read_table(tmp_path / "out.parquet").to_pylist()
        chosen[flags] = {row["model"] for row in listed if row["chosen"]}
    assert len(chosen[()]) == 1 and chosen[("--ignore-verdict",)] == {"calculator", "bard"}


def test_who_is_served_where_routing_pays_by_cost_alone_is_told(tmp_path: Path, router: Path) -> None:
    trained = load_router(router)
    first, *others = trained.verdict.trials
    by_cost = replace(trained.verdict, trials=(replace(first, is_route=False, is_likely=False), *others))
    save_router(replace(trained, verdict=by_cost), tmp_path / "r.fl")
    queries = write(tmp_path / "q.csv", [{"query_id": "a", "query": SUM}])
    for flags, is_said in ((("0", "--cost-weight", "1"), True), (("1",), False), (("0", "--ignore-verdict"), False)):
        said = run("predict", tmp_path / "r.fl", queries, "-o", tmp_path / "out.parquet", "--cost-weight", *flags)
        assert ("for quality alone routing is not shown to pay: " in said) is is_said


def test_a_benchmark_prints_tables_or_json_and_draws(tmp_path: Path, outcomes: Path) -> None:
    plot = tmp_path / "frontier.svg"
    printed = run("benchmark", outcomes, "--folds", "2", "--plot", plot)
    for name in ("router", "best_single", "zero_router", "cheapest_adequate", "oracle", "neighbours", "item_response"):
        assert name in printed
    assert plot.read_text(encoding="utf-8").lstrip().startswith(("<svg", "<?xml"))


def test_a_benchmark_of_a_router_leaves_out_what_it_was_trained_on(tmp_path: Path, outcomes: Path) -> None:
    half = write(tmp_path / "half.csv", rows()[: 3 * 40])
    run("train", half, "-o", tmp_path / "half.fl")
    stated = json.loads(run("benchmark", outcomes, "--router", tmp_path / "half.fl", "--folds", "2", "--json"))
    assert "40 queries that the router was trained on are left out" in stated["notes"]
    assert refused("benchmark", half, "--router", tmp_path / "half.fl").startswith("the router was trained on all")


def test_without_costs_there_is_no_plot_and_that_is_said(tmp_path: Path) -> None:
    free = [{key: row[key] for key in ("query_id", "model", "score", "query")} for row in rows()]
    said = run("benchmark", write(tmp_path / "free.csv", free), "--folds", "2", "--plot", tmp_path / "f.svg")
    assert "no frontier to draw" in said
    assert not (tmp_path / "f.svg").exists()


def test_tables_that_no_query_serves_are_told_of_by_both_commands(tmp_path: Path) -> None:
    apart = [row for place, row in enumerate(rows()) if place // 3 % 2 == (row["model"] == "bard")]
    path = write(tmp_path / "apart.csv", apart)
    trained = run("train", path, "-o", tmp_path / "r.fl")
    measured = run("benchmark", path, "--folds", "2", "--plot", tmp_path / "f.svg")
    for said in (trained, measured):
        assert "60 of 60 queries lack a score of some model: left out of routing figures." in said
        assert "No query has the cost of every model: there are no cost figures." in said
    assert "costs are known, but no query has a score of every model, so there is no frontier to draw" in measured


def test_bad_rows_are_named_by_file_and_line_and_nothing_is_written(tmp_path: Path) -> None:
    bad = rows()
    bad[4]["score"] = 7
    path = write(tmp_path / "bad.csv", bad)
    for command in (("train", path, "-o", tmp_path / "r.fl"), ("benchmark", path)):
        said = refused(*command)
        assert "bad.csv" in said and "line 6" in said and "score is 7" in said
    assert not (tmp_path / "r.fl").exists()


def test_files_that_cannot_be_used_are_named(tmp_path: Path, outcomes: Path, router: Path) -> None:
    assert "none.csv" in refused("train", tmp_path / "none.csv", "-o", tmp_path / "r.fl")
    assert "none.fl" in refused("predict", tmp_path / "none.fl", outcomes, "-o", tmp_path / "o.parquet")
    assert "outcomes.csv" in refused("predict", outcomes, outcomes, "-o", tmp_path / "o.parquet")
    assert "prices.txt" in refused("train", outcomes, "-o", tmp_path / "r.fl", "--prices", tmp_path / "prices.txt")
    assert "too few" in refused("train", write(tmp_path / "two.csv", rows()[:6]), "-o", tmp_path / "r.fl")
    assert "'calc' is not a model" in refused("train", outcomes, "-o", tmp_path / "r.fl", "--models", "calc").replace(
        '"', "'"
    )


def test_a_place_that_is_not_there_is_told_before_the_work(tmp_path: Path, outcomes: Path) -> None:
    assert "there is no folder" in refused("train", outcomes, "-o", tmp_path / "nowhere" / "r.fl")
    assert "there is no folder" in refused("benchmark", outcomes, "--plot", tmp_path / "nowhere" / "f.svg")


@pytest.mark.parametrize("command", ["train", "predict", "benchmark"])
def test_an_unknown_option_is_refused(command: str, outcomes: Path) -> None:
    assert "No such option" in refused(command, outcomes, "--colour", "red")


def test_a_router_to_start_from_goes_with_a_model_to_add(outcomes: Path, router: Path, tmp_path: Path) -> None:
    assert "--add-model" in refused("train", outcomes, "-o", tmp_path / "r.fl", "--router", router)
    more = ("--add-model", "calculator", "--models", "bard")
    assert "learning anew" in refused("train", outcomes, "-o", router, *more)


def test_a_model_is_added_without_retraining_the_rest(tmp_path: Path, outcomes: Path) -> None:
    run("train", outcomes, "-o", tmp_path / "two.fl", "--models", "bard,dear")
    before = Router.load(tmp_path / "two.fl")
    said = run("train", outcomes, "--add-model", "calculator", "--router", tmp_path / "two.fl", "-o", tmp_path / "3.fl")
    assert f"written to {tmp_path / '3.fl'}" in said
    after = Router.load(tmp_path / "3.fl")
    assert after.models == ("bard", "dear", "calculator")
    np.testing.assert_allclose(after.predict([SUM]).quality[:, :2], before.predict([SUM]).quality, atol=0.02)
    assert Router.load(tmp_path / "two.fl").models == ("bard", "dear")


def test_a_model_that_is_added_is_told_of_as_json(tmp_path: Path, outcomes: Path, router: Path) -> None:
    more = write(tmp_path / "n.csv", [row | {"model": "Bard "} for row in rows() if row["model"] == "bard"])
    stated = json.loads(
        run("train", more, "--add-model", "Bard ", "--router", router, "-o", tmp_path / "4.fl", "--json")
    )
    assert set(stated) == {"model", "n_outcomes", "mean", "mean_error", "models", "notes"}
    assert (stated["model"], stated["n_outcomes"]) == ("Bard ", N)
    assert stated["models"] == ["bard", "calculator", "dear", "Bard "] == list(Router.load(tmp_path / "4.fl").models)
    assert 0.0 < stated["mean"] < 1.0
    assert any("'bard', 'Bard '; each counts as a model of its own" in note for note in stated["notes"])


def test_names_that_look_alike_are_told_of_by_both_commands(tmp_path: Path) -> None:
    path = write(tmp_path / "alike.csv", [*rows(), *(row | {"model": "Bard "} for row in rows()[:60:3])])
    note = "Names of models that differ in case, blanks or unseen characters alone: 'Bard ', 'bard'; each counts as a"
    assert note in run("train", path, "-o", tmp_path / "r.fl")
    stated = json.loads(run("benchmark", path, "--folds", "2", "--json"))
    assert any(each.startswith(note) for each in stated["notes"])


def shell(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    script = f"import sys\n{code}\nfrom fairlead.cli.main import run\nrun()"
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


def test_bad_outcomes_end_with_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("query_id,model\na,b\n", encoding="utf-8")
    ended = shell("", "train", tmp_path / "bad.csv", "-o", tmp_path / "r.fl")
    assert ended.returncode == 2 and ended.stderr.startswith("error: ") and "score" in ended.stderr


@pytest.mark.parametrize("command", ["train", "benchmark"])
def test_without_the_extra_the_command_says_what_to_install(command: str, outcomes: Path, tmp_path: Path) -> None:
    more = ("-o", tmp_path / "r.fl") if command == "train" else ()
    ended = shell("sys.modules['pyarrow'] = None", command, outcomes, *more)
    assert ended.returncode == 2
    assert "'pyarrow' is not installed" in ended.stderr and "pip install 'fairlead[eval]'" in ended.stderr
    assert "Traceback" not in ended.stderr
