"""The docs say what the code says."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from fairlead.domain import errors
from fairlead.domain.decision import IneligibleCode
from fairlead.domain.errors import FairleadError
from tests.house.command_page import commands_page
from tests.house.generated_docs import (
    COMMANDS,
    CONFIGURATION,
    HOUSE,
    ROOM_CAPTIONS,
    ROOMS,
    ROOT,
    configuration_page,
    house_page,
)

MEND = "write it anew: python -m tests.house.generated_docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_captions_in_the_drawing_of_the_house_are_those_of_the_modules() -> None:
    text = HOUSE.read_text(encoding="utf-8")
    assert text == house_page(text), MEND


def test_every_room_has_a_caption() -> None:
    rooms = {path.name for path in ROOMS.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert rooms == set(ROOM_CAPTIONS) - {""}


def test_the_page_of_the_configuration_is_that_of_the_schema() -> None:
    assert CONFIGURATION.read_text(encoding="utf-8") == configuration_page(), MEND


def test_the_page_of_the_commands_is_that_of_the_commands() -> None:
    assert COMMANDS.read_text(encoding="utf-8") == commands_page(), MEND


def codes_of_errors() -> set[str]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FairleadError)]
    found = {kind.code for kind in kinds}
    for room in ("gateway", "wire", "routing", "store"):
        for path in (ROOMS / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    found |= {
                        str(word.value.value)
                        for word in node.keywords
                        if word.arg == "code" and isinstance(word.value, ast.Constant)
                    }
                    if isinstance(node.func, ast.Attribute) and node.func.attr == "_refuse":
                        found.add(str(ast.literal_eval(node.args[1])))
    return found


def test_every_code_of_an_error_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    explained = {code for row in rows for code in re.findall(r"`([a-z]+(?:_[a-z]+)*)`(?= [|,]|, `)", row)}
    explained |= set(re.findall(r"with `(internal_error)`", text))
    assert explained - {"code"} == codes_of_errors()


def test_every_ground_of_exclusion_is_explained_and_no_other() -> None:
    text = (
        (ROOT / "docs" / "reference" / "decision.md").read_text(encoding="utf-8").split("## Codes of `ineligible`")[1]
    )
    explained = {
        code for row in text.splitlines() if row.startswith("| `") for code in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert explained == set(get_args(IneligibleCode))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_glossary_is_sorted_and_has_each_word_once() -> None:
    rows = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    words = [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:]
    words = [word for word in words if not word.startswith("---")]
    assert words == sorted(words, key=str.lower)
    assert len(set(words)) == len(words)


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert text.rstrip().endswith("limitations under the License.")
    assert len(text.splitlines()) > 195
