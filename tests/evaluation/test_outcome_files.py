import gzip
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.domain.errors import OutcomesError, SetupError
from fairlead.evaluation.arrow_columns import columns_of
from fairlead.evaluation.column_files import Wanted
from fairlead.evaluation.outcome_data import read_outcomes
from fairlead.evaluation.outcome_files import read_outcome_files
from fairlead.evaluation.query_files import read_query_file
from fairlead.evaluation.row_faults import Faults
from fairlead.learning.outcomes import Queries

Row = Mapping[str, Any]

TWO_BY_TWO: Sequence[Row] = (
    {"query_id": "1", "model": "b", "score": 1.0, "query": "first", "cost_usd": 0.25},
    {"query_id": "1", "model": "a", "score": 0.0, "query": "first", "cost_usd": None},
    {"query_id": "2", "model": "b", "score": 0.5, "query": "second", "cost_usd": 0.5},
)


def csv_file(folder: Path, text: str | bytes, name: str = "outcomes.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def jsonl_file(folder: Path, rows: Sequence[Any], name: str = "outcomes.jsonl") -> Path:
    return csv_file(folder, "".join(json.dumps(row) + "\n" for row in rows), name)


def parquet_file(folder: Path, columns: Mapping[str, Any], name: str = "outcomes.parquet") -> Path:
    path = folder / name
    pq.write_table(pa.table(dict(columns)), path)
    return path


def written(folder: Path, rows: Sequence[Row], suffix: str) -> Path:
    """The same rows in any of the formats."""
    if suffix.startswith(".jsonl"):
        path = jsonl_file(folder, rows, "outcomes.jsonl")
    else:
        table = pa.Table.from_pylist([dict(row) for row in rows])
        path = folder / ("outcomes.csv" if suffix.startswith(".csv") else "outcomes.parquet")
        if path.suffix == ".csv":
            pyarrow.csv.write_csv(table, path)
        else:
            pq.write_table(table, path)
    if suffix.endswith(".gz"):
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        return packed
    return path


def fault_of(*paths: Path, queries: Path | None = None, models: Sequence[str] = ()) -> str:
    with pytest.raises(OutcomesError) as caught:
        read_outcome_files(paths, queries, models)
    return str(caught.value)


HEAD = "query_id,model,score,query\n"


# --- what is read


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz"])
def test_long_rows_become_a_matrix_with_holes_whatever_the_format(tmp_path: Path, suffix: str) -> None:
    outcomes = read_outcome_files([written(tmp_path, TWO_BY_TWO, suffix)])

    assert outcomes.arms == ("a", "b")
    assert outcomes.queries == Queries(("1", "2"), ("first", "second"), ("", ""))
    assert np.array_equal(outcomes.score, [[0.0, 1.0], [np.nan, 0.5]], equal_nan=True)
    assert outcomes.cost_usd is not None
    assert np.array_equal(outcomes.cost_usd, [[np.nan, 0.25], [np.nan, 0.5]], equal_nan=True)
    assert outcomes.latency_s is None
    assert outcomes.notes == ()


def test_texts_may_stand_in_a_table_of_their_own_and_bare_queries_come_last(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query_id,model,score\n2,m,1\n1,m,0\n")
    table = jsonl_file(tmp_path, [{"query_id": n, "query": f"text {n}"} for n in (0, 1, 2)], "queries.jsonl")

    outcomes = read_outcome_files([path], table)

    assert outcomes.queries == Queries(("2", "1", "0"), ("text 2", "text 1", "text 0"), ("", "", ""))
    assert np.array_equal(outcomes.score, [[1.0], [0.0], [np.nan]], equal_nan=True)
    assert any("without any score: 1" in note for note in outcomes.notes)


def test_several_files_of_several_formats_are_joined_on_id_and_dataset(tmp_path: Path) -> None:
    one = parquet_file(
        tmp_path,
        {"query_id": [7, 8], "model": ["a", "a"], "score": [True, False], "query": ["x", "y"], "dataset": ["d", "e"]},
    )
    two = csv_file(tmp_path, "query_id,model,score,dataset\n7,b,1,d\n8,b,0.5,e\n")

    outcomes = read_outcome_files([one, two])

    assert outcomes.queries == Queries(("7", "8"), ("x", "y"), ("d", "e"))
    assert np.array_equal(outcomes.score, [[1.0, 1.0], [0.0, 0.5]])


def test_an_id_may_come_again_in_another_dataset(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query_id,model,score,query,dataset\n1,m,1,x,d\n1,m,0,y,e\n")

    outcomes = read_outcome_files([path])

    assert outcomes.queries == Queries(("1", "1"), ("x", "y"), ("d", "e"))


@pytest.mark.parametrize("named_by", ["outcomes", "queries"])
def test_a_dataset_that_one_side_names_is_taken_over_by_the_other(tmp_path: Path, named_by: str) -> None:
    row, query = {"query_id": "1", "model": "m", "score": 1}, {"query_id": "1", "query": "x"}
    (row if named_by == "outcomes" else query)["dataset"] = "d"
    path, table = jsonl_file(tmp_path, [row]), jsonl_file(tmp_path, [query], "queries.jsonl")

    assert read_outcome_files([path], table).queries == Queries(("1",), ("x",), ("d",))


def test_an_id_that_could_be_of_two_datasets_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query_id,model,score,dataset\n1,m,1,d\n1,m,0,e\n")
    table = csv_file(tmp_path, "query_id,query\n1,x\n", "queries.csv")

    assert "occur in more than one: '1'" in fault_of(path, queries=table)


def test_an_arm_is_a_model_at_an_effort(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query_id,model,score,query,effort\n1,m,1,x,high\n1,m,0,x,low\n1,n,1,x,\n")

    assert read_outcome_files([path]).arms == ("m@high", "m@low", "n")
    assert read_outcome_files([path], models=["m"]).arms == ("m@high", "m@low")
    assert read_outcome_files([path], models=["n", "m@low"]).arms == ("m@low", "n")


def test_an_unknown_model_is_refused_with_the_nearest_names(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "1,gpt-large,1,x\n1,llama,0,x\n")

    said = fault_of(path, models=["gpt-lrge"])

    assert "'gpt-lrge' is not a model of these outcomes (near: 'gpt-large')" in said
    assert "There are 2 models" in said


def test_queries_of_models_that_are_not_chosen_are_left_out(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "1,a,1,x\n2,b,0,y\n")

    assert read_outcome_files([path], models=["b"]).queries.ids == ("2",)


@pytest.mark.parametrize(
    "ids", [pa.array([1, 2]), pa.array([1.0, 2.0]), pa.array(["1", "2"]), pa.array(["1", "2"]).dictionary_encode(),
            pa.array([b"1", b"2"]), pa.array(["1", "2"], pa.string_view())]
)  # fmt: skip
def test_ids_may_be_whole_numbers_or_text_of_any_storage(tmp_path: Path, ids: Any) -> None:
    path = parquet_file(tmp_path, {"query_id": ids, "model": ["m", "m"], "score": [0.0, 1.0], "query": ["x", "y"]})

    assert read_outcome_files([path]).queries.ids == ("1", "2")


@pytest.mark.parametrize(
    "kind",
    [pa.float32(), pa.int8(), pa.bool_(), pa.decimal128(30, 2), pa.string(), pa.dictionary(pa.int8(), pa.string())],
)
def test_scores_may_be_numbers_of_any_storage(tmp_path: Path, kind: Any) -> None:
    raw = pa.array([1, 0, None], pa.int64())
    scores = raw.cast(pa.string()).dictionary_encode() if pa.types.is_dictionary(kind) else raw.cast(kind)
    columns = {"query_id": ["1", "2", "3"], "model": ["m"] * 3, "score": scores, "query": ["x", "y", "z"]}

    assert np.array_equal(
        read_outcome_files([parquet_file(tmp_path, columns)]).score, [[1.0], [0.0], [np.nan]], equal_nan=True
    )


def test_scores_in_csv_may_be_truth_values_or_signed_or_absent_by_name(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "1,m,true,x\n2,m,False,y\n3,m,+0.5,z\n4,m,NULL,w\n5,m, 1 ,v\n")

    score = read_outcome_files([path]).score[:, 0]

    assert np.array_equal(score, [1.0, 0.0, 0.5, np.nan, 1.0], equal_nan=True)


def test_a_row_without_score_keeps_its_measures_and_is_noted(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query_id,model,score,query,latency_s\n1,m,,x,2.5\n2,m,1,y,\n")

    outcomes = read_outcome_files([path])

    assert outcomes.latency_s is not None
    assert outcomes.latency_s[0, 0] == 2.5
    assert np.isnan(outcomes.score[0, 0])
    assert any("without a score: 1" in note for note in outcomes.notes)


def test_repeated_rows_are_averaged_and_contradictions_counted(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path, "query_id,model,score,query,cost_usd\n1,m,1,x,1\n1,m,0,x,3\n2,m,1,y,\n2,m,1,y,5\n1,n,1,x,\n"
    )

    outcomes = read_outcome_files([path])

    assert np.array_equal(outcomes.score, [[0.5, 1.0], [1.0, np.nan]], equal_nan=True)
    assert outcomes.cost_usd is not None
    assert np.array_equal(outcomes.cost_usd, [[2.0, np.nan], [5.0, np.nan]], equal_nan=True)
    assert any(
        "repeat a query and model: 2" in note and "(1 times the scores differ)" in note for note in outcomes.notes
    )


def test_the_hash_of_a_reply_is_kept_where_repeated_rows_agree_and_never_averaged(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path,
        "query_id,model,score,query,reply_hash\n1,m,1,x,7\n1,m,0,x,9\n2,m,1,y,\n2,m,1,y,5\n3,m,1,z,4\n3,m,1,z,4\n"
        "4,m,1,w,\n4,m,1,w,\n",
    )

    found = read_outcome_files([path]).reply_hash

    assert found is not None
    assert np.array_equal(found[:, 0], [np.nan, 5.0, 4.0, np.nan], equal_nan=True)


def test_what_is_ignored_or_odd_is_noted(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query_id,model,score,query,judge,fold\n1,m,1,x,j,dev\n2,n,1,x,j,dev\n")

    notes = " ".join(read_outcome_files([path]).notes)

    assert "columns ignored: 'judge', 'fold'" in notes
    assert "under more than one id: 1;" in notes
    assert "Every score is 1" in notes
    assert "share no scored query with another: 'm', 'n'" in notes


def test_one_query_and_one_model_are_read_and_noted(tmp_path: Path) -> None:
    outcomes = read_outcome_files([csv_file(tmp_path, HEAD + "1,m,0.25,x\n")])

    assert outcomes.score.tolist() == [[0.25]]
    assert "There is one query only." in outcomes.notes
    assert "There is one model only: 'm'." in outcomes.notes


def test_a_mean_in_32_bits_that_leaves_the_range_by_a_hair_is_pulled_back(tmp_path: Path) -> None:
    columns = {"query_id": ["1"], "model": ["m"], "score": pa.array([1.0000001], pa.float32()), "query": ["x"]}

    assert read_outcome_files([parquet_file(tmp_path, columns)]).score.tolist() == [[1.0]]


STRANGE_TEXTS = [
    "x" * 1_000_000,
    "naïve 日本語 هذا 🦊👩‍👩‍👧",
    "nul \x00 in it",
    'two\nlines, "quoted"',
    "\u202e\ufeff",
    "null",
]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_strange_texts_are_kept_as_they_are(tmp_path: Path, suffix: str) -> None:
    rows = [{"query_id": str(n), "model": "m", "score": 1.0, "query": text} for n, text in enumerate(STRANGE_TEXTS)]

    assert read_outcome_files([written(tmp_path, rows, suffix)]).queries.texts == tuple(STRANGE_TEXTS)


def test_half_a_surrogate_pair_is_kept(tmp_path: Path) -> None:
    path = jsonl_file(tmp_path, [{"query_id": "1", "model": "m", "score": 1, "query": "cut \ud83e"}])
    raw = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 3], np.int32)), pa.py_buffer(b"\xed\xa0\xbd"))
    other = parquet_file(tmp_path, {"query_id": ["2"], "model": ["m"], "score": [1.0], "query": raw})

    assert read_outcome_files([path, other]).queries.texts == ("cut \ud83e", "\ud83d")


def test_progress_goes_from_nothing_to_all_bytes(tmp_path: Path) -> None:
    paths = [
        csv_file(tmp_path, HEAD + "1,m,1,x\n"),
        jsonl_file(tmp_path, [{"query_id": "1", "model": "n", "score": 0}]),
    ]
    heard: list[tuple[int, int]] = []

    read_outcome_files(paths, progress=lambda done, total: heard.append((done, total)))

    total = sum(path.stat().st_size for path in paths)
    assert heard == [(0, total), (paths[0].stat().st_size, total), (total, total)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_format_reads_alike(tmp_path: Path, data: st.DataObject) -> None:
    words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=12)
    names = words.filter(lambda word: bool(word.strip()))
    texts = data.draw(st.lists(words, min_size=1, max_size=5))
    cells = data.draw(
        st.lists(
            st.tuples(st.integers(0, len(texts) - 1), names, st.floats(0, 1), st.none() | st.floats(0, 1e6)),
            min_size=1,
            max_size=12,
        )
    )
    rows = [
        {"query_id": f"q{number}", "model": model, "score": score, "query": texts[number], "latency_s": latency_s}
        for number, model, score, latency_s in cells
    ]

    read = [read_outcome_files([written(tmp_path, rows, suffix)]) for suffix in (".parquet", ".csv", ".jsonl")]

    for outcomes in read[1:]:
        assert (outcomes.queries, outcomes.arms) == (read[0].queries, read[0].arms)
        assert np.allclose(outcomes.score, read[0].score, equal_nan=True, rtol=1e-12, atol=0)
        assert (outcomes.latency_s is None) == (read[0].latency_s is None)
    for query, model, _, _ in cells:
        found = read[0]
        scores = [score for q, m, score, _ in cells if (q, m) == (query, model)]
        row, column = found.queries.ids.index(f"q{query}"), found.arms.index(model)
        assert math.isclose(found.score[row, column], sum(scores) / len(scores), abs_tol=1e-12)


def test_a_byte_order_mark_and_line_ends_of_windows_are_read_over(tmp_path: Path) -> None:
    text = "query_id,model,score,query\r\n1,m,1,x\r\n2,m,0,y"

    for name, content in (("a.csv", text), ("a.jsonl", '{"query_id":1,"model":"m","score":1,"query":"x"}\r\n')):
        outcomes = read_outcome_files([csv_file(tmp_path, b"\xef\xbb\xbf" + content.encode(), name)])

        assert outcomes.queries.ids[0] == "1"
        assert outcomes.queries.texts[0] == "x"


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("FAIRLEAD_DATA"), reason="FAIRLEAD_DATA is not set")
def test_a_measured_source_reads_as_its_own_reader_reads_it() -> None:
    folder = Path(os.environ["FAIRLEAD_DATA"])
    files = [folder / "outcomes" / f"llmrouter9.{part}.parquet" for part in ("outcomes", "queries")]

    outcomes, table = read_outcome_files(files[:1], files[1]), read_outcomes(folder, "llmrouter9")

    place = {query_id: row for row, query_id in enumerate(outcomes.queries.ids)}
    ordered = outcomes.take([place[query_id] for query_id in table.query_ids])
    assert (ordered.arms, ordered.queries.texts) == (table.models, table.texts)
    assert ordered.queries.datasets == table.tasks
    assert np.array_equal(ordered.score, table.scores, equal_nan=True)


# --- what is refused


def test_an_error_is_one_that_the_operator_can_mend(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="No outcome file is named"):
        read_outcome_files([])


def test_a_missing_file_is_named_with_its_nearest_neighbour(tmp_path: Path) -> None:
    csv_file(tmp_path, HEAD, "outcomes.csv")

    assert "outcome.csv does not exist; the nearest names there are 'outcomes.csv'" in fault_of(
        tmp_path / "outcome.csv"
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n\n", "has no rows"),
        ("a.csv", HEAD.encode(), "has no rows"),
        ("a.jsonl", b"\n  \n", "has no rows"),
        ("a.xlsx", b"PK", "ends in none of .parquet, .csv"),
        ("a.json", b"[]", "one JSON object a line is .jsonl"),
        ("a.parquet", b"PAR1 but not really", "is not Parquet that can be read"),
        ("a.csv.gz", b"not packed", "cannot be read to its end"),
        ("a.csv.gz", gzip.compress(HEAD.encode() * 99, mtime=0)[:-20], "cannot be read to its end"),
        ("a.jsonl.gz", gzip.compress(b'{"query_id": 1}\n' * 999, mtime=0)[:-20], "cannot be read to its end"),
        ("a.csv", HEAD.encode("utf-16"), "is UTF-16: save it as UTF-8"),
        ("a.jsonl", '{"query_id": 1}'.encode("utf-16"), "is UTF-16: save it as UTF-8"),
        ("a.csv", b"query_id;model;score;query\n1;m;1;x\n", "separated by ';'"),
        ("a.csv", b"query_id,model,score,score,query\n1,m,1,1,x\n", "has column score more than once"),
        ("a.csv", b"query_id,model,score\n1,m,1\n", "no column `query`, and no table of queries"),
        ("a.csv", b"query_id,model,score,query\n1,m,,x\n", "not one row has a score"),
        ("a.csv", b'query_id,model,score,query\n1,m,1,x\n2,m,1,"y\n3,m,1,z\n', "opens after line 2 is never closed"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named_with_its_mend(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    message = fault_of(csv_file(tmp_path, content, name))

    assert said in message
    assert str(tmp_path / name) in message


def test_a_folder_and_a_file_named_twice_are_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "1,m,1,x\n")

    assert "is a folder" in fault_of(tmp_path)
    assert "more than once" in fault_of(path, path)


@pytest.mark.parametrize(
    ("found", "meant"), [("prompt", "query_id"), ("Query_ID", "query_id"), ("quality", "score"), ("llm", "model")]
)
def test_a_missing_column_is_named_with_the_nearest_found(tmp_path: Path, found: str, meant: str) -> None:
    names = [found if name == meant else name for name in ("query_id", "model", "score", "query")]
    if found == "prompt":
        names = ["query_id", "model", "score"]
        path = csv_file(tmp_path, "query_id,prompt\n1,x\n", "queries.csv")
        said = fault_of(csv_file(tmp_path, ",".join(names) + "\n1,m,1\n"), queries=path)
        assert "has no column query: found are 'query_id', 'prompt'. Is 'prompt' meant to be query?" in said
        return

    said = fault_of(csv_file(tmp_path, ",".join(names) + "\n1,m,1,x\n"))

    assert f"has no column {meant}: found are" in said
    assert f"Is {found!r} meant to be {meant}?" in said


BAD_VALUES = [
    ("score", "yes", "score is 'yes', not a number"),
    ("score", "0,5", "score is '0,5', not a number"),
    ("score", "nan", "not a finite number"),
    ("score", "inf", "not a finite number"),
    ("score", "-0.5", "score is -0.5, outside 0 to 1"),
    ("cost_usd", "-1", "cost_usd is -1, below 0"),
    ("cost_usd", "1e300", "cost_usd is 1e+300, above 9e+15"),
    ("latency_s", "-inf", "not a finite number"),
    ("output_tokens", "many", "output_tokens is 'many', not a number"),
    ("model", "  ", "model is missing"),
    ("query_id", "", "query_id is missing"),
]


@pytest.mark.parametrize(("column", "value", "said"), BAD_VALUES)
def test_a_bad_value_in_csv_is_named_by_line_with_multi_line_texts_counted(
    tmp_path: Path, column: str, value: str, said: str
) -> None:
    row = {
        "query_id": "2",
        "model": "m",
        "score": "1",
        "query": "y",
        "cost_usd": "",
        "latency_s": "",
        "output_tokens": "",
    }
    row[column] = value
    text = (
        ",".join(row) + '\n1,m,1,"a text\nof two lines",,,\n\n' + ",".join(f'"{each}"' for each in row.values()) + "\n"
    )
    path = csv_file(tmp_path, text)

    message = fault_of(path)

    assert f"{path}, line 5: " in message
    assert said in message
    assert "To mend: " in message


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        *(
            (column, float(value), said)
            for column, value, said in BAD_VALUES
            if value in ("nan", "inf", "-0.5", "-inf")
        ),
        ("score", "yes", "score is 'yes', not a number"),
        ("score", [1], "score is [1], not a number"),
        ("latency_s", True, "latency_s is True, not a number"),
        ("cost_usd", 10**400, "not a finite number"),
        ("model", None, "model is missing"),
        ("model", {"name": "m"}, "a JSON object"),
        ("query_id", 1.5, "query_id is 1.5, a JSON number"),
        ("query_id", True, "query_id is True, a JSON truth value"),
    ],
)
def test_a_bad_value_in_json_lines_is_named_by_line(tmp_path: Path, column: str, value: Any, said: str) -> None:
    row = {"query_id": "1", "model": "m", "score": 1, "query": "x"}
    lines = [json.dumps(row), "", json.dumps({**row, "query_id": "2", "query": "y", column: value})]
    path = csv_file(tmp_path, "\n".join(lines), "outcomes.jsonl")

    message = fault_of(path)

    assert f"{path}, line 3: " in message
    assert said in message


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("score", [1.0, math.nan], "row 2: score is nan, not a finite number"),
        ("score", ["1", "yes"], "row 2: score is 'yes', not a number"),
        ("score", [[1.0], [0.0]], "column score is of type list"),
        ("latency_s", [1.0, -1.0], "row 2: latency_s is -1, below 0"),
        ("latency_s", [True, False], "column latency_s is of type bool"),
        ("model", ["m", None], "row 2: model is missing"),
        ("model", [True, False], "column model is of type bool"),
        ("query_id", [1.0, 1.5], "row 2: query_id is 1.5"),
        ("query_id", [None, None], "row 1: query_id is missing"),
        ("query_id", [1.0, math.nan], "1 fault in"),
        ("query_id", [1.0, math.nan], "row 2: query_id is missing"),
        ("query_id", [1.0, math.inf], "1 fault in"),
        ("query_id", [1.0, math.inf], "row 2: query_id is inf"),
        ("query", [b"x", b"\xff\xfe"], "row 2: query is not UTF-8"),
    ],
)
def test_a_bad_value_in_parquet_is_named_by_row(tmp_path: Path, column: str, values: list[Any], said: str) -> None:
    columns = {"query_id": ["1", "2"], "model": ["m", "m"], "score": [1.0, 0.0], "query": ["x", "y"], column: values}

    assert said in fault_of(parquet_file(tmp_path, columns))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"query_id": 1,', "line 2: not JSON: "),
        (b"[1, 2]", "line 2: a JSON list, not an object"),
        (b"null", "line 2: a JSON null, not an object"),
        (b'{"query": "\xff"}', "line 2: not UTF-8 at byte 12 of the line"),
        (b"[" * 100_000, "line 2: not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "line 2: not JSON that can be read: nested too deep"),
        (b"[" + b"1" * 5_000 + b"]", "line 2: not JSON that can be read: a number of more than 4,300 digits"),
        (b'{"query": "a\tb', "line 2: not JSON: Invalid control character at character 13"),
    ],
)
def test_a_line_that_is_no_json_object_is_named(tmp_path: Path, line: bytes, said: str) -> None:
    good = b'{"query_id": 1, "model": "m", "score": 1, "query": "x"}\n'

    message = fault_of(csv_file(tmp_path, good + line + b"\n" + good, "outcomes.jsonl"))

    assert said in message
    assert message.startswith("1 fault in ")


