"""The compiled peer of the benchmarks (peer.c): built once into a folder, started as mock upstream or as load."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("peer.c")
GATEWAY_CORE, PEER_CORE = 0, 1


def build(folder: Path) -> Path:
    """Compile peer.c. Ends the program with status 2 and the line to type when there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        print("no C compiler found: apt-get install -y gcc libc6-dev", file=sys.stderr)
        raise SystemExit(2)
    peer = folder / "peer"
    subprocess.run([compiler, "-O2", "-o", str(peer), str(SOURCE)], check=True)
    return peer


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cores() -> list[int]:
    """The cores that we may use."""
    return sorted(os.sched_getaffinity(0))


def pinned(core: int, command: list[str]) -> list[str]:
    """The command on one core, or as it is where cores cannot be chosen."""
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(cores()[core % len(cores())]), *command] if taskset else command


@contextmanager
def mock_upstream(
    peer: Path, *, delay_ms: float = 0, chunk_gap_us: float = 0, n_chunks: int = 20, replies: Path | None = None
) -> Iterator[int]:
    """A mock upstream beside the load; gives its port. `replies`: what it says instead of the chat format's."""
    port = free_port()
    arguments = ["mock", str(port), str(delay_ms), str(chunk_gap_us), str(n_chunks)]
    arguments += [str(replies)] if replies is not None else []
    process = subprocess.Popen(pinned(PEER_CORE, [str(peer), *arguments]), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("the mock upstream did not start")
        yield port
    finally:
        process.terminate()
        process.wait()


def load(peer: Path, port: int, path: str, *, connections: int, seconds: float, bodies: Path) -> dict[str, Any]:
    """One run of the load generator; its figures by name."""
    arguments = ["load", "127.0.0.1", str(port), path, str(connections), str(seconds), str(bodies)]
    done = subprocess.run(pinned(PEER_CORE, [str(peer), *arguments]), check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
