import io
import json

import numpy as np
import pytest

from fairlead.cli.output import Printer
from fairlead.evaluation.comparison_report import Table, as_json, markdown_table, tables
from fairlead.learning.baselines import baselines_of
from fairlead.learning.comparison import Comparison, compare
from fairlead.learning.prediction import Prediction
from tests.learning.small_outcomes import two_tasks


@pytest.fixture
def found() -> Comparison:
    train, test = two_tasks(80, 0), two_tasks(60, 1)
    quality = np.where(np.array(test.queries.datasets)[:, None] == "words", [0.9, 0.3, 0.7], [0.2, 0.9, 0.7])
    return compare(test, {"my|router": Prediction(quality)}, baselines_of(train, test), pool="small", n_draws=30)


def test_a_terminal_shows_every_method_in_every_table(found: Comparison) -> None:
    stream = io.StringIO()
    printer = Printer(stream, coloured=False)

    for table in tables(found):
        printer.table(table.heads, table.rows, table.right)

    text = stream.getvalue()
    assert text.count("zero_router") == 4
    assert "task_table (told)" in text and "oracle (told)" in text
    assert "±" in text
    assert "None" not in text and "nan" not in text


def test_numbers_are_written_without_a_leading_zero(found: Comparison) -> None:
    score = tables(found)[0].rows[2][1]
    assert score is not None

    value = found.method("best_single").figures["score"].value
    assert score.split()[0] == f"{value:.3f}".removeprefix("0")


def test_tables_that_nobody_has_a_figure_for_are_left_out(found: Comparison) -> None:
    titles = [table.title for table in tables(found)]

    assert not any("Two models" in title for title in titles)
    assert not any("hypervolume" in table.heads for table in tables(found))


def test_markdown_rows_have_as_many_cells_as_heads_whatever_a_name_holds(found: Comparison) -> None:
    named = Table("names", ("a|b", "value"), (("c\nd | e", None), ("`x`", "1")), ("value",))

    for table in (*tables(found), named):
        lines = markdown_table(table)
        assert len(lines) == len(table.rows) + 2
        assert {line.replace("\\|", "").count("|") for line in lines} == {len(table.heads) + 1}
    assert "my\\|router" in "".join(markdown_table(tables(found)[0]))


def test_json_keys_stay_and_unknown_is_null_with_a_reason(found: Comparison) -> None:
    read = json.loads(json.dumps(as_json(found), allow_nan=False))

    assert list(read) == [
        "format_version", "pool", "arms", "n_queries", "n_scored", "n_priced", "n_timed", "n_draws", "seed", "notes",
        "singles", "methods", "differences", "zero_hull",
    ]  # fmt: skip
    method = read["methods"][0]
    assert list(method) == ["name", "kind", "figures", "curve"]
    assert list(method["figures"]["score"]) == ["value", "low", "high", "standard_error", "reason"]
    assert method["figures"]["apgr"]["value"] is None
    assert method["figures"]["apgr"]["reason"] == "only defined between two models"
    assert list(read["differences"][0]) == [
        "method", "rival", "metric", "value", "low", "high", "standard_error", "reason",
    ]  # fmt: skip
    assert list(method["figures"]) == [
        "score", "gain", "rare_success", "recall_1", "recall_3", "auc", "brier", "log_loss", "calibration_error",
        "pooled_calibration_error", "pairwise_calibration_error", "apgr", "apgr_by_rank", "cpt50", "cpt80",
        "mean_cost_usd", "qnc97", "qnc99", "qnc100", "qnc99_of_test_best", "area", "aiq", "aiq_per_dearest",
        "deferral_area", "peak", "mean_latency_s", "hypervolume", "interval_coverage",
        "interval_coverage_without_chance", "kept_share", "reworded_loss",
    ]  # fmt: skip
