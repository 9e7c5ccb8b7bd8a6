"""The command tree. Importing this file imports nothing heavy: a command's module is loaded when it is called.

Exit codes: 0 it worked, 1 it failed, 2 it was asked wrongly or the configuration is wrong, 130 it was interrupted.
"""

import errno
import os
import sys
from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from fairlead import __version__

_NOT_WRITTEN: Final = frozenset((errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""What writing to standard output fails with; such an error names no file, as one of opening a file does."""


class Command(NamedTuple):
    """Where a command is defined, and what the list of commands says of it."""

    name: str
    module: str
    attribute: str
    """`app` for a group of commands; otherwise the function that is the command."""
    help: str


COMMANDS: Final = (
    Command("serve", "fairlead.cli.serve", "serve", "Start the OpenAI-compatible endpoint."),
    Command("route", "fairlead.cli.route", "route", "Show which model a prompt would go to, and why; calls nothing."),
    Command("evaluate", "fairlead.cli.evaluate", "evaluate", "Score models on a suite of prompts, under a hard cap."),
    Command("train", "fairlead.cli.train", "train", "Learn a router from outcomes; say whether to route at all."),
    Command("predict", "fairlead.cli.predict", "predict", "Foretell every model on every query with a trained router."),
    Command("profile", "fairlead.cli.profile", "profile", "Learn a new model from few probes; add it to a router."),
    Command("watch", "fairlead.cli.watch", "watch", "Check whether a model still answers as it was measured."),
    Command("benchmark", "fairlead.cli.benchmark", "benchmark", "Measure a router beside every standard baseline."),
    Command("replay", "fairlead.cli.replay", "replay", "Say what another policy would have done on logged decisions."),
    Command("analyse", "fairlead.cli.analyse", "analyse", "Say what a model needs, and what serving it will cost."),
    Command("models", "fairlead.cli.models", "app", "List and show the models of the catalogue."),
    Command("config", "fairlead.cli.config", "app", "Write, check and describe the configuration file."),
    Command("doctor", "fairlead.cli.doctor", "doctor", "Say what was found on this machine and what is missing."),
    Command("logs", "fairlead.cli.logs", "app", "List, follow, export and forget the requests that were kept."),
    Command("report", "fairlead.cli.report", "report", "What the router did, cost and saved, as a page or as JSON."),
    Command("top", "fairlead.cli.top", "top", "Watch the traffic in the terminal."),
    Command("keys", "fairlead.cli.keys", "app", "Make access keys for this server."),
)


class LazyGroup(TyperGroup):
    """Lists every command at once, and imports one only when it is called or completed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*(command.name for command in COMMANDS), "version"]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        for command in COMMANDS:
            if args and args[0] == command.name:
                self.commands[command.name] = load(command)
        return super().resolve_command(ctx, args)


def load(command: Command) -> Any:
    """The command itself, imported now."""
    # Before numpy is: our matrices are small, and the threads of its algebra spin while they wait for each other. With
    # another job on the machine a fit of .1 s took 1.4 s with two of them (docs/log.md, 2026-11-30).
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = getattr(import_module(command.module), command.attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(command.name)(found)
        found = single
    loaded = typer.main.get_command(found)
    loaded.name = command.name
    # Completion is installed for the whole tree, not for one of its branches.
    loaded.params = [param for param in loaded.params if param.name not in ("install_completion", "show_completion")]
    return loaded


app: Final = typer.Typer(
    name="fairlead",
    cls=LazyGroup,
    help="Fairlead, the neutral LLM model router: one endpoint that sends every request to the model that suits it.",
    epilog="Exit codes: 0 it worked; 1 it failed; 2 asked wrongly, or the configuration is wrong; 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback when something fails.")] = False,
) -> None:
    """Options of every command."""


@app.command("version")
def version() -> None:
    """Print the version."""
    typer.echo(f"fairlead {__version__}")


def build_command() -> Any:
    """The whole tree as one command; what is not loaded yet stands there by its name and help."""
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    for command in COMMANDS:
        group.commands.setdefault(command.name, TyperCommand(command.name, help=command.help, callback=None))
    return group


def run() -> None:
    """The entry point `fairlead`."""
    from fairlead.domain.errors import FairleadError, SetupError

    is_debug = "--debug" in sys.argv[1:2]
    try:
        try:
            build_command()(prog_name="fairlead")
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where what fails can still be told
    except FairleadError as error:
        if is_debug:
            raise
        print(f"error: {error.message}", file=sys.stderr)
        sys.exit(2 if isinstance(error, SetupError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if is_debug or error.errno not in _NOT_WRITTEN or error.filename is not None:
            raise
        if error.errno != errno.EPIPE:  # who closes a pipe has seen enough
            print(f"error: the output cannot be written ({error.strerror})", file=sys.stderr)
        if sys.stdout is not None:
            # What waits to be written is given up: the interpreter would try once more at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
