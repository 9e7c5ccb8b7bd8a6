"""The dashboard's pages over a million requests: how long the overview and a search take until their HTML is whole.

    python -m benchmarks.store.pages [--n 1000000] [--keep FILE] [--json FILE]

The store is that of `benchmarks.store.million`, and so are the goals, of the median; every page is asked several times,
each on a fresh connection. On a busy machine the CPU time of the process tells more than the clock.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks.store.million import DAYS, FIRST_S, LIMITS_MS, REPEATS, filled
from fairlead.dashboard.assets import own_assets
from fairlead.dashboard.dashboard import Dashboard
from fairlead.dashboard.doorway import Doorway
from fairlead.dashboard.pace import Pace
from fairlead.dashboard.page_pool import PagePool
from fairlead.dashboard.pages.register import PAGES
from fairlead.dashboard.sessions import Sessions
from fairlead.dashboard.sources import Sources
from fairlead.domain.page_call import PageCall
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase

UNTIL_S = FIRST_S + DAYS * 86_400
ASKED = (
    ("/ui", "period=30d"),
    ("/ui", "period=7d"),
    ("/ui", "period=24h"),
    ("/ui", "period=1h"),
    ("/ui/data/overview", "period=30d"),
    ("/ui/decisions", ""),
    ("/ui/decisions", "period=30d&model=lab1/model-6"),
    ("/ui/decisions", "period=30d&outcome=failed&tenant=tenant-1"),
    ("/ui/decisions", "period=90d&session=session-99"),
    ("/ui/decisions", "period=90d&model=lab1/model-6&error_code=no_such_code"),
    ("/ui/decisions", "period=90d&model=no-such-model"),
    ("/ui/decisions/fl-0123456789ab-7a", ""),
)


def worst_ms(median_ms: Mapping[str, float]) -> dict[str, float]:
    """The slowest page of each kind that has a goal: searches are those of the decisions."""
    worst = dict.fromkeys(LIMITS_MS, 0.0)
    for name, ms in median_ms.items():
        kind = "search" if name.startswith("/ui/decisions") else "overview"
        worst[kind] = max(worst[kind], ms)
    return worst


async def asked(file: Path, path: str, query: str) -> tuple[float, float, int]:
    """Seconds by the clock and of CPU, and bytes, of one page on a fresh connection."""
    store, pool = SqlStore(partial(SqliteDatabase, file)), PagePool()
    doorway = Doorway((), Sessions(b"bench", lambda: UNTIL_S, lambda n: b"0" * n), Pace())
    dashboard = Dashboard(PAGES, Sources(store=store), doorway, own_assets(), pool, lambda: UNTIL_S)
    store.served("")
    began_s, cpu_s = time.perf_counter(), time.process_time()
    answer = await dashboard.answer(PageCall("GET", path, query.encode(), [(b"host", b"localhost")]))
    took = time.perf_counter() - began_s, time.process_time() - cpu_s
    assert answer.status == 200, answer.body[:200]
    pool.close()
    store.close()
    return *took, len(answer.body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="make the file here, or use the one that is here")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.keep or Path(folder) / "traffic.db"
        filled(SqliteDatabase(file), options.n, file)
        figures = {}
        for path, query in ASKED:
            found = [asyncio.run(asked(file, path, query)) for _ in range(REPEATS)]
            name = f"{path}?{query}" if query else path
            figures[name] = {
                "median_ms": statistics.median(each[0] for each in found) * 1e3,
                "least_ms": min(each[0] for each in found) * 1e3,
                "least_cpu_ms": min(each[1] for each in found) * 1e3,
                "bytes": found[0][2],
            }
            row = figures[name]
            print(
                f"{name:72} median {row['median_ms']:7.1f} ms, least {row['least_ms']:7.1f}, "
                f"CPU {row['least_cpu_ms']:7.1f}, {row['bytes'] / 1e3:6.1f} kB",
                flush=True,
            )
    worst = worst_ms({name: row["median_ms"] for name, row in figures.items()})
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print("; ".join(f"{kind}: {ms:,.0f} ms at most, {LIMITS_MS[kind]} ms allowed" for kind, ms in worst.items()))
    raise SystemExit(0 if all(ms <= LIMITS_MS[kind] for kind, ms in worst.items()) else 1)


if __name__ == "__main__":
    main()
