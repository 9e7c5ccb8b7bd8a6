"""Store: the few verbs that everybody else reads the traffic by; rows in, rows out, never SQL. Each may block."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from fairlead.store.candidates import CandidateRow
from fairlead.store.rows import (
    AlternativeRow,
    AttemptRow,
    BodyRow,
    DelayRow,
    MeanScoreRow,
    OpinionRow,
    OutcomeRow,
    RequestRow,
    ScoreRow,
    ServedRow,
    ShadowRow,
    UsageRow,
)
from fairlead.store.tables import Batch

Group = Literal["all", "tenant", "model", "upstream", "policy", "kind", "door", "outcome"]
Delay = Literal["total", "first_byte"]


class Window(NamedTuple):
    """A stretch of time, in Unix seconds, and whose traffic.

    Sums know whole minutes; beyond six hours whole hours, beyond two days whole days (UTC).
    """

    since_s: float
    until_s: float
    tenant: str | None = None
    """None is everybody's."""


class Search(NamedTuple):
    """Which requests; what is None does not matter."""

    since_s: float = 0.0
    until_s: float = 1e12
    tenant: str | None = None
    model: str | None = None
    upstream: str | None = None
    outcome: str | None = None
    """`failed` is everything but `ok`; `running` is what has not ended, or never will."""
    policy: str | None = None
    kind: str | None = None
    door: str | None = None
    key_name: str | None = None
    session: str | None = None
    error_code: str | None = None
    before: tuple[float, str] | None = None
    """The time and id of the last row of the page before this one."""
    limit: int = 50


class WholeDecision(NamedTuple):
    """Everything that is kept of one request."""

    request: RequestRow
    candidates: tuple[CandidateRow, ...]
    attempts: tuple[AttemptRow, ...]
    opinions: tuple[OpinionRow, ...]
    shadows: tuple[ShadowRow, ...]
    body: BodyRow | None


class Overview(NamedTuple):
    """What one looks at first."""

    window: Window
    """As far as it was widened to whole minutes, hours or days."""
    span_s: int
    """Seconds of each step of `series`."""
    total: UsageRow
    by_model: tuple[UsageRow, ...]
    by_outcome: tuple[UsageRow, ...]
    series: tuple[UsageRow, ...]
    delays: DelayRow
    first_bytes: DelayRow
    alternatives: tuple[AlternativeRow, ...]


class Store(Protocol):
    """The verbs. Raises: StoreError from each."""

    def served(self, decision_id: str) -> ServedRow | None:
        """Whose decision it is, and who served; None for one that is not there."""
        ...

    def requests(self, search: Search) -> tuple[RequestRow, ...]:
        """One page, newest first. One that still runs, or never ended, is found by its names for an hour only."""
        ...

    def named(self, decision_ids: Sequence[str]) -> tuple[RequestRow, ...]:
        """Those of them that are there, in no order."""
        ...

    def decision(self, decision_id: str, tenant: str | None = None) -> WholeDecision | None:
        """One of them, whole; None when it is not there, or not this tenant's."""
        ...

    def overview(self, window: Window) -> Overview:
        """What one looks at first, from sums alone."""
        ...

    def usage(self, window: Window, by: Group = "all", *, is_series: bool = False) -> tuple[UsageRow, ...]:
        """Sums by group that had requests, the most frequent first; as a series, by time."""
        ...

    def delays(self, window: Window, what: Delay = "total") -> tuple[DelayRow, ...]:
        """Quantiles of all, then by model."""
        ...

    def alternatives(self, window: Window) -> tuple[AlternativeRow, ...]:
        """Every arm beside what was paid, the one that could have served most first."""
        ...

    def scan(self, window: Window, size: int = 1_000) -> Iterator[tuple[RequestRow, tuple[CandidateRow, ...]]]:
        """Every request with its candidates, oldest first, in pages of this size."""
        ...

    def newest_from(self, window: Window, n: int) -> float:
        """Since when the newest n requests of this window are; its own beginning where there are no more than n."""
        ...

    def attempts(self, window: Window) -> Iterator[AttemptRow]:
        """Every attempt of the requests of this window."""
        ...

    def opinions(
        self, window: Window, limit: int = 100_000, *, counts_as_quality: bool = False
    ) -> tuple[OpinionRow, ...]:
        """What was thought, newest first; all of it, or only what `mean_score` is the mean of."""
        ...

    def scores(self, window: Window) -> tuple[ScoreRow, ...]:
        """What people thought of whole replies, by model and kind of task, the most judged first."""
        ...

    def mean_score(self, window: Window) -> MeanScoreRow:
        """The mean of every score in this window that a whole reply was given."""
        ...

    def queries(self, decision_ids: Sequence[str]) -> dict[str, str]:
        """Decision -> its last user turn, where that is kept."""
        ...

    def outcomes(self, window: Window) -> Iterator[OutcomeRow]:
        """Opinions with a score, of whole replies whose queries were kept, in the form that training reads."""
        ...

    def forget(self, before_s: float | None, bodies_before_s: float | None) -> int:
        """Delete what is older than that; how many rows."""
        ...

    def forget_tenant(self, tenant: str) -> int:
        """Delete everything of this tenant, bytes and all; how many rows."""
        ...

    def put(self, batch: Batch) -> bool:
        """Put rows in; False when the batch was there already."""
        ...

    def close(self) -> None:
        """Let go."""
        ...
