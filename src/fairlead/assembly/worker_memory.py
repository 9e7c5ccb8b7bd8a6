"""Worker memory: the file in memory through which the workers of one server tell each other what rests."""

import mmap
from pathlib import Path

from fairlead.gateway.shared_rests import SharedRests, table_bytes


def make_table(path: Path, n_workers: int) -> None:
    """An empty table for so many workers."""
    path.write_bytes(bytes(table_bytes(n_workers)))


def join_table(path: Path, place: int) -> SharedRests:
    """The table, as the worker at this place sees it. The mapping lives as long as the process."""
    with path.open("r+b") as file:
        return SharedRests(memoryview(mmap.mmap(file.fileno(), 0)), place)