def test_rows_below_a_line_that_is_no_object_keep_their_lines(tmp_path: Path) -> None:
    good = b'{"query_id": 1, "model": "m", "score": 1, "query": "x"}\n'

    message = fault_of(csv_file(tmp_path, b"oops\n" * 20 + good.replace(b"1,", b"7,"), "outcomes.jsonl"))

    assert message.startswith("21 faults")
    assert "line 1: not JSON" in message
    assert "line 10: not JSON" in message
    assert "and 11 more" in message
    below = csv_file(tmp_path, b"oops\n" + good.replace(b'"m"', b'""'), "other.jsonl")
    assert "line 2: model is missing" in fault_of(below)


def test_csv_lines_that_cannot_be_taken_apart_are_named(tmp_path: Path) -> None:
    text = HEAD + '1,m,1,"two\nlines"\n2,m,1,y,more\n3,m\n'

    message = fault_of(csv_file(tmp_path, text))

    assert "line 4: 5 values, but 4 columns" in message
    assert "line 5: 2 values, but 4 columns" in message


def test_csv_that_is_not_utf8_is_named_by_line_and_byte(tmp_path: Path) -> None:
    message = fault_of(csv_file(tmp_path, HEAD.encode() + b"1,m,1,x\n2,m,1,caf\xe9\n"))

    assert "line 3: not UTF-8 at byte 10 of the line" in message


