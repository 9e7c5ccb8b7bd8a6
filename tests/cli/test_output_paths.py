"""No command writes over what it reads, over a folder, or under a name that says something else."""

import os
import shutil
from pathlib import Path

import pytest
import typer

from fairlead.assembly import shipped
from fairlead.cli.output_paths import check_output
from fairlead.evaluation.router_file import save_router
from fairlead.learning.training import train
from tests.cli.running import refused
from tests.cli.test_train_predict_benchmark import N, rows, run, write
from tests.learning.small_trainings import encoder, sums_and_poems


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "query_encoder", encoder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "r.fl"
    save_router(train(sums_and_poems(N), encoder()).router, path)
    return path


@pytest.fixture
def folder(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of inputs, which the commands run in."""
    shutil.copy(trained, tmp_path / "r.fl")
    write(tmp_path / "o.csv", rows())
    write(tmp_path / "q.parquet", rows())
    (tmp_path / "p.csv").write_text("model,input,output\nbard,1,2\n")
    (tmp_path / "fairlead.yaml").write_text("discover: false\nstore: {path: kept.jsonl}\n")
    (tmp_path / "kept.jsonl").write_text("the store")
    (tmp_path / "link.parquet").symlink_to("q.parquet")
    os.link(tmp_path / "o.csv", tmp_path / "same.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


REPLACING = (
    ("train o.csv -o o.csv", "o.csv"),
    ("train o.csv -o same.csv", "o.csv"),
    ("train o.csv -o ./x/../o.csv", "o.csv"),
    ("train o.csv --queries q.parquet -o q.parquet", "q.parquet"),
    ("train o.csv --prices p.csv -o p.csv", "p.csv"),
    ("train o.csv --add-model new --router r.fl -o o.csv", "o.csv"),
    ("predict r.fl q.parquet -o r.fl", "r.fl"),
    ("predict r.fl q.parquet -o q.parquet", "q.parquet"),
    ("predict r.fl q.parquet -o link.parquet", "q.parquet"),
    ("profile new --router r.fl --answers o.csv -o o.csv", "o.csv"),
    ("benchmark o.csv --router r.fl --plot r.fl", "r.fl"),
    ("benchmark o.csv --plot o.csv", "o.csv"),
    ("analyse p.csv --gpu h100_sxm --compare --plot p.csv", "p.csv"),
    ("logs export-outcomes -o kept.jsonl", "kept.jsonl"),
    ("logs export-outcomes --config fairlead.yaml -o fairlead.yaml", "fairlead.yaml"),
    ("config init new.yaml --schema new.yaml", "new.yaml"),
)


@pytest.mark.parametrize(("line", "named"), REPLACING)
def test_an_input_is_never_replaced(folder: Path, line: str, named: str) -> None:
    (folder / "x").mkdir()
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    said = " ".join(refused(*line.split()).replace("│", " ").split())

    assert f"would replace {named}" in said
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_router_may_be_written_back_where_that_is_the_purpose(folder: Path) -> None:
    before = (folder / "r.fl").read_bytes()
    for name in ("new", "newer"):
        write(folder / f"{name}.csv", [row | {"model": name} for row in rows() if row["model"] == "bard"])

    run("train", "new.csv", "--add-model", "new", "-o", "r.fl")
    run("profile", "newer", "--router", "r.fl", "--answers", "newer.csv")

    assert (folder / "r.fl").read_bytes() != before


@pytest.mark.parametrize("name", ["outcomes.jsonl", "journal.jsonl"])
def test_a_record_does_not_replace_its_own_suite(folder: Path, name: str) -> None:
    suite = folder / "suite"
    suite.mkdir()
    (suite / name).write_text('{"prompt": "What is 1 plus 1?", "reference": "2", "scorer": "exact"}\n')
    asked = ("evaluate", f"suite/{name}", "-m", "a", "-b", "1", "--demo", "--yes")

    assert f"would replace suite/{name}" in " ".join(refused(*asked, "-o", "suite").replace("│", " ").split())
    assert [each.name for each in suite.iterdir()] == [name]


@pytest.mark.parametrize(
    "line",
    [
        "train o.csv -o x",
        "predict r.fl q.parquet -o x",
        "benchmark o.csv --plot x",
        "profile new --router r.fl --answers o.csv -o x",
        "logs export-outcomes -o x",
    ],
)
def test_a_folder_is_no_place_for_a_file(folder: Path, line: str) -> None:
    (folder / "x").mkdir()
    assert "x is a folder: name a file by" in " ".join(refused(*line.split()).replace("│", " ").split())


def test_a_file_is_no_place_for_tables(folder: Path) -> None:
    assert "o.csv is no folder" in refused("logs", "export", "-o", "o.csv")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("predict r.fl q.parquet -o out.csv", "out.csv: Parquet is written, so its name must end in .parquet"),
        ("predict r.fl q.parquet -o out", "out: Parquet is written, so its name must end in .parquet"),
        ("benchmark o.csv --plot f.png", "f.png: SVG is written, so its name must end in .svg"),
        ("analyse m --gpu h100_sxm --compare --plot f.png", "f.png: SVG is written, so its name must end in .svg"),
    ],
)
def test_a_name_that_says_another_format_is_refused(folder: Path, line: str, said: str) -> None:
    assert said in " ".join(refused(*line.split()).replace("│", " ").split())
    assert not (folder / line.split()[-1]).exists()


def test_a_pipe_may_have_any_name_and_be_read_and_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_output(pipe, (pipe,), ending=".svg", what="SVG")
    with pytest.raises(typer.BadParameter, match=r"must end in \.svg"):
        check_output(tmp_path / "plain", ending=".svg", what="SVG")
