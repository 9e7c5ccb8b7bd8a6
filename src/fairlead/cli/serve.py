"""`fairlead serve`: the endpoint."""

import os
import secrets
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

if TYPE_CHECKING:
    from fairlead.assembly.services import Assembly

BACKLOG: Final = 2048
GC_THRESHOLDS: Final = (20_000, 20, 100)
"""Requests make few cycles; looking for them every 700 allocations cost about 5 % of a request."""
MULTIPROCESS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


class Options(NamedTuple):
    """What the command line said; plain values, so that a worker process can be given them."""

    config: str | None
    host: str | None
    port: int | None
    demo: bool
    demo_if_empty: bool
    workers: int
    table: str | None = None
    """The file in memory through which workers tell each other what rests."""
    secret: bytes | None = None
    """What seals the dashboard's sessions: a login at one worker holds at the others."""


def serve(
    config: Annotated[Path | None, typer.Option(help="Configuration file; ./fairlead.yaml if it is there.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on (8484).")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve built-in simulated models: no key needed.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the port, one core each.")] = 1,
    demo_if_empty: Annotated[
        bool, typer.Option("--demo-if-empty", help="Serve the demo when no key, server or upstream is found.")
    ] = False,
) -> None:
    """Start the OpenAI-compatible endpoint."""
    from fairlead.domain.errors import ConfigError

    options = Options(str(config) if config else None, host, port, demo, demo_if_empty, workers)
    listener, url = _listen(options)
    if workers == 1:
        raise typer.Exit(_run(options, listener, url, 0))
    if os.environ.get(MULTIPROCESS_FOLDER) == "":
        raise ConfigError(f"{MULTIPROCESS_FOLDER} is set but empty: unset it, or name a folder")
    raise typer.Exit(_supervise(options, listener, url))


def _listen(options: Options) -> tuple[socket.socket, str]:
    """The bound socket, made before anything else: a port that is taken is said at once."""
    from fairlead.cli.config_file import load_settings
    from fairlead.domain.errors import ConfigError

    settings, _ = load_settings(Path(options.config) if options.config else None, os.environ)
    server = settings.listening_on(options.host, options.port).server
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        listener = socket.create_server((server.host, server.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {server.host}:{server.port} ({error.strerror}): choose another with --port, "
            "or stop what listens there"
        ) from None
    port = listener.getsockname()[1]
    shown = f"[{server.host}]" if ":" in server.host else server.host
    return listener, f"http://{shown}:{port}"


def _run(options: Options, listener: socket.socket, url: str, place: int) -> int:
    """One serving process, until it is told to stop; its exit code."""
    import asyncio
    import importlib
    import importlib.util

    from fairlead.cli.early_hang_ups import note_early_hang_ups

    note_early_hang_ups()
    if importlib.util.find_spec("uvloop") is not None:
        loop_factory = importlib.import_module("uvloop").new_event_loop
    else:  # a platform that uvloop does not know
        loop_factory = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(_serve(options, listener, url, place))


async def _serve(options: Options, listener: socket.socket, url: str, place: int) -> int:
    from fairlead.cli.config_file import find_config
    from fairlead.cli.serving import Server

    assembly = await _assemble(options, place)
    config_file = find_config(Path(options.config) if options.config else None, os.environ)
    server = Server(assembly, lambda before: _assemble(options, place, before), config_file)
    if place == 0:
        for line in banner(assembly, url, n_workers=options.workers):
            typer.echo(line)
        sys.stdout.flush()
    settle_memory()
    await server.run_on(listener)
    return 0


async def _assemble(options: Options, place: int, before: "Assembly | None" = None) -> "Assembly":
    from fairlead.assembly.pages import paged
    from fairlead.assembly.services import assemble
    from fairlead.assembly.tracing import traced
    from fairlead.assembly.traffic import keeping
    from fairlead.assembly.worker_memory import join_table
    from fairlead.cli.config_file import load_settings
    from fairlead.domain.errors import ConfigError
    from fairlead.observability.logs import set_up_logging

    settings, _ = load_settings(Path(options.config) if options.config else None, os.environ)
    settings = settings.listening_on(options.host, options.port)
    set_up_logging(settings.log.level, settings.log.format)
    shared = before.services.shared_rests if before is not None else None
    if shared is None and options.table is not None:
        shared = join_table(Path(options.table), place)
    if not options.demo:
        assembly = await assemble(settings, os.environ, n_workers=options.workers, shared_rests=shared, before=before)
        if assembly.services.upstreams:
            return paged(traced(keeping(assembly, os.environ, before), before), before, options.secret)
        if not options.demo_if_empty:
            raise ConfigError(
                "no API key and no local model server was found. Set OPENAI_API_KEY (or another: 'fairlead doctor' "
                "lists them), start a local server, write a configuration ('fairlead config init'), or try "
                "'fairlead serve --demo'"
            )
    demo = await assemble(
        settings, os.environ, is_demo=True, n_workers=options.workers, shared_rests=shared, before=before
    )
    return paged(traced(keeping(demo, os.environ, before), before), before, options.secret)


def settle_memory() -> None:
    """Take what was made at the start out of the garbage collector's rounds: it stays until the end anyway."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _supervise(options: Options, listener: socket.socket, url: str) -> int:
    """N workers on one socket. They share counters, and what rests through a file in memory."""
    import tempfile

    from fairlead.assembly.worker_memory import make_table
    from fairlead.cli.workers import Workers

    with tempfile.TemporaryDirectory(prefix="fairlead-workers-") as folder:
        os.environ.setdefault(MULTIPROCESS_FOLDER, folder)
        table = Path(folder) / "rests.table"
        make_table(table, options.workers)
        shared = options._replace(table=str(table), secret=secrets.token_bytes(32))
        return Workers(options.workers, lambda place: (_work, (shared, listener, url, place))).keep_alive()


def _work(options: Options, listener: socket.socket, url: str, index: int) -> None:
    from fairlead.domain.errors import SetupError

    try:
        sys.exit(_run(options, listener, url, index))
    except SetupError as error:
        print(f"error: {error.message}", file=sys.stderr)
        sys.exit(2)


def banner(assembly: "Assembly", url: str, *, n_workers: int = 1) -> list[str]:
    """What is said at the start: where, what `auto` may use, and what it may not."""
    from fairlead import __version__

    pool = assembly.pool
    lines = [
        f"Fairlead {__version__} at {url}/v1   (models: auto, auto:quality, auto:cost, auto:speed, or any by name)"
    ]
    if assembly.services.pages is not None:
        lines.append(f"Dashboard at {url}/ui")
    if assembly.is_demo:
        lines.append("DEMO: every model below is simulated; no request leaves this machine.")
    lines += [f"warning: {warning}" for warning in assembly.warnings]
    chosen = [spec for spec, is_in in zip(pool.specs, pool.in_default, strict=True) if is_in]
    models = {spec.arm.model for spec in chosen}
    n_upstreams = len({spec.arm.upstream for spec in chosen})
    counted = f"{len(models)} model{'s' * (len(models) != 1)} at {n_upstreams} upstream{'s' * (n_upstreams != 1)}"
    lines.append(f"auto may use {counted}:")
    lines += _upstream_lines(assembly)
    left_out = len({spec.arm.model for spec in pool.specs}) - len(models)
    if left_out:
        verb, whose = ("answers", "its name") if left_out == 1 else ("answer", "their names")
        lines.append(f"{left_out} more {verb} only to {whose} (superseded, unpriced, or not for chat).")
    if n_workers > 1:
        lines.append(
            f"{n_workers} workers share the port, the metrics and what rests; each has its part of the limits."
        )
        lines.append("Conversations, kept answers and measured speeds are each worker's own.")
    lines.append("Press Ctrl-C to stop.")
    return lines


def _upstream_lines(assembly: "Assembly") -> list[str]:
    pool = assembly.pool
    lines = []
    for endpoint in assembly.endpoints:
        mask = pool.upstreams.get(endpoint.name)
        if mask is None:
            lines.append(f"  {endpoint.name}: no model is known for it; list them under 'models'")
            continue
        names = sorted({pool.specs[i].arm.sent_model for i in (mask & pool.in_default).nonzero()[0]})
        shown = ", ".join(names[:6]) + (f", … {len(names) - 6} more" if len(names) > 6 else "")
        marks = " (local, marginal cost 0)" if endpoint.is_local else " (simulated)" if endpoint.is_simulated else ""
        lines.append(f"  {endpoint.name}{marks}: {shown or 'nothing for auto'}")
    return lines
