"""Runner: asks every question of a run once, as fast as the upstreams take them, inside the cap.

Rules. A line is in the journal before a call is sent. What is answered is never asked again. What failed and cannot
have been paid for is tried again, with growing pauses. What may have been paid for is asked again only where the
upstream has said that it replays by idempotency key, or where the operator wishes it; else it is left, and named.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from fairlead.catalogue.prices import price_of
from fairlead.domain.errors import RejectedError, UpstreamError
from fairlead.evaluation.running.answers import Answered, Ask
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.pace import Pace
from fairlead.evaluation.running.purse import Purse
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.running.records import Asked, Failed, Reply, Standing

InFlight = Literal["auto", "resend", "leave"]

MAX_TRIES: Final = 4
MAX_REFUSALS: Final = 30
"""How often one call may be told "too many": with pauses up to half a minute, a quarter of an hour."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
GIVE_UP_AFTER: Final = 20
"""Questions in a row that failed at an upstream which has answered none meanwhile: it is down."""
_OVERLOADED: Final = frozenset((429, 503, 529))
_PERHAPS_SERVED: Final = frozenset((408, 504, 524))
"""A middleman ran out of patience; the server behind it may have served."""
_NOT_ALLOWED: Final = frozenset((401, 402, 403))


@dataclass(slots=True)
class Tally:
    """How a run goes; the same object throughout, for whoever shows it."""

    n_planned: int = 0
    n_answered: int = 0
    """Answers that are here, those of earlier runs among them."""
    n_new: int = 0
    n_failed: int = 0
    n_unknown: int = 0
    n_over_budget: int = 0
    n_unasked: int = 0
    last_error: str = ""


@dataclass(slots=True)
class _Lane:
    """One upstream's work."""

    pace: Pace
    todo: deque[Question]
    later: deque[Question]
    """In flight at a kill: asked again at the end, if the upstream is known by then to replay."""
    is_replaying: bool = False
    n_failures_in_a_row: int = 0
    given_up: str = ""


