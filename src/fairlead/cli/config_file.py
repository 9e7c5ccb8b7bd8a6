"""The configuration file on disk: where it is looked for, and how it becomes settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fairlead.domain.errors import ConfigError

if TYPE_CHECKING:
    from fairlead.settings.settings import Settings

FILE_VARIABLE: Final = "FAIRLEAD_CONFIG"
DEFAULT_NAME: Final = "fairlead.yaml"
MAX_FILE_BYTES: Final = 1_000_000


def find_config(given: Path | None, env: Mapping[str, str]) -> Path | None:
    """The file to read: the one given, FAIRLEAD_CONFIG's, or ./fairlead.yaml; None when there is none.

    Raises: ConfigError when a file that was asked for is not there.
    """
    asked = given or (Path(env[FILE_VARIABLE]) if env.get(FILE_VARIABLE) else None)
    if asked is None:
        usual = Path(DEFAULT_NAME)
        return usual if usual.is_file() else None
    source = "" if given else f" (from {FILE_VARIABLE})"
    if asked.is_dir():
        raise ConfigError(f"{asked}{source}: is a folder: name the file in it, such as {asked / DEFAULT_NAME}")
    if not asked.is_file():
        raise ConfigError(f"{asked}{source}: no such file; write one with `fairlead config init {asked}`")
    return asked


def read_config(path: Path) -> str:
    """The text of a configuration file.

    Raises: ConfigError when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES:,} bytes: this is not a configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8: save the file as UTF-8 text") from None


def load_settings(given: Path | None, env: Mapping[str, str]) -> "tuple[Settings, Path | None]":
    """The settings in force, and the file that they are from (None: defaults).

    Raises: ConfigError.
    """
    from fairlead.settings.settings import parse

    path = find_config(given, env)
    if path is None:
        return parse("", env), None
    return parse(read_config(path), env, file=str(path)), path
