"""What each part of keeping one request costs, in CPU time of its own thread, beside the decision itself.

    python -m benchmarks.store.parts [--n 4000] [--rounds 7] [--batch 100]

For a machine that is busy: rates move with the neighbours, CPU time less so; of each part the least of the rounds.
"""

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.speed.bodies import chat_bodies
from fairlead.assembly.services import assemble
from fairlead.cli.serve import GC_THRESHOLDS
from fairlead.domain.decision import Arm
from fairlead.domain.moments import Attempted, Decided, Replied
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, TenantName
from fairlead.domain.usage import Usage
from fairlead.gateway.gathering import AT_ONCE
from fairlead.gateway.work import DOORS, work_of
from fairlead.routing.figures import figures_of
from fairlead.routing.router import Choice, Router
from fairlead.settings.settings import parse
from fairlead.store.book import Book
from fairlead.store.lines import Chunk, Line, Lines, packed, unpacked
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
BATCH = 100
"""Requests of one flush: 2,000 a second, twenty times a second."""
DECIDE = "decide"
PART = "its figures (part of the next but one)"
LINES = "moments to lines (loop)"


TENANT, ASKED = TenantName("default"), AskedModel("auto")


def decided(identity: DecisionId, arm: Arm, router: Router, choice: Choice) -> Decided:
    """What the gateway tells of one decision, as gateway/record makes it: only for the store."""
    order, kept = choice.order, choice.kept
    return Decided(
        identity,
        TENANT,
        "chat",
        ASKED,
        "auto",
        arm,
        1.0,
        len(order),
        None,
        kept.code if kept is not None else None,
        None,
        None,
        "0123456789ab",
        partial(figures_of, router, choice, order, "highest_utility"),
        "anyone",
        None,
    )


def ended(first: Decided) -> tuple[Attempted, Replied]:
    """What it tells of the rest; metrics ask for that too."""
    identity, tenant, _, asked, _, arm, *_ = first
    usage, cost = Usage(260, 0, 0, 230), Usd(1_234_567)
    told = (0.0001, 0.0003, 0.4, 1.2)
    return (
        Attempted(identity, arm, "ok", 200, 0.4, 1.2, usage, cost, 0, False, "whole"),
        Replied(identity, tenant, "chat", asked, "auto", arm, "ok", 200, None, False, 1, usage, cost, *told),
    )


class Parts:
    """Each part once, over the same requests; the CPU time of this thread by part."""

    def __init__(self, n: int, folder: Path, n_batch: int = BATCH) -> None:
        self.spent_us: dict[str, float] = {}
        self._n, self._n_batch = n, n_batch
        self._router = asyncio.run(assemble(parse(CONFIG, {}), {})).router
        self._outlines = [
            work_of(DOORS["/v1/chat/completions"], body, [], TenantName("t"), 0.0).request.outline
            for body in chat_bodies(n=500, size_bytes=1_024, model="auto", is_streaming=False)
        ]
        self._choices: list[Choice] = []
        self._known: list[tuple[DecisionId, Arm, Choice]] = []
        self._decided: list[Decided] = []
        self._told: list[tuple[Decided, Attempted, Replied]] = []
        self._lines: list[Line] = []
        self._turns: list[Chunk] = []
        self._batches: list[Batch] = []
        self._database = SqliteDatabase(folder / "t.db")

    def run(self) -> None:
        """All of them."""
        self._timed(DECIDE, self._decide)
        specs = self._router.pool.specs
        self._known = [
            (DecisionId(f"fl-0123456789ab-{at:x}"), specs[choice.order[0]].arm, choice)
            for at, choice in enumerate(self._choices)
        ]
        self._timed(PART, self._figures)
        self._timed("make the moment of the decision (loop)", self._tell)
        self._told = [(one, *ended(one)) for one in self._decided]
        self._timed(LINES, self._make_lines)
        self._timed("lines to bytes (loop, if the writer is a process)", self._encode)
        self._timed("bytes to lines (process)", self._decode)
        self._timed("lines to rows and sums (writer)", self._rows)
        self._timed("write (writer, mostly outside the interpreter's lock)", self._write)
        self._database.close()

    def _timed(self, name: str, work: Callable[[], object]) -> None:
        began_s = time.thread_time()
        work()
        self.spent_us[name] = (time.thread_time() - began_s) / self._n * 1e6

    def _decide(self) -> None:
        for at in range(self._n):
            self._choices.append(self._router.decide(AskedModel("auto"), self._outlines[at % len(self._outlines)]))

    def _tell(self) -> None:
        self._decided = [decided(name, arm, self._router, choice) for name, arm, choice in self._known]

    def _make_lines(self) -> None:
        lines, told = Lines(), [(time.time(), moment) for three in self._told for moment in three]
        for at in range(0, len(told), AT_ONCE):
            self._lines += lines.of(told[at : at + AT_ONCE])

    def _each_turn(self) -> list[list[Line]]:
        size = len(self._lines) * self._n_batch // self._n
        return [self._lines[at : at + size] for at in range(0, len(self._lines), size)]

    def _encode(self) -> None:
        self._turns = [packed(lines) for lines in self._each_turn()]

    def _decode(self) -> None:
        for turn in self._turns:
            unpacked(turn)

    def _figures(self) -> None:
        for choice in self._choices:
            figures_of(self._router, choice, choice.order, "highest_utility")

    def _rows(self) -> None:
        book = Book()
        for lines in self._each_turn():
            book.enter(lines)
            self._batches.append(Batch("w", len(self._batches) + 1, 1e9, book.turn(with_delays=False)))

    def _write(self) -> None:
        for batch in self._batches:
            self._database.apply(batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=BATCH, help="requests of one flush")
    options = parser.parse_args()
    gc.set_threshold(*GC_THRESHOLDS)  # as in the server
    rounds = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            parts = Parts(options.n, folder, options.batch)
            parts.run()
            size = sum(file.stat().st_size for file in folder.iterdir())
        rounds.append(parts.spent_us)
    spent = {name: min(found[name] for found in rounds) for name in rounds[0]}
    for name, us in spent.items():
        print(f"{name:56}{us:8.1f} µs")
    kept = sum(us for name, us in spent.items() if name not in (DECIDE, PART))
    print(f"{'all of the keeping':56}{kept:8.1f} µs = {kept / spent[DECIDE]:.2f} decisions")
    print(f"{size / options.n:,.0f} bytes a request")


if __name__ == "__main__":
    main()
