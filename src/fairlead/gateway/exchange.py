"""Exchange: one request from door to door. The only orchestrator: it has no arithmetic, the others have no I/O.

decide -> try candidates in order until one brings content -> deliver -> tell the observers. Once content has reached
the client the model is never changed.
"""

import asyncio
from functools import cache
from typing import Final, NamedTuple

from fairlead.domain.call import Answer, Call, Headers
from fairlead.domain.errors import (
    FairleadError,
    GarbledError,
    InvalidOptionError,
    NoEligibleModelError,
    RejectedError,
    RequestError,
    SilentError,
    UnavailableError,
    UpstreamError,
)
from fairlead.domain.moments import ReplyOutcome
from fairlead.domain.names import DecisionId
from fairlead.domain.request import Loss
from fairlead.domain.usage import Usage
from fairlead.gateway.breaker import Breakers
from fairlead.gateway.delivery import Delivery
from fairlead.gateway.failover import Failover, GiveUp, RetryBudget
from fairlead.gateway.ports import Services
from fairlead.gateway.record import Record, outcome_of
from fairlead.gateway.work import Prepared, Work, estimated_usage
from fairlead.routing.explanation import nobody
from fairlead.routing.pool import ArmSpec
from fairlead.routing.router import Choice
from fairlead.wire.failures import status_of
from fairlead.wire.format import Phase, ReadReply, ReplyStream
from fairlead.wire.sse import write_comment

ERROR_BODY_CAP_BYTES: Final = 256 * 1024
HELD_CAP_BYTES: Final = 4 * 1024 * 1024
"""What may come before a stream's first content; more is not an opening but garbage."""
LINGER_S: Final = 0.5
"""How long an upstream may take to close a stream that it has called done; after it the connection is dropped."""


