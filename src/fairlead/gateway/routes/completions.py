"""The doors that call a model, whatever format their clients speak."""

from fairlead.gateway.app import Handler, Request, present
from fairlead.gateway.asgi import read_body
from fairlead.gateway.continuation import continued
from fairlead.gateway.engine import Engine
from fairlead.gateway.exchange import Exchange
from fairlead.gateway.work import DoorWay, work_of


def completions(engine: Engine, way: DoorWay) -> Handler:
    """The handler of one door."""
    cap_bytes = engine.services.limits.max_body_bytes
    has_state = way.door.name == "openai_responses"

    async def handle(request: Request) -> None:
        body = await read_body(request.scope, request.receive, cap_bytes)
        caller = request.caller
        work = work_of(way, body, request.scope["headers"], caller.tenant, request.began_s, caller.name)
        if has_state:
            work = continued(engine, work)
        await present(request, Exchange(engine, work, request.out, request.headers).run())

    return handle
