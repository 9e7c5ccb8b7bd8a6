"""Spool: batches that the store did not take, kept in a file of our own until it does; each comes back exactly once.

A record is its length, the CRC-32 of its bytes and the batch in MessagePack. A record that was cut by a crash is the
end of the file. The file is locked while its writer lives; what a dead one has left is taken over by who comes next.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from struct import Struct
from typing import IO, Final

import msgspec

from fairlead.store.tables import Batch, Put, of_today

_HEAD: Final = Struct("<II")
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(tuple[str, int, float, list[tuple[str, list[list[object]]]]])
SUFFIX: Final = ".spool"
MAX_RECORD_BYTES: Final = 1_000_000_000


class Spool:
    """One writer's file. It is made when it is first needed."""

    def __init__(self, folder: Path, name: str, max_bytes: int) -> None:
        self.folder = folder
        self._path = folder / f"{name}{SUFFIX}"
        self._max_bytes = max_bytes
        self._file: IO[bytes] | None = None
        self.n_bytes = 0

    def append(self, batch: Batch) -> bool:
        """Keep a batch; False when it does not fit, or the file cannot be written."""
        body = _ENCODER.encode(batch)
        record = _HEAD.pack(len(body), zlib.crc32(body)) + body
        if self.n_bytes + len(record) > self._max_bytes:
            return False
        try:
            file = self._opened()
            file.seek(self.n_bytes)
            file.write(record)
            file.flush()
        except OSError:
            return False
        self.n_bytes += len(record)
        return True

    def batches(self) -> Iterator[Batch]:
        """What lies there, oldest first."""
        if self.n_bytes:
            yield from read_batches(self._path)

    def clear(self) -> None:
        """Everything is in the store: the file goes."""
        self.n_bytes = 0
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """An empty file is taken away; one that is not stays for whoever comes next."""
        if self._file is not None:
            if not self.n_bytes:
                self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            self._file = os.fdopen(descriptor, "r+b")
            _lock(self._file)
        return self._file


def left_behind(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """The spools of writers that are gone, each locked for as long as the caller holds its file open."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            file = path.open("r+b")
        except OSError:
            continue
        with file:
            if _lock(file):
                yield path, file


def waiting_in(folder: Path) -> tuple[Path, ...]:
    """The spools of this folder that hold rows, whoever they are of."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(FileNotFoundError):  # its writer has just ended
            if path.stat().st_size:
                found.append(path)
    return tuple(found)


def read_batches(path: Path) -> Iterator[Batch]:
    """The batches of a spool file, up to its end or to the first record that is not whole."""
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            n_bytes, checksum = _HEAD.unpack(head)
            body = file.read(min(n_bytes, MAX_RECORD_BYTES))
            if len(body) != n_bytes or zlib.crc32(body) != checksum:
                return
            writer, number, at_s, puts = _DECODER.decode(body)
            yield Batch(writer, number, at_s, [of_today(Put(table, rows)) for table, rows in puts])


def _lock(file: IO[bytes]) -> bool:
    if find_spec("fcntl") is None:  # a platform without file locks has one serving process
        return True
    locks = import_module("fcntl")
    try:
        locks.flock(file, locks.LOCK_EX | locks.LOCK_NB)
    except OSError:
        return False
    return True
