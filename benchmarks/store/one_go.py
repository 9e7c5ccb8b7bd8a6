"""A great many routed requests in one go through one server with its store on: none lost, memory flat.

    python -m benchmarks.store.one_go [--n 1000000] [--cores 1] [--json FILE]

The load generator and the mock upstream of benchmarks/speed, chat requests of 1 KB from 64 callers, in stretches. After
each of them the memory of the server is read, and at the end every reply is counted against the rows of the store. The
slope is that of a straight line through the last two thirds: in the first, caches and the allocator fill.
"""

import argparse
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.speed import gateway, peers, processes
from benchmarks.speed.bodies import chat_bodies, write_records
from benchmarks.store.overhead import BODY_BYTES, CONNECTIONS, rows_of, settled, start

STRETCH_S = 10.0


def slope_mb(points: list[tuple[int, float]]) -> float:
    """Megabytes more for each 100,000 requests, by least squares over the last two thirds."""
    kept = points[len(points) // 3 :]
    if len(kept) < 2:
        return float("nan")
    mean_n = sum(n for n, _ in kept) / len(kept)
    mean_mb = sum(mb for _, mb in kept) / len(kept)
    spread = sum((n - mean_n) ** 2 for n, _ in kept)
    return sum((n - mean_n) * (mb - mean_mb) for n, mb in kept) / spread * 1e5


def run(n_wanted: int, n_cores: int) -> dict[str, Any]:
    """The figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peer = peers.build(folder)
        bodies = folder / "chat.bodies"
        write_records(bodies, chat_bodies(n=2_000, size_bytes=BODY_BYTES, model="auto", is_streaming=False))
        mock_port = stack.enter_context(peers.mock_upstream(peer))
        file = folder / "traffic.db"
        arm = start(stack, folder, mock_port, "on", f"{{path: {file}}}")
        assert arm.pid is not None
        if n_cores > 1:
            processes.unpin(arm.pid)
        points: list[tuple[int, float]] = []
        n = bad = 0
        began_s = time.perf_counter()
        while n < n_wanted:
            figures = peers.load(
                peer, arm.port, gateway.PATH, connections=CONNECTIONS, seconds=STRETCH_S, bodies=bodies
            )
            # The generator's warm-up is answered and kept too; only its own count is exact.
            n += int(figures["n"])
            bad += int(figures["bad"] + figures["errors"])
            points.append((n, processes.resident_mb(arm.pid)))
            print(f"{n:,} replies, {figures['rps']:,.0f}/s, {points[-1][1]:.1f} MB", flush=True)
        took_s = time.perf_counter() - began_s
        state = settled(arm.port)
        rows = rows_of(file)
        size_mb = file.stat().st_size / 1e6
    return {
        "replies": n,
        "bad": bad,
        "seconds": took_s,
        "rps": n / took_s,
        "first_mb": points[0][1],
        "last_mb": points[-1][1],
        "mb_per_100k": slope_mb(points),
        "rows": rows,
        "store": state,
        "file_mb": size_mb,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = run(options.n, options.cores)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    rows, state = figures["rows"], figures["store"]
    is_whole = rows["finished requests"] >= figures["replies"] and not rows["unfinished requests"]
    is_whole = is_whole and rows["attempts"] == rows["finished requests"] == rows["requests by the rollups"]
    raise SystemExit(0 if is_whole and not state["dropped"] and not figures["bad"] else 1)


if __name__ == "__main__":
    main()
