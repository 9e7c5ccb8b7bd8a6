"""One shadow's call: the request of a client who has been answered, asked of another model; only records hear of it."""

import asyncio
from typing import Final, NamedTuple

from fairlead.domain.call import Answer, Call
from fairlead.domain.errors import GarbledError, UpstreamError
from fairlead.domain.moments import AttemptOutcome, Shadowed
from fairlead.domain.names import DecisionId
from fairlead.gateway.heard import Heard
from fairlead.gateway.ports import Services
from fairlead.gateway.record import AttemptRecord, outcome_of
from fairlead.gateway.work import Prepared, Work, estimated_usage
from fairlead.routing.pool import ArmSpec
from fairlead.wire.format import Phase

_ERROR_CAP_BYTES: Final = 64 * 1024
"""Enough to read off an error what it is; nobody is shown its text."""
_OVER: Final = frozenset((Phase.DONE, Phase.FAILED))


class ShadowJob(NamedTuple):
    """What is to be asked of whom."""

    decision_id: DecisionId
    work: Work
    spec: ArmSpec
    n_input: float
    """Expected input tokens."""
    expected_usd: float


class ShadowCall:
    """One call. `run` never fails but by cancellation; `moment` tells how it went."""

    def __init__(self, services: Services, job: ShadowJob, prepared: Prepared) -> None:
        self._services = services
        self._job = job
        self._prepared = prepared
        self._account = AttemptRecord(job.decision_id, job.spec, (), services.clock)
        self._heard = Heard(services.backs, job.work.way.door.name) if services.keeps_words else None

    async def run(self, within_s: float) -> Shadowed:
        """Ask, and hear the whole reply."""
        outcome: AttemptOutcome = "ok"
        status: int | None = 200
        try:
            async with asyncio.timeout(within_s):
                await self._ask(within_s)
        except UpstreamError as error:
            outcome, status = outcome_of(error)
            error.__traceback__ = None  # its frames hold the reply, see Attempt.failed
        except TimeoutError:
            outcome, status = "timeout", None
        return self.moment(outcome, status)

    def moment(self, outcome: AttemptOutcome, status: int | None) -> Shadowed:
        """How it went."""
        account, heard = self._account, self._heard
        return Shadowed(
            decision_id=self._job.decision_id,
            tenant=self._job.work.tenant,
            arm=self._job.spec.arm,
            outcome=outcome,
            upstream_status=status,
            first_byte_s=account.first_byte_s,
            total_s=self._services.clock() - account.began_s,
            usage=account.usage,
            cost=account.cost,
            words=heard.text if heard is not None and outcome == "ok" else None,
        )

    async def _ask(self, within_s: float) -> None:
        prepared, arm, request = self._prepared, self._job.spec.arm, self._job.work.request
        call = Call(
            prepared.path,
            prepared.body,
            request.is_streaming,
            f"{self._job.decision_id}-shadow",
            within_s,
            prepared.headers,
            arm.sent_model,
        )
        answer = await self._services.upstreams[arm.upstream].send(call)
        try:
            if answer.status != 200:
                text = await answer.read(_ERROR_CAP_BYTES)
                if not 400 <= answer.status < 600:
                    raise GarbledError(f"The upstream '{arm.upstream}' answered {answer.status}.")
                raise prepared.read_failure(answer.status, answer.headers, text, arm.upstream)
            if request.is_streaming:
                await self._stream(answer)
            else:
                await self._whole(answer)
        finally:
            answer.close()

    async def _whole(self, answer: Answer) -> None:
        body = await answer.read(self._services.limits.max_reply_bytes)
        self._account.answered("whole")
        reply = self._prepared.read_reply(body)
        self._account.used(reply.usage)
        if self._heard is not None:
            self._heard.whole(reply.body)

    async def _stream(self, answer: Answer) -> None:
        stream, account, heard = self._prepared.open_stream(), self._account, self._heard
        left = self._services.limits.max_stream_bytes
        try:
            while stream.phase not in _OVER:
                data = await answer.next_chunk()
                piece = stream.feed(data) if data else stream.end()
                if account.first_byte_s is None and stream.phase is not Phase.OPENING:
                    account.answered("speaking")
                if heard is not None and piece:
                    heard.piece(piece)
                left -= len(data)
                if left < 0:
                    raise GarbledError("The upstream's stream is longer than 'limits.max_stream_bytes'.")
                if not data:
                    break
            if stream.failure is not None:
                raise stream.failure
            if heard is not None:
                heard.piece(stream.finish(b""))
        finally:
            account.used(stream.usage or estimated_usage(self._job.n_input, stream.n_content_bytes))