class Runner:
    """One run; may be given several batches of questions (answers, then judges)."""

    def __init__(
        self,
        ask: Ask,
        journal: Journal,
        purse: Purse,
        paces: Mapping[str, Pace],
        *,
        in_flight: InFlight = "auto",
        sleep: Callable[[float], Awaitable[None]],
        draw: Callable[[], float],
    ) -> None:
        """`paces` by upstream; `sleep` and `draw` are chance and time, which a test makes its own."""
        self._ask = ask
        self._journal = journal
        self.purse = purse
        self.paces = paces
        self._in_flight = in_flight
        self._sleep = sleep
        self._draw = draw
        self._freed: list[asyncio.Future[None]] = []
        self.tally = Tally()
        self.n_stops = 0
        """How often somebody has asked to stop: once ends the asking, once more the scoring."""

    @property
    def is_stopping(self) -> bool:
        """Whether no further call is begun."""
        return self.n_stops > 0

    def stop(self) -> None:
        """Begin no further call; those in flight are waited for."""
        self.n_stops += 1
        self._free()

    async def run(self, questions: Iterable[Question]) -> Tally:
        """Ask what is not answered yet. Raises: EvaluationError when the journal cannot be written."""
        lanes: dict[str, _Lane] = {}
        calls = self._journal.ledger.calls
        for question in questions:
            self.tally.n_planned += 1
            standing = calls.get(question.key)
            if standing is not None and standing.reply is not None:
                self.tally.n_answered += 1
                continue
            name = question.model.upstream
            lane = lanes.get(name) or lanes.setdefault(name, _Lane(self.paces[name], deque(), deque()))
            lane.is_replaying |= question.model.name in self._journal.ledger.replaying
            is_open = standing is not None and standing.is_unknown
            (lane.later if is_open else lane.todo).append(question)
        async with asyncio.TaskGroup() as group:
            for lane in lanes.values():
                group.create_task(self._drive(lane))
        return self.tally

    async def _drive(self, lane: _Lane) -> None:
        if self._in_flight == "resend":
            lane.todo.extendleft(reversed(lane.later))
            lane.later.clear()
        if lane.todo and not self.is_stopping:
            # The first call goes alone: an upstream that charges more than its price says is found out by one call.
            await self._until_answered(lane, lane.todo.popleft())
        await self._work_off(lane)
        if lane.later and lane.is_replaying and self._in_flight == "auto" and not self.is_stopping:
            lane.todo.extend(lane.later)
            lane.later.clear()
            await self._work_off(lane)
        self.tally.n_unknown += len(lane.later)
        self.tally.n_unasked += len(lane.todo)

    async def _work_off(self, lane: _Lane) -> None:
        n_workers = min(lane.pace.most, len(lane.todo))
        async with asyncio.TaskGroup() as group:
            for _ in range(n_workers):
                group.create_task(self._work(lane))

    async def _work(self, lane: _Lane) -> None:
        while lane.todo and not self.is_stopping and not lane.given_up:
            await self._until_answered(lane, lane.todo.popleft())

    async def _until_answered(self, lane: _Lane, question: Question) -> None:
        """One question, as often as it takes and may be tried."""
        n_tries = n_refusals = 0
        while True:
            epoch = await lane.pace.enter()
            try:
                if lane.pace.rest_s:
                    await self._sleep(lane.pace.rest_s)
                if self.is_stopping or lane.given_up:
                    lane.todo.appendleft(question)
                    return
                if not await self._reserve(question):
                    self.tally.n_over_budget += 1
                    return
                error = await self._send(lane, question, epoch)
            finally:
                lane.pace.leave()
            if error is None:
                return
            is_refusal = isinstance(error, RejectedError) and error.upstream_status in _OVERLOADED
            n_refusals, n_tries = n_refusals + is_refusal, n_tries + (not is_refusal)
            if not self._may_retry(lane, error) or n_tries >= MAX_TRIES or n_refusals >= MAX_REFUSALS:
                self._give_up(lane, question, error)
                return
            await self._sleep(self._pause_s(n_tries + n_refusals))

    async def _send(self, lane: _Lane, question: Question, epoch: int) -> UpstreamError | None:
        """Send it once; the error, or None when it was answered."""
        key, most = question.key, question.most_nano
        standing = self._journal.ledger.calls.get(key)
        n = 1 if standing is None else standing.n_sent + 1
        self._journal.write(Asked(key, n, most))
        try:
            answered = await self._ask(question)
        except UpstreamError as error:
            may_be_paid = _may_be_paid(error)
            self._journal.write(Failed(key, n, error.message[:500], "maybe" if may_be_paid else "no"))
            if may_be_paid:
                self.purse.hold(most)
            else:
                self.purse.settle(most, 0)
            if isinstance(error, RejectedError) and error.upstream_status in _OVERLOADED:
                lane.pace.refused(epoch, error.retry_after_s)
            self._free()
            return error
        except BaseException:
            # Cancelled in mid-call: the line stays open, and the money held.
            self.purse.hold(most)
            raise
        self._take(lane, question, n, answered)
        return None

    def _take(self, lane: _Lane, question: Question, n: int, answered: Answered) -> None:
        ledger = self._journal.ledger
        before = ledger.calls[question.key]
        n_held = sum(nano for number, nano in before.open.items() if number != n)
        cost = cost_nano(question, answered)
        self._journal.write(reply_of(question, n, answered, cost))
        self.purse.settle(question.most_nano, cost)
        if answered.is_replaying:
            lane.is_replaying = True
            self.purse.unhold(n_held)
        lane.n_failures_in_a_row = 0
        if cost > question.most_nano:
            lane.given_up = self.tally.last_error = (
                f"{question.model.name} charged {cost / 1e9:.6f} USD for a call that its price allows at most "
                f"{question.most_nano / 1e9:.6f} for; name its price by --prices"
            )
        lane.pace.kept_up()
        self.tally.n_answered += 1
        self.tally.n_new += 1
        self._free()

    async def _reserve(self, question: Question) -> bool:
        """Reserve the most that it may cost; wait while calls in flight may give something back."""
        while not self.purse.reserve(question.most_nano):
            if not self.purse.reserved_nano or self.is_stopping:
                return False
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._freed.append(waiter)
            await waiter
        return True

    def _free(self) -> None:
        waiting, self._freed = self._freed, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _may_retry(self, lane: _Lane, error: UpstreamError) -> bool:
        if _may_be_paid(error) and not lane.is_replaying and self._in_flight != "resend":
            return False
        return error.is_retryable and not _is_forbidden(error)

    def _give_up(self, lane: _Lane, question: Question, error: UpstreamError) -> None:
        standing: Standing = self._journal.ledger.calls[question.key]
        if standing.is_unknown:
            self.tally.n_unknown += 1
        else:
            self.tally.n_failed += 1
        self.tally.last_error = error.message
        lane.n_failures_in_a_row += 1
        if _is_forbidden(error) or lane.n_failures_in_a_row >= GIVE_UP_AFTER:
            lane.given_up = error.message

    def _pause_s(self, n: int) -> float:
        """Doubles from time to time, and is drawn between half and whole so that callers do not come back together."""
        return float(min(FIRST_PAUSE_S * 2 ** (n - 1), LONGEST_PAUSE_S) * (0.5 + 0.5 * self._draw()))


def _may_be_paid(error: UpstreamError) -> bool:
    if isinstance(error, RejectedError):
        return error.upstream_status in _PERHAPS_SERVED
    return error.is_sent


def _is_forbidden(error: UpstreamError) -> bool:
    return isinstance(error, RejectedError) and error.upstream_status in _NOT_ALLOWED


def cost_nano(question: Question, answered: Answered) -> int:
    """What a reply has cost: what the upstream says, else tokens by price, else the most that it may have been."""
    if answered.said_nano is not None:
        return answered.said_nano
    cost = None if answered.usage is None else price_of(answered.usage, question.model.prices)
    return question.most_nano if cost is None else cost.nano


def reply_of(question: Question, n: int, answered: Answered, cost: int) -> Reply:
    """The record of a reply."""
    usage = answered.usage
    return Reply(
        key=question.key,
        n=n,
        kind=question.kind,
        model=question.model.name,
        item=question.item.id,
        sample=question.sample,
        text=answered.text,
        tool_calls=[tuple(call) for call in answered.tool_calls],  # type: ignore[misc]
        finish=answered.finish,
        served=answered.served,
        usage=None if usage is None else (usage[0], usage[1], usage[2], usage[3], usage[4]),
        cost_nano=cost,
        latency_s=round(answered.latency_s, 6),
        is_replaying=answered.is_replaying,
    )
