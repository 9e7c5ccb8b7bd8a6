"""Kill -9 at the server under load: nothing that was answered before the flush window is lost, nothing is doubled.

    python -m benchmarks.store.kills [--kills 20] [--callers 8] [--writer process]

A served process with a store, the mock upstream, and callers that note the decision id of every reply and when it came.
After a random while it is killed, with its writer if that is a process. Whatever was answered more than FLUSH_WINDOW_S
before must be a row, with its attempt. The next process goes on with the same file. The sums must be those of the rows
at the end.
"""

import argparse
import http.client
import json
import random
import signal
import sqlite3
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.speed import gateway, peers, processes
from fairlead.store.keeper import FLUSH_WINDOW_S

ROOT = Path(__file__).resolve().parents[2]
BODY = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Prove that 2 + 2 = 4."}]})


class Callers:
    """Some threads that ask, one request after the other."""

    def __init__(self, port: int, n: int) -> None:
        self._port = port
        self._is_over = threading.Event()
        self.answered: list[tuple[str, float]] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(n)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._is_over.is_set():
            try:
                line.request("POST", "/v1/chat/completions", BODY, {"content-type": "application/json"})
                answer = line.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return
            name = answer.getheader("x-fairlead-decision-id")
            if answer.status == 200 and name:
                self.answered.append((name, time.monotonic()))


def kept_in(file: Path) -> set[str]:
    """Decisions with their replies and attempts."""
    connection = sqlite3.connect(file)
    try:
        sql = (
            "SELECT r.decision_id FROM requests r JOIN attempts a ON a.decision_id = r.decision_id "
            "WHERE r.outcome IS NOT NULL"
        )
        return {row[0] for row in connection.execute(sql)}
    finally:
        connection.close()


def sums_of(file: Path) -> tuple[int, int, int]:
    """Finished rows, what the rollups say, and ids that stand there twice."""
    connection = sqlite3.connect(file)
    try:
        (rows,) = connection.execute("SELECT COUNT(*) FROM requests WHERE outcome IS NOT NULL").fetchone()
        (summed,) = connection.execute("SELECT SUM(n) FROM rollups WHERE span_s = 60").fetchone()
        doubled = connection.execute("SELECT decision_id FROM requests GROUP BY 1 HAVING COUNT(*) > 1").fetchall()
        return rows, summed, len(doubled)
    finally:
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--writer", choices=("thread", "process"), default="process", help="who writes the rows")
    parser.add_argument("--seed", type=int, default=20261130)
    options = parser.parse_args()
    source = random.Random(options.seed)
    n_answered = n_lost = n_in_window = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mock_port = stack.enter_context(peers.mock_upstream(peers.build(folder)))
        file = folder / "traffic.db"
        config = folder / "fairlead.yaml"
        config.write_text(
            gateway.CONFIG.format(port=mock_port) + f"store: {{path: {file}, writer: {options.writer}}}\n"
        )
        for at in range(options.kills):
            port = peers.free_port()
            command = [gateway.fairlead_command(), "serve", "--config", str(config), "--port", str(port)]
            url = f"http://127.0.0.1:{port}/health/ready"
            with processes.served(command, url, cwd=ROOT, log=folder / "serve.log") as (pid, _):
                callers = Callers(port, options.callers)
                time.sleep(source.uniform(0.3, 2.0))
                killed_s = time.monotonic()
                for one in processes.tree(pid):
                    processes.send(one, signal.SIGKILL)
                callers.stop()
            kept = kept_in(file)
            due = [name for name, when in callers.answered if when < killed_s - FLUSH_WINDOW_S]
            late = [name for name, when in callers.answered if when >= killed_s - FLUSH_WINDOW_S]
            lost = [name for name in due if name not in kept]
            n_answered += len(callers.answered)
            n_lost += len(lost)
            n_in_window += sum(name not in kept for name in late)
            print(f"kill {at + 1}: {len(callers.answered)} answered, {len(lost)} lost beyond the window", flush=True)
        rows, summed, doubled = sums_of(file)
    print(
        f"{options.kills} kills, {n_answered} answered: {n_lost} lost beyond {FLUSH_WINDOW_S} s, "
        f"{n_in_window} within it, {doubled} doubled; {rows} finished rows, {summed} by the sums"
    )
    raise SystemExit(0 if not n_lost and not doubled and rows == summed else 1)


if __name__ == "__main__":
    main()
