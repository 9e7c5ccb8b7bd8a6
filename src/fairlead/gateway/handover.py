"""Handover: the answer of the attempt that won, on its way to the client: whole, or as a stream with its end."""

import asyncio
from functools import cache
from typing import Final

from fairlead.domain.call import Answer, Headers
from fairlead.domain.errors import FairleadError, GarbledError, UpstreamError
from fairlead.domain.money import Usd
from fairlead.domain.request import Loss
from fairlead.gateway.attempt import Attempt
from fairlead.gateway.continuation import remember
from fairlead.gateway.delivery import Delivery
from fairlead.gateway.engine import Engine
from fairlead.gateway.kept_answers import KeptAnswers
from fairlead.gateway.record import AttemptRecord, Record
from fairlead.gateway.work import Work
from fairlead.wire.format import Phase, ReadReply, ReplyStream
from fairlead.wire.sse import write_comment

LINGER_S: Final = 0.5
"""How long an upstream may take to close a stream that it has called done; after it the connection is dropped."""
_MAX_LOSS_HEADER_CHARS: Final = 1_000


class Handover:
    """One request's."""

    __slots__ = (
        "_added",
        "_engine",
        "_has_state",
        "_out",
        "_record",
        "_stream",
        "_work",
        "keeper",
        "overhead_s",
    )

    def __init__(
        self,
        engine: Engine,
        work: Work,
        out: Delivery,
        added: Headers,
        record: Record,
    ) -> None:
        self._engine = engine
        self._work = work
        self._out = out
        self._added = added
        self._record = record
        self._has_state = work.way.door.name == "openai_responses"
        self._stream: ReplyStream | None = None
        self.keeper: KeptAnswers | None = None
        """Who wants a copy of what the client gets."""
        self.overhead_s = 0.0

    def voice(self) -> ReplyStream:
        """Whatever can speak to this client in the stream now: the stream itself, or one of its format before that."""
        if self._stream is None:
            self._stream = self._work.request.lane_stream()
        return self._stream

    async def deliver(self, attempt: Attempt) -> FairleadError | None:
        """Send the answer; the error of a stream that failed after it had begun, else None."""
        try:
            self._record.delivers(attempt)
            if attempt.reply is not None:
                headers = self._settled(attempt, attempt.reply)
                await self._out.whole(200, headers, attempt.reply.body)
                attempt.ended("ok", 200)
                return None
            assert attempt.stream is not None
            assert attempt.answer is not None
            return await self._streamed(attempt, attempt.stream, attempt.answer)
        finally:
            attempt.ended("cancelled", None)

    def _settled(self, attempt: Attempt, reply: ReadReply) -> Headers:
        """Count a whole reply; the headers to send it with."""
        attempt.used(reply.usage)
        attempt.succeeded()
        headers = self._headers(attempt)
        cost = self._record.cost
        headers.append((b"x-fairlead-cost-usd", str(cost).encode() if cost is not None else b"unknown"))
        if self._record.session is not None:
            self._remember(self._record.session, attempt)
        if self._has_state:
            remember(self._engine, self._work, attempt.spec, reply.body)
        if self.keeper is not None:
            self.keeper.keep_whole(headers, reply.body, attempt.arm, reply.usage)
        return headers

    async def _streamed(self, attempt: Attempt, stream: ReplyStream, answer: Answer) -> FairleadError | None:
        out = self._out
        failure: UpstreamError | None = None
        self._stream = stream
        try:
            await self._begin(attempt)
            try:
                await self._pump(answer, stream)
                failure = stream.failure
            except UpstreamError as error:
                failure = error
            attempt.used_by_stream()
            if failure is not None:
                attempt.mask(failure)
                failure.request_id = self._record.decision_id
                await out.end_stream(stream.fail(failure))
                attempt.failed(failure)
                return failure
            attempt.succeeded()
            if self._record.session is not None:
                self._remember(self._record.session, attempt)
            comment = _cost_comment(attempt, self._record.cost)
            tail = stream.finish(comment)
            if self._has_state:
                remember(self._engine, self._work, attempt.spec, tail)
            if self.keeper is not None:
                self.keeper.keep_stream(tail.replace(comment, b"", 1), attempt.arm, attempt.usage)
            await out.piece(tail)
            await _drain(answer)
            attempt.ended("ok", 200)
            await out.end_stream()
            return None
        finally:
            if attempt.usage is None:
                attempt.used_by_stream()

    async def _begin(self, attempt: Attempt) -> None:
        """The head and what the attempt has held back; a stream that begun while we waited has its head already."""
        out = self._out
        if self.keeper is not None:
            self.keeper.takes(attempt.held)
        if out.has_begun:
            said = write_comment(f"x-fairlead-model={attempt.arm.model} x-fairlead-provider={attempt.arm.provider}")
            self.overhead_s = self._record.overhead_s()
            await out.piece(said + attempt.held)
            return
        headers = self._headers(attempt)
        expected_usd, before = attempt.expected_usd, self._record.numbers.cost
        if expected_usd is not None:
            expected_usd = None if before is None else expected_usd + before.dollars
        headers.append((b"x-fairlead-cost-usd", b"unknown" if expected_usd is None else b"%.9f" % expected_usd))
        headers.append((b"x-fairlead-cost-basis", b"expected"))
        await out.begin_stream(headers, attempt.held)

    async def _pump(self, answer: Answer, stream: ReplyStream) -> None:
        """Pieces from the upstream to the client, as fast as the slower of the two."""
        out, keeper = self._out, self.keeper
        left = self._engine.services.limits.max_stream_bytes
        while stream.phase is not Phase.DONE and stream.phase is not Phase.FAILED:
            data = await answer.next_chunk()
            piece = stream.feed(data) if data else stream.end()
            if piece:
                if keeper is not None:
                    keeper.takes(piece)
                await out.piece(piece)
            if not data:
                return
            left -= len(data)
            if left < 0:
                raise GarbledError("The upstream's stream is longer than 'limits.max_stream_bytes'.")

    def _remember(self, session: str, attempt: Attempt) -> None:
        """The conversation has been read by this arm: it is warm there now."""
        usage, engine = attempt.usage, self._engine
        tokens = 0.0 if usage is None else float(sum(usage[:4]))
        engine.sessions.served(session, attempt.arm, tokens, engine.services.clock())

    def _headers(self, attempt: Attempt) -> Headers:
        arm = attempt.arm
        self.overhead_s = self._record.overhead_s()
        losses = attempt.prepared.losses
        lost = [(b"x-fairlead-losses", _loss_header(losses))] if losses else []
        return [
            *self._added,
            *lost,
            (b"x-fairlead-model", name_header(arm.model)),
            (b"x-fairlead-provider", name_header(arm.provider)),
            (b"x-fairlead-overhead-ms", b"%.3f" % (self.overhead_s * 1e3)),
        ]


def _cost_comment(attempt: AttemptRecord, cost: Usd | None) -> bytes:
    basis = " (estimated: the upstream reported no usage)" if attempt.usage and attempt.usage.is_estimated else ""
    return write_comment(f"x-fairlead-cost-usd={'unknown' if cost is None else cost}{basis}")


async def _drain(answer: Answer) -> None:
    """Read past the end, so that the connection can be used again."""
    try:
        async with asyncio.timeout(LINGER_S):
            while await answer.next_chunk():
                pass
    except (TimeoutError, UpstreamError):
        pass  # the reply was whole; only the connection is lost


def _loss_header(losses: tuple[Loss, ...]) -> bytes:
    """What was not carried, by name: `seed, logprobs`. The names are partly the client's own words."""
    names = ", ".join(dict.fromkeys(loss.what for loss in losses))[:_MAX_LOSS_HEADER_CHARS]
    return "".join(letter for letter in names if letter.isprintable()).encode("latin-1", "replace")


@cache
def name_header(name: str) -> bytes:
    """A name from the configuration as a header value; anything that could end the header is left out."""
    return "".join(letter for letter in name if letter.isprintable()).encode("latin-1", "replace")
