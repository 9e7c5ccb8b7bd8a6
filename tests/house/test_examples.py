"""Every code block of the README and the docs is run against the demo, or says why it cannot be."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fairlead.providers.known_providers import parse_providers
from fairlead.settings.settings import parse
from tests.house.generated_docs import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
USUAL_ADDRESS = "127.0.0.1:8484"
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n\n?)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One code block of a page."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None
    """Why it is not run; None when it is."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks() -> list[Block]:
    """All code blocks of all pages."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("language")) + 1
            found.append(Block(page, line, match["language"], match["text"], match["reason"]))
    return found


BLOCKS = blocks()


def of_language(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages and block.reason is None]


def clean_environment(home: Path) -> dict[str, str]:
    """No keys, no configuration, and this virtual environment's commands first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a demo server on a free port."""
    home = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "fairlead", "serve", "--demo", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=home, env=clean_environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        banner = process.stdout.readline()
        found = re.search(r"http://(127\.0\.0\.1:\d+)/v1", banner)
        assert found, banner + process.stderr.read()
        yield found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(folder), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.strip(), "it says nothing"
    assert '"error"' not in done.stdout, done.stdout
    return done.stdout


@pytest.mark.parametrize("block", of_language("bash"), ids=lambda block: block.name)
def test_a_command_of_the_docs_works(block: Block, address: str, tmp_path: Path) -> None:
    if "curl" in block.text and shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    run(["bash", "-euo", "pipefail", "-c", block.text.replace(USUAL_ADDRESS, address)], tmp_path)


@pytest.mark.parametrize("block", of_language("python"), ids=lambda block: block.name)
def test_a_program_of_the_docs_works(block: Block, address: str, tmp_path: Path) -> None:
    said = run([sys.executable, "-c", block.text.replace(USUAL_ADDRESS, address)], tmp_path)
    assert "simulated" in said if USUAL_ADDRESS in block.text else said.strip()


@pytest.mark.parametrize("block", of_language("yaml"), ids=lambda block: block.name)
def test_a_configuration_of_the_docs_is_right(block: Block) -> None:
    variables = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "MY_KEY_ID", "MY_SECRET")
    assert parse(block.text, dict.fromkeys(variables, "sk-for-a-test")).warnings == ()


@pytest.mark.parametrize("block", of_language("json"), ids=lambda block: block.name)
def test_json_of_the_docs_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", of_language("toml"), ids=lambda block: block.name)
def test_a_table_of_the_docs_is_one_that_we_read(block: Block) -> None:
    tables = tomllib.loads(block.text)
    assert tables
    if "base_url" in block.text:
        assert set(parse_providers(block.text)) == set(tables)


def test_the_readme_shows_what_it_must() -> None:
    here = [block for block in BLOCKS if block.page == ROOT / "README.md"]
    run_here = "\n".join(block.text for block in here if block.reason is None)
    for shown in (
        "curl",
        "stream=True",
        "client.chat.completions.create",
        "fairlead route",
        '"fairlead": {',
        "upstreams:",
    ):
        assert shown in run_here


def test_a_block_that_is_not_run_has_a_good_reason() -> None:
    for block in BLOCKS:
        assert block.language in ("", "bash", "python", "yaml", "json", "toml"), block.name
        if block.reason is not None:
            assert block.language == "bash", block.name
            assert re.search(r"\bmake\b|pip install|fairlead (serve|profile|watch)|--encoder|\.venv/", block.text), (
                f"{block.name} could be run"
            )
