"""The wheel: what a user gets, file by file."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.generated_docs import ROOMS, ROOT, source_files
from tests.native_library import build_hook

MAX_BYTES = 15_000_000

DATA = (
    "analysis/data/*.json",
    "analysis/data/*.toml",
    "catalogue/data/*.toml",
    "dashboard/data/*.css",
    "dashboard/data/*.js",
    "dashboard/data/*.svg",
    "evaluation/*.toml",  # labels and prompts of our own: they make the artefact anew
    "providers/data/*.toml",
    "routing/native/*.c",
    "routing/native/*.h",
    "routing/data/prompt_model.bin",
    "routing/data/token_table.bin",
    "routing/data/prompt_model.json",
    "store/sql/*/*.sql",
    "py.typed",
)
"""What the package holds besides its modules."""

ABOUT = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout, built without a network and without isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_module_its_data_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    ours = {f"fairlead/{path.relative_to(ROOMS).as_posix()}" for path in source_files()}
    for pattern in DATA:
        found = {f"fairlead/{path.relative_to(ROOMS).as_posix()}" for path in ROOMS.glob(pattern)}
        assert found, f"{pattern}: nothing there"
        ours |= found
    if build_hook().compiler() is not None:
        ours.add("fairlead/routing/native/routing_native.so")
    about = next(name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name)
    assert sorted(wheel.namelist()) == sorted(ours | {f"{about}/{name}" for name in ABOUT})


def test_the_wheel_runs_nothing_at_the_start_of_python(wheel: zipfile.ZipFile) -> None:
    assert not [name for name in wheel.namelist() if name.endswith(".pth") or "sitecustomize" in name]


def test_the_wheel_is_small(wheel: zipfile.ZipFile) -> None:
    assert Path(wheel.filename or "").stat().st_size < MAX_BYTES


def test_nothing_in_the_wheel_was_pickled_nor_compiled_but_our_own_source(wheel: zipfile.ZipFile) -> None:
    assert {Path(name).suffix for name in wheel.namelist() if name.startswith("fairlead/")} - {".so"} == {
        ".c",
        ".h",
        ".py",
        ".toml",
        ".css",
        ".js",
        ".svg",
        ".bin",
        ".json",
        ".typed",
        ".sql",
    }
