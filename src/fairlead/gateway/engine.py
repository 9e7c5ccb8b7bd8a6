"""Engine: everything of the attempt engine that outlives one request, for one configuration.

A new configuration gets a new engine, which takes over what the old one has learned: breakers, budget, conduct, gates,
conversations and kept answers.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import numpy as np

from fairlead.domain.content import FormatName
from fairlead.domain.decision import Arm
from fairlead.domain.engine_state import ArmState, EngineState, UpstreamState
from fairlead.domain.errors import UnknownReferenceError, UpstreamError
from fairlead.domain.names import UpstreamName
from fairlead.gateway.affinity import SessionMemory, is_worth_remembering, places_of, session_key
from fairlead.gateway.breaker import Breakers, blames_upstream
from fairlead.gateway.concurrency import Gate, is_crowded
from fairlead.gateway.conduct import ConductBook
from fairlead.gateway.exploring import Explorer
from fairlead.gateway.failover import RetryBudget
from fairlead.gateway.idempotency import Idempotency
from fairlead.gateway.kept_replies import KeptReplies
from fairlead.gateway.ports import Services
from fairlead.gateway.pulse import Pulse
from fairlead.gateway.replay_cache import ReplayCache
from fairlead.gateway.running import Running
from fairlead.gateway.shadows import Shadows
from fairlead.gateway.work import Work
from fairlead.routing.pool import Bools
from fairlead.routing.router import Choice
from fairlead.routing.switching import held_to, kept_to

HEDGE_CAPACITY: Final = 5.0
"""Hedges that may be begun in a row: a slow minute of one upstream is not answered by doubling all of it."""


class Engine:
    """One configuration's."""

    def __init__(self, services: Services, heir_of: "Engine | None" = None) -> None:
        limits, pool = services.limits, services.router.pool
        arms = [spec.arm for spec in pool.specs]
        now_s = services.clock()
        capacity = RetryBudget.CAPACITY / services.n_workers
        self.services = services
        self.places: Mapping[Arm, int] = places_of(arms)
        self.conduct = ConductBook(pool, now_s)
        self.breakers = Breakers(services.shared_rests, arms)
        self.budget = RetryBudget(limits.retry_budget_share, capacity)
        share = limits.hedge.max_share if limits.hedge is not None else 0.0
        self.hedge_budget = RetryBudget(share, min(HEDGE_CAPACITY, capacity))
        self.gates: dict[UpstreamName, Gate] = {
            name: Gate(name, limits.max_concurrency.get(name), max_waiting=limits.max_queue)
            for name in dict.fromkeys([*services.upstreams, *(arm.upstream for arm in arms)])
        }
        explores = services.exploring
        self.explorer = Explorer(explores, pool, services.unix_s) if explores is not None else None
        self.sessions = SessionMemory()
        self.cache = ReplayCache(services.cache) if services.cache is not None else None
        self.idempotency = Idempotency()
        self.replies = KeptReplies()
        self.running: set[Running] = set()
        self.pulse = Pulse(limits.heartbeat_s, self.running)
        self.is_draining = False
        self._last_left: asyncio.Event | None = None
        self._readers: dict[FormatName, Bools] = {}
        if heir_of is not None:
            self._inherit(heir_of, arms, now_s)
        shadowing = services.shadowing
        self.shadows = Shadows(services, shadowing, self.gates, self.breakers) if shadowing is not None else None
        if heir_of is not None and heir_of.shadows is not None:
            heir_of.shadows.stop()
            if self.shadows is not None:
                self.shadows.inherit(heir_of.shadows)

    def _inherit(self, old: "Engine", arms: list[Arm], now_s: float) -> None:
        self.breakers = old.breakers
        self.breakers.serve(arms)
        self.conduct.inherit(old.conduct, now_s)
        self.budget.tokens = min(self.budget.tokens, old.budget.tokens)
        if self.explorer is not None and old.explorer is not None:
            self.explorer.money.inherit(old.explorer.money)
        self.sessions = old.sessions
        self.idempotency = old.idempotency
        self.replies = old.replies
        if self.cache is not None and old.cache is not None and self.cache.limits == old.cache.limits:
            self.cache = old.cache

    def session_of(self, work: Work) -> str | None:
        """The key of the conversation that this work continues; None where none is kept."""
        if not self.services.keeps_sessions or not work.request.wishes.keeps_session:
            return None
        outline = work.request.outline
        if work.session is None and not is_worth_remembering(outline):
            return None
        return session_key(work.tenant, work.session, outline)

    def decide(self, work: Work, session: str | None = None, *, draws: bool = False) -> Choice:
        """The decision for this work, as things stand now. Raises: RequestError.

        `draws`: exploration may put another than the best first; without it the chances are only stated.
        """
        choice = self._decide(work, session)
        return choice if self.explorer is None else self.explorer.explored(choice, draws=draws)

    def _decide(self, work: Work, session: str | None) -> Choice:
        services, request = self.services, work.request
        now_s = services.clock()
        outline = request.outline
        choice = services.router.decide(
            request.asked, outline, request.wishes, self.breakers.down(now_s), self.conduct.current(now_s)
        )
        if work.only is not None:
            choice = self._kept_to(choice, work, work.only)
        readers = self._readers_of(outline.signed_by) if outline.signed_by is not None else None
        if session is None and readers is None:
            return choice
        held = self.sessions.held(session, self.places, now_s) if session is not None else None
        return held_to(services.router.pool, choice, held, readers)

    def _kept_to(self, choice: Choice, work: Work, member: str) -> Choice:
        """The choice among those who can serve what the request leaves to one provider's state."""
        keepers = self._readers_of(work.way.door.name)
        if work.keeper is not None:
            specs = self.services.router.pool.specs
            keepers = keepers & np.array([spec.arm.upstream == work.keeper for spec in specs], dtype=np.bool_)
        elif not any(keepers[i] for i in (*choice.order, *choice.resting)):
            return choice  # nobody: the translation refuses it, and says how to do without
        kept = kept_to(choice, keepers)
        if work.keeper is not None and (choice.order or choice.resting) and not (kept.order or kept.resting):
            raise UnknownReferenceError(
                f"What '{member}' names is kept by the upstream '{work.keeper}', and nothing that may serve this "
                "request stands there: name a model of it, or send the earlier items in 'input', with store=false.",
                param=member,
            )
        return kept

    def _readers_of(self, name: FormatName) -> Bools:
        """Which arms stand at upstreams that speak this format."""
        found = self._readers.get(name)
        if found is None:
            upstreams = self.services.upstreams
            found = np.array(
                [
                    spec.arm.upstream in upstreams and name in upstreams[spec.arm.upstream].formats
                    for spec in self.services.router.pool.specs
                ],
                dtype=np.bool_,
            )
            self._readers[name] = found
        return found

    def failed(self, index: int, arm: Arm, error: UpstreamError) -> None:
        """An attempt at this arm failed."""
        now_s = self.services.clock()
        self.breakers.failed(arm, error, now_s)
        if is_crowded(error):
            self.gates[arm.upstream].refused(now_s)
        if blames_upstream(error):
            self.conduct.failed(index, now_s)

    def state(self) -> EngineState:
        """How things stand, for the metrics page."""
        now_s = self.services.clock()
        down = self.breakers.down(now_s)
        specs = self.services.router.pool.specs
        cache = self.cache
        return EngineState(
            upstreams=tuple(
                UpstreamState(name, name in down, gate.running, gate.n_waiting, gate.limit, self.breakers.fitness(name))
                for name, gate in self.gates.items()
            ),
            arms=tuple(
                ArmState(
                    specs[index].arm.model,
                    specs[index].arm.upstream,
                    specs[index].arm in down,
                    seen.n_attempts,
                    seen.failure_share,
                    seen.ttft_s,
                    seen.ttft_p95_s,
                    seen.s_per_token,
                )
                for index, seen in self.conduct.seen(now_s).items()
            ),
            n_running=len(self.running),
            retry_tokens=self.budget.tokens,
            n_sessions=len(self.sessions),
            cache_bytes=cache.n_bytes if cache is not None else 0,
            cache_hits=cache.n_hits if cache is not None else 0,
            cache_misses=cache.n_misses if cache is not None else 0,
            exploration_usd_today=self.explorer.money.spent_usd if self.explorer is not None else None,
            shadows=self.shadows.state() if self.shadows is not None else None,
        )

    def left(self, request: Running) -> None:
        """A request has been answered."""
        self.running.discard(request)
        if self._last_left is not None and not self.running:
            self._last_left.set()

    def makes_way(self, gate: Gate) -> bool:
        """Whether a shadow has given up its slot for a client."""
        return self.shadows is not None and self.shadows.give_way(gate) and gate.take()

    async def emptied(self) -> None:
        """Wait until nothing runs here any more; for an engine whose place another has taken."""
        self._last_left = self._last_left or asyncio.Event()
        if self.running:
            await self._last_left.wait()

    def shut_down(self) -> None:
        """End whatever is still running, each with an error in its client's format."""
        if self.shadows is not None:
            self.shadows.stop()
        for request in list(self.running):
            request.shut_down()
