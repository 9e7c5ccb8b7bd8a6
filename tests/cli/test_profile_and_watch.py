"""`fairlead profile` and `fairlead watch`, from files to files."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.router_file import load_router, save_router
from fairlead.learning.outcomes import Outcomes
from tests.cli.running import run
from tests.learning.small_router import small_outcomes, small_router

N = 150
OUTCOMES = small_outcomes(N)


def write(path: Path, outcomes: Outcomes) -> Path:
    """Outcomes as a CSV file in long form."""
    assert outcomes.cost_usd is not None and outcomes.output_tokens is not None
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["query_id", "model", "score", "query", "cost_usd", "output_tokens"])
        for row, query_id in enumerate(outcomes.queries.ids):
            for column, arm in enumerate(outcomes.arms):
                measures = (outcomes.cost_usd[row, column], outcomes.output_tokens[row, column])
                writer.writerow([query_id, arm, outcomes.score[row, column], outcomes.queries.texts[row], *measures])
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a router of three models and the outcomes of a fourth, the coin."""
    folder = tmp_path_factory.mktemp("files")
    save_router(small_router(OUTCOMES.of_arms(("sums", "code", "steady"))), folder / "old.fl")
    write(folder / "coin.csv", OUTCOMES.of_arms(("coin",)))
    write(folder / "all.csv", OUTCOMES)
    write(folder / "again.csv", OUTCOMES.of_arms(("sums",)))
    write(folder / "third.csv", OUTCOMES.of_arms(("sums",)))
    wrong = OUTCOMES.of_arms(("sums",))
    for name in ("wrong.csv", "wrong2.csv"):
        write(folder / name, Outcomes(wrong.queries, ("sums",), 1.0 - wrong.score, wrong.cost_usd,
                                      output_tokens=wrong.output_tokens))  # fmt: skip
    return folder


def test_a_profile_adds_the_model_and_says_what_it_found(files: Path) -> None:
    told = run(
        "profile", "coin", "--router", files / "old.fl", "--answers", files / "coin.csv", "--all",
        "-o", files / "new.fl",
    )  # fmt: skip

    assert "coin: 60 probes were asked." in told
    assert "mean score over the training's queries" in told
    assert "would be chosen" in told and "What more probes would buy" in told
    assert "rank" in told and "The router with coin is in" in told
    assert load_router(files / "new.fl").arms == ("sums", "code", "steady", "coin")


def test_a_profile_as_json_has_stable_keys_and_heeds_budget_and_preference(files: Path) -> None:
    budget = 20.5 * float(np.mean(np.asarray(OUTCOMES.cost_usd)[:, 3]))
    told = json.loads(run(
        "profile", "coin", "--router", files / "old.fl", "--answers", files / "coin.csv", "-o", files / "new.fl",
        "--budget", f"{budget}", "--prefer", "cost_weight=0.3", "--probes", "100", "--json",
    ))  # fmt: skip

    assert list(told) == [
        "model", "stopped", "n_probes", "n_failed", "spent_usd", "mean", "mean_error", "chosen", "outlook",
    ]  # fmt: skip
    assert list(told["chosen"]) == ["share", "share_low", "share_high", "gain", "regret"]
    assert 10 <= told["n_probes"] <= 30
    assert told["spent_usd"] < 1.25 * budget


def test_a_profile_of_a_known_model_or_of_anothers_answers_is_refused(files: Path) -> None:
    rest = ("--router", files / "old.fl", "-o", files / "x.fl", "--answers")
    with pytest.raises(OutcomesError, match="in this router already"):
        run("profile", "sums", *rest, files / "all.csv")
    with pytest.raises(OutcomesError, match="kitten"):
        run("profile", "kitten", *rest, files / "coin.csv")
    assert "above 0" in run("profile", "coin", *rest, files / "coin.csv", "--budget", "0", code=2)
    assert not (files / "x.fl").exists()


def test_a_model_that_answers_as_before_passes_its_watch(files: Path) -> None:
    told = run(
        "watch", "sums", "--earlier", files / "all.csv", "--earlier", files / "again.csv", "--now", files / "third.csv"
    )  # fmt: skip

    assert "sums: no change was found." in told
    assert "at most 5% of such checks" in told
    assert "one earlier run" not in told


def test_a_second_new_run_answers_where_the_first_differs(files: Path) -> None:
    arguments = ("watch", "sums", "--earlier", files / "all.csv", "--now", files / "wrong.csv")
    told = run(*arguments, "--now", files / "wrong2.csv", code=1)

    assert "no longer answers as it was measured" in told
    four = [each for name in ("all", "again", "third") for each in ("--now", files / f"{name}.csv")]
    assert "--now, once to three times" in run(*arguments, *four, code=2)
    assert "named twice" in run(*arguments, "--now", files / "wrong.csv", code=2)


def test_a_changed_model_is_reported_and_marked_stale_where_a_router_is_named(files: Path) -> None:
    router = files / "watched.fl"
    router.write_bytes((files / "old.fl").read_bytes())
    arguments = (
        "watch", "sums", "--earlier", files / "all.csv", "--earlier", files / "again.csv", "--now", files / "wrong.csv",
        "--router", router,
    )  # fmt: skip

    told = run(*arguments, code=1)
    shown = run("models", "show", "sums", "--router", router)
    as_json = json.loads(run(*arguments, "--json", code=1))

    assert "no longer answers as it was measured" in told and "marked stale" in told
    assert "stale since 20" in shown and "intervals wider" in shown
    assert as_json["changed"] is True and as_json["marked_stale"] is True
    assert load_router(router).model_map.entries["code"].stale is None


def test_one_earlier_run_is_told_to_show_less_and_a_rate_of_nothing_is_refused(files: Path) -> None:
    arguments = ("watch", "sums", "--earlier", files / "all.csv", "--now", files / "again.csv")

    assert "name a second --now" in run(*arguments)
    assert "--rate is between 0 and 1" in run(*arguments, "--rate", "1.5", code=2)
