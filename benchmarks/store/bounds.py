"""What a serving process remembers at most: every memory that grows with traffic, filled past its cap, in bytes.

    python -m benchmarks.store.bounds

Bytes are what Python's allocators hand out (tracemalloc) between the empty memory and the full one. What the
configuration alone bounds (metrics by door, policy, model and upstream; breakers, gates, conduct by arm) is not listed.
SQLite's own memory is not Python's: CACHE_KIB for each connection, and a few megabytes of prepared statements.
"""

import asyncio
import gc
import random
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.store.million import ARMS, figures_of, request
from fairlead.assembly.shipped import prompt_model
from fairlead.domain.moments import Decided
from fairlead.domain.names import TenantName, UpstreamName
from fairlead.gateway.affinity import MAX_SESSIONS, MAX_WARM_ARMS, SessionMemory
from fairlead.gateway.idempotency import MAX_BYTES as MOST_IDEMPOTENT
from fairlead.gateway.idempotency import Idempotency
from fairlead.gateway.idempotency import Kept as KeptAnswer
from fairlead.gateway.kept_replies import MAX_BYTES as MOST_REPLIES
from fairlead.gateway.kept_replies import KeptReplies, Reply
from fairlead.gateway.replay_cache import CacheLimits, Kept, ReplayCache
from fairlead.routing.features.word_pieces import MAX_KNOWN_WORDS, WordPieces
from fairlead.settings.effort import CacheSection
from fairlead.store.book import MAX_PENDING, Book
from fairlead.store.keeper import KeeperLimits
from fairlead.store.lines import Line, Lines, clean

BODY_BYTES = 2_000
"""Of a kept reply."""
TENANT = TenantName("tenant")


class Memory(NamedTuple):
    """One of them."""

    name: str
    cap: str
    fill: Callable[[], object]
    """Makes it, fills it past its cap, and gives it back."""


def body(at: int) -> bytes:
    return b"%0*d" % (BODY_BYTES, at)


def sessions() -> SessionMemory:
    memory = SessionMemory()
    for at in range(MAX_SESSIONS * 11 // 10):
        for warm in range(MAX_WARM_ARMS):
            memory.served(f"{at:032x}", ARMS[warm], 1e3 + at, 1.0 + at)
    return memory


def replies() -> KeptReplies:
    memory = KeptReplies()
    for at in range(MOST_REPLIES // BODY_BYTES):
        reply = Reply(f"resp_{at - 1}", body(at), {f"msg_{at}": body(at)}, UpstreamName("one"))
        memory.keep(TENANT, f"resp_{at}", reply, 1.0)
    return memory


def idempotency() -> Idempotency:
    async def fill() -> Idempotency:
        memory = Idempotency()
        for at in range(MOST_IDEMPOTENT // BODY_BYTES):
            name = (TENANT, b"key-%030d" % at)
            await memory.begin(name, b"", 1.0)
            memory.keep(name, KeptAnswer([(b"x-fairlead-model", b"lab/model")], body(at), ARMS[0]))
        return memory

    return asyncio.run(fill())


def replay_cache() -> ReplayCache:
    limits = CacheLimits(3_600.0, CacheSection().max_bytes)
    memory = ReplayCache(limits)
    for at in range(limits.max_bytes // BODY_BYTES):
        memory.keep(b"%032d" % at, Kept(body(at), ARMS[0], None, 1.0, []))
    return memory


def words() -> WordPieces:
    memory = WordPieces(["a", "b", "##a", "##b"])
    for at in range(MAX_KNOWN_WORDS * 11 // 10):
        memory.numbers(f"{at:016b}".replace("0", "a").replace("1", "b"))
    return memory


def cleaned() -> None:
    for at in range(5_000):
        clean(f"{at:0100d}")


def lines(n: int) -> list[Line]:
    source, made = random.Random(7), Lines()
    known = [figures_of(source)]
    return [line for at in range(n) for line in made.of([(1e9, moment) for moment in request(at, source, known)])]


def pending() -> Book:
    book = Book()
    source = random.Random(7)
    known = [figures_of(source)]
    for first in range(0, MAX_PENDING * 11 // 10, 1_000):
        told = [(1e9, moment) for at in range(first, first + 1_000) for moment in request(at, source, known)]
        book.read([one for one in told if isinstance(one[1], Decided)])
        book.turn()
    return book


MEMORIES = (
    Memory("conversations (affinity)", f"{MAX_SESSIONS:,}", sessions),
    Memory("replies by id (kept_replies)", f"{MOST_REPLIES / 1e6:.0f} MB", replies),
    Memory("answers by key (idempotency)", f"{MOST_IDEMPOTENT / 1e6:.0f} MB", idempotency),
    Memory("exact answers (replay_cache)", f"{CacheSection().max_bytes / 1e6:.0f} MB, if asked for", replay_cache),
    Memory("known words (word_pieces)", f"{MAX_KNOWN_WORDS:,}", words),
    Memory("client's words (lines.clean)", "4,096", cleaned),
    Memory(
        "store: lines that wait (keeper)",
        f"{KeeperLimits().max_waiting:,}",
        lambda: lines(KeeperLimits().max_waiting // 3),
    ),
    Memory("store: decisions without reply (book)", f"{MAX_PENDING:,}", pending),
)


def main() -> None:
    prompt_model()
    tracemalloc.start(1)
    for memory in MEMORIES:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        kept = memory.fill()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        print(f"{memory.name:42}{memory.cap:>22}{(after - before) / 1e6:9.1f} MB", flush=True)
        del kept


if __name__ == "__main__":
    main()