def test_ten_bad_rows_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    good = csv_file(tmp_path, HEAD + "x,m,1,x\n", "good.csv")
    bad = csv_file(tmp_path, HEAD + "".join(f"{n},m,{'-1' if n % 2 else 'no'},x\n" for n in range(40)), "bad.csv")

    message = fault_of(good, bad)

    assert message.startswith(f"40 faults in {bad}; nothing was read:")
    assert [line.split(":")[0].split(", ")[1] for line in message.splitlines()[1:11]] == [
        f"line {n}" for n in range(2, 12)
    ]
    assert "and 30 more" in message


@pytest.mark.parametrize(
    ("scores", "hint"),
    [("0 85 100", "look like percent"), ("0 3 5", "look like marks up to 5"), ("-5 0 1", "from 0 (wrong)")],
)
def test_scores_on_another_scale_are_recognised(tmp_path: Path, scores: str, hint: str) -> None:
    text = HEAD + "".join(f"{n},m,{score},x\n" for n, score in enumerate(scores.split()))

    assert hint in fault_of(csv_file(tmp_path, text))


def test_queries_without_text_are_counted_and_named(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query_id,model,score\n" + "".join(f"q{n},m,1\n" for n in range(9)))
    table = csv_file(tmp_path, "query_id,query\nq0,x\nq1,\n", "queries.csv")

    message = fault_of(path, queries=table)

    assert "8 of 9 queries have no text; their ids: 'q1', 'q2'" in message
    assert f"and 3 more (the first in {path}, line 3)" in message


def test_queries_of_the_table_alone_do_not_count_among_those_without_text(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query_id,model,score\n" + "".join(f"{n},m,1\n" for n in range(3)))
    table = csv_file(tmp_path, "query_id,query\n1,one\n" + "".join(f"0{n},x{n}\n" for n in range(3)), "queries.csv")

    assert "2 of 3 queries with outcomes have no text; their ids: '0', '2'" in fault_of(path, queries=table)


def test_an_id_with_two_texts_is_named_where_both_stand(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "1,m,1,x\n2,m,1,y\n1,n,1,other\n")
    table = jsonl_file(tmp_path, [{"query_id": 2, "query": "another"}], "queries.jsonl")

    message = fault_of(path, queries=table)

    assert f"{path}, line 4: query_id '1' has another text than in {path}, line 2" in message
    assert f"{table}, line 1: query_id '2' has another text than in {path}, line 3" in message


def test_more_ids_with_two_texts_than_are_named_are_counted(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "".join(f"{n},m,1,x\n{n},n,1,y\n" for n in range(30)))

    message = fault_of(path)

    assert message.startswith("30 faults")
    assert "and 20 more" in message


def test_a_message_shows_no_raw_control_characters_and_no_endless_value(tmp_path: Path) -> None:
    value = "\x1b[31m" + "y" * 5000

    message = fault_of(jsonl_file(tmp_path, [{"query_id": "1", "model": "m", "score": value, "query": "x"}]))

    assert "\x1b" not in message
    assert len(message) < 1000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["a.csv", "a.jsonl", "a.parquet", "a.csv.gz"]), st.binary(max_size=200), st.integers(0, 2000))
