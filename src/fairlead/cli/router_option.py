"""Which router file a command is about: the one that is named, else the configuration's."""

import os
from pathlib import Path
from typing import Annotated

import typer

EncoderOption = Annotated[
    str | None, typer.Option(help="The encoder that the router was trained with: a folder, or URL#model.")
]


def router_in_force(given: Path | None, config: Path | None) -> Path | None:
    """The router file; None where neither the command line nor the configuration names one. Raises: ConfigError."""
    from fairlead.cli.config_file import load_settings

    if given is not None:
        return given
    found = load_settings(config, os.environ)[0].router_file
    return None if found is None else Path(found)


def needed_router(given: Path | None, config: Path | None) -> Path:
    """The same. Raises: BadParameter where none is named."""
    found = router_in_force(given, config)
    if found is None:
        raise typer.BadParameter(
            "no router is named: name a file of `fairlead train` by --router, or as `router:` in the configuration"
        )
    return found
