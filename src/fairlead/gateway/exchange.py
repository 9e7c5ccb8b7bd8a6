"""Exchange: one request from door to door. The only orchestrator: it has no arithmetic, the others have no I/O.

decide -> try candidates in order until one brings content -> deliver -> tell the observers. Once content has reached
the client the model is never changed.
"""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any, Final

from fairlead.domain.call import Headers
from fairlead.domain.errors import (
    FairleadError,
    InvalidOptionError,
    NoEligibleModelError,
    RejectedError,
    RequestError,
    ShuttingDownError,
    UnavailableError,
    UpstreamError,
)
from fairlead.domain.moments import ReplyOutcome
from fairlead.domain.names import DecisionId
from fairlead.gateway.attempt import Attempt, Chosen
from fairlead.gateway.concurrency import Gate
from fairlead.gateway.delivery import Delivery
from fairlead.gateway.engine import Engine
from fairlead.gateway.failover import Failover, GiveUp
from fairlead.gateway.handover import Handover
from fairlead.gateway.heard import Heard
from fairlead.gateway.kept_answers import KeptAnswers
from fairlead.gateway.pulse import BEATS
from fairlead.gateway.race import patience_s, raced
from fairlead.gateway.record import Record
from fairlead.gateway.shadows import Shadows
from fairlead.gateway.work import Prepared, Work
from fairlead.routing.explanation import nobody, reason_code
from fairlead.routing.pool import ArmSpec, Pool
from fairlead.routing.router import Choice
from fairlead.wire.failures import status_of

_LEAST_RETRY_AFTER_S: Final = 1.0
"""Sooner makes no sense to a client: a probe takes about as long."""
_STOPPED: Final = "This server is being stopped, and running requests have had their time: send the request again."


