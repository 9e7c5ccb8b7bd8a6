"""The traffic store of a configuration, opened: where it lies, who writes it, what it may not keep."""

import functools
import hashlib
import logging
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from fairlead.assembly.services import Assembly
from fairlead.assembly.store_writer import Place, WriterPlan, open_database, scribe_of, start_process
from fairlead.domain.errors import StoreError
from fairlead.settings.settings import Settings
from fairlead.settings.store_section import StoreSection
from fairlead.store.keeper import Keeper, Writer
from fairlead.store.process_writer import ProcessWriter
from fairlead.store.sql_store import SqlStore
from fairlead.store.traffic import Traffic

_LOG: Final = logging.getLogger("fairlead.store")
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


def open_store(section: StoreSection, env: Mapping[str, str], *, is_demo: bool = False) -> SqlStore:
    """The store for reading, as commands use it."""
    return SqlStore(functools.partial(open_database, _place(section, env, is_demo=is_demo)))


def spools_folder(section: StoreSection, env: Mapping[str, str], *, is_demo: bool = False) -> Path:
    """Where this machine's writers keep the rows that the store did not take."""
    if is_demo:
        section = section.model_copy(update={"url": None, "path": None})
    return _spools(section, _place(section, env, is_demo=is_demo), env)


def open_traffic(
    settings: Settings,
    env: Mapping[str, str],
    unix_s: Callable[[], float],
    *,
    is_demo: bool,
    n_workers: int,
    warnings: list[str],
) -> Traffic | None:
    """What keeps the traffic of one serving process; None where nothing is kept. Started already.

    Raises: StoreError for a file that was named and cannot be used. The usual place only gets a warning, and a database
    that is away may come back: until then rows go to the spool.
    """
    section = settings.store
    if not section.enabled:
        return None
    if is_demo:
        section = section.model_copy(update={"url": None, "path": None})
    place = _place(section, env, is_demo=is_demo)
    if section.url is None:
        try:
            open_database(place).close()
        except StoreError as error:
            if section.path is not None:
                raise
            warnings.append(f"no traffic is kept: {error.message}")
            return None
    plan = WriterPlan(
        name=secrets.token_hex(8),
        place=place,
        spools=str(_spools(section, place, env)),
        spool_bytes=section.spool_bytes,
        redact=section.redact if section.bodies == "redacted" else None,
        redact_patterns=section.redact_patterns,
        retention_days=section.retention_days,
        bodies_retention_days=section.bodies_retention_days,
        log_level=settings.log.level,
        log_format=settings.log.format,
    )
    is_apart = has_process(section, n_workers)
    keeper = Keeper(functools.partial(_writer, plan, is_apart=is_apart), unix_s, is_packing=is_apart)
    keeper.start()
    open_reader = functools.partial(SqlStore, functools.partial(open_database, place))
    return Traffic(keeper, open_reader(), open_reader)


def _writer(plan: WriterPlan, *, is_apart: bool) -> Writer:
    if not is_apart:
        return scribe_of(plan)
    return ProcessWriter(functools.partial(start_process, plan), functools.partial(scribe_of, plan, "-2"))


def has_process(section: StoreSection, n_workers: int) -> bool:
    """Where each serving process has a core to spare: a thread's work stops the event loop, a process's does not."""
    if section.writer != "auto":
        return section.writer == "process"
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return n_cores >= 2 * n_workers and sys.executable != ""


def _place(section: StoreSection, env: Mapping[str, str], *, is_demo: bool = False) -> Place:
    path = store_path(section, env, is_demo=is_demo)
    return Place(str(path) if path is not None else None, None if is_demo else section.url)


def _spools(section: StoreSection, place: Place, env: Mapping[str, str]) -> Path:
    """Where rows wait: beside the file; for a database, in a folder of its own, named by its address."""
    if section.url is None and place.path is not None:
        path = Path(place.path)
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
        traffic = open_traffic(
            assembly.settings,
            env,
            services.unix_s,
            is_demo=assembly.is_demo,
            n_workers=services.n_workers,
            warnings=warnings,
        )
        assembly = replace(assembly, warnings=(*assembly.warnings, *warnings))
    if traffic is None:
        return assembly
    assembly.metrics.store_state = traffic.state
    traffic.listeners = (assembly.metrics.traffic,)
    assembly.gathering.listens(traffic.keeper.told)
    traffic.untold.add(assembly.gathering)
    kept = replace(
        services,
        decision_observers=(*services.decision_observers, assembly.gathering),
        keeps_words=section.bodies != "off",
        traffic=traffic,
    )
    return replace(assembly, services=kept, traffic=traffic)
