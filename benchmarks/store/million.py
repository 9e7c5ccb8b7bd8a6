"""A million requests in the store: how long the overview and a search take.

    python -m benchmarks.store.million [--n 1000000] [--keep FILE | --url postgresql://…] [--json FILE]

Rows are made by the writer's own code from moments spread over 30 days: 12 models at 4 upstreams, 5 tenants, 3 % of
failures, 8 candidates each. Every question is asked several times, on a fresh connection each time: cold once, when the
file's pages have been put out of the system's memory, then warm. --url asks the same of PostgreSQL.
"""

import argparse
import json
import os
import random
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fairlead.domain.decision import Arm
from fairlead.domain.figures import COLUMNS, Figures
from fairlead.domain.kinds import KINDS
from fairlead.domain.moments import Attempted, Decided, Replied, Stage
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, ModelId, ProviderName, SentModel, TenantName, UpstreamName
from fairlead.domain.usage import Usage
from fairlead.store.book import Book
from fairlead.store.database import Database
from fairlead.store.lines import Moment
from fairlead.store.postgres import PostgresDatabase
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search, Window
from fairlead.store.tables import Batch

DAYS = 30
FIRST_S = 1_790_000_000.0
BATCH = 4_000
N_FIGURES = 1_000
"""Different sets of candidates: to draw them anew for each request takes longer than to keep them."""
LIMITS_MS = {"overview": 300, "search": 500}
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


def request(at: int, source: random.Random, known: Sequence[Figures]) -> Iterator[Moment]:
    identity, tenant, asked = DecisionId(f"fl-0123456789ab-{at:x}"), TenantName(f"tenant-{at % 5}"), AskedModel("auto")
    served = source.choice(ARMS)
    is_ok = source.random() > 0.03
    usage, cost = Usage(source.randint(20, 4_000), 0, 0, source.randint(1, 900)), Usd(source.randint(1_000, 5_000_000))
    session = f"session-{at // 5}" if at % 3 == 0 else None
    first = source.expovariate(2.0)
    total = first + source.expovariate(0.5)
    kept = source.choice(known)
    yield Decided(
        identity, tenant, "chat", asked, "auto", served, 1.0, N_CANDIDATES, session, None, None, None, "0123456789ab",
        lambda: kept, f"key-{at % 9}",
    )  # fmt: skip
    stage: Stage = "speaking" if at % 2 == 0 else "whole"
    yield Attempted(identity, served, "ok" if is_ok else "rejected", 200, first, total, usage, cost, 0, False, stage)
    yield Replied(
        identity, tenant, "chat", asked, "auto", served, "ok" if is_ok else "error", 200 if is_ok else 502,
        None if is_ok else "upstream_rejected", at % 2 == 0, 1, usage, cost, 0.0001, 0.0003, first, total, session,
        key_name=f"key-{at % 9}",
    )  # fmt: skip


def filled(database: Database, n: int, where: object) -> None:
    """Have just `n` requests in it, made now unless they are there; closes it. Raises: SystemExit if others are."""
    try:
        [(n_there,)] = database.fetch("SELECT COUNT(*) FROM requests")
        if n_there == 0:
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            fill(database, n)
            took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
            print(f"{n:,} requests made and written in {took_s:,.0f} s, {cpu_s:,.0f} s of CPU", flush=True)
        elif n_there != n:
            # What an interrupted run left answers faster than the whole would.
            raise SystemExit(f"{where} holds {n_there:,} requests, not {n:,}: remove it, or say --n {n_there}")
    finally:
        database.close()


def fill(database: Database, n: int) -> None:
    """Make and write them."""
    source, book = random.Random(7), Book()
    known = [figures_of(source) for _ in range(N_FIGURES)]
    for number, first in enumerate(range(0, n, BATCH), 1):
        told = [
            (FIRST_S + at * DAYS * 86_400 / n, moment)
            for at in range(first, min(first + BATCH, n))
            for moment in request(at, source, known)
        ]
        book.read(told)
        database.apply(Batch("bench", number, told[-1][0], book.turn()))


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
        "search: a tenant": ask(Search(tenant="tenant-3")),
        "search: a key": ask(Search(key_name="key-7")),
        "search: a kind of task": ask(Search(kind=KINDS[-1])),
        "search: failures of the first day": ask(Search(outcome="failed", until_s=FIRST_S + 86_400)),
        "search: an upstream, one hour": ask(Search(upstream="up-2", since_s=until_s - 3_600)),
        "search: a model": ask(Search(model="lab1/model-6")),
        "search: failures of a tenant": ask(Search(tenant="tenant-1", outcome="failed")),
        "search: a session of the first day": ask(Search(session="session-99")),
        "search: nothing is found": ask(Search(model="lab1/model-6", error_code="no_such_code")),
        "search: a page in the middle": ask(Search(before=(FIRST_S + DAYS * 43_200, "x"))),
        "one decision, whole": lambda store: store.decision("fl-0123456789ab-7a"),
    }


def forget_pages(file: Path) -> None:
    """Ask the system to put this file's pages out of its memory."""
    for one in (file, file.with_name(f"{file.name}-wal")):
        if one.exists():
            with one.open("rb") as opened:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def asked(opens: Callable[[], Database], file: Path | None) -> dict[str, dict[str, float]]:
    """Milliseconds of every question."""
    figures = {}
    for name, question in questions(FIRST_S + DAYS * 86_400).items():
        took, cpu = [], []
        for repeat in range(1 + REPEATS):
            if repeat == 0 and file is not None:
                forget_pages(file)
            store = SqlStore(opens)
            store.decision("")  # opens the connection
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            question(store)
            took.append((time.perf_counter() - began_s) * 1e3)
            cpu.append((time.process_time() - began_cpu_s) * 1e3)
            store.close()
        cold, warm = took[0], statistics.median(took[1:])
        figures[name] = {"cold_ms": cold, "median_ms": warm, "max_ms": max(took[1:]), "cpu_ms": min(cpu)}
        limit = LIMITS_MS["overview" if name.startswith("overview") else "search"]
        late = "" if max(cold, warm) <= limit else f"  above {limit} ms"
        said = f"{cold:9.1f} ms cold{warm:9.1f} ms warm{max(took[1:]):9.1f} ms at most{min(cpu):9.1f} ms of CPU"
        print(f"{name:40}{said}{late}", flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="make the file here, or use the one that is here")
    parser.add_argument("--url", help="a PostgreSQL database, empty or filled by this before")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file: Path | None = None
        opens: Callable[[], Database]
        if options.url is not None:
            opens = partial(PostgresDatabase, options.url)
        else:
            file = options.keep or Path(folder) / "traffic.db"
            opens = partial(SqliteDatabase, file)
        filled(opens(), options.n, options.url or file)
        if file is not None:
            print(f"{file.stat().st_size / 1e6:,.0f} MB")
        figures = asked(opens, file)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    worst = {
        kind: max(max(found["cold_ms"], found["median_ms"]) for name, found in figures.items() if name.startswith(kind))
        for kind in LIMITS_MS
    }
    print("; ".join(f"{kind}: {ms:,.0f} ms at most, {LIMITS_MS[kind]} ms allowed" for kind, ms in worst.items()))
    raise SystemExit(0 if all(ms <= LIMITS_MS[kind] for kind, ms in worst.items()) else 1)


if __name__ == "__main__":
    main()
