"""Journal: the append-only file of a run's records. One process writes it; a torn last line is mended on opening.

A line is handed to the operating system before the call it speaks of is sent, so it outlives the process, kill -9
included; it does not outlive a power cut of the machine unless `is_synced`.
"""

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import msgspec

from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.running.records import Ledger, Line

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Line)
_CHUNK_BYTES: Final = 1 << 20


class Journal:
    """An open journal and what stands in it."""

    def __init__(self, path: Path, number: int, ledger: Ledger, *, is_synced: bool) -> None:
        """Use `Journal.open`."""
        self.path = path
        self.ledger = ledger
        self._number = number
        self._is_synced = is_synced
        self._listeners: list[Callable[[Line], None]] = []

    @classmethod
    def open(cls, path: Path, *, is_synced: bool = False) -> Self:
        """Read what is there, mend its end, and hold it against other writers.

        Raises: EvaluationError when another run holds it, or a line that is not the last cannot be read.
        """
        try:
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EvaluationError(f"{path}: the record cannot be written ({error.strerror or error}).") from error
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise EvaluationError(f"{path}: the record must be a plain file. Choose another --output.")
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise EvaluationError(
                    f"{path}: another run is writing this record. Wait for it, or choose another --output."
                ) from None
            ledger, n_whole = _read(number, path)
            if n_whole < os.fstat(number).st_size:
                os.ftruncate(number, n_whole)
        except BaseException:
            os.close(number)
            raise
        return cls(path, number, ledger, is_synced=is_synced)

    def write(self, line: Line) -> None:
        """Append a line. Raises: EvaluationError when the disk takes no more."""
        data = _ENCODER.encode(line) + b"\n"
        try:
            n_written = os.write(self._number, data)
            if n_written < len(data):
                os.ftruncate(self._number, os.fstat(self._number).st_size - n_written)
                raise OSError(0, "the disk is full")
            if self._is_synced:
                os.fdatasync(self._number)
        except OSError as error:
            raise EvaluationError(f"{self.path}: the record cannot be written ({error.strerror or error}).") from error
        self.ledger.take(line)

    def close(self) -> None:
        """Let go of the file."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1


def read_journal(path: Path) -> Ledger:
    """What stands in a journal, without holding it. Raises: EvaluationError."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise EvaluationError(f"{path}: the record cannot be read ({error.strerror or error}).") from error
    try:
        return _read(number, path)[0]
    finally:
        os.close(number)


def _read(number: int, path: Path) -> tuple[Ledger, int]:
    """The ledger, and how many bytes of the file are whole lines."""
    ledger, left, n_whole, n_line = Ledger(), b"", 0, 0
    while piece := os.pread(number, _CHUNK_BYTES, n_whole + len(left)):
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            n_line += 1
            try:
                ledger.take(_DECODER.decode(line))
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
                raise EvaluationError(
                    f"{path}, line {n_line}: not a line of a record ({str(fault)[:120]}). To mend: take the line out, "
                    "or choose another --output."
                ) from None
            n_whole += len(line) + 1
    return ledger, n_whole
