"""FAIRLEAD_MUST_RUN=1 makes a failure of every skip: a target of tests that could not run does not end green."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.generated_docs import ROOT

SKIPPED = {
    "a test": "import pytest\ndef test_a(): pytest.skip('no tool')\n",
    "a mark": "import pytest\n@pytest.mark.skipif(True, reason='no tool')\ndef test_a(): pass\n",
    "a fixture": (
        "import pytest\n@pytest.fixture\ndef tool(): pytest.skip('no tool')\ndef test_a(tool): pass\n"
    ),
    "a file": "import pytest\npytest.skip('no tool', allow_module_level=True)\n",
}  # fmt: skip


def ran(folder: Path, text: str, must_run: str) -> "subprocess.CompletedProcess[str]":
    """The text as the only tests of a folder, under the hooks of this suite."""
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_one.py").write_text(text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    env = os.environ | {"FAIRLEAD_MUST_RUN": must_run}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)


@pytest.mark.parametrize("what", SKIPPED)
def test_a_skip_is_a_failure_where_tests_must_run(tmp_path: Path, what: str) -> None:
    done = ran(tmp_path, SKIPPED[what], "1")
    assert done.returncode not in (0, 5)
    assert "FAIRLEAD_MUST_RUN is set, but: " in done.stdout and "no tool" in done.stdout


def test_a_skip_stays_one_elsewhere_and_an_expected_failure_everywhere(tmp_path: Path) -> None:
    assert ran(tmp_path, SKIPPED["a test"], "").returncode == 0
    expected = "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_a(): assert False\ndef test_b(): pass\n"
    assert ran(tmp_path, expected, "1").returncode == 0


def test_every_target_for_a_tool_says_that_its_tests_must_run() -> None:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    asked = [line for line in lines if "pytest -m " in line and "not " not in line]
    assert len(asked) == 5
    assert all(line.startswith("\t$(MUST_RUN) ") for line in asked)
