"""What each part of keeping one request costs, in CPU time of its own thread, beside the decision itself.

    python -m benchmarks.store.parts [--n 4000]

For a machine that is busy: rates move with the neighbours, the CPU time of two parts of one process moves together.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.speed.bodies import chat_bodies
from fairlead.assembly.services import assemble
from fairlead.domain.decision import Arm
from fairlead.domain.moments import Attempted, Decided, Replied
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, TenantName
from fairlead.domain.usage import Usage
from fairlead.gateway.work import DOORS, work_of
from fairlead.routing.explanation import explain
from fairlead.routing.figures import figures_of
from fairlead.routing.pool import Pool
from fairlead.routing.router import Choice
from fairlead.settings.settings import parse
from fairlead.store.book import Book
from fairlead.store.keeper import Keeper
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.tables import Batch

CONFIG = """\
discover: false
upstreams:
  mock-a: {base_url: "http://127.0.0.1:9/v1", local: false, models: [
    {name: mock-large, model: openai/gpt-4o, prices: {input: 2.5, output: 10}}]}
  mock-b: {base_url: "http://127.0.0.1:9/v1", local: false, models: [
    {name: mock-small, model: openai/gpt-4o-mini, prices: {input: 0.15, output: 0.6}}]}
"""
BATCH = 300
"""Requests of one flush: 6,000 a second, 20 times a second."""


def moments(number: int, pool: Pool, choice: Choice) -> tuple[Decided, Attempted, Replied]:
    """What the gateway tells of one request."""
    identity, tenant, asked = DecisionId(f"fl-0123456789ab-{number:x}"), TenantName("default"), AskedModel("auto")
    arm: Arm = pool.specs[choice.order[0]].arm
    usage, cost, order = Usage(260, 0, 0, 230), Usd(1_234_567), choice.order
    ways = (lambda: explain(pool, choice, asked), lambda: figures_of(pool, choice, order))
    kept = (None, None, None, None)
    told = (0.0001, 0.0003, 0.4, 1.2)
    return (
        Decided(identity, tenant, "chat", asked, "auto", arm, 1.0, len(order), *kept, "0123456789ab", *ways, "anyone"),
        Attempted(identity, arm, "ok", 200, 0.4, 1.2, usage, cost, 0, False, "whole"),
        Replied(identity, tenant, "chat", asked, "auto", arm, "ok", 200, None, False, 1, usage, cost, *told),
    )


class Parts:
    """Each part once, over the same requests; the CPU time of this thread by part."""

    def __init__(self, n: int, folder: Path) -> None:
        self.spent_us: dict[str, float] = {}
        self._n = n
        self._router = asyncio.run(assemble(parse(CONFIG, {}), {})).router
        self._outlines = [
            work_of(DOORS["/v1/chat/completions"], body, [], TenantName("t"), 0.0).request.outline
            for body in chat_bodies(n=500, size_bytes=1_024, model="auto", is_streaming=False)
        ]
        self._choices: list[Choice] = []
        self._told: list[tuple[Decided, Attempted, Replied]] = []
        self._batches: list[Batch] = []
        self._keeper = Keeper(lambda: SqliteDatabase(folder / "t.db"), folder, "w", time.time)
        self._database = SqliteDatabase(folder / "t.db")

    def run(self) -> None:
        """All of them."""
        self._timed("decide", self._decide)
        self._timed("make the moments (loop)", self._tell)
        self._timed("put them into the queue (loop)", self._listen)
        self._timed("figures (thread, part of the next)", self._figures)
        self._timed("moments to rows and sums (thread)", self._rows)
        self._timed("write (thread, outside the interpreter's lock)", self._write)
        self._database.close()

    def _timed(self, name: str, work: Callable[[], object]) -> None:
        began_s = time.thread_time()
        work()
        self.spent_us[name] = (time.thread_time() - began_s) / self._n * 1e6

    def _decide(self) -> None:
        for at in range(self._n):
            self._choices.append(self._router.decide(AskedModel("auto"), self._outlines[at % len(self._outlines)]))

    def _tell(self) -> None:
        for at in range(self._n):
            self._told.append(moments(at, self._router.pool, self._choices[at]))

    def _listen(self) -> None:
        for three in self._told:
            for moment in three:
                self._keeper.take(moment)

    def _figures(self) -> None:
        for choice in self._choices:
            figures_of(self._router.pool, choice, choice.order)

    def _rows(self) -> None:
        book = Book()
        for at, three in enumerate(self._told):
            for moment in three:
                book.take(1e9 + at / 6_000, moment)
            if at % BATCH == BATCH - 1:
                self._batches.append(Batch("w", len(self._batches) + 1, 1e9, book.turn()))

    def _write(self) -> None:
        for batch in self._batches:
            self._database.apply(batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=4_000)
    n = parser.parse_args().n
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = Parts(n, folder)
        parts.run()
        size = sum(file.stat().st_size for file in folder.iterdir())
    spent = parts.spent_us
    for name, us in spent.items():
        print(f"{name:50}{us:8.1f} µs")
    kept = sum(us for name, us in spent.items() if name != "decide" and "part of" not in name)
    print(f"{'all of the keeping':50}{kept:8.1f} µs = {kept / spent['decide']:.2f} decisions")
    print(f"{size / n:,.0f} bytes a request")


if __name__ == "__main__":
    main()
