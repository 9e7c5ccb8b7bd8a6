"""Recovery: batches that did not go in at once: what dead writers left in spools, and what a store refuses for good."""

import logging
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from fairlead.domain.errors import StoreError
from fairlead.store.database import Database
from fairlead.store.spool import left_behind, read_batches
from fairlead.store.tables import COUNTED, Batch, Put

_LOG: Final = logging.getLogger("fairlead.store")
_OF_REQUESTS: Final = frozenset(("attempts_apart", "bodies", "shadows"))
"""Tables whose rows begin with their request's decision_id, and are nobody's without it."""


class Fate(NamedTuple):
    """What became of a batch, in rows that are counted."""

    n_in: int = 0
    """In the store, and not there before."""
    n_refused: int = 0
    """Refused for good, and dropped."""


def bring_in(database: Database, batch: Batch) -> Fate:
    """Put a batch in; of one that is refused for good, all but the rows that are to blame.

    Raises: StoreError where the store takes nothing now. Said again, nothing goes in twice.
    """
    try:
        return Fate(batch.n_rows if database.apply(batch) else 0)
    except StoreError as error:
        if not error.is_lasting:
            raise
        fate = _in_halves(database, batch)
        _LOG.error("the store refuses %d of %d rows for good: %s", fate.n_refused, batch.n_rows, error.message)
        return fate


def bring_in_left(database: Database, folder: Path) -> Iterator[Fate]:
    """Put in what dead writers have left in this folder; each of their spools is gone once it is in.

    Raises: StoreError where the store takes nothing now.
    """
    for path, _ in left_behind(folder):
        try:
            for batch in read_batches(path):
                yield bring_in(database, batch)
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # somebody else was quicker
        except OSError as error:
            _LOG.error("a spool cannot be read: %s", error.strerror)


def _in_halves(database: Database, batch: Batch) -> Fate:
    """Its rows in pieces, halved as long as they are refused.

    Pieces are batches of a writer of their own, numbered by where they end: told again, each is taken once.
    """
    rows: list[tuple[str, Any]] = [(put.table, row) for put in batch.puts for row in put.rows]
    writer = f"{batch.writer}/{batch.number}"
    n_in = n_refused = 0
    without: set[Any] = set()
    """Decisions whose row of `requests` was refused: words that belong to no request would belong to no tenant."""
    stack = [(0, len(rows))]
    while stack:
        begin, end = stack.pop()
        kept = [each for each in rows[begin:end] if each[0] not in _OF_REQUESTS or each[1][0] not in without]
        puts = [Put(table, [row for _, row in group]) for table, group in groupby(kept, lambda each: each[0])]
        piece = Batch(writer, end, batch.at_s, puts)
        try:
            n_in += piece.n_rows if database.apply(piece) else 0
            n_refused += end - begin - len(kept)
        except StoreError as error:
            if not error.is_lasting:
                raise
            if end - begin > 1:
                middle = (begin + end) // 2
                stack += [(middle, end), (begin, middle)]
                continue
            table, row = rows[begin]
            n_refused += table in COUNTED
            if table == "requests":
                without.add(row[0])
    return Fate(n_in, n_refused)
