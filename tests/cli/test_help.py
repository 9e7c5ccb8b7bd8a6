"""The help of every command, as it is shown: what stands in it must not be taken for markup."""

from collections.abc import Iterator
from typing import Any

import pytest
from rich.text import Text

from fairlead.cli.main import COMMANDS, app, load
from tests.cli.running import run


def commands(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A command and those below it."""
    yield path, command
    for name, below in (getattr(command, "commands", None) or {}).items():
        yield from commands((*path, name), below)


EVERY = [found for command in COMMANDS for found in commands((command.name,), load(command))]


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_no_word_of_a_help_is_swallowed_as_markup(path: tuple[str, ...], command: Any) -> None:
    texts = [command.help, command.epilog, *(getattr(param, "help", None) for param in command.params)]
    for text in texts:
        if text:
            assert Text.from_markup(text).plain == text, f"{' '.join(path)}: {text}"


def test_the_help_of_the_whole_program_is_shown_whole() -> None:
    for text in (str(app.info.help), str(app.info.epilog), *(command.help for command in COMMANDS)):
        assert Text.from_markup(text).plain == text


def test_the_extra_that_an_engine_needs_is_named() -> None:
    for name in ("evaluate", "profile", "watch"):
        assert "ray (extra `scale`)" in " ".join(run(name, "--help").split())
