"""The watch for planted secrets over the whole suite: wherever a test prints or logs one, that test fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CANARY

ROOT = Path(__file__).resolve().parents[2]
LEAKS = {
    "printed": f"print('{CANARY}-1')",
    "on standard error": f"import sys; print('{CANARY}-1', file=sys.stderr)",
    "logged at debug level": f"import logging; logging.getLogger('fairlead.any').debug('key %s', '{CANARY}-1')",
}


def run(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(f"def test_it() -> None:\n    {body}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml")]
    arguments = ["--rootdir", str(folder), "-p", "no:cacheprovider", str(folder / "test_it.py")]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("body", LEAKS.values(), ids=LEAKS)
def test_a_test_that_shows_a_planted_secret_fails(body: str, tmp_path: Path) -> None:
    done = run(tmp_path, body)
    assert done.returncode == 1
    assert "a planted secret stands in what was printed or logged" in done.stdout


def test_a_test_that_shows_none_passes(tmp_path: Path) -> None:
    assert run(tmp_path, "print('nothing to see')").returncode == 0
