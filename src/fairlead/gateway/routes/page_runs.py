"""/ui/run/…: requests that a page of ours sends for whoever is logged in: same handlers, permissions and limits as /v1.

No key travels: the session's cookie and the page's token say who asks. A page of another origin has neither.
"""

from fairlead.domain.names import TenantName
from fairlead.gateway.access import PERMISSIONS, Caller, Permission
from fairlead.gateway.app import Handler, Request, Route, Routes
from fairlead.gateway.engine import Engine
from fairlead.gateway.routes.completions import completions
from fairlead.gateway.routes.decisions import decisions
from fairlead.gateway.routes.feedback import feedback
from fairlead.gateway.routes.pages import page_call
from fairlead.gateway.work import DOORS


def page_runs(engine: Engine) -> Routes:
    """The routes; without pages there are none."""
    if engine.services.pages is None:
        return {}
    runs: dict[str, tuple[Handler, Permission]] = {
        "/ui/run/chat": (completions(engine, DOORS["/v1/chat/completions"]), "chat"),
        "/ui/run/route": (decisions(engine), "chat"),
        "/ui/run/feedback": (feedback(engine), "feedback"),
    }
    # The route itself asks for no key: the handler asks for a session.
    return {
        path: {"POST": Route(_for_visitor(engine, handler, needs), None)} for path, (handler, needs) in runs.items()
    }


def _for_visitor(engine: Engine, handler: Handler, needs: Permission) -> Handler:
    pages = engine.services.pages
    assert pages is not None

    async def handle(request: Request) -> None:
        found = pages.caller(page_call(engine, request, b""), needs)
        may = frozenset(word for word in PERMISSIONS if word in found.may)
        request.caller = Caller(found.name, TenantName(found.tenant), may)
        await handler(request)

    return handle
