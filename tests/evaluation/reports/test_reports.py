"""Reports: tables, Markdown, page, JSON and outcomes; hostile texts stay texts, undefined stays undefined."""

import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fairlead.evaluation.evaluation_run import evaluate
from fairlead.evaluation.outcome_files import read_outcome_files
from fairlead.evaluation.reports.as_json import as_json
from fairlead.evaluation.reports.findings import Findings, scores_in
from fairlead.evaluation.reports.outcomes_export import outcome_rows
from fairlead.evaluation.reports.page import page
from fairlead.evaluation.reports.plots import cost_plot
from fairlead.evaluation.reports.tables import markdown, tables
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.running.records import Ledger
from tests.evaluation.running.worlds import Books, means, model, plan, rejected

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:1) | \u202e \x1b[31m"


def half_right(question: Question) -> str:
    n = int(question.item.id[1:])
    return HOSTILE if n % 2 and question.model.name == "weak" else f"#### {n + 1}"


async def made(folder: Path, books: Books, wanted: Plan) -> tuple[Findings, Ledger]:
    journal = Journal.open(folder / "journal.jsonl")
    found = await evaluate(wanted, journal, means(books))
    journal.close()
    return found, journal.ledger


async def two_models(folder: Path) -> tuple[Findings, Ledger, Plan]:
    wanted = plan(20, [model("strong"), model("weak")])
    return (*await made(folder, Books(text=half_right), wanted), wanted)


async def test_a_report_shows_scores_differences_and_what_would_be_needed(tmp_path: Path) -> None:
    found, _, _ = await two_models(tmp_path)
    scores, differences = tables(found)
    assert [row[0] for row in scores.rows] == ["strong", "weak"]
    assert scores.rows[1][1] == "0.500 (0.299, 0.701)"
    (row,) = differences.rows
    assert row[0] == "strong less weak" and row[2] is not None and row[2].startswith("+0.500 (")
    assert "| strong | 1.000" in markdown(found)


async def test_the_page_runs_nothing_and_fetches_nothing_whatever_a_model_said(tmp_path: Path) -> None:
    found, _, _ = await two_models(tmp_path)
    text = page(found)
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Reader().feed(text)
    names = {tag for tag, _ in tags}
    assert not names & {"script", "img", "a", "iframe", "link", "object", "form"}
    assert {"svg", "table", "pre"} <= names
    assert not any(name.startswith("on") or name in ("src", "href") for _, attrs in tags for name in attrs)
    assert "default-src 'none'" in text
    assert "&lt;script&gt;" in text and "\x1b" not in text and "\u202e" not in text


async def test_json_has_null_and_a_reason_where_nothing_is_defined(tmp_path: Path) -> None:
    found, _ = await made(tmp_path, Books(fails=lambda question, n: rejected(400)), plan(3))
    said = json.loads(json.dumps(as_json(found), allow_nan=False))
    (only,) = said["models"]
    assert only["score"] == {
        "value": None, "low": None, "high": None, "standard_error": None, "reason": "nothing was scored",
    }  # fmt: skip
    assert (only["mean_cost_usd"], only["latency_p50_s"], said["judge"]) == (None, None, None)
    assert page(found).startswith("<!doctype html>")
    assert "NaN" not in markdown(found)


async def test_outcomes_are_what_train_reads(tmp_path: Path) -> None:
    _, ledger, wanted = await two_models(tmp_path)
    rows = list(outcome_rows(wanted, ledger, scores_in(ledger, wanted.suite, {})))
    path = tmp_path / "outcomes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    read = read_outcome_files([path])
    assert read.arms == ("strong", "weak")
    assert read.score.mean(axis=0).tolist() == [1.0, 0.5]
    assert read.cost_usd is not None and read.cost_usd[0, 0] == pytest.approx(40e-6)


async def test_samples_are_averaged_into_one_outcome(tmp_path: Path) -> None:
    wanted = plan(4, n_samples=3)
    books = Books(text=lambda question: f"#### {int(question.item.id[1:]) + (question.sample > 0)}")
    _, ledger = await made(tmp_path, books, wanted)
    rows = list(outcome_rows(wanted, ledger, scores_in(ledger, wanted.suite, {})))
    assert [row["score"] for row in rows] == [pytest.approx(2 / 3)] * 4
    assert [row["reply_hash"] for row in rows] == [None] * 4


async def test_equal_replies_have_equal_hashes_that_train_reads_as_numbers(tmp_path: Path) -> None:
    wanted = plan(4)
    _, ledger = await made(tmp_path, Books(text=lambda question: f"{int(question.item.id[1:]) % 2}"), wanted)
    rows = list(outcome_rows(wanted, ledger, scores_in(ledger, wanted.suite, {})))
    path = tmp_path / "outcomes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    hashes = [row["reply_hash"] for row in rows]
    assert hashes[0] == hashes[2] != hashes[1] == hashes[3]
    read = read_outcome_files([path]).reply_hash
    assert read is not None and read[:, 0].tolist() == hashes


async def test_models_of_equal_cost_and_score_keep_names_that_can_be_read(tmp_path: Path) -> None:
    found, _ = await made(tmp_path, Books(), plan(6, [model("a"), model("b"), model("c")]))
    labels = re.findall(r'<text x="([\d.]+)" y="([\d.]+)">[abc]</text>', cost_plot(found))
    heights = sorted(float(y) for _, y in labels)
    assert len(heights) == 3
    assert min(later - earlier for earlier, later in itertools.pairwise(heights)) >= 12


def test_no_plot_hides_a_name_in_markup() -> None:
    from fairlead.evaluation.reports.plots import _name

    assert not re.search(r"[<>]", _name("<svg onload=x>"))
