"""POST /v1/messages/count_tokens: how many tokens a request would take, without running it.

The upstream that would serve counts, if it speaks Anthropic's format; else, or when it fails, the count is our estimate
and says so in `x-fairlead-count: estimated`. Nothing is billed, so nothing is recorded.
"""

from typing import Final

from fairlead.domain.call import Call
from fairlead.domain.errors import UpstreamError
from fairlead.gateway.app import Handler, Request
from fairlead.gateway.asgi import Presence, read_body
from fairlead.gateway.engine import Engine
from fairlead.gateway.work import DOORS, Work, work_of
from fairlead.routing.router import input_tokens
from fairlead.wire.anthropic_messages.token_counts import COUNT_LANE_PATH, read_count, read_count_request, write_count

COUNT_PATH: Final = "/v1/messages/count_tokens"
_WITHIN_S: Final = 10.0
"""A count that takes longer is no use to a client that wants to know before it asks."""
_REPLY_CAP_BYTES: Final = 64 * 1024
_WAY: Final = DOORS["/v1/messages"]._replace(door=DOORS["/v1/messages"].door._replace(read_request=read_count_request))


def token_counts(engine: Engine) -> Handler:
    """The handler."""

    async def handle(request: Request) -> None:
        body = await read_body(request.scope, request.receive, engine.services.limits.max_body_bytes)
        work = work_of(_WAY, body, request.scope["headers"], request.caller.tenant, request.began_s)
        with Presence(request.scope, request.receive):
            counted = await _counted(engine, work)
            n_tokens = round(input_tokens(work.request.outline)) if counted is None else counted
            how = b"estimated" if counted is None else b"upstream"
            await request.out.whole(200, [*request.headers, (b"x-fairlead-count", how)], write_count(n_tokens))

    return handle


async def _counted(engine: Engine, work: Work) -> int | None:
    """The count of the upstream that would serve; None when it has none to give."""
    choice = engine.decide(work)
    services = engine.services
    for index in choice.order[:1]:
        arm = services.router.pool.specs[index].arm
        upstream = services.upstreams[arm.upstream]
        if _WAY.door.name not in upstream.formats:
            return None
        call = Call(
            COUNT_LANE_PATH,
            work.request.body_for(arm.sent_model),
            is_streaming=False,
            within_s=_WITHIN_S,
            headers=work.passed,
            sent_model=arm.sent_model,
        )
        try:
            answer = await upstream.send(call)
            try:
                reply = await answer.read(_REPLY_CAP_BYTES)
            finally:
                answer.close()
            return read_count(reply) if answer.status == 200 else None
        except UpstreamError:
            return None
    return None
