"""Suites from files: every layout, every fault by file and line."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.suite_items import ScorerSpec
from fairlead.evaluation.suites.reading import read_suite


def written(folder: Path, rows: list[Any], name: str = "suite.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def refused(path: Path, scorer: ScorerSpec | None = None) -> str:
    with pytest.raises(OutcomesError) as caught:
        read_suite(path, scorer)
    return caught.value.message


def test_a_plain_suite_has_prompts_references_and_scorers(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "prompt": "Say hi", "reference": "hi", "scorer": "exact", "system": "Be brief", "group": "g"},
        {"id": "b", "prompt": "2+2?", "reference": 4, "scorer": {"name": "numeric", "tolerance": 0.01}},
    ]
    suite = read_suite(written(tmp_path, rows))
    assert suite.layout == "plain"
    one, other = suite.items
    assert (one.id, one.group, one.messages[0]) == ("a", "g", {"role": "system", "content": "Be brief"})
    assert other.scorer == ScorerSpec("numeric", {"tolerance": 0.01})
    assert other.prompt == "2+2?"


def test_gsm8k_is_known_by_its_columns_and_its_number_taken_out(tmp_path: Path) -> None:
    suite = read_suite(written(tmp_path, [{"question": "How many?", "answer": "So it is 1,234.\n#### 1,234"}]))
    assert suite.layout == "gsm8k"
    assert (suite.items[0].reference, suite.items[0].scorer.name) == ("1234", "numeric")
    assert "no id" in suite.notes[1]


def test_mmlu_takes_places_and_letters_and_groups_by_subject(tmp_path: Path) -> None:
    rows = [
        {"question": "Which?", "choices": ["red", "blue"], "answer": 1, "subject": "law"},
        {"question": "What?", "choices": ["up", "down"], "answer": "A", "subject": "art"},
    ]
    suite = read_suite(written(tmp_path, rows))
    assert [(item.reference, item.group) for item in suite.items] == [("B", "law"), ("A", "art")]
    assert "B. blue" in suite.items[0].prompt


def test_mmlu_in_csv_has_a_column_a_letter(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text('question,A,B,C,D,answer\n"What, then?",1,2,3,4,C\n', encoding="utf-8")
    (item,) = read_suite(path).items
    assert (item.reference, item.scorer.options["options"]) == ("C", ["1", "2", "3", "4"])


def test_mmlu_pro_leaves_options_without_a_text_out(tmp_path: Path) -> None:
    row = {"question_id": 7, "question": "Q", "options": ["x", "N/A", "y"], "answer_index": 2, "category": "maths"}
    (item,) = read_suite(written(tmp_path, [row])).items
    assert (item.id, item.reference, item.group) == ("7", "B", "maths")


def test_humaneval_and_mbpp_become_programs_with_tests(tmp_path: Path) -> None:
    human = {"task_id": "H/0", "prompt": "def f(x):\n", "test": "def check(c):\n  assert c(1)\n", "entry_point": "f"}
    mbpp = {"task_id": 1, "text": "Write f", "test_list": ["assert f(1) == 1"], "test_setup_code": "import math"}
    (one,) = read_suite(written(tmp_path, [human], "h.jsonl")).items
    (other,) = read_suite(written(tmp_path, [mbpp], "m.jsonl")).items
    assert one.scorer.options["tests"].endswith("check(f)\n")
    assert other.scorer.options["tests"] == "import math\nassert f(1) == 1\n"


def test_bfcl_becomes_tools_and_accepted_calls(tmp_path: Path) -> None:
    function = {"name": "geo.area", "parameters": {"type": "dict", "properties": {"r": {"type": "float"}}}}
    row = {
        "id": "simple_0", "question": [[{"role": "user", "content": "Area of 2?"}]], "function": [function],
        "ground_truth": [{"geo.area": {"r": [2, 2.0], "unit": ["cm", ""]}}],
    }  # fmt: skip
    (item,) = read_suite(written(tmp_path, [row])).items
    described = item.tools[0]["function"]
    assert described["name"] == "geo_area"
    assert described["parameters"] == {"type": "object", "properties": {"r": {"type": "number"}}}
    assert item.reference == [{"name": "geo_area", "arguments": {"r": [2, 2.0], "unit": ["cm", ""]}}]


def test_a_chat_is_given_as_messages_that_end_with_the_user(tmp_path: Path) -> None:
    good = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}, {"role": "user", "content": "x"}]
    suite = read_suite(written(tmp_path, [{"messages": good}]), ScorerSpec("judge"))
    assert (suite.layout, len(suite.items[0].messages)) == ("chat", 3)
    message = refused(written(tmp_path, [{"messages": good[:2]}], "bad.jsonl"), ScorerSpec("judge"))
    assert "bad.jsonl, line 1: the last message is not the user's" in message


def test_an_unknown_layout_is_refused_by_the_names_of_its_columns(tmp_path: Path) -> None:
    message = refused(written(tmp_path, [{"passage": "x", "summary": "y"}]))
    assert "'passage', 'summary'" in message
    assert "gsm8k: question, answer" in message


def test_every_bad_row_is_named_by_file_and_line_and_nothing_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    lines = [
        '{"prompt": "a", "reference": "x", "scorer": "exact"}',
        "{broken",
        "[1]",
        '{"prompt": "", "reference": "x", "scorer": "exact"}',
        '{"prompt": "a", "reference": "x", "scorer": "exakt"}',
        '{"prompt": "a", "reference": "x", "scorer": "numeric"}',
        '{"prompt": "a", "reference": "x", "scorer": {"name": "exact", "ignore_cas": true}}',
        '{"prompt": "a", "reference": NaN, "scorer": "exact"}',
        '{"prompt": "\\ud800", "reference": "x", "scorer": "exact"}',
        '{"prompt": "a", "reference": "("  , "scorer": "regex"}',
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    message = refused(path)
    assert message.startswith("9 faults in ")
    for line in range(2, 11):
        assert f"s.jsonl, line {line}: " in message
    assert "near: exact" in message
    assert "near: ignore_case" in message


def test_a_row_nested_without_end_is_a_fault_and_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text('{"prompt": ' + "[" * 100_000 + "]" * 100_000 + "}\n", encoding="utf-8")
    assert "line 1" in refused(path)


def test_two_rows_of_one_id_are_refused(tmp_path: Path) -> None:
    row = {"id": "a", "prompt": "p", "reference": "r", "scorer": "exact"}
    assert "line 2: id 'a' stands in line 1 too" in refused(written(tmp_path, [row, row]))


def test_the_revision_depends_on_content_and_not_on_the_format(tmp_path: Path) -> None:
    rows = [{"id": f"q{n}", "prompt": f"p {n}", "reference": str(n), "scorer": "exact"} for n in range(3)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "suite.parquet")
    lines = written(tmp_path, [dict(reversed(row.items())) for row in rows])
    table = tmp_path / "suite.csv"
    table.write_text("id,prompt,reference,scorer\n" + "".join(f"q{n},p {n},{n},exact\n" for n in range(3)))
    revisions = {read_suite(path).revision for path in (tmp_path / "suite.parquet", lines, table)}
    assert len(revisions) == 1
    rows[0]["prompt"] = "p 0!"
    assert read_suite(written(tmp_path, rows, "other.jsonl")).revision not in revisions


@given(st.lists(st.dictionaries(st.sampled_from(["prompt", "scorer", "question", "answer", "choices", "messages", "id",
    "reference", "function", "ground_truth", "test_list", "text"]), st.recursive(st.none() | st.booleans() |
    st.integers() | st.floats(allow_nan=False) | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) |
    st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6)), min_size=1, max_size=4))  # fmt: skip
def test_any_rows_give_a_suite_or_a_named_refusal(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    path = written(tmp_path_factory.mktemp("any"), rows)
    try:
        assert read_suite(path).items
    except OutcomesError as error:
        assert str(path) in error.message