def test_damaged_bytes_are_refused_and_never_crash(tmp_path: Path, name: str, noise: bytes, at: int) -> None:
    suffix = name.removeprefix("a")
    whole = written(tmp_path, TWO_BY_TWO, suffix).read_bytes()
    damaged = csv_file(tmp_path, whole[: at % len(whole)] + noise + whole[at % len(whole) + len(noise) :], name)

    try:
        outcomes = read_outcome_files([damaged])
    except OutcomesError as error:
        assert str(damaged) in str(error)
    else:
        known = outcomes.score[np.isfinite(outcomes.score)]
        assert ((known >= 0) & (known <= 1)).all()


def test_a_damaged_dictionary_code_is_refused_before_it_is_followed(tmp_path: Path) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), pa.array(["m"]), safe=False)
    wanted = Wanted(texts=("model",), numbers=(), required=())

    with pytest.raises(pa.ArrowInvalid, match="outside of its dictionary"):
        columns_of(pa.table({"model": column}), tmp_path, wanted, str, Faults())


# --- queries alone


def test_a_query_file_is_read_in_its_own_order_each_id_once(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "query,query_id,dataset,other\ny,2,d,\nx,1,d,\ny,2,d,\nz,2,e,\n")

    assert read_query_file(path) == Queries(("2", "1", "2"), ("y", "x", "z"), ("d", "d", "e"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query_id,query\n1,x\n1,y\n", "line 3: query_id '1' has another text than in line 2"),
        ("query_id,query\n1,x\n2,\n", "line 3: query is missing"),
        ("query_id,query\n,x\n", "line 2: query_id is missing"),
        ("query_id,question\n1,x\n", "Is 'question' meant to be query?"),
    ],
)
def test_a_query_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(OutcomesError) as caught:
        read_query_file(csv_file(tmp_path, text, "queries.csv"))

    assert said in str(caught.value)
