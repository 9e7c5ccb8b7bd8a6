"""The reckoning can fail: ledgers that differ in any way are found out."""

import json
from pathlib import Path

import pytest

from benchmarks.soak.ledger import reckon


def attempt(name: str, status: int | None = 200, stage: str = "whole") -> str:
    line = {"attempt": name, "upstream": "up", "outcome": "ok", "status": status, "stage": stage}
    return json.dumps(line) + "\n"


LOST = attempt("a", None, "waiting")


@pytest.mark.parametrize(
    ("ledger", "counted", "is_even"),
    [
        (attempt("a"), "a\n", True),
        (attempt("a") + LOST, "a\na\n", True),
        (attempt("a") + LOST, "a\n", True),
        (attempt("a"), "a\na\n", False),
        (attempt("a"), "b\n", False),
        ("", "a\n", False),
        (attempt("a"), "", False),
        (attempt("a", None, "speaking"), "", False),
    ],
)
def test_every_request_read_has_a_line_and_every_answer_was_counted(
    tmp_path: Path, ledger: str, counted: str, is_even: bool
) -> None:
    (tmp_path / "ledger").write_text(ledger)
    (tmp_path / "up").write_text(counted)
    assert reckon(tmp_path / "ledger", {"up": tmp_path / "up"}).is_even is is_even
