"""What the store costs: routed requests per second with the store on against off, in one run, and no row dropped.

    python -m benchmarks.store.overhead [--pairs 40] [--seconds 3] [--sustained 60] [--cores 1,2] [--json FILE]

Two servers of the same configuration but for `store`, the load generator and the mock upstream of benchmarks/speed. The
two take short turns, so that a change of the machine's mood meets both; what counts is the median of the pairs' ratios,
with its 95 % interval. Then the one with the store serves without a pause. The gateway has one core, with its writer's
thread on it, or two, beside its writer's process, the load and the mock. Afterwards every reply that the load generator
counted must be a row, with its decision and its attempt.
"""

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.speed import gateway, peers, processes
from benchmarks.speed.bodies import chat_bodies, write_records

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 64
BODY_BYTES = 1_024


def store_state(port: int) -> dict[str, Any]:
    """What the server says of its store."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10) as answer:
        said: dict[str, Any] = json.load(answer)
    return dict(said.get("store", {}))


def settled(port: int) -> dict[str, Any]:
    """The same, once nothing waits any more."""
    end_s = time.monotonic() + 60
    while True:
        state = store_state(port)
        if not state.get("waiting") or time.monotonic() > end_s:
            time.sleep(0.5)
            return store_state(port)
        time.sleep(0.1)


def start(
    stack: ExitStack, folder: Path, mock_port: int, name: str, store: str, *, is_pinned: bool = True
) -> gateway.Arm:
    """A server with this `store` section."""
    config = folder / f"{name}.yaml"
    config.write_text(gateway.CONFIG.format(port=mock_port) + f"store: {store}\n")
    port = peers.free_port()
    command = [gateway.fairlead_command(), "serve", "--config", str(config), "--port", str(port)]
    url = f"http://127.0.0.1:{port}/health/ready"
    log = folder / f"{name}.log"
    pid, ready_s = stack.enter_context(processes.served(command, url, cwd=ROOT, log=log, is_pinned=is_pinned))
    return gateway.Arm(name, port, pid, ready_s)


def median_interval(ordered: list[float]) -> tuple[float, float]:
    """The 95 % interval of a median, by its order statistics: between which of them it lies with that chance."""
    n = len(ordered)
    half = 0.98 * n**0.5
    low, high = int(max(n / 2 - half, 0)), int(min(n / 2 + half, n - 1))
    return ordered[low], ordered[high]


def rows_of(path: Path) -> dict[str, int]:
    """Rows by table, counted by nobody's code but SQLite's."""
    connection = sqlite3.connect(path)
    try:
        counted = {
            "finished requests": "SELECT COUNT(*) FROM requests WHERE outcome IS NOT NULL AND candidates IS NOT NULL",
            "unfinished requests": "SELECT COUNT(*) FROM requests WHERE outcome IS NULL",
            "attempts": "SELECT COUNT(*) FROM attempts",
            "attempts apart": "SELECT COUNT(*) FROM attempts_apart",
            "requests by the rollups": "SELECT SUM(n) FROM rollups WHERE span_s = 3600",
        }
        return {name: int(connection.execute(sql).fetchone()[0] or 0) for name, sql in counted.items()}
    finally:
        connection.close()


def measure(n_cores: int, pairs: int, seconds: float, sustained_s: float) -> dict[str, Any]:
    """The figures of one number of cores."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peer = peers.build(folder)
        bodies = folder / "chat.bodies"
        write_records(bodies, chat_bodies(n=2000, size_bytes=BODY_BYTES, model="auto", is_streaming=False))
        mock_port = stack.enter_context(peers.mock_upstream(peer))
        file = folder / "traffic.db"
        arms = [
            start(stack, folder, mock_port, name, store, is_pinned=n_cores == 1)
            for name, store in (("off", "{enabled: false}"), ("on", f"{{path: {file}}}"))
        ]
        case = gateway.Case("JSON", "1 KB", CONNECTIONS)
        runs: dict[str, list[dict[str, float]]] = {"off": [], "on": []}
        for at in range(pairs):
            for arm in arms if at % 2 else arms[::-1]:
                runs[arm.name].append(gateway.run_case(peer, arm, case, bodies, seconds))
        long = gateway.run_case(peer, arms[1], case, bodies, sustained_s)
        ratios = sorted(on["rps"] / off["rps"] for on, off in zip(runs["on"], runs["off"], strict=True))
        figures: dict[str, Any] = {
            "ratio": statistics.median(ratios),
            "interval": median_interval(ratios),
            "ratios": [round(ratio, 3) for ratio in ratios],
            "rps_sustained": long["rps"],
            "rss_mb_off": runs["off"][-1]["resident_mb"],
            "rss_mb_on": long["resident_mb"],
            "store": settled(arms[1].port),
            "replies_on": int(long["n"]) + sum(int(run["n"]) for run in runs["on"]),
            "rows": rows_of(file),
        }
        for name, those in runs.items():
            for figure in ("rps", "cpu_us", "total_p99_us"):
                figures[f"{figure}_{name}"] = statistics.median(run[figure] for run in those)
    return figures


def verdict(n_cores: int, figures: dict[str, Any]) -> bool:
    """Say what came out; whether every reply is kept."""
    (low, high), rows, state = figures["interval"], figures["rows"], figures["store"]
    share = 1.0 - figures["ratio"]
    of_cpu = 1.0 - figures["cpu_us_off"] / figures["cpu_us_on"]
    is_whole = rows["finished requests"] == rows["attempts"] == rows["requests by the rollups"]
    is_whole = is_whole and rows["finished requests"] >= figures["replies_on"] and not rows["unfinished requests"]
    print(
        f"{n_cores} core(s): the store costs {share:.1%} of the requests per second ({1 - high:.1%} to {1 - low:.1%}), "
        f"{of_cpu:.1%} of the CPU; {figures['rps_off']:,.0f} a second without it, {figures['rps_on']:,.0f} with it, "
        f"{figures['rps_sustained']:,.0f} without a pause; "
        f"{figures['replies_on']:,} replies, {rows['finished requests']:,} rows, {state['dropped']} dropped, "
        f"{'none lost' if is_whole else 'SOME LOST'}",
        flush=True,
    )
    return is_whole and not state["dropped"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    parser.add_argument("--sustained", type=float, default=60.0, help="seconds without a pause, afterwards")
    parser.add_argument("--cores", default="1,2")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found, is_whole = {}, True
    for n_cores in map(int, options.cores.split(",")):
        found[n_cores] = measure(n_cores, options.pairs, options.seconds, options.sustained)
        print(n_cores, json.dumps(found[n_cores], indent=1))
        is_whole = verdict(n_cores, found[n_cores]) and is_whole
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    raise SystemExit(0 if is_whole else 1)


if __name__ == "__main__":
    main()
