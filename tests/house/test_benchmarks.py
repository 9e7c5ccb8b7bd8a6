"""Benchmarks say by their status what they found: every part of a target runs, and no missed goal is forgotten."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from benchmarks.store.million import filled
from benchmarks.store.pages import worst_ms
from fairlead.store.sqlite import SqliteDatabase
from tests.house.generated_docs import ROOT

MAKEFILE = ROOT / "Makefile"
PROBE = """
include {makefile}
probe:
\t@$(PARTS); \\
{parts}\t$(WORST)
"""


def made(folder: Path, *parts: str) -> "subprocess.CompletedProcess[str]":
    """A target of these parts, as the Makefile's own are written."""
    probe = folder / "probe.mk"
    lines = "".join(f"\tpart {part}; \\\n" for part in parts)
    probe.write_text(PROBE.format(makefile=MAKEFILE, parts=lines), encoding="utf-8")
    return subprocess.run(["make", "-f", str(probe), "probe"], capture_output=True, text=True, cwd=folder, check=False)


def test_every_part_runs_and_the_worst_status_is_that_of_the_target(tmp_path: Path) -> None:
    done = made(tmp_path, "sh -c 'exit 1'", "sh -c 'exit 3'", "false", "WORD=here sh -c 'echo it is $$WORD'")
    assert "it is here" in done.stdout
    assert done.returncode != 0 and "Error 3" in done.stderr
    assert made(tmp_path, "true", "true").returncode == 0


def test_a_target_of_several_benchmarks_runs_them_as_parts() -> None:
    targets = re.findall(r"^(bench[a-z-]*):[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE.read_text(encoding="utf-8"), re.M)
    several = {name: lines for name, lines in targets if lines.count("benchmarks") > 1}
    assert {"bench", "bench-quality", "bench-evaluation", "bench-store"} <= several.keys()
    for name, lines in several.items():
        ran = [line for line in lines.splitlines() if "benchmarks" in line]
        assert all(re.fullmatch(r"\tpart .*; \\", line) for line in ran), name
        assert lines.endswith("\t$(WORST)\n"), name


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").rglob("*.py")), ids=lambda path: path.stem)
def test_a_benchmark_drops_no_verdict_of_its_own(path: Path) -> None:
    """A function that says yes or no (`-> bool`) is never called for nothing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    verdicts = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Name) and node.returns.id == "bool"
    }
    dropped = [
        node.value.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
        if node.value.func.id in verdicts
    ]
    assert dropped == []


def test_a_store_that_is_half_full_is_not_taken_for_a_whole_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.db"
    filled(SqliteDatabase(file), 40, file)
    assert "40 requests made and written" in capsys.readouterr().out
    filled(SqliteDatabase(file), 40, file)
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit, match="holds 40 requests, not 50"):
        filled(SqliteDatabase(file), 50, file)


def test_every_page_of_a_million_has_a_goal() -> None:
    found = worst_ms({"/ui?period=30d": 3.0, "/ui": 4.0, "/ui/decisions": 5.0, "/ui/decisions/fl-1": 2.0})
    assert found == {"overview": 4.0, "search": 5.0}
