"""Attempt: one call to one upstream for one request, until its first content or its whole reply is here.

It holds a slot of its upstream from beginning to end, has an account of its own, and knows nothing of other attempts:
several may run at once.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from fairlead.domain.call import Answer, Call
from fairlead.domain.errors import GarbledError, SilentError, UpstreamError
from fairlead.domain.moments import AttemptOutcome
from fairlead.domain.names import DecisionId
from fairlead.gateway.concurrency import Gate
from fairlead.gateway.engine import Engine
from fairlead.gateway.record import AttemptRecord, Numbers, outcome_of
from fairlead.gateway.work import Prepared, Work, estimated_usage
from fairlead.routing.pool import ArmSpec
from fairlead.wire.format import Phase, ReadReply, ReplyStream
from fairlead.wire.sse import EVENT_CAP_BYTES
from fairlead.wire.upstream_words import check_no_error

ERROR_BODY_CAP_BYTES: Final = 256 * 1024
HELD_CAP_BYTES: Final = 4 * 1024 * 1024
"""What is held back of a stream up to its first content and with it; more is not an opening but garbage."""
OPENING_CAP_BYTES: Final = EVENT_CAP_BYTES + HELD_CAP_BYTES
"""The same of what is read, whether it is sent on or not: the first content may be one huge event."""


class Chosen(NamedTuple):
    """A candidate that is to be tried."""

    place: int
    """In the order of the decision."""
    arm_index: int
    """In the pool."""
    spec: ArmSpec
    gate: Gate


class Attempt(AttemptRecord):
    """One call. Made when its slot is taken; `ended` gives the slot back, exactly once."""

    __slots__ = (
        "_engine", "_gate", "_n_input", "_work", "again", "answer", "arm", "expected_usd", "held", "index", "prepared",
        "reply", "stream",
    )  # fmt: skip

    def __init__(
        self,
        engine: Engine,
        work: Work,
        decision_id: DecisionId,
        arm: Chosen,
        prepared: Prepared,
        *,
        n_input: float,
        is_hedge: bool,
        numbers: Numbers,
    ) -> None:
        services = engine.services
        super().__init__(
            decision_id,
            arm.spec,
            services.observers,
            services.clock,
            place=arm.place,
            is_hedge=is_hedge,
            numbers=numbers,
        )
        self._engine = engine
        self._work = work
        self._n_input = n_input
        self._gate: Gate | None = arm.gate
        self.index = arm.arm_index
        self.arm = arm.spec.arm
        self.prepared = prepared
        if prepared.losses:
            self.losses = tuple(loss.what for loss in prepared.losses)
        self.again: Callable[[], bool] | None = None
        """Says whether a request that was lost on a rested connection may be sent once more; None forbids it."""
        self.expected_usd: float | None = None
        """Of a streamed reply: what it was expected to cost; None when that is unknown."""
        self.answer: Answer | None = None
        self.stream: ReplyStream | None = None
        """Of a streamed reply, once its head is here."""
        self.held = b""
        """Its beginning, up to the first content, not sent yet."""
        self.reply: ReadReply | None = None

    async def run(self, deadline_s: float) -> None:
        """Bring the first content of a stream, or a whole reply. Raises: UpstreamError."""
        try:
            await self._run(deadline_s)
        except UpstreamError as error:
            self.mask(error)
            raise

    async def _run(self, deadline_s: float) -> None:
        engine = self._engine
        now_s = self.began_s
        engine.breakers.tried(self.arm, now_s)
        answer = self.answer = await self._call(deadline_s - now_s)
        if self._work.request.is_streaming:
            await self._open(answer, deadline_s)
        else:
            try:
                body = await answer.read(engine.services.limits.max_reply_bytes)
            finally:
                answer.close()
            self.answered("whole")
            self.reply = self.prepared.read_reply(body)
            self.served = self.reply.served

    async def _call(self, within_s: float) -> Answer:
        """An answer of status 200, or an error."""
        prepared, arm = self.prepared, self.arm
        headers, tracing = prepared.headers, self._engine.services.tracing
        if tracing is not None:
            headers = (*headers, *tracing.calls(self.decision_id, self.number, arm))
        call = Call(
            prepared.path,
            prepared.body,
            self._work.request.is_streaming,
            self.decision_id,
            within_s,
            headers,
            arm.sent_model,
            self._repeats,
        )
        answer = await self._engine.services.upstreams[arm.upstream].send(call)
        if answer.status == 200:
            return answer
        try:
            text = await answer.read(ERROR_BODY_CAP_BYTES)
        except GarbledError:
            text = b""
        finally:
            answer.close()
        if not 400 <= answer.status < 600:
            is_redirect = 300 <= answer.status < 400
            why = "redirects are not followed" if is_redirect else "that is neither a reply nor an error"
            raise GarbledError(f"The upstream '{arm.upstream}' answered {answer.status}: {why}.")
        raise prepared.read_failure(answer.status, answer.headers, text, arm.upstream)

    def _repeats(self) -> bool:
        if self.again is None or not self.again():
            return False
        self.repeated()
        return True

    async def _open(self, answer: Answer, deadline_s: float) -> None:
        """Read until the first content: until then the stream may still be given up for another."""
        clock = self._engine.services.clock
        self.stage = "opening"
        stream = self.stream = self.prepared.open_stream()
        held: list[bytes] = []
        n_held = n_read = 0
        while stream.phase is Phase.OPENING:
            data = await answer.next_chunk()
            if not n_read and data[:1] == b"{":  # no event begins so
                data += await answer.read(ERROR_BODY_CAP_BYTES)
                check_no_error(data)
            piece = stream.feed(data) if data else stream.end()
            if piece:
                held.append(piece)
                n_held += len(piece)
            if not data:
                break
            n_read += len(data)
            if n_held > HELD_CAP_BYTES or n_read > OPENING_CAP_BYTES:
                raise GarbledError(_too_large(stream.phase))
            if clock() > deadline_s:
                # The upstream's own limits bound its silence; this bounds one that dribbles.
                raise SilentError("The request's deadline passed while the upstream was beginning to answer.")
        if stream.failure is not None:
            raise stream.failure
        self.answered("speaking")
        self.held = b"".join(held)

    def mask(self, error: UpstreamError) -> None:
        """Hide this upstream's secrets in its words: every failure comes by here before anybody is told of it."""
        if error.said is not None:
            error.said = error.said.masked(self._engine.services.upstreams[self.arm.upstream].masked)

    def used_by_stream(self) -> None:
        """Count what a stream used: by the upstream's word, else by our estimate, marked so."""
        stream = self.stream
        if stream is not None:
            self.served = stream.served
            self.used(stream.usage or estimated_usage(self._n_input, stream.n_content_bytes))

    def succeeded(self) -> None:
        """The whole answer came."""
        engine, gate, usage = self._engine, self._gate, self.usage
        engine.breakers.succeeded(self.arm)
        if gate is not None and gate.limit is not None:
            gate.served()
        ttft_s = self.first_byte_s if self.stream is not None else None
        n_output = usage.output_tokens if usage is not None and not usage.is_estimated else None
        now_s = engine.services.clock()
        engine.conduct.brought(self.index, now_s, ttft_s, now_s - self.began_s, self._n_input, n_output)

    def failed(self, error: UpstreamError) -> None:
        """It failed: told to whoever learns from it, and over."""
        self._engine.failed(self.index, self.arm, error)
        self.ended(*outcome_of(error))
        # The error's frames hold the attempt, the attempt's stream holds the error, and both hold what was read:
        # without this, megabytes of a hostile stream would wait for the collector of cycles, which seldom comes.
        error.__traceback__ = None
        self.stream = None

    def ended(self, outcome: AttemptOutcome, status: int | None) -> None:
        """It is over, however: connection and slot are free again. Only the first word counts."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.give()
            if self.answer is not None:
                self.answer.close()
            super().ended(outcome, status)

    def lost(self) -> None:
        """Another attempt was quicker: what this one has cost until now is our estimate."""
        self.used(estimated_usage(self._n_input, self.stream.n_content_bytes if self.stream is not None else 0))
        self.ended("cancelled", None)


def _too_large(phase: Phase) -> str:
    """What to say of a beginning above its cap."""
    if phase is Phase.OPENING:
        return "The upstream's stream goes on without any content."
    return f"The upstream's stream begins too large: more than {HELD_CAP_BYTES:,} bytes came with its first content."
