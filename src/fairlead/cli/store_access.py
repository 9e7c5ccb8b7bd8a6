"""The traffic store as a command sees it: the one that the configuration names, and stretches of time in words."""

import os
import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.store.sql_store import SqlStore

ConfigOption = Annotated[Path | None, typer.Option(help="Configuration file; ./fairlead.yaml if it is there.")]
DemoOption = Annotated[bool, typer.Option("--demo", help="The traffic of `serve --demo`.")]
SinceOption = Annotated[str, typer.Option(help="How far back: 90s, 15m, 24h, 30d, or Unix seconds.")]
TenantOption = Annotated[str | None, typer.Option(help="Only this tenant's.")]

_UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_WANTED: Final = "say 90s, 15m, 24h, 30d, or Unix seconds"
_STRETCH: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def now_s() -> float:
    """Unix seconds."""
    return time.time()


def since_s(text: str, now: float) -> float:
    """`30d` -> Unix seconds. Raises: typer.BadParameter."""
    match = _STRETCH.fullmatch(text.strip())
    try:
        found = float(text) if match is None else now - float(match[1]) * _UNITS_S[match[2]]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no stretch of time: {_WANTED}") from None
    if found > now:
        raise typer.BadParameter(f"{text!r} is not in the past: {_WANTED}, not milliseconds")
    if not found >= 0:  # not a number, too
        raise typer.BadParameter(f"{text!r} is no time since 1970: {_WANTED}; 0 is all that is kept")
    return found


def kept_in(config: Path | None, *, is_demo: bool) -> tuple[Path | None, ...]:
    """The files that a command reads of the traffic: the configuration and the store. Raises: ConfigError."""
    from fairlead.assembly.traffic import store_path
    from fairlead.cli.config_file import load_settings

    settings, path = load_settings(config, os.environ)
    return path, store_path(settings.store, os.environ, is_demo=is_demo)


def spools_of(config: Path | None, *, is_demo: bool) -> Path:
    """The folder of what the store did not take. Raises: ConfigError."""
    from fairlead.assembly.traffic import spools_folder
    from fairlead.cli.config_file import load_settings

    settings, _ = load_settings(config, os.environ)
    return spools_folder(settings.store, os.environ, is_demo=is_demo)


@contextmanager
def opened_store(config: Path | None, *, is_demo: bool) -> "Iterator[SqlStore]":
    """The store, for reading. Raises: ConfigError, StoreError."""
    from fairlead.assembly.traffic import open_store, store_path
    from fairlead.cli.config_file import load_settings
    from fairlead.domain.errors import StoreError

    settings, _ = load_settings(config, os.environ)
    section = settings.store
    if section.url is None or is_demo:
        path = store_path(section, os.environ, is_demo=is_demo)
        if path is None or not path.is_file():
            raise StoreError(
                f"no traffic has been kept yet{'' if path is None else f' ({path})'}: start `fairlead serve` and "
                "send it a request"
            )
    store = open_store(section, os.environ, is_demo=is_demo)
    try:
        yield store
    finally:
        store.close()
