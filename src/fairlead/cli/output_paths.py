"""Where a command may write: not over what it reads, not over a folder, and under a name that says what it is."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer


def check_output(
    output: Path | None,
    inputs: Iterable[Path | None] = (),
    *,
    option: str = "--output",
    ending: str = "",
    what: str = "",
) -> None:
    """Raises: BadParameter for a file that cannot be written or would replace an input: before anything is paid.

    `inputs`: what the command reads. `ending`: how a file's name must end, if it must, since `what` is written. Devices
    and pipes may have any name.
    """
    if output is None:
        return
    from fairlead.evaluation.whole_files import is_stream

    try:
        folder = output.absolute().parent
        if not folder.is_dir():
            raise typer.BadParameter(f"there is no folder {folder}: make it, or choose another {option}")
        if output.is_dir():
            raise typer.BadParameter(f"{output} is a folder: name a file by {option}")
        if is_stream(output):
            return
        refuse_replacing([output], inputs, option)
    except OSError as error:
        raise typer.BadParameter(
            f"{output} cannot be written ({error.strerror or error}): choose another {option}"
        ) from None
    if ending and output.suffix.lower() != ending:
        raise typer.BadParameter(f"{output}: {what} is written, so its name must end in {ending}")


def refuse_replacing(outputs: Sequence[Path], inputs: Iterable[Path | None], option: str) -> None:
    """Raises: BadParameter where one of these files to write is one that is read."""
    for source in inputs:
        for output in outputs:
            if source is not None and _is_same(output, source):
                raise typer.BadParameter(f"{output} would replace {source}: choose another {option}")


def _is_same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)
