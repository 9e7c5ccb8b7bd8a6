"""The page of commands: every argument and option, as each command states it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fairlead.cli.main import COMMANDS, load

HEAD: Final = """\
# Commands

Every command with its arguments and options; `fairlead COMMAND --help` says the same. `fairlead version` prints the
version, `fairlead --debug COMMAND` shows tracebacks. Exit codes: 0 it worked, 1 it failed, 2 it was asked wrongly or
the configuration is wrong, 130 it was interrupted. A file to write never replaces one that the command reads, but for
the router that `train --add-model` and `profile` add to; devices and pipes are written to as they stand.

This page is generated from the commands (`python -m tests.house.generated_docs`).
"""


def commands_page() -> str:
    """docs/reference/commands.md, whole."""
    lines = [HEAD]
    for command in COMMANDS:
        for name, found in _commands(f"fairlead {command.name}", load(command)):
            lines += [f"## `{name}`", "", str(found.help).partition("\n\n")[0].replace("\n", " ").strip(), ""]
            rows = [_row(param) for param in found.params if not getattr(param, "hidden", False)]
            if rows:
                lines += ["| | default | meaning |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _commands(name: str, found: Any) -> Iterator[tuple[str, Any]]:
    """A command, or those of a group."""
    inner = getattr(found, "commands", None)
    if not inner or getattr(found, "invoke_without_command", False):
        yield name, found
    for each, below in (inner or {}).items():
        yield from _commands(f"{name} {each}", below)


def _row(param: Any) -> str:
    is_argument = param.param_type_name == "argument"
    names = str(param.name).upper() if is_argument else "`, `".join([*param.opts, *param.secondary_opts])
    default = param.default
    is_stated = isinstance(default, int | float | str | Path) and not isinstance(default, bool)
    meaning = str(param.help or "").replace("|", "\\|")
    assert meaning, f"{names} says what it is for"
    shown = f"`{default}`" if is_stated else "needed" if param.required else ""
    return f"| `{names}` | {shown} | {meaning} |"
