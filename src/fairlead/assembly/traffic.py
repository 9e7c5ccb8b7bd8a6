"""The traffic store of a configuration, opened: where it lies, who writes it, what it may not keep."""

import functools
import hashlib
import logging
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from fairlead.assembly.services import Assembly
from fairlead.domain.errors import StoreError
from fairlead.settings.store_section import StoreSection
from fairlead.store.book import Book, as_it_is
from fairlead.store.database import Database
from fairlead.store.keeper import Keeper, KeeperLimits
from fairlead.store.postgres import READER_S, WRITER_S, PostgresDatabase
from fairlead.store.redaction import Redactor
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import READER_BUSY_S, WRITER_BUSY_S, SqliteDatabase
from fairlead.store.traffic import Traffic

_LOG: Final = logging.getLogger("fairlead.store")
_DAY_S: Final = 86_400.0
DEMO_NAME: Final = "demo-traffic.db"
"""Simulated requests stay out of the figures of real ones."""
NAME: Final = "traffic.db"


def store_path(section: StoreSection, env: Mapping[str, str], *, is_demo: bool = False) -> Path | None:
    """The SQLite file; None where there is no place for it: no home folder, and none named."""
    if section.path is not None and not is_demo:
        return Path(section.path).expanduser()
    if env.get("XDG_DATA_HOME"):
        folder = Path(env["XDG_DATA_HOME"])
    elif env.get("HOME") and Path(env["HOME"]).is_dir():
        folder = Path(env["HOME"]) / ".local" / "share"
    else:
        return None
    return folder / "fairlead" / (DEMO_NAME if is_demo else NAME)


def open_database(section: StoreSection, path: Path | None, *, is_writer: bool = False) -> Database:
    """The database of this configuration. Raises: StoreError."""
    if section.url is not None:
        return PostgresDatabase(section.url, within_s=WRITER_S if is_writer else READER_S)
    if path is None:
        raise StoreError("there is no place for the traffic store: name one under 'store' (path or url)")
    return SqliteDatabase(path, busy_s=WRITER_BUSY_S if is_writer else READER_BUSY_S, checkpoints_aside=is_writer)


def open_store(section: StoreSection, env: Mapping[str, str], *, is_demo: bool = False) -> SqlStore:
    """The store for reading, as commands use it."""
    return SqlStore(functools.partial(open_database, section, store_path(section, env, is_demo=is_demo)))


def open_traffic(
    section: StoreSection, env: Mapping[str, str], unix_s: Callable[[], float], *, is_demo: bool, warnings: list[str]
) -> Traffic | None:
    """What keeps the traffic of one serving process; None where nothing is kept. Started already.

    Raises: StoreError for a file that was named and cannot be used. The usual place only gets a warning, and a database
    that is away may come back: until then rows go to the spool.
    """
    if not section.enabled:
        return None
    if is_demo:
        section = section.model_copy(update={"url": None, "path": None})
    path = store_path(section, env, is_demo=is_demo)
    if section.url is None:
        try:
            open_database(section, path).close()
        except StoreError as error:
            if section.path is not None:
                raise
            warnings.append(f"no traffic is kept: {error.message}")
            return None
    open_reader = functools.partial(SqlStore, functools.partial(open_database, section, path))
    store = open_reader()
    redact = Redactor(section.redact, section.redact_patterns) if section.bodies == "redacted" else as_it_is
    keeper = Keeper(
        functools.partial(open_database, section, path, is_writer=True),
        _spools(section, path, env),
        secrets.token_hex(8),
        unix_s,
        book=Book(redact),
        limits=KeeperLimits(max_spool_bytes=section.spool_bytes),
        tend=lambda now_s: _tend(store, section, now_s),
    )
    keeper.start()
    return Traffic(keeper, store, open_reader)


def _spools(section: StoreSection, path: Path | None, env: Mapping[str, str]) -> Path:
    """Where rows wait: beside the file; for a database, in a folder of its own, named by its address."""
    if section.url is None and path is not None:
        return path.parent / f"{path.name}.spools"
    usual = store_path(section.model_copy(update={"path": None}), env)
    folder = usual.parent if usual is not None else Path(tempfile.gettempdir()) / "fairlead"
    name = hashlib.sha256((section.url or "").rpartition("@")[2].encode()).hexdigest()[:12]
    return folder / f"postgres-{name}.spools"


def keeping(assembly: Assembly, env: Mapping[str, str], before: Assembly | None = None) -> Assembly:
    """This assembly with its traffic kept; the keeper of the one before goes on, whatever the new one says of it.

    Raises: StoreError.
    """
    section, services = assembly.settings.store, assembly.services
    if before is not None:
        traffic = before.traffic
        if section != before.settings.store:
            _LOG.warning("changes under 'store' take effect at the next start")
            section = before.settings.store
    else:
        warnings: list[str] = []
        traffic = open_traffic(section, env, services.unix_s, is_demo=assembly.is_demo, warnings=warnings)
        assembly = replace(assembly, warnings=(*assembly.warnings, *warnings))
    if traffic is None:
        return assembly
    assembly.metrics.store_state = traffic.state
    traffic.listeners = (assembly.metrics.traffic,)
    kept = replace(
        services,
        observers=(*services.observers, traffic),
        decision_observers=(*services.decision_observers, traffic),
        shadow_observers=(*services.shadow_observers, traffic),
        keeps_words=section.bodies != "off",
        traffic=traffic,
    )
    return replace(assembly, services=kept, traffic=traffic)


def _tend(store: SqlStore, section: StoreSection, now_s: float) -> None:
    """Delete what is too old."""
    before_s, bodies_before_s = (
        now_s - days * _DAY_S if days is not None else None
        for days in (section.retention_days, section.bodies_retention_days)
    )
    n = store.forget(before_s, bodies_before_s) + store.forget_minutes(now_s)
    if n:
        _LOG.info("%d rows of the traffic store were too old and are gone", n)
