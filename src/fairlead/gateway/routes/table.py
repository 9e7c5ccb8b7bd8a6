"""Every route of the gateway with the permission it needs: the one list to read when asking who may do what."""

from fairlead.gateway.access import Permission
from fairlead.gateway.app import App, Handler, Route, Routes
from fairlead.gateway.engine import Engine
from fairlead.gateway.ports import Services
from fairlead.gateway.routes.completions import completions
from fairlead.gateway.routes.decisions import decisions
from fairlead.gateway.routes.feedback import feedback
from fairlead.gateway.routes.information import MODELS_PREFIX, live, metrics, model, models, ready, root
from fairlead.gateway.routes.page_runs import page_runs
from fairlead.gateway.routes.pages import PAGES_PATH, pages
from fairlead.gateway.routes.token_counts import COUNT_PATH, token_counts
from fairlead.gateway.work import DOORS


def build_routes(engine: Engine) -> Routes:
    """The table."""
    shown = {method: Route(pages(engine), None) for method in ("GET", "HEAD", "POST")}
    return {
        **({} if engine.services.pages is None else {PAGES_PATH: shown, f"{PAGES_PATH}/*": shown}),
        **page_runs(engine),
        **{
            path: {"POST": Route(completions(engine, way), "chat", way.door.write_failure)}
            for path, way in DOORS.items()
        },
        COUNT_PATH: {"POST": Route(token_counts(engine), "chat", DOORS["/v1/messages"].door.write_failure)},
        "/v1/route": {"POST": Route(decisions(engine), "chat")},
        "/v1/feedback": {"POST": Route(feedback(engine), "feedback")},
        "/v1/models": _shown(models(engine), "chat"),
        f"{MODELS_PREFIX}*": _shown(model(engine), "chat"),
        "/health/live": _shown(live(engine), None),
        "/health/ready": _shown(ready(engine), None),
        "/metrics": _shown(metrics(engine), "read"),
        "/": _shown(root(engine), None),
    }


def _shown(handler: Handler, needs: Permission | None) -> dict[str, Route]:
    """What is only looked at. HEAD is answered as GET: it is the server that leaves out the body."""
    return dict.fromkeys(("GET", "HEAD"), Route(handler, needs))


def build_app(services: Services) -> App:
    """The gateway for these services."""
    engine = Engine(services)
    return App(services, engine, build_routes(engine))
