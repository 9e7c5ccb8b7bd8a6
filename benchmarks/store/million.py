"""A million requests in the store: how long the overview and a search take.

    python -m benchmarks.store.million [--n 1000000] [--keep FILE] [--json FILE]

Rows are made by the writer's own code from moments spread over 30 days: 12 models at 4 upstreams, 5 tenants, 3 % of
failures, 8 candidates each. Every question is asked several times on a fresh connection each time.
"""

import argparse
import json
import random
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from fairlead.domain.decision import Arm, Decision
from fairlead.domain.figures import COLUMNS, Figures
from fairlead.domain.kinds import KINDS
from fairlead.domain.moments import Attempted, Decided, Replied
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, ModelId, ProviderName, SentModel, TenantName, UpstreamName
from fairlead.domain.usage import Usage
from fairlead.store.book import Book, Moment
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search, Window
from fairlead.store.tables import Batch

DAYS = 30
FIRST_S = 1_790_000_000.0
BATCH = 2_000
ARMS = tuple(
    Arm(
        ModelId(f"lab{at % 5}/model-{at}"),
        UpstreamName(f"up-{at % 4}"),
        ProviderName(f"p{at % 4}"),
        SentModel(f"m{at}"),
    )
    for at in range(12)
)
N_CANDIDATES = 8
REPEATS = 7


def unasked() -> Decision:
    raise AssertionError("a store needs no explanation")


def figures_of(source: random.Random) -> Figures:
    order = source.sample(range(len(ARMS)), N_CANDIDATES)
    columns = [[source.random() * 0.01 for _ in order] for _ in COLUMNS]
    flat = [value for column in columns for value in column]
    return Figures(
        ARMS,
        struct.pack(f"<{len(order)}H", *order),
        struct.pack(f"<{len(flat)}f", *flat),
        (),
        "highest_utility",
        source.choice(KINDS),
        source.gauss(0, 1),
        "en",
        source.randint(20, 4_000),
        0.002,
        2,
        0,
        0,
    )


def request(at: int, source: random.Random) -> Iterator[Moment]:
    identity, tenant, asked = DecisionId(f"fl-0123456789ab-{at:x}"), TenantName(f"tenant-{at % 5}"), AskedModel("auto")
    served = source.choice(ARMS)
    is_ok = source.random() > 0.03
    usage, cost = Usage(source.randint(20, 4_000), 0, 0, source.randint(1, 900)), Usd(source.randint(1_000, 5_000_000))
    session = f"session-{at // 5}" if at % 3 == 0 else None
    first = source.expovariate(2.0)
    total = first + source.expovariate(0.5)
    kept = figures_of(source)
    yield Decided(
        identity, tenant, "chat", asked, "auto", served, 1.0, N_CANDIDATES, session, None, None, None, "0123456789ab",
        unasked, lambda: kept, f"key-{at % 9}",
    )  # fmt: skip
    yield Attempted(identity, served, "ok" if is_ok else "rejected", 200, first, total, usage, cost, 0, False, "whole")
    yield Replied(
        identity, tenant, "chat", asked, "auto", served, "ok" if is_ok else "error", 200 if is_ok else 502,
        None if is_ok else "upstream_rejected", at % 2 == 0, 1, usage, cost, 0.0001, 0.0003, first, total, session,
        key_name=f"key-{at % 9}",
    )  # fmt: skip


def fill(file: Path, n: int) -> float:
    """Seconds that it took."""
    source, book, database = random.Random(7), Book(), SqliteDatabase(file)
    began_s = time.perf_counter()
    number = 0
    for at in range(n):
        at_s = FIRST_S + at * DAYS * 86_400 / n
        for moment in request(at, source):
            book.take(at_s, moment)
        if at % BATCH == BATCH - 1 or at == n - 1:
            number += 1
            database.apply(Batch("bench", number, at_s, book.turn()))
    database.close()
    return time.perf_counter() - began_s


def questions(until_s: float) -> dict[str, Callable[[SqlStore], Any]]:
    """What the pages ask, the worst cases too."""
    month = Window(FIRST_S, until_s)

    def ask(search: Search) -> Callable[[SqlStore], Any]:
        return lambda store: store.requests(search)

    return {
        "overview, 30 days": lambda store: store.overview(month),
        "overview, 30 days, one tenant": lambda store: store.overview(month._replace(tenant="tenant-1")),
        "overview, 1 hour": lambda store: store.overview(Window(until_s - 3_600, until_s)),
        "search: the latest 50": ask(Search()),
        "search: a model": ask(Search(model="lab1/model-6")),
        "search: failures of a tenant": ask(Search(tenant="tenant-1", outcome="failed")),
        "search: a session of the first day": ask(Search(session="session-99")),
        "search: nothing is found": ask(Search(model="lab1/model-6", error_code="no_such_code")),
        "search: a page in the middle": ask(Search(before=(FIRST_S + DAYS * 43_200, "x"))),
        "one decision, whole": lambda store: store.decision("fl-0123456789ab-7a"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="make the file here, or use the one that is here")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.keep or Path(folder) / "traffic.db"
        if not file.exists():
            print(f"{options.n:,} requests made and written in {fill(file, options.n):,.0f} s", flush=True)
        print(f"{file.stat().st_size / 1e6:,.0f} MB")
        figures = {}
        for name, question in questions(FIRST_S + DAYS * 86_400).items():
            took = []
            for _ in range(REPEATS):
                store = SqlStore(partial(SqliteDatabase, file))
                store.served("")
                began_s = time.perf_counter()
                question(store)
                took.append((time.perf_counter() - began_s) * 1e3)
                store.close()
            figures[name] = {"median_ms": statistics.median(took), "max_ms": max(took)}
            print(f"{name:40}{statistics.median(took):9.1f} ms{max(took):9.1f} ms at most", flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
