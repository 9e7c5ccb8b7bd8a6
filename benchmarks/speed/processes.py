"""What a process tree costs, read from /proc: CPU time, resident memory; and how long a command takes to be ready."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.speed.peers import GATEWAY_CORE, pinned

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
READY_WITHIN_S = 30.0


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of a process tree so far, user and system, in ticks of 10 ms."""
    total = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total * TICK_S


def resident_mb(pid: int) -> float:
    """Resident memory of a process tree, shared pages counted in each."""
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def served(
    command: list[str], ready_url: str, *, cwd: Path, log: Path, is_pinned: bool = True
) -> Iterator[tuple[int, float]]:
    """Run a server until the block ends; gives its pid and the seconds until it was ready.

    It has the gateway's core, or all of ours.

    Ends the program with the server's own words when it does not come up.
    """
    with log.open("wb") as sink:
        begun = time.perf_counter()
        line = pinned(GATEWAY_CORE, command) if is_pinned else command
        process = subprocess.Popen(line, cwd=cwd, stdout=sink, stderr=subprocess.STDOUT)
        try:
            yield process.pid, _await_ready(process, ready_url, begun, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_ready(process: "subprocess.Popen[bytes]", url: str, begun: float, log: Path) -> float:
    # No proxy of the environment may come between: the opener has none.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.perf_counter() - begun < READY_WITHIN_S and process.poll() is None:
        try:
            with opener.open(url, timeout=1) as reply:
                if reply.status == 200:
                    return time.perf_counter() - begun
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    print(f"not ready: {' '.join(process.args)}\n{log.read_text()[-4000:]}", file=sys.stderr)  # type: ignore[arg-type]
    raise SystemExit(1)


def seconds_of(command: list[str], *, runs: int = 5) -> float | None:
    """The median wall time of a command on the gateway's core; None when it fails."""
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        done = subprocess.run(pinned(GATEWAY_CORE, command), capture_output=True, check=False)
        if done.returncode != 0:
            return None
        took.append(time.perf_counter() - begun)
    return sorted(took)[len(took) // 2]


def send(pid: int, number: int) -> None:
    """A signal to one process; one that is gone does not mind."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
