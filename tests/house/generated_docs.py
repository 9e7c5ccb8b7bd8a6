"""The generated parts of the docs: captions of modules, keys of the configuration, options of commands.

`python -m tests.house.generated_docs` writes them; test_docs.py checks that they are up to date.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fairlead.settings.schema import Config
from tests.house.command_page import commands_page

ROOT: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ROOT / "src" / "fairlead"
HOUSE: Final = ROOT / "docs" / "house.md"
CONFIGURATION: Final = ROOT / "docs" / "reference" / "configuration.md"
COMMANDS: Final = ROOT / "docs" / "reference" / "commands.md"

ROOM_CAPTIONS: Final = {
    "domain": "what is meant: frozen values and arithmetic; standard library only",
    "catalogue": "which models there are, at what price, able to do what",
    "analysis": "what can be known of a model without running it",
    "wire": "bytes to meaning and back",
    "routing": "who should serve, and why",
    "providers": "how upstreams are reached",
    "observability": "who listens",
    "store": "what is kept of the traffic: rows in, rows out; the gateway never waits for it",
    "gateway": "one request, door to door",
    "dashboard": "pages for people at /ui; everything that is shown goes through one escaping builder",
    "learning": "from outcomes to a trained router; pure arithmetic, never imported while serving",
    "evaluation": "files and reports of what is fitted and measured; while serving only a router file is read by it",
    "settings": "all configuration, parsed once into frozen values",
    "assembly": "the composition root",
    "cli": "what a person types",
    "": "the package itself",
}

CONFIGURATION_HEAD: Final = """\
# Configuration

One YAML file, `fairlead.yaml` in the current folder unless `--config` or `FAIRLEAD_CONFIG` names another. Every key may
be left out. `fairlead config init` writes a starter, `fairlead config check` names its faults by file, line and key;
`fairlead config schema` prints the JSON Schema for editors. Values may come from the environment: `${VARIABLE}`, or
`${VARIABLE:-default}`.

Set in the environment alone: `FAIRLEAD_API_KEY`, the access key with which `fairlead route --session` asks a server
that has `keys`; `FAIRLEAD_NO_DISCOVERY=1`, no look for local model servers; `FAIRLEAD_NO_NATIVE=1`, numpy in place of
compiled code.

This page is generated from the schema (`python -m tests.house.generated_docs`).
"""


def source_files() -> list[Path]:
    """Every module of the package."""
    return sorted(path for path in ROOMS.rglob("*.py") if "__pycache__" not in path.parts)


def caption(path: Path) -> str | None:
    """The first paragraph of a module's docstring, on one line; None for an empty module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    text = ast.get_docstring(tree)
    return " ".join(text.split("\n\n")[0].split()) if text else None


def captions() -> str:
    """The table of rooms and files."""
    lines: list[str] = []
    for room, what in ROOM_CAPTIONS.items():
        files = [path for path in source_files() if _room(path) == room]
        lines += [
            f"### {room or 'fairlead'}",
            "",
            f"{what[0].upper()}{what[1:]}.",
            "",
            "| file | what it is |",
            "| --- | --- |",
        ]
        for path in files:
            said = caption(path)
            if said:
                lines.append(f"| `{path.relative_to(ROOMS).as_posix()}` | {said.replace('|', '/')} |")
        lines.append("")
    return "\n".join(lines)


def _room(path: Path) -> str:
    parts = path.relative_to(ROOMS).parts
    return parts[0] if len(parts) > 1 else ""


def house_page(text: str) -> str:
    """docs/house.md with its captions renewed."""
    head, begin, rest = text.partition("<!-- captions: begin (python -m tests.house.generated_docs) -->\n")
    _, end, tail = rest.partition("<!-- captions: end -->")
    if not begin or not end:
        raise ValueError("docs/house.md has lost its markers")
    return f"{head}{begin}\n{captions()}\n{end}{tail}"


def configuration_page() -> str:
    """docs/reference/configuration.md, whole."""
    schema = Config.model_json_schema()
    definitions = schema["$defs"]
    lines = [CONFIGURATION_HEAD]
    for name, member in schema["properties"].items():
        lines += [f"## `{name}`", "", _about(member, definitions), ""]
        rows = list(_rows(member, definitions, _beginning(name, member)))
        if rows:
            lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _about(member: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a member is for; pydantic leaves it out where it is word for word that of the section behind it."""
    section = _section(member, definitions)
    text = member.get("description") or (section or {}).get("description", "")
    assert text, "every key says what it is for"
    return str(text)


def _beginning(name: str, member: Mapping[str, Any]) -> str:
    if member.get("type") == "array":
        return f"{name}[]."
    return f"{name}.NAME." if "additionalProperties" in member else f"{name}."


def _rows(member: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Iterator[str]:
    section = _section(member, definitions)
    if section is None:
        return
    for name, inner in section["properties"].items():
        if _section(inner, definitions) is not None and inner.get("type") != "array":
            yield f"| `{path}{name}` | section | | {_about(inner, definitions)} |"
            yield from _rows(inner, definitions, f"{path}{name}.")
        else:
            shown = inner.get("default")
            default = (
                ""
                if shown is None or shown in ([], {})
                else f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"
            )
            yield f"| `{path}{name}` | {_type(inner)} | {default} | {_about(inner, definitions)} |"


def _section(member: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The section that a member holds: itself, each of its items, or each of its values."""
    for place in (member, member.get("items"), member.get("additionalProperties"), *member.get("anyOf", ())):
        if isinstance(place, Mapping) and "$ref" in place:
            found: Mapping[str, Any] = definitions[place["$ref"].rpartition("/")[2]]
            return found
    return None


def _type(member: Mapping[str, Any]) -> str:
    choices = [each for each in member.get("anyOf", [member]) if each.get("type") != "null"]
    return " or ".join(dict.fromkeys(_one_type(each) for each in choices))


def _one_type(choice: Mapping[str, Any]) -> str:
    if "enum" in choice:
        return " / ".join(f"`{value}`" for value in choice["enum"])
    if choice.get("type") == "array":
        return f"list of {_type(choice['items'])}"
    words = {
        "string": "text",
        "number": "number",
        "integer": "whole number",
        "boolean": "true / false",
        "object": "keys",
    }
    return words[choice["type"]]


def main() -> None:
    """Write all of them."""
    HOUSE.write_text(house_page(HOUSE.read_text(encoding="utf-8")), encoding="utf-8")
    CONFIGURATION.write_text(configuration_page(), encoding="utf-8")
    COMMANDS.write_text(commands_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
