"""The doors that call a model, whatever format their clients speak."""

from fairlead.gateway.app import Handler, Request
from fairlead.gateway.asgi import Presence, read_body
from fairlead.gateway.continuation import continued
from fairlead.gateway.engine import Engine
from fairlead.gateway.exchange import Exchange
from fairlead.gateway.work import DoorWay, work_of


def completions(engine: Engine, way: DoorWay) -> Handler:
    """The handler of one door."""
    cap_bytes, clock = engine.services.limits.max_body_bytes, engine.services.clock
    tracing = engine.services.tracing
    has_state = way.door.name == "openai_responses"

    async def handle(request: Request) -> None:
        read_s = clock()
        body = await read_body(request.scope, request.receive, cap_bytes)
        upload_s, caller = clock() - read_s, request.caller
        work = work_of(way, body, request.scope["headers"], caller.tenant, request.began_s, caller.name, upload_s)
        if has_state:
            work = continued(engine, work)
        exchange = Exchange(engine, work, request.out, request.headers)
        with Presence(request.scope, request.receive) as presence:
            if tracing is not None:
                headers = request.scope["headers"]
                tracing.begins(exchange.decision_id, way.label, headers, is_streaming=work.request.is_streaming)
            await exchange.run(presence.work)

    return handle
