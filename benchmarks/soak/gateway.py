"""The gateway of the kill test: `fairlead serve` with one more observer, which writes every attempt down.

    python -m benchmarks.soak.gateway CONFIG PORT LEDGER

Each line of the ledger is one Attempted or one Replied, as JSON. On SIGUSR1 a line with the tasks and requests that are
alive is printed.
"""

import asyncio
import gc
import json
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import uvloop

from fairlead.assembly.services import assemble
from fairlead.cli.config_file import load_settings
from fairlead.cli.serve import BACKLOG, settle_memory
from fairlead.cli.serving import Server
from fairlead.domain.moments import Attempted, Replied
from fairlead.observability.logs import set_up_logging


class Ledger:
    """An observer that writes lines."""

    def __init__(self, sink: TextIO) -> None:
        self._sink = sink

    def attempted(self, moment: Attempted) -> None:
        line = {
            "attempt": moment.decision_id,
            "upstream": moment.arm.upstream,
            "outcome": moment.outcome,
            "status": moment.upstream_status,
            "stage": moment.stage,
        }
        self._sink.write(json.dumps(line) + "\n")

    def replied(self, moment: Replied) -> None:
        line = {
            "reply": moment.decision_id,
            "outcome": moment.outcome,
            "status": moment.status,
            "attempts": moment.n_attempts,
            "seconds": round(moment.total_s, 3),
        }
        self._sink.write(json.dumps(line) + "\n")


async def _main(config: Path, port: int, ledger: Path) -> None:
    settings, _ = load_settings(config, os.environ)
    settings = settings.listening_on(None, port)
    set_up_logging("error", "json")
    assembly = await assemble(settings, {})
    with ledger.open("a", encoding="utf-8", buffering=1) as sink:
        observers = (*assembly.services.observers, Ledger(sink))
        assembly = replace(assembly, services=replace(assembly.services, observers=observers))
        server = Server(assembly, lambda _before: assemble(settings, {}), None)

        def tell() -> None:
            gc.collect()
            running = len(server.app.engine.running)
            print(json.dumps({"tasks": len(asyncio.all_tasks()), "running": running}), flush=True)

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell)
        listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        settle_memory()
        print("ready", flush=True)
        await server.run_on(listener)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
