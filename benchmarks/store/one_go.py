"""A great many routed requests in one go through one server with its store on: none lost, memory flat.

    python -m benchmarks.store.one_go [--n 1000000] [--cores 1] [--json FILE]

The load generator and the mock upstream of benchmarks/speed, chat requests of 1 KB from 64 callers, in stretches. After
each of them the memory of the server is read, and at the end every reply is counted against the rows of the store. The
slope is that of a straight line through the last two thirds: in the first, caches and the allocator fill. Neighbouring
readings are alike, so its interval is reckoned from the means of a few blocks of them.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.speed import gateway, peers, processes
from benchmarks.speed.bodies import chat_bodies, write_records
from benchmarks.store.overhead import BODY_BYTES, CONNECTIONS, rows_of, settled, start

STRETCH_S = 10.0
N_BLOCKS = 8
T_95 = 2.447
"""Student's t for 95 % and N_BLOCKS - 2 degrees of freedom."""
FLAT_MB_PER_100K = 0.5
"""Flat: a slope that is not shown to be above this, 0.5 % of the server's memory in an hour at 30 requests a second."""


class Slope(NamedTuple):
    """Megabytes more for each 100,000 requests, with its interval of 95 %."""

    mb_per_100k: float
    low: float
    high: float


def slope_of(points: list[tuple[int, float]]) -> Slope | None:
    """By least squares over the means of blocks of the last two thirds; None of too few points."""
    kept = points[len(points) // 3 :]
    size = len(kept) // N_BLOCKS
    if not size:
        return None
    blocks = [kept[len(kept) - size * (at + 1) : len(kept) - size * at] for at in range(N_BLOCKS)]
    at_n = [statistics.mean(n for n, _ in block) / 1e5 for block in blocks]
    mb = [statistics.mean(mb for _, mb in block) for block in blocks]
    slope, start = statistics.linear_regression(at_n, mb)
    left = sum((y - start - slope * x) ** 2 for x, y in zip(at_n, mb, strict=True)) / (N_BLOCKS - 2)
    spread = statistics.variance(at_n) * (N_BLOCKS - 1)
    half = T_95 * math.sqrt(left / spread)
    return Slope(slope, slope - half, slope + half)


def run(n_wanted: int, n_cores: int) -> dict[str, Any]:
    """The figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peer = peers.build(folder)
        bodies = folder / "chat.bodies"
        write_records(bodies, chat_bodies(n=2_000, size_bytes=BODY_BYTES, model="auto", is_streaming=False))
        mock_port = stack.enter_context(peers.mock_upstream(peer))
        file = folder / "traffic.db"
        arm = start(stack, folder, mock_port, "on", f"{{path: {file}}}", is_pinned=n_cores == 1)
        assert arm.pid is not None
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
        "slope": slope._asdict() if (slope := slope_of(points)) is not None else None,
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
    slope = figures["slope"]
    is_flat = slope is None or slope["low"] <= FLAT_MB_PER_100K
    told = "too few readings" if slope is None else "{mb_per_100k:+.2f} MB per 100,000 ({low:+.2f} to {high:+.2f})"
    print(
        f"{figures['replies']:,} replies in {figures['seconds']:,.0f} s, {figures['rps']:,.0f} a second; "
        f"{rows['finished requests']:,} rows, {state['dropped']} dropped; memory {told.format(**(slope or {}))}"
    )
    raise SystemExit(0 if is_whole and is_flat and not state["dropped"] and not figures["bad"] else 1)


if __name__ == "__main__":
    main()
