"""The command line in this process, as the tests of its commands call it."""

from pathlib import Path

from typer.testing import CliRunner

from fairlead.cli.main import app
from fairlead.domain.errors import FairleadError, SetupError


def run(*arguments: str | Path, code: int = 0) -> str:
    """What a command prints. Raises: FairleadError, as the command does; AssertionError for another exit status."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"NO_COLOR": "1", "COLUMNS": "200"})
    if isinstance(result.exception, FairleadError):
        raise result.exception
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


def refused(*arguments: str | Path) -> str:
    """What is said to a command that is asked wrongly."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"NO_COLOR": "1", "COLUMNS": "200"})
    if isinstance(result.exception, SetupError):  # exit code 2 in a process of its own, as other tests show
        return result.exception.message
    assert result.exit_code == 2, result.output + repr(result.exception)
    return result.output
