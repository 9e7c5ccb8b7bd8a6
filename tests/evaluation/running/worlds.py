"""Small worlds for runs: a suite of sums, models, and an upstream in memory that keeps books and fails as told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fairlead.catalogue.cards import Prices
from fairlead.domain.errors import RejectedError, UpstreamError
from fairlead.domain.usage import Usage
from fairlead.evaluation.evaluation_run import Means
from fairlead.evaluation.running.answers import Answered
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.questions import Model, Question
from fairlead.evaluation.scorers.patterns import Matcher
from fairlead.evaluation.scorers.registry import Scorers
from fairlead.evaluation.suite_items import Item, ScorerSpec, Suite

PRICES = Prices(1.0, None, None, 2.0)


def suite(n: int = 10, scorer: str = "numeric") -> Suite:
    items = tuple(
        Item(
            f"s{i}",
            ({"role": "user", "content": f"What is {i} + 1?"},),
            str(i + 1) if scorer != "judge" else None,
            ScorerSpec(scorer),
        )
        for i in range(n)
    )
    return Suite("sums", items, "plain")


def model(name: str = "m", upstream: str = "u", prices: Prices = PRICES, family: str = "") -> Model:
    return Model(name, upstream, f"at-{upstream}", name, prices, family)


def plan(n: int = 10, models: Sequence[Model] = (), cap_usd: float = 100.0, n_samples: int = 1) -> Plan:
    return Plan(suite(n), tuple(models) or (model(),), round(cap_usd * 1e9), n_samples=n_samples)


def rejected(status: int, *, retry_after_s: float | None = None) -> RejectedError:
    return RejectedError(
        f"status {status}", upstream="u", upstream_status=status, is_retryable=status not in (400, 422),
        retry_after_s=retry_after_s,
    )  # fmt: skip


@dataclass
class Books:
    """An upstream in memory: answers sums, charges by key, replays when it is told to, and fails by a script."""

    replays: bool = False
    fails: Callable[[Question, int], UpstreamError | None] = field(default=lambda question, n: None)
    """What goes wrong with a question at its n-th sending; an error with `is_sent` is raised after charging."""
    n_charged: dict[str, int] = field(default_factory=dict)
    n_sent: dict[str, int] = field(default_factory=dict)
    most_active: int = 0
    n_active: int = 0
    text: Callable[[Question], str] = field(default=lambda question: f"#### {int(question.item.id[1:]) + 1}")

    async def __call__(self, question: Question) -> Answered:
        key = question.key
        self.n_sent[key] = self.n_sent.get(key, 0) + 1
        self.n_active += 1
        self.most_active = max(self.most_active, self.n_active)
        await asyncio.sleep(0)
        self.n_active -= 1
        error = self.fails(question, self.n_sent[key])
        if error is not None and (not error.is_sent or isinstance(error, RejectedError)):
            raise error
        if not (self.replays and key in self.n_charged):
            self.n_charged[key] = self.n_charged.get(key, 0) + 1
        if error is not None:
            raise error
        return Answered(self.text(question), (), "stop", "m", Usage(20, 0, 0, 10), None, 0.25, self.replays)

    @property
    def n_paid_twice(self) -> int:
        return sum(n - 1 for n in self.n_charged.values())


@dataclass
class Clock:
    """Time that passes when somebody sleeps."""

    now_s: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


def means(ask: Books, clock: Clock | None = None, *, concurrency: int = 4, in_flight: str = "auto") -> Means:
    time = clock or Clock()
    return Means(
        ask=ask, scorers=Scorers(Matcher(), None), clock=time, sleep=time.sleep, draw=lambda: 0.5, today="2026-11-30",
        concurrency=concurrency, in_flight=in_flight,  # type: ignore[arg-type]
    )  # fmt: skip
