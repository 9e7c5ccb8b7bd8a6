"""Moments as a gateway tells them, without a gateway; and where each test's store lies."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from fairlead.domain.decision import Arm
from fairlead.domain.figures import COLUMNS, HAS_TOOLS, Figures
from fairlead.domain.moments import Attempted, Decided, Replied, ReplyOutcome
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, ModelId, ProviderName, SentModel, TenantName, UpstreamName
from fairlead.domain.opinion import Opinion
from fairlead.domain.request import ChatRequest
from fairlead.domain.usage import Usage
from fairlead.store.book import Book
from fairlead.store.lines import Moment
from fairlead.store.store import Window
from fairlead.store.tables import Batch

AT_S = 1_790_000_000.0
ALWAYS = Window(0.0, 1e11)


def arm(model: str, upstream: str = "one") -> Arm:
    return Arm(ModelId(model), UpstreamName(upstream), ProviderName("alpha"), SentModel(model))


STRONG, CHEAP, UNPRICED = arm("lab/strong"), arm("lab/cheap", "two"), arm("lab/unpriced", "three")
ARMS = (CHEAP, STRONG, UNPRICED)


def figures(
    *candidates: tuple[int, float, float], expected_usd: float | None = None, arms: tuple[Arm, ...] = ARMS
) -> Figures:
    """Candidates as (place among the arms, quality, cost); a cost below 0 is unknown."""
    known = candidates or ((0, 0.8, 0.001), (1, 0.9, 0.01))
    rows = [[quality, cost if cost >= 0 else float("nan")] for _, quality, cost in known]
    columns = [[row[at] if at < 2 else 0.5 for row in rows] for at in range(len(COLUMNS))]
    flat = [value for column in columns for value in column]
    cost = known[0][2]
    return Figures(
        arms=arms,
        places=struct.pack(f"<{len(known)}H", *(place for place, _, _ in known)),
        columns=struct.pack(f"<{len(flat)}f", *flat),
        ineligible=(("no_tools", (2,)),),
        reason="highest_utility",
        kind="code",
        difficulty=0.25,
        language="en",
        input_tokens=100,
        expected_usd=expected_usd if expected_usd is not None else cost if cost >= 0 else None,
        n_messages=2,
        n_tools=1,
        flags=HAS_TOOLS,
    )


@dataclass(frozen=True)
class Told:
    """One request's moments; whatever is not named is usual."""

    name: str = "d1"
    tenant: str = "default"
    key_name: str = "anyone"
    served: Arm = CHEAP
    asked: str = "auto"
    policy: str = "auto"
    outcome: ReplyOutcome = "ok"
    cost: Usd | None = field(default_factory=lambda: Usd(2_000_000))
    usage: Usage | None = field(default_factory=lambda: Usage(100, 10, 0, 50, 5))
    total_s: float = 1.0
    first_byte_s: float | None = 0.25
    session: str | None = None
    figures: Figures = field(default_factory=figures)
    prompt: Callable[[], ChatRequest] | None = None
    words: Callable[[], str | None] | None = None

    def decided(self) -> Decided:
        return Decided(
            DecisionId(self.name),
            TenantName(self.tenant),
            "chat",
            AskedModel(self.asked),
            self.policy,
            self.served,
            1.0,
            2,
            self.session,
            None,
            None,
            None,
            "c0ffee",
            lambda: self.figures,
            self.key_name,
            self.prompt,
        )

    def attempted(self, number: int = 1) -> Attempted:
        return Attempted(
            DecisionId(self.name),
            self.served,
            "ok" if self.outcome == "ok" else "rejected",
            200,
            self.first_byte_s,
            self.total_s,
            self.usage,
            self.cost,
            number - 1,
            stage="whole",
            number=number,
            after_s=0.001,
        )

    def replied(self) -> Replied:
        return Replied(
            DecisionId(self.name),
            TenantName(self.tenant),
            "chat",
            AskedModel(self.asked),
            self.policy,
            self.served,
            self.outcome,
            200 if self.outcome == "ok" else 502,
            None if self.outcome == "ok" else "upstream_rejected",
            False,
            1,
            self.usage,
            self.cost,
            0.0001,
            0.0005,
            self.first_byte_s,
            self.total_s,
            self.session,
            config_version="c0ffee",
            key_name=self.key_name,
            words=self.words,
        )

    def moments(self) -> tuple[Moment, ...]:
        return (self.decided(), self.attempted(), self.replied())


def opinion(name: str = "o1", of: str = "d1", *, tenant: str = "default", score: float | None = 1.0) -> Opinion:
    return Opinion(name, DecisionId(of), AT_S, TenantName(tenant), "anyone", score, "good", None, "fine")


def batch_of(
    *moments: Moment, number: int = 1, writer: str = "w", at_s: float = AT_S, book: Book | None = None
) -> Batch:
    """These moments as one batch, all told at one time and together."""
    book = book or Book()
    book.read([(at_s, moment) for moment in moments])
    return Batch(writer, number, at_s, book.turn())
