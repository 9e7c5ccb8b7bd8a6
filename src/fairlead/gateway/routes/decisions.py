"""POST /v1/route: the decision alone, and why, for the same body that a chat completion takes."""

from fairlead.gateway.app import Handler, Request
from fairlead.gateway.asgi import read_body
from fairlead.gateway.engine import Engine
from fairlead.gateway.work import DOORS, work_of
from fairlead.routing.explanation import explain
from fairlead.wire.decision_json import write_decision

_CHAT = DOORS["/v1/chat/completions"]


def decisions(engine: Engine) -> Handler:
    """The handler: reads, decides, explains; calls nobody."""

    async def handle(request: Request) -> None:
        body = await read_body(request.scope, request.receive, engine.services.limits.max_body_bytes)
        work = work_of(_CHAT, body, request.scope["headers"], request.caller.tenant, request.began_s)
        decision = explain(
            engine.services.router.pool, engine.decide(work, engine.session_of(work)), work.request.asked
        )
        await request.out.whole(200, request.headers, write_decision(decision))

    return handle
