"""Seeding: a store with traffic in it, put there through the store's own verbs: moments, a book, batches."""

import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fairlead.domain.content import Text, Turn
from fairlead.domain.decision import Arm
from fairlead.domain.figures import COLUMNS, HAS_TOOLS, Figures
from fairlead.domain.moments import Attempted, AttemptOutcome, Decided, Replied
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, ModelId, ProviderName, SentModel, TenantName, UpstreamName
from fairlead.domain.opinion import Opinion
from fairlead.domain.request import ChatRequest
from fairlead.domain.usage import Usage
from fairlead.domain.wishes import Weights
from fairlead.routing.preferences import sure_quality, utility
from fairlead.store.book import Book
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search
from fairlead.store.tables import Batch

HOSTILE: Sequence[str] = (
    "<script>document.title='taken'</script>",
    '"><img src=x onerror="document.title=\'taken\'">',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "\u202eمرحبا evil\u202c שלום",
    "👩‍👩‍👧 naïve 日本語 ☃",
    "x" * 10_000,
    "</title></textarea></style>{{7*7}}${7*7}",
)
WEIGHTS = Weights(quality=0.6, cost=0.3, speed=0.1)


class Offer(NamedTuple):
    """One arm with what it is good for."""

    model: str
    upstream: str
    quality: float
    usd: float
    total_s: float

    @property
    def arm(self) -> Arm:
        return Arm(ModelId(self.model), UpstreamName(self.upstream), ProviderName("maker"), SentModel(self.model))


PLAIN_OFFERS = (
    Offer("lab/atlas-large", "north", 0.86, 0.0180, 6.0),
    Offer("lab/atlas-medium", "north", 0.78, 0.0040, 3.0),
    Offer("lab/wren-mini", "south", 0.66, 0.0006, 1.2),
    Offer("open/sage-32b", "office", 0.71, 0.0009, 2.2),
    Offer("open/forge-code", "office", 0.74, 0.0021, 2.6),
)


def figures(offers: Sequence[Offer], kind: str, chance: random.Random) -> tuple[Figures, int]:
    """A decision's figures as the router writes them, and the place of its first."""
    quality = np.array([min(0.98, max(0.05, each.quality + chance.gauss(0, 0.05))) for each in offers])
    low, high = np.maximum(quality - 0.12, 0.0), np.minimum(quality + 0.1, 1.0)
    size = chance.lognormvariate(0, 0.6)
    cost, total = np.array([each.usd * size for each in offers]), np.array([each.total_s * size for each in offers])
    worth = utility(sure_quality(quality, low), cost, total, WEIGHTS)
    order = np.argsort(-worth)
    n = len(offers)
    columns = {
        "quality": quality, "cost_usd": cost, "output_tokens": np.full(n, 300 * size), "ttft_s": total * 0.2,
        "total_s": total, "utility": worth, "quality_low": low, "quality_high": high,
        "propensity": np.where(np.arange(n) == order[0], 1.0, 0.0),
    }  # fmt: skip
    flat = [float(value) for name in COLUMNS for value in columns[name][order]]
    first = int(order[0])
    found = Figures(
        arms=tuple(each.arm for each in offers),
        places=struct.pack(f"<{n}H", *map(int, order)),
        columns=struct.pack(f"<{len(flat)}f", *flat),
        ineligible=(("no_tools", (n - 1,)),) if chance.random() < 0.1 else (),
        reason="highest_utility", kind=kind, difficulty=chance.gauss(0, 1), language="en",
        input_tokens=int(400 * size), expected_usd=float(cost[first]), n_messages=3, n_tools=2, flags=HAS_TOOLS,
    )  # fmt: skip
    return found, first


def prompted(words: str) -> ChatRequest:
    return ChatRequest(turns=(Turn("user", (Text(words),)),))


class Names(NamedTuple):
    """What clients call things, one request's."""

    tenant: str = "default"
    key_name: str = "anyone"
    asked: str = "auto"
    policy: str = "balanced"
    session: str | None = None
    words: str = "Why is the sky blue?"


