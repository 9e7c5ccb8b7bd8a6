"""Whole files: one appears whole or not at all; a device, a pipe or a stream is written to as it stands."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Final

from fairlead.domain.errors import SetupError

MOST_NAME_CHARS: Final = 100
"""Of the place's name in that of the file which takes it."""


def is_stream(path: Path) -> bool:
    """Whether this is a device, a pipe, a socket or one of this process's own streams: nothing may take its place."""
    here = path.absolute()
    # /dev/stdout may lead to a regular file, but is itself a link that must stay.
    if here.is_symlink() and here.parts[1:2] in (("dev",), ("proc",)):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def appearing_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes the path's place when all went well and is gone when not.

    A link stays and what it leads to is replaced. Raises: OSError, for a folder too.
    """
    if is_stream(path):
        with path.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    place = target.with_name(f".{target.name[:MOST_NAME_CHARS]}.{token_hex(4)}")
    try:
        # With the mode that the umask leaves, or the file had: exported traffic is not for every user of the machine.
        with place.open("xb") as file:
            if target.exists():
                place.chmod(stat.S_IMODE(target.stat().st_mode))
            yield file
        place.replace(target)
    finally:
        place.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text. Raises: SetupError with the path."""
    try:
        with appearing_whole(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise SetupError(f"{path}: cannot be written ({error.strerror or error}): choose another place") from error
