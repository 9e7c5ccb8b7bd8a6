"""Database: the four things that a database must be able to do; everything else is written once, above it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fairlead.store.tables import Batch

Row = tuple[Any, ...]
Args = Mapping[str, Any]


class Database(Protocol):
    """One database. Every method may block, and may be called from any thread. Raises: StoreError from each."""

    @property
    def dialect(self) -> str:
        """The name of its folder of migrations."""
        ...

    def fetch(self, sql: str, args: Args = {}) -> list[Row]:  # noqa: B006 - never written to
        """The rows of a query; `:name` stands for an argument."""
        ...

    def apply(self, batch: Batch) -> bool:
        """Put a batch in, whole or not at all; False when it was there already."""
        ...

    def change(self, statements: Sequence[tuple[str, Args]]) -> int:
        """Run these statements in one transaction; how many rows they changed."""
        ...

    def vanish(self) -> None:
        """Give back the room of deleted rows, so that their bytes are no longer in any file."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


def in_groups(rows: Sequence[Any], sizes: Sequence[int]) -> list[Sequence[Any]]:
    """The rows in runs of these sizes, largest first, as few as can be; the last size is 1."""
    found = []
    at = 0
    for size in sizes:
        while len(rows) - at >= size:
            found.append(rows[at : at + size])
            at += size
    return found
