from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairlead.domain.outline import TURN_SAMPLE_CHARS
from fairlead.evaluation.outcome_data import (
    SOURCES,
    normal_form,
    outline_of,
    read_outcomes,
    sha256_of_files,
    without_frame,
)


def write_source(folder: Path) -> None:
    (folder / "outcomes").mkdir()
    queries = {"dataset": ["t", "t"], "query_id": ["2", "1"], "query": ["second", "first"], "fold": ["val", "dev"]}
    outcomes = {
        "dataset": ["t", "t", "t"],
        "query_id": ["1", "2", "1"],
        "model": ["b", "b", "a"],
        "score": [1.0, 0.5, 0.0],
        "cost_usd": [None, 0.1, 0.2],
        "input_tokens": [3, None, 4],
        "output_tokens": [7, 8, None],
    }
    pq.write_table(pa.table(queries), folder / "outcomes" / "zeroeval.queries.parquet")
    pq.write_table(pa.table(outcomes), folder / "outcomes" / "zeroeval.outcomes.parquet")


def test_outcomes_become_a_matrix_with_holes(tmp_path: Path) -> None:
    write_source(tmp_path)

    table = read_outcomes(tmp_path, "zeroeval")

    assert (table.models, table.query_ids, table.texts) == (("a", "b"), ("1", "2"), ("first", "second"))
    assert np.array_equal(table.scores, [[0.0, 1.0], [np.nan, 0.5]], equal_nan=True)
    assert np.array_equal(table.output_tokens, [[np.nan, 7.0], [np.nan, 8.0]], equal_nan=True)
    assert np.array_equal(table.cost_usd, [[0.2, np.nan], [np.nan, 0.1]], equal_nan=True)


def test_a_fold_holds_its_own_queries_only(tmp_path: Path) -> None:
    write_source(tmp_path)

    val = read_outcomes(tmp_path, "zeroeval").of_fold("val")

    assert val.texts == ("second",)
    assert val.scores.shape == (1, 2)


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="zeroeval"):
        read_outcomes(tmp_path, "zeroeval")


def test_the_hash_follows_the_bytes(tmp_path: Path) -> None:
    write_source(tmp_path)
    before = sha256_of_files(tmp_path, ["zeroeval"])
    path = tmp_path / "outcomes" / "zeroeval.queries.parquet"
    path.write_bytes(path.read_bytes() + b" ")

    after = sha256_of_files(tmp_path, ["zeroeval"])

    assert before["zeroeval.queries.parquet"] != after["zeroeval.queries.parquet"]
    assert before["zeroeval.outcomes.parquet"] == after["zeroeval.outcomes.parquet"]


def test_a_long_turn_is_sampled_at_head_and_tail() -> None:
    text = "a" * 50_000 + "z" * 50_000

    outline = outline_of(text)

    assert outline.turn_chars == 100_000
    assert len(outline.turn_text) == TURN_SAMPLE_CHARS + 1
    assert outline.turn_text.startswith("aaa") and outline.turn_text.endswith("zzz")


def test_wordings_of_one_question_have_one_normal_form() -> None:
    framed = "## Question: \n\nWhat is 2 + 2?\n\n\n## Instruction \n\nAnswer as JSON."

    assert without_frame(framed) == "What is 2 + 2?"
    assert normal_form(framed) == normal_form("what is 2+2") == "whatis22"


def test_licences_of_all_trained_sources_allow_shipping() -> None:
    assert {source.licence for source in SOURCES.values()} <= {"MIT", "Apache-2.0"}
    assert SOURCES["llmrouter9"].left_out == {"arc_challenge", "natural_qa", "mbpp", "gpqa"}