class Engine:
    """Everything of the attempt engine that outlives one request."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.breakers = Breakers()
        self.budget = RetryBudget(services.limits.retry_budget_share)

    def decide(self, work: Work) -> Choice:
        """The decision for this work, as things stand now. Raises: RequestError."""
        down = self.breakers.down(self.services.clock())
        request = work.request
        return self.services.router.decide(request.asked, request.outline, request.wishes, down)


class Opened(NamedTuple):
    """A stream whose first content is here and has not been sent yet."""

    answer: Answer
    stream: ReplyStream
    held: bytes


class Exchange:
    """One request."""

    def __init__(self, engine: Engine, work: Work, out: Delivery, added: Headers) -> None:
        """`added` are headers for whatever is answered; the request's own id joins them."""
        services = engine.services
        self._engine = engine
        self._services = services
        self._work = work
        self._out = out
        self._added = added
        self._record = Record(DecisionId(services.new_id()), work, services.observers, services.clock)
        identity = self._record.decision_id.encode()
        added += [(b"x-fairlead-decision-id", identity), (b"x-request-id", identity)]
        self._choice: Choice | None = None
        self._order: tuple[int, ...] = ()
        self._place = 0
        self._overhead_s = 0.0
        work.request.reply_id = self._record.decision_id
        work.request.created_s = int(services.unix_s())

    async def run(self) -> None:
        """Serve the request.

        Raises: FairleadError while nothing has been sent to the client; afterwards the stream itself says it.
        """
        outcome: ReplyOutcome = "cancelled"
        status = 499
        error: FairleadError | None = None
        try:
            self._decide()
            error = await self._attempt()
            outcome, status = ("ok", 200) if error is None else ("truncated", 200)
        except FairleadError as failure:
            error, status = failure, status_of(failure)
            # A rate limit is the upstream's, not a mistake of the client.
            outcome = "refused" if 400 <= status < 500 and status != 429 else "error"
            raise
        except Exception:
            outcome, status = "error", 500  # a bug; the app logs where
            raise
        finally:
            self._record.attempt_ended("cancelled", None)
            self._record.replied(outcome, status, error, self._overhead_s or self._record.overhead_s())

    def _decide(self) -> None:
        work, services = self._work, self._services
        began_s = services.clock()
        choice = self._engine.decide(work)
        self._record.policy = choice.asked.policy
        if work.way.label == "embeddings" and not choice.asked.is_concrete:
            raise InvalidOptionError(
                "Embeddings of different models cannot be mixed: name one embedding model instead of 'auto'.",
                param="model",
            )
        pool = services.router.pool
        # When all are down the least bad one is tried rather than nobody.
        self._order = choice.order or choice.resting[:1]
        if not self._order:
            raise nobody(pool, choice)
        self._choice = choice
        self._record.decide_s = services.clock() - began_s

    def _spec_at(self, place: int) -> ArmSpec:
        return self._services.router.pool.specs[self._order[place]]

    def _expected_usd(self) -> float | None:
        """What the current candidate was expected to cost; None when its price is unknown."""
        index = self._order[self._place]
        if self._choice is None or not self._services.router.pool.is_priced[index]:
            return None
        return float(self._choice.expected.cost_usd[index])

    def _estimated(self, stream: ReplyStream) -> Usage:
        """What a stream is taken to have used when it died before saying so."""
        n_input = self._choice.expected.input_tokens if self._choice is not None else 0.0
        return estimated_usage(n_input, stream.n_content_bytes)

    async def _attempt(self) -> FairleadError | None:
        """Try until one delivers; the error of a stream that failed after it had begun, else None."""
        services = self._services
        deadline_s = self._work.began_s + services.limits.deadline_s
        failover = Failover(
            len(self._order),
            max_attempts=services.limits.max_attempts,
            deadline_s=deadline_s,
            budget=self._engine.budget,
            upstream_of=lambda place: self._spec_at(place).arm.upstream,
        )
        step = failover.start()
        while True:
            self._place = step.place
            if step.wait_s:
                await asyncio.sleep(step.wait_s)
                self._record.waited(step.wait_s)
            try:
                prepared = self._prepare()
            except RequestError as error:
                # This upstream's format cannot hold the request; another's may.
                other = failover.unfit()
                if other is None:
                    raise error
                step = other
                continue
            try:
                if self._work.request.is_streaming:
                    opened = await self._open(prepared, deadline_s)
                else:
                    reply = await self._fetch(prepared)
            except UpstreamError as error:
                now_s = services.clock()
                self._engine.breakers.failed(self._spec_at(self._place).arm, error, now_s)
                self._record.attempt_ended(*outcome_of(error))
                after = failover.failed(error, now_s, services.draw())
                if isinstance(after, GiveUp):
                    raise self._final(after.error) from None
                step = after
                continue
            if self._work.request.is_streaming:
                return await self._stream(opened, prepared.losses)
            self._engine.breakers.succeeded(self._spec_at(self._place).arm)
            await self._send_whole(reply, prepared.losses)
            return None

    def _prepare(self) -> Prepared:
        """The request for the current candidate.

        Raises: RequestError when this candidate cannot be given the request, or not without a loss that is refused.
        """
        spec = self._spec_at(self._place)
        services = self._services
        prepared = self._work.prepare(services.upstreams[spec.arm.upstream], spec, services.backs)
        if prepared.losses and self._work.request.wishes.require_parameters:
            lost = "; ".join(f"{loss.what}: {loss.why}" for loss in prepared.losses)
            raise NoEligibleModelError(
                f"'provider.require_parameters' is set, and no candidate takes the whole request. Not carried: {lost}."
            )
        return prepared

    def _final(self, error: FairleadError) -> FairleadError:
        if not isinstance(error, UpstreamError) or isinstance(error, RejectedError) or self._record.n_attempts == 1:
            return error
        return UnavailableError(
            f"{self._record.n_attempts} attempts failed. The last: {error.message}", code=error.code
        )

    async def _call(self, prepared: Prepared) -> Answer:
        """Send the request to the current candidate; an answer of status 200, or an error."""
        work = self._work
        spec = self._spec_at(self._place)
        arm = spec.arm
        now_s = self._record.attempt_begins(spec)
        self._engine.breakers.tried(arm, now_s)
        left_s = work.began_s + self._services.limits.deadline_s - now_s
        call = Call(
            prepared.path,
            prepared.body,
            work.request.is_streaming,
            self._record.decision_id,
            left_s,
            prepared.headers,
            arm.sent_model,
        )
        answer = await self._services.upstreams[arm.upstream].send(call)
        if answer.status == 200:
            return answer
        try:
            text = await answer.read(ERROR_BODY_CAP_BYTES)
        except GarbledError:
            text = b""
        finally:
            answer.close()
        if not 400 <= answer.status < 600:
            raise GarbledError(f"The upstream '{arm.upstream}' answered {answer.status}: redirects are not followed.")
        raise prepared.read_failure(answer.status, answer.headers, text, arm.upstream)

    async def _fetch(self, prepared: Prepared) -> ReadReply:
        """The whole reply of the current candidate."""
        answer = await self._call(prepared)
        try:
            body = await answer.read(self._services.limits.max_reply_bytes)
        finally:
            answer.close()
        reply = prepared.read_reply(body)
        self._record.answered()
        return reply

    async def _send_whole(self, reply: ReadReply, losses: tuple[Loss, ...]) -> None:
        record = self._record
        record.used(reply.usage)
        headers = self._headers(losses)
        headers.append((b"x-fairlead-cost-usd", str(record.cost).encode() if record.cost is not None else b"unknown"))
        await self._out.whole(200, headers, reply.body)
        record.attempt_ended("ok", 200)

    async def _open(self, prepared: Prepared, deadline_s: float) -> Opened:
        """A stream, read until its first content: until then it may still fail over."""
        answer = await self._call(prepared)
        try:
            stream = prepared.open_stream()
            held = b""
            while stream.phase is Phase.OPENING:
                data = await answer.next_chunk()
                held += stream.feed(data) if data else stream.end()
                if not data:
                    break
                if len(held) > HELD_CAP_BYTES:
                    raise GarbledError("The upstream's stream goes on without any content.")
                if self._services.clock() > deadline_s:
                    # The upstream's own limits bound its silence; this bounds one that dribbles.
                    raise SilentError("The request's deadline passed while the upstream was beginning to answer.")
            if stream.failure is not None:
                raise stream.failure
        except BaseException:
            answer.close()
            raise
        self._record.answered()
        return Opened(answer, stream, held)

    async def _stream(self, opened: Opened, losses: tuple[Loss, ...]) -> FairleadError | None:
        """Send a stream on; the error that ended it after it had begun, else None."""
        answer, stream, held = opened
        record, out, breakers = self._record, self._out, self._engine.breakers
        arm = self._spec_at(self._place).arm
        failure: UpstreamError | None = None
        try:
            headers = self._headers(losses)
            expected_usd = self._expected_usd()
            headers.append((b"x-fairlead-cost-usd", b"unknown" if expected_usd is None else b"%.9f" % expected_usd))
            headers.append((b"x-fairlead-cost-basis", b"expected"))
            await out.begin_stream(headers, held)
            try:
                await self._pump(answer, stream)
                failure = stream.failure
            except UpstreamError as error:
                failure = error
            record.used(stream.usage or self._estimated(stream))
            if failure is not None:
                breakers.failed(arm, failure, self._services.clock())
                await out.end_stream(stream.fail(failure))
                record.attempt_ended(*outcome_of(failure))
                return failure
            breakers.succeeded(arm)
            await out.piece(stream.finish(_cost_comment(record)))
            await _drain(answer)
            record.attempt_ended("ok", 200)
            await out.end_stream()
            return None
        finally:
            if record.usage is None:
                record.used(stream.usage or self._estimated(stream))
            answer.close()

    async def _pump(self, answer: Answer, stream: ReplyStream) -> None:
        """Pieces from the upstream to the client, as fast as the slower of the two."""
        while stream.phase is not Phase.DONE and stream.phase is not Phase.FAILED:
            data = await answer.next_chunk()
            piece = stream.feed(data) if data else stream.end()
            if piece:
                await self._out.piece(piece)
            if not data:
                return

    def _headers(self, losses: tuple[Loss, ...]) -> Headers:
        record = self._record
        arm = self._spec_at(self._place).arm
        self._overhead_s = record.overhead_s()
        lost = [(b"x-fairlead-losses", _loss_header(losses))] if losses else []
        return [
            *self._added,
            *lost,
            (b"x-fairlead-model", _header(arm.model)),
            (b"x-fairlead-provider", _header(arm.provider)),
            (b"x-fairlead-overhead-ms", b"%.3f" % (self._overhead_s * 1e3)),
        ]


def _cost_comment(record: Record) -> bytes:
    basis = " (estimated: the upstream reported no usage)" if record.usage and record.usage.is_estimated else ""
    return write_comment(f"x-fairlead-cost-usd={'unknown' if record.cost is None else record.cost}{basis}")


async def _drain(answer: Answer) -> None:
    """Read past the end, so that the connection can be used again."""
    try:
        async with asyncio.timeout(LINGER_S):
            while await answer.next_chunk():
                pass
    except (TimeoutError, UpstreamError):
        pass  # the reply was whole; only the connection is lost


_MAX_LOSS_HEADER_CHARS: Final = 1_000


def _loss_header(losses: tuple[Loss, ...]) -> bytes:
    """What was not carried, by name: `seed, logprobs`. The names are partly the client's own words."""
    names = ", ".join(dict.fromkeys(loss.what for loss in losses))[:_MAX_LOSS_HEADER_CHARS]
    return "".join(letter for letter in names if letter.isprintable()).encode("latin-1", "replace")


@cache
def _header(name: str) -> bytes:
    """A name from the configuration as a header value; anything that could end the header is left out."""
    return "".join(letter for letter in name if letter.isprintable()).encode("latin-1", "replace")