class Exchange:
    """One request.

    What it makes never points back to it: a circle would wait for the collector with all that the request held, which
    was a tenth of its time.
    """

    __slots__ = (
        "_added", "_choice", "_deadline_s", "_engine", "_failover", "_handover", "_is_shutting_down",
        "_kept", "_n_heard", "_n_silent", "_order", "_out", "_pinging", "_record", "_services", "_task", "_work",
    )  # fmt: skip

    def __init__(self, engine: Engine, work: Work, out: Delivery, added: Headers) -> None:
        """`added` are headers for whatever is answered; the request's own id joins them."""
        services = engine.services
        self._engine = engine
        self._services = services
        self._work = work
        self._out = out
        self._added = added
        heard = out.heard = Heard(services.backs, work.way.door.name) if services.keeps_words else None
        self._record = Record(
            DecisionId(services.new_id()), work, services.observers, services.clock, services.config_version, heard
        )
        identity = self._record.decision_id.encode()
        added += [(b"x-fairlead-decision-id", identity), (b"x-request-id", identity)]
        if work.way.label == "messages":
            added.append((b"request-id", identity))  # where Anthropic's clients look for it
        self._choice: Choice | None = None
        self._order: tuple[int, ...] = ()
        self._failover: Failover
        self._deadline_s = work.began_s + services.limits.deadline_s
        self._handover = Handover(engine, work, out, added, self._record)
        self._kept: KeptAnswers | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_shutting_down = False
        self._n_heard = -1
        self._n_silent = 0
        self._pinging: asyncio.Task[None] | None = None
        work.request.reply_id = self._record.decision_id
        work.request.created_s = int(services.unix_s())

    @property
    def decision_id(self) -> DecisionId:
        """The name of this request."""
        return self._record.decision_id

    async def run(self, task: asyncio.Task[Any] | None) -> None:
        """Serve the request; `task` is the one that does, to be cancelled when the server stops.

        Raises: FairleadError while nothing has been sent to the client; afterwards the stream itself says it.
        """
        outcome: ReplyOutcome = "cancelled"
        status = 499
        error: FairleadError | None = None
        engine = self._engine
        self._task = task
        engine.running.add(self)
        if self._work.request.is_streaming:
            engine.pulse.start()
        try:
            error = await self._serve()
            outcome, status = ("ok", 200) if error is None else ("truncated", 200)
        except asyncio.CancelledError:
            if not self._is_shutting_down or self._task is None:
                raise
            self._task.uncancel()
            error, outcome, status = ShuttingDownError(_STOPPED), "error", 503
            if await self._told(error):
                status = 200
            else:
                raise error from None
        except FairleadError as failure:
            error, status = failure, status_of(failure)
            # A rate limit is the upstream's, not a mistake of the client.
            outcome = "refused" if 400 <= status < 500 and status != 429 else "error"
            if await self._told(failure):
                status = 200
            else:
                raise
        except Exception:
            outcome, status = "error", 500  # a bug; the app logs where
            raise
        finally:
            engine.left(self)
            if self._kept is not None:
                self._kept.release()
            if outcome == "ok" and engine.shadows is not None:
                self._shadow(engine.shadows)
            self._record.replied(outcome, status, error, self._handover.overhead_s or self._record.overhead_s())

    def _shadow(self, shadows: Shadows) -> None:
        """The client has its answer: perhaps another model is asked the same. Not of an answer that was kept."""
        last = self._record.last
        if last is not None and self._choice is not None:
            shadows.offer(self._record.decision_id, self._work, self._choice, last.spec.arm.model)

    async def _told(self, error: FairleadError) -> bool:
        """Whether the error could be said in the stream, because that has begun."""
        out = self._out
        error.request_id = self._record.decision_id
        if not out.has_begun or out.is_over or not self._work.request.is_streaming:
            return out.has_begun
        await out.end_stream(self._handover.voice().fail(error))
        return True

    def shut_down(self) -> None:
        """See running.Running."""
        if self._task is not None and not self._out.is_over:
            self._is_shutting_down = True
            self._task.cancel()

    def beat(self) -> None:
        """See running.Running."""
        out = self._out
        if not self._work.request.is_streaming or out.is_over:
            return
        if out.n_sent != self._n_heard:
            self._n_heard, self._n_silent = out.n_sent, 1
            return
        self._n_silent += 1
        if self._n_silent > BEATS and (self._pinging is None or self._pinging.done()):
            self._n_heard = -1
            sign = self._handover.voice().ping()
            self._pinging = asyncio.get_running_loop().create_task(out.ping(self._added, sign))

    def _serve(self) -> Awaitable[FairleadError | None]:
        if self._work.repeat_key is not None or self._engine.cache is not None:
            return self._serve_kept()
        self._decide()
        return self._attempt()

    async def _serve_kept(self) -> FairleadError | None:
        """Serve a request whose answer may be there already, or is to be kept."""
        kept = self._kept = KeptAnswers(self._engine, self._work, self._out, self._added, self._record)
        if await kept.repeats():
            return None
        self._decide()
        if await kept.finds(self._chosen(0).spec.arm):
            return None
        self._handover.keeper = kept
        return await self._attempt()

    def _decide(self) -> None:
        work, services, record = self._work, self._services, self._record
        began_s = services.clock()
        record.session = self._engine.session_of(work)
        choice = self._engine.decide(work, record.session, draws=work.way.label != "embeddings")
        record.policy = choice.asked.policy
        if work.way.label == "embeddings" and not choice.asked.is_concrete:
            raise InvalidOptionError(
                "Embeddings of different models cannot be mixed: name one embedding model instead of 'auto'.",
                param="model",
            )
        pool = services.router.pool
        record.reason = reason_code(pool, choice)
        # When all are down the least bad one is tried rather than nobody.
        self._order = choice.order or choice.resting[:1]
        if not self._order:
            raise nobody(pool, choice)
        self._choice = choice
        record.decide_s = services.clock() - began_s
        if choice.is_explored:
            self._added.append((b"x-fairlead-explored", b"true"))
        if choice.kept is not None:
            record.kept = choice.kept.code
        if services.decision_observers:
            record.decided(services.decision_observers, services.router, choice, self._order)

    def _expected_usd(self, index: int) -> float | None:
        if self._choice is None or not self._services.router.pool.is_priced[index]:
            return None
        return self._choice.expected.cost_of(index)

    def _chosen(self, place: int) -> Chosen:
        index = self._order[place]
        spec = self._services.router.pool.specs[index]
        return Chosen(place, index, spec, self._engine.gates[spec.arm.upstream])

    def _is_free(self, place: int) -> bool:
        return not self._chosen(place).gate.is_full

    async def _attempt(self) -> FairleadError | None:
        """Try until one delivers; the error of a stream that failed after it had begun, else None."""
        services = self._services
        failover = self._failover = Failover(
            len(self._order),
            max_attempts=services.limits.max_attempts,
            deadline_s=self._deadline_s,
            budget=self._engine.budget,
            upstream_of=partial(_upstream_at, services.router.pool, self._order),
        )
        step = failover.start(is_repeat=self._work.is_repeat)
        while True:
            if step.wait_s:
                await asyncio.sleep(step.wait_s)
                self._record.waited(step.wait_s)
            chosen = self._chosen(step.place)
            try:
                prepared = self._prepare(chosen.spec)
            except RequestError as error:
                # This upstream's format cannot hold the request; another's may.
                other = failover.unfit()
                if other is None:
                    raise error
                step = other
                continue
            if not chosen.gate.take() and not self._engine.makes_way(chosen.gate):
                free = failover.elsewhere(self._is_free)
                if free is not None:
                    step = free
                    continue
                await self._queue(chosen.gate)
            try:
                attempt = await self._first_content(self._begun(chosen, prepared))
            except UpstreamError as error:
                after = failover.failed(error, services.clock(), services.draw())
                if isinstance(after, GiveUp):
                    raise self._final(after.error) from None
                step = after
                continue
            return await self._handover.deliver(attempt)

    async def _queue(self, gate: Gate) -> None:
        """Wait for a slot at a busy upstream, nobody else being free. Raises: OverloadedError."""
        clock = self._services.clock
        began_s = clock()
        await gate.wait(min(self._services.limits.queue_s, max(self._deadline_s - began_s, 0.0)))
        self._record.waited(clock() - began_s)

    def _begun(self, chosen: Chosen, prepared: Prepared, *, is_hedge: bool = False) -> Attempt:
        """An attempt that has its slot."""
        assert self._choice is not None
        record = self._record
        n_input = self._choice.expected.input_tokens
        attempt = Attempt(
            self._engine,
            self._work,
            record.decision_id,
            chosen,
            prepared,
            n_input=n_input,
            is_hedge=is_hedge,
            numbers=record.numbers,
        )
        attempt.again = self._failover.again
        record.attempt_begins(attempt)
        if self._work.request.is_streaming:
            attempt.expected_usd = self._expected_usd(chosen.arm_index)
        return attempt

    async def _first_content(self, attempt: Attempt) -> Attempt:
        """The attempt that brought content first: this one, or one begun beside it. Raises: UpstreamError."""
        clock = self._services.clock
        patience = self._patience(attempt) if self._services.limits.hedge is not None else None
        if patience is not None:
            try:
                return await raced(attempt, self._deadline_s, patience, self._rival)
            finally:
                self._record.waited(clock() - attempt.began_s)
        try:
            await attempt.run(self._deadline_s)
        except UpstreamError as error:
            self._record.waited(clock() - attempt.began_s)
            attempt.failed(error)
            raise
        except BaseException:
            attempt.ended("cancelled", None)
            raise
        self._record.waited(attempt.first_byte_s or 0.0)
        return attempt

    def _patience(self, attempt: Attempt) -> float | None:
        self._engine.hedge_budget.request()
        n_input = self._choice.expected.input_tokens if self._choice is not None else 0.0
        return patience_s(self._engine, attempt.index, n_input, is_streaming=self._work.request.is_streaming)

    def _rival(self) -> Attempt | None:
        """An attempt beside one that is slow; None when nobody is free or the budgets are spent."""
        engine = self._engine
        if engine.hedge_budget.tokens < 1.0:
            return None
        step = self._failover.hedge(self._is_free)
        if step is None:
            return None
        chosen = self._chosen(step.place)
        try:
            prepared = self._prepare(chosen.spec)
        except RequestError:
            return None
        engine.hedge_budget.spend()
        chosen.gate.take()
        return self._begun(chosen, prepared, is_hedge=True)

    def _prepare(self, spec: ArmSpec) -> Prepared:
        """The request for this candidate.

        Raises: RequestError when this candidate cannot be given the request, or not without a loss that is refused.
        """
        services = self._services
        prepared = self._work.prepare(services.upstreams[spec.arm.upstream], spec, services.backs)
        if prepared.losses and self._work.request.wishes.require_parameters:
            lost = "; ".join(f"{loss.what}: {loss.why}" for loss in prepared.losses)
            raise NoEligibleModelError(
                f"'provider.require_parameters' is set, and no candidate takes the whole request. Not carried: {lost}."
            )
        return prepared

    def _final(self, error: FairleadError) -> FairleadError:
        if not isinstance(error, UpstreamError) or isinstance(error, RejectedError):
            return error
        if self._choice is not None and not self._choice.order:
            rest_s = self._engine.breakers.soonest_s(self._services.clock()) or 0.0
            final = UnavailableError(
                f"Every candidate is failing and rests; the least bad one was tried. It: {error.message}",
                retry_after_s=max(rest_s, _LEAST_RETRY_AFTER_S),
            )
        elif self._record.n_attempts == 1:
            return error
        else:
            final = UnavailableError(
                f"{self._record.n_attempts} attempts failed. The last: {error.message}", code=error.code
            )
        final.said = error.said
        return final


def _upstream_at(pool: Pool, order: tuple[int, ...], place: int) -> str:
    return pool.specs[order[place]].arm.upstream