def tell(book: Book, at_s: float, name: str, offers: Sequence[Offer], names: Names, chance: random.Random) -> None:
    """One request's moments."""
    decided, first = figures(offers, chance.choice(("code", "maths", "writing", "facts")), chance)
    arm, usd = offers[first].arm, float(decided.expected_usd or 0) * chance.lognormvariate(0, 0.2)
    took_s = offers[first].total_s * chance.lognormvariate(0, 0.4)
    fails = chance.random() < 0.05
    first_s = None if fails else took_s * 0.2
    usage = None if fails else Usage(400, 120, 0, 300, 40)
    cost = None if fails else Usd(int(usd * 1e9))
    own = (DecisionId(name), TenantName(names.tenant), "chat", AskedModel(names.asked), names.policy)
    book.take(at_s, Decided(
        *own, arm, 1.0, len(offers), names.session, None, None, None, "c0ffee", lambda: decided, names.key_name,
        lambda: prompted(names.words),
    ))  # fmt: skip
    number = 1
    if fails or chance.random() < 0.1:
        other = offers[(first + 1) % len(offers)].arm
        book.take(at_s, _attempt(name, other, "timeout", number, 0.001, None, took_s * 0.3, None, None))
        number += 1
    ending: AttemptOutcome = "rejected" if fails else "ok"
    book.take(at_s, _attempt(name, arm, ending, number, 0.3 * took_s * (number - 1), first_s, took_s, usage, cost))
    book.take(at_s + took_s, Replied(
        *own, arm, "error" if fails else "ok", 502 if fails else 200, "upstream_rejected" if fails else None, True,
        number, usage, cost, 0.0001, 0.0005, first_s, took_s * (1 + 0.3 * (number - 1)), names.session,
        config_version="c0ffee", key_name=names.key_name, words=lambda: f"Because: {names.words}",
    ))  # fmt: skip


def _attempt(
    name: str, arm: Arm, outcome: AttemptOutcome, number: int, after_s: float, first_s: float | None, total_s: float,
    usage: Usage | None, cost: Usd | None,
) -> Attempted:  # fmt: skip
    return Attempted(
        DecisionId(name), arm, outcome, 200 if outcome == "ok" else 429 if outcome == "rejected" else None, first_s,
        total_s, usage, cost, number - 1, number=number, after_s=after_s, losses=("thinking",) if number > 1 else (),
    )  # fmt: skip


def opinion(book: Book, at_s: float, of: str, names: Names, chance: random.Random) -> None:
    """What somebody thought of it."""
    label, preferred, comment = names.words[:200], names.asked[:200], names.words[:2_000]
    if names == Names(tenant=names.tenant):
        label, preferred, comment = chance.choice((("good", "", ""), ("wrong", "lab/atlas-large", "It is a colour.")))
    score = round(chance.random() ** 0.4, 2)
    book.take(
        at_s,
        Opinion(
            f"o-{of}", DecisionId(of), at_s, TenantName(names.tenant), names.key_name, score, label, preferred or None,
            comment or None, 1.0,
        ),
    )  # fmt: skip


def seeded(path: Path, now_s: float, n: int = 400, *, is_hostile: bool = False, seed: int = 1) -> None:
    """A file with `n` requests of the last day, evenly more towards now."""
    chance, book = random.Random(seed), Book()
    for number in range(n):
        at_s = now_s - 86_000 * (1 - (number / n) ** 0.7) - 60
        names, name = Names(tenant=("blue", "green")[number % 2]), f"fl-seed-{number:x}"
        offers: Sequence[Offer] = PLAIN_OFFERS
        if is_hostile:
            words = HOSTILE[number % len(HOSTILE)]
            names = Names(words, words, words, words, words, words)
            offers = tuple(
                each._replace(model=f"{words[: 9_000]}/{place}", upstream=words)
                for place, each in enumerate(PLAIN_OFFERS)
            )  # fmt: skip
            name = f"{words[:150]}-{number}"
        tell(book, at_s, name, offers, names, chance)
        if number % 7 == 0:
            opinion(book, at_s + 30, name, names, chance)
    store = SqlStore(lambda: SqliteDatabase(path))
    store.put(Batch("seed", seed, now_s, book.turn()))
    assert len(store.requests(Search(limit=n + 1))) == n
    assert all(row.n_candidates for row in store.requests(Search(limit=n))), "a moment was not understood"
    store.close()
