"""Shadows: now and then another model is asked the same after the client has its answer. No client waits for it.

    reply is over --(drawn)--> queue --(a slot, money, a fit upstream)--> call --> observers

A shadow has its own bounds: share, queue, calls at once, money a day. It gives its slot back at once when a client
would have to wait for one, is told to no breaker and no measure, and ends when the server drains. What does not fit is
dropped and counted.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Final

from fairlead.domain.engine_state import ShadowState
from fairlead.domain.errors import RequestError
from fairlead.domain.moments import Shadowed
from fairlead.domain.names import DecisionId, ModelId, UpstreamName
from fairlead.gateway.breaker import Breakers
from fairlead.gateway.concurrency import Gate
from fairlead.gateway.daily_money import DailyMoney
from fairlead.gateway.ports import Services, ShadowLimits
from fairlead.gateway.shadow_call import ShadowCall, ShadowJob
from fairlead.gateway.work import Prepared, Work
from fairlead.routing.eligibility import need_checks
from fairlead.routing.router import Choice

_LOG: Final = logging.getLogger("fairlead.gateway")
MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024
"""Of request bodies in the queue: two of the largest."""
DROPS: Final = ("queue_full", "no_fit_arm", "no_money", "no_slot", "cannot_carry")
"""Why a drawn request is not asked again."""


class Shadows:
    """One engine's."""

    def __init__(
        self, services: Services, limits: ShadowLimits, gates: Mapping[UpstreamName, Gate], breakers: Breakers
    ) -> None:
        self._services = services
        self._limits = limits
        self._gates = gates
        self._breakers = breakers
        self._queue: deque[ShadowJob] = deque()
        self._n_bytes = 0
        self._running: dict[asyncio.Task[None], Gate | None] = {}
        """Each task with the gate whose slot it holds; None once it has given that back."""
        self._is_stopped = False
        self.money = DailyMoney(limits.max_usd_per_day, services.unix_s)
        self.n_dropped = dict.fromkeys(DROPS, 0)

    def offer(self, decision_id: DecisionId, work: Work, choice: Choice, served: ModelId) -> None:
        """A request has been answered well: perhaps it is asked again. Never raises; nobody waits."""
        limits = self._limits
        if self._is_stopped or limits.draw() >= limits.share:
            return
        index = self._arm(work, choice)
        if index is not None and self._services.router.pool.specs[index].arm.model == served:
            return  # it has just said it
        if index is None:
            self.n_dropped["no_fit_arm"] += 1
            return
        if len(self._queue) >= limits.max_queue or self._n_bytes + len(work.body) > MAX_QUEUED_BYTES:
            self.n_dropped["queue_full"] += 1
            return
        expected = choice.expected
        spec = self._services.router.pool.specs[index]
        usd = expected.cost_of(index)
        self._queue.append(ShadowJob(decision_id, work, spec, expected.input_tokens, usd))
        self._n_bytes += len(work.body)
        self._begin()

    def give_way(self, gate: Gate) -> bool:
        """A client needs a slot of this gate: a shadow that holds one gives it back and ends. False without any."""
        for task, held in self._running.items():
            if held is gate:
                self._running[task] = None
                gate.give()
                task.cancel()
                return True
        return False

    def stop(self) -> None:
        """End what runs and forget what waits; nothing is taken from now on."""
        self._is_stopped = True
        self._queue.clear()
        self._n_bytes = 0
        for task in list(self._running):
            task.cancel()

    async def emptied(self) -> None:
        """Wait until nothing runs or waits any more."""
        while self._running:
            await asyncio.wait(list(self._running))

    def state(self) -> ShadowState:
        """How it goes."""
        return ShadowState(len(self._queue), len(self._running), self.money.spent_usd, tuple(self.n_dropped.items()))

    def inherit(self, old: "Shadows") -> None:
        """Go on with another's accounts."""
        self.money.inherit(old.money)
        self.n_dropped = dict(old.n_dropped)

    def _arm(self, work: Work, choice: Choice) -> int | None:
        """The cheapest arm of the shadow model that every wish and need of the request allows, its price known."""
        if work.way.label == "embeddings" or work.keeper is not None or work.only is not None:
            return None
        pool = self._services.router.pool
        down = self._breakers.down(self._services.clock())
        checks = (*need_checks(pool, work.request.outline, choice.expected), *choice.checks)
        fit = [
            index
            for index in self._limits.arms
            if pool.is_priced[index]
            and not any(check.fails[index] for check in checks)
            and not {pool.specs[index].arm, pool.specs[index].arm.upstream} & down
        ]
        return min(fit, key=choice.expected.cost_of, default=None)

    def _begin(self) -> None:
        """Take from the queue for as long as calls may begin."""
        while self._queue and len(self._running) < self._limits.max_concurrency:
            job = self._queue.popleft()
            self._n_bytes -= len(job.work.body)
            gate = self._gates[job.spec.arm.upstream]
            if job.expected_usd > self.money.left_usd:
                self.n_dropped["no_money"] += 1
            elif gate.n_waiting or not gate.take():
                self.n_dropped["no_slot"] += 1
            else:
                self.money.spend(job.expected_usd)
                task = asyncio.get_running_loop().create_task(self._run(job))
                self._running[task] = gate
                task.add_done_callback(partial(self._ended, job))

    def _ended(self, job: ShadowJob, task: "asyncio.Task[None]") -> None:
        gate = self._running.pop(task, None)
        if task.cancelled():  # before its first step: nobody was asked
            self.money.spend(-job.expected_usd)
            self.n_dropped["no_slot"] += gate is None
        if gate is not None:
            gate.give()
        self._begin()

    async def _run(self, job: ShadowJob) -> None:
        try:
            prepared = self._prepared(job)
            if prepared is None:
                return
            call = ShadowCall(self._services, job, prepared)
            try:
                moment = await call.run(self._limits.deadline_s)
            except asyncio.CancelledError:
                moment = call.moment("cancelled", None)
            self._tell(job, moment)
        except Exception as error:  # noqa: BLE001 - a bug in a shadow must not show itself to anybody but the log
            _LOG.error("a shadow has stumbled: %s", type(error).__name__)

    def _prepared(self, job: ShadowJob) -> Prepared | None:
        services = self._services
        try:
            return job.work.prepare(services.upstreams[job.spec.arm.upstream], job.spec, services.backs)
        except RequestError:
            self.money.spend(-job.expected_usd)
            self.n_dropped["cannot_carry"] += 1
            return None

    def _tell(self, job: ShadowJob, moment: Shadowed) -> None:
        """What it has cost takes the place of what was expected; an unknown cost leaves that."""
        if moment.cost is not None:
            self.money.spend(moment.cost.dollars - job.expected_usd)
        for observer in self._services.shadow_observers:
            observer.shadowed(moment)
