"""Serving: one process's server, from its start to its last request; it drains, and takes over new configurations."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import uvicorn

from fairlead.assembly.services import Assembly, close
from fairlead.cli.early_hang_ups import EARLY
from fairlead.domain.errors import SetupError
from fairlead.gateway.guard import GuardLimits, guarded
from fairlead.gateway.swap import SwappableApp

_LOG: Final = logging.getLogger("fairlead.server")
LAST_WORDS_S: Final = 2.0
"""After `drain_s` the running streams end with an error event: how long they may take to say it."""
WATCH_EVERY_S: Final = 2.0
WRITER_WITHIN_S: Final = 15.0
"""Before the first request there is somebody who writes its rows; one that is not there by then is not waited for."""

Assemble = Callable[[Assembly | None], Awaitable[Assembly]]
"""The configuration on disk as an assembly; given the one in force, whose counters go on. Raises: SetupError."""


class Server(uvicorn.Server):
    """uvicorn's server, with an end that tells its clients, and configurations that can be changed."""

    def __init__(self, assembly: Assembly, assemble: Assemble, config_file: Path | None) -> None:
        self._assembly = assembly
        self._assemble = assemble
        self._config_file = config_file
        self.app = SwappableApp(assembly.services)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()
        server = assembly.settings.server
        limits = GuardLimits(
            head_s=server.head_s,
            body_idle_s=server.body_idle_s,
            write_s=server.write_s,
            max_head_bytes=server.max_head_bytes,
            max_headers=server.max_headers,
        )
        super().__init__(
            uvicorn.Config(
                self.app,
                interface="asgi3",
                http=guarded(limits),
                ws="none",
                lifespan="off",
                access_log=False,
                proxy_headers=False,
                log_config=None,
                log_level="critical",
                server_header=False,
                timeout_keep_alive=int(server.keep_alive_s),
                timeout_graceful_shutdown=int(server.drain_s + LAST_WORDS_S),
            )
        )

    async def run_on(self, listener: socket.socket) -> None:
        """Serve until told to stop; SIGHUP takes over the configuration anew."""
        loop = asyncio.get_running_loop()
        with suppress(
            NotImplementedError, AttributeError, ValueError
        ):  # a platform without SIGHUP, or not the main thread
            loop.add_signal_handler(signal.SIGHUP, self._soon, self.reload)
        if EARLY:
            self._soon(self.reload)
        if self._config_file is not None and self._assembly.settings.server.watch_config:
            self._soon(self._watch)
        if self._assembly.traffic is not None:
            keeper = self._assembly.traffic.keeper
            if not await asyncio.to_thread(keeper.await_writer, WRITER_WITHIN_S):
                _LOG.warning("nobody writes the traffic store yet: until then its rows are in memory alone")
        try:
            await self.serve(sockets=[listener])
        finally:
            for task in list(self._tasks):
                task.cancel()
            close(self._assembly)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Not ready from now on, a tenth of a second after the signal; what runs has `drain_s`, then it is told."""
        self.app.drain()
        drain_s = self._assembly.settings.server.drain_s
        timer = asyncio.get_running_loop().call_later(drain_s, self.app.shut_down)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()
            # Not later: with the signal that stopped it, the process ends as soon as the server has.
            self._assembly.gathering.tell()
            if self._assembly.traffic is not None:
                self._assembly.traffic.close()
            if self._assembly.desk is not None:
                self._assembly.desk.close()
            if self._assembly.traces is not None:
                self._assembly.traces.close()

    async def reload(self) -> None:
        """Take over the configuration on disk, whole; a wrong one is refused with a log line, and the old one stays."""
        async with self._reloading:
            old = self._assembly
            try:
                new = await self._assemble(old)
            except SetupError as error:
                _LOG.error("the changed configuration is refused, the old one stays in force: %s", error.message)
                return
            if new.settings.server != old.settings.server:
                _LOG.warning("changes under 'server' take effect at the next start")
            engine = self.app.swap(new.services)
            self._assembly = new
            _LOG.info("configuration %s is in force, before it %s", new.settings.version, old.settings.version)
        await engine.emptied()
        close(old)

    async def _watch(self) -> None:
        """Reload whenever the configuration, or the router that it names, has changed."""
        files = WatchedFiles()
        files.have_changed(self._watched())
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if files.have_changed(self._watched()):
                self._soon(self.reload)

    def _watched(self) -> list[Path]:
        assert self._config_file is not None
        router = self._assembly.settings.router_file
        return [self._config_file, *([] if router is None else [Path(router)])]

    def _soon(self, work: Callable[[], Any]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class WatchedFiles:
    """Files as they were when they were last looked at.

    One that is away stands as it was: it neither is a change nor hides another file's. One that was not looked at the
    last time is no change either: whoever named it has just read it.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int] | None] = {}

    def have_changed(self, paths: Sequence[Path]) -> bool:
        """Whether one of these is there, and otherwise than the last time."""
        now = {path: _stamp(path) or self._seen.get(path) for path in paths}
        known = {path: stamp for path, stamp in self._seen.items() if stamp is not None}
        is_changed = any(now[path] != known[path] for path in now.keys() & known.keys())
        self._seen = now
        return is_changed


def _stamp(path: Path) -> tuple[int, int] | None:
    """What tells a changed file from itself; None while it is not there (an editor is replacing it)."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
