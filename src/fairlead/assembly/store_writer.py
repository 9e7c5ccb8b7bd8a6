"""The store's writer, put together from a plan: in this process, or as the main program of one of its own.

    python -P -m fairlead.assembly.store_writer < its plan, then turns

Imports little: it starts beside every serving process, and nothing that is not for writing belongs in its memory.
"""

import gc
import logging
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

import msgspec

from fairlead.domain.errors import StoreError
from fairlead.observability.logs import set_up_logging
from fairlead.store.book import Book, as_it_is
from fairlead.store.database import Database
from fairlead.store.postgres import READER_S, WRITER_S, PostgresDatabase
from fairlead.store.process_writer import read_piece, started, write_turns
from fairlead.store.redaction import Redactor
from fairlead.store.scribe import Scribe
from fairlead.store.spool import Spool
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import READER_BUSY_S, WRITER_BUSY_S, SqliteDatabase

_LOG: Final = logging.getLogger("fairlead.store")
_DAY_S: Final = 86_400.0
GC_THRESHOLD: Final = 100_000


class Place(msgspec.Struct, frozen=True):
    """Where a store lies."""

    path: str | None
    url: str | None


class WriterPlan(msgspec.Struct, frozen=True):
    """All that a writer must know."""

    name: str
    """The writer's own, as no other's."""
    place: Place
    spools: str
    spool_bytes: int
    redact: tuple[str, ...] | None
    """None redacts nothing."""
    redact_patterns: tuple[str, ...]
    retention_days: int | None
    bodies_retention_days: int | None
    log_level: str
    log_format: Literal["json", "text"]


def open_database(place: Place, *, is_writer: bool = False) -> Database:
    """The database at this place. Raises: StoreError."""
    if place.url is not None:
        return PostgresDatabase(place.url, within_s=WRITER_S if is_writer else READER_S)
    if place.path is None:
        raise StoreError("there is no place for the traffic store: name one under 'store' (path or url)")
    busy_s = WRITER_BUSY_S if is_writer else READER_BUSY_S
    return SqliteDatabase(Path(place.path), busy_s=busy_s, checkpoints_aside=is_writer)


def scribe_of(plan: WriterPlan, suffix: str = "") -> Scribe:
    """The writer itself. `suffix` makes its spool another than that of the one before it, which it takes over."""
    redact = Redactor(plan.redact, plan.redact_patterns) if plan.redact is not None else as_it_is
    return Scribe(
        lambda: open_database(plan.place, is_writer=True),
        Spool(Path(plan.spools), plan.name + suffix, plan.spool_bytes),
        plan.name,
        book=Book(redact),
        tend=lambda now_s: _tend(plan, now_s),
    )


def start_process(plan: WriterPlan) -> "subprocess.Popen[bytes]":
    """This module's main program, told its plan by a pipe: an address may hold a password. Raises: OSError."""
    command = [sys.executable, "-P", "-m", "fairlead.assembly.store_writer"]
    return started(command, msgspec.msgpack.encode(plan))


def _tend(plan: WriterPlan, now_s: float) -> None:
    """Delete what is too old, over a connection of its own."""
    before_s, bodies_before_s = (
        now_s - days * _DAY_S if days is not None else None
        for days in (plan.retention_days, plan.bodies_retention_days)
    )
    with closing(SqlStore(lambda: open_database(plan.place))) as store:
        n = store.forget(before_s, bodies_before_s) + store.forget_minutes(now_s)
    if n:
        _LOG.info("%d rows of the traffic store were too old and are gone", n)


def main() -> None:
    """Until the gateway ends. Signals meant for it reach this one too: what it still says must be written."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    head = read_piece(sys.stdin.buffer)
    if head is None:
        return
    plan = msgspec.msgpack.decode(head, type=WriterPlan)
    set_up_logging(plan.log_level, plan.log_format)
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)  # rows make no circles, and are many
    write_turns(scribe_of(plan), sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
