"""The house rules that a machine can check: lengths, captions, names."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.house.generated_docs import ROOMS, ROOT, caption, source_files

NO_NAMES = {"utils", "util", "common", "base", "core", "manager", "handler", "handlers", "helpers", "misc", "types"}
NO_VERBS = ("do_", "process_", "handle_", "get_")
MAX_LINES = 400
MAX_FUNCTION_LINES = 60

MAY_BE_LONGER: dict[str, tuple[int, str]] = {}
"""Path below src/fairlead -> lines allowed, and why."""

MAY_HAVE_TEXT: dict[str, str] = {
    "__init__.py": "the package's name and version",
    "wire/openai_chat/__init__.py": "says which specification this format follows",
    "wire/anthropic_messages/__init__.py": "says which specification this format follows",
    "wire/openai_responses/__init__.py": "the specification, the door and the back of this format",
    "wire/gemini_generate/__init__.py": "says which specification this format follows",
    "wire/bedrock_converse/__init__.py": "says which specification this format follows",
}
"""Rooms whose `__init__` is not empty, and why."""

FILES = source_files()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
CORE = next(
    tuple(name.removeprefix("fairlead.") for name in contract["source_modules"])
    for contract in CONTRACTS
    if contract["name"].startswith("The pure core")
)
"""The rooms without network, disk, clock or chance, as the contract of imports names them."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOMS).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_short_captioned_and_well_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    limit, _why = MAY_BE_LONGER.get(name_of(path), (MAX_LINES, ""))
    assert len(text.splitlines()) <= limit, "split by noun or by direction, or write down why not"
    assert path.stem not in NO_NAMES, "a noun is missing"
    if path.name == "__init__.py" and name_of(path) not in MAY_HAVE_TEXT:
        assert not text.strip(), "imports name the module: a room's face stays empty"
        return
    said = caption(path)
    assert said, "say in one line what this file owns"
    assert said.endswith((".", ":")), "a caption is a sentence"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, f"{node.name} is too long"
            assert not node.name.startswith(NO_VERBS), f"{node.name}: the verb says nothing"


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).split("/")[0] in CORE], ids=name_of)
def test_the_core_reaches_for_no_clock_chance_or_disk(path: Path) -> None:
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input", "exec", "eval", "__import__"}


def test_the_drawing_of_the_floors_is_that_of_the_contracts() -> None:
    text = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    drawn = re.findall(r"^ (\d)  +((?:[a-z_]+ +)*?[a-z_]+)(?:$| {5,}(?:what|all|the) )", text, re.MULTILINE)
    assert [int(floor) for floor, _ in drawn] == list(range(len(layers) - 1, -1, -1))
    assert [rooms.split() for _, rooms in drawn] == [layer.split(" | ") for layer in layers]
    pure = text[text.index("\n`domain`, ") : text.index("are the pure core")]
    assert set(re.findall(r"`(\w+)`", pure)) == set(CORE)
    apart = next(contract for contract in CONTRACTS if contract.get("source_modules") == ["fairlead.gateway"])
    said = text[text.index("it imports neither") : text.index("and nothing of its own floor")]
    assert {f"fairlead.{room}" for room in re.findall(r"`(\w+)`", said)} == set(apart["forbidden_modules"])


def test_exceptions_are_still_needed_and_have_a_reason() -> None:
    for name, (limit, why) in MAY_BE_LONGER.items():
        assert why
        assert MAX_LINES < len((ROOMS / name).read_text(encoding="utf-8").splitlines()) <= limit
    for name, why in MAY_HAVE_TEXT.items():
        assert why
        assert (ROOMS / name).read_text(encoding="utf-8").strip()


def test_no_shipped_text_names_a_place_on_somebodys_machine() -> None:
    places = re.compile(r"(?<![\w/.])/(home|work|Users|root|tmp)/\w")
    pages = [*ROOT.glob("*.md"), ROOT / "NOTICE", *(ROOT / "docs").rglob("*.md"), *FILES]
    found = [str(page.relative_to(ROOT)) for page in pages if places.search(page.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: path.stem)
def test_a_test_says_what_it_proves(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert names, "a file of tests without a test"
    assert len(set(names)) == len(names), "two tests of one name: the first is never run"
    for name in names:
        assert name.count("_") >= 3, f"{name}: a sentence, please"
