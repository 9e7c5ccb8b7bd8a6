"""The import contracts hold, and a wrong import would be caught."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLANTED = {
    "upwards": ("domain/planted.py", "from fairlead.gateway import ports"),
    "sideways": ("routing/planted.py", "from fairlead.providers import answer"),
    "inside a function": ("wire/planted.py", "def read() -> None:\n    from fairlead.routing import pool"),
    "under TYPE_CHECKING": (
        "catalogue/planted.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fairlead.routing import pool",
    ),
    "the gateway knows a provider": ("gateway/planted.py", "from fairlead.providers import transport"),
    "a clock in the core": ("routing/planted.py", "import time"),
    "a file in the core": ("catalogue/planted.py", "from pathlib import Path"),
    "numpy in the domain": ("domain/planted.py", "import numpy"),
    "heavy mathematics while serving": ("providers/planted.py", "import scipy"),
    "a new room without a floor": ("attic.py", '"""A room."""'),
}


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """The linter over a copy of the package, with the project's own contracts."""
    command = (
        "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command(['--no-cache']))"
    )
    return subprocess.run(
        [sys.executable, "-c", command], cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the house, to plant things in."""
    ignored = shutil.ignore_patterns("__pycache__", "*.bin", "*.toml")
    shutil.copytree(ROOT / "src" / "fairlead", tmp_path / "fairlead", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    done = linted(copy)
    assert done.returncode == 0, done.stdout
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert f"Contracts: {len(contracts)} kept, 0 broken" in done.stdout


def test_a_wrong_import_is_caught_wherever_it_hides(copy: Path) -> None:
    for name, (path, text) in PLANTED.items():
        planted = copy / "fairlead" / path
        planted.write_text(text + "\n")
        done = linted(copy)
        planted.unlink()
        assert done.returncode == 1, f"{name}: not caught\n{done.stdout}"
        assert "BROKEN" in done.stdout or "not exhaustive" in done.stdout, f"{name}: {done.stdout}{done.stderr}"


def test_a_circle_between_siblings_is_caught(copy: Path) -> None:
    (copy / "fairlead" / "domain" / "one.py").write_text("from fairlead.domain import two\n")
    (copy / "fairlead" / "domain" / "two.py").write_text("from fairlead.domain import one\n")
    assert linted(copy).returncode == 1
