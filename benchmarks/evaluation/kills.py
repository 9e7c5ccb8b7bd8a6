"""Number 4, second half: a run is killed (kill -9) at random moments and started again; nothing is lost or paid twice.

    python -m benchmarks.evaluation.kills [--kills 20] [--prompts 1500] [--forgets]

The upstream keeps the books. It replays by idempotency key, so a call that was in flight at a kill is asked again and
charged once. With `--forgets` it does not, and nobody can know what became of such a call: then none may be paid twice,
and every call without a reply must be named as unknown.
"""

import argparse
import json
import random
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.evaluation.running import Upstream, counting_upstream, write_world
from fairlead.evaluation.running.journal import read_journal


def killed_run(folder: Path, upstream: Upstream, n: int, n_kills: int, seed: int, *, slow_s: float) -> dict[str, Any]:
    """Kill so many times while calls are under way, then let it end; what the books and the record say."""
    draw = random.Random(seed)
    command = [*write_world(folder, upstream, n, ["skill-90", "skill-70"]), "--concurrency", "16"]
    journal = folder / "run" / "journal.jsonl"
    n_done = 0
    for _ in range(n_kills):
        before = journal.stat().st_size if journal.exists() else 0
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Wait until the record grows, so that the kill falls into the run and not into the start of Python.
        while process.poll() is None and (not journal.exists() or journal.stat().st_size <= before + 400):
            _wait(process, 0.005)
        _wait(process, draw.uniform(0.0, slow_s))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            n_done += 1
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    ledger = read_journal(journal)
    replies = [each.reply for each in ledger.calls.values() if each.reply is not None]
    counts = upstream.counts()
    return {
        "n_calls": 2 * n, "n_kills": n_done, "n_replies": len(replies), "n_unknown": len(ledger.unknown),
        "record_hash": report["record_hash"], "n_lost": 2 * n - len(replies) - len(ledger.unknown),
        "n_paid_twice": counts["n_charged"] - counts["n_keys"], **counts,
    }  # fmt: skip


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--prompts", type=int, default=1_500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forgets", action="store_true")
    given = parser.parse_args()
    options = ["--delay-ms", "50", *(["--forgets"] if given.forgets else [])]
    with counting_upstream(*options) as upstream, tempfile.TemporaryDirectory() as name:
        print(json.dumps(killed_run(Path(name), upstream, given.prompts, given.kills, given.seed, slow_s=0.5)))


if __name__ == "__main__":
    main()
