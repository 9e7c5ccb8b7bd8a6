"""What a server says of itself: models, health, metrics, its name."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

from fairlead.domain.decision import Arm
from fairlead.gateway.app import Handler, Request
from fairlead.gateway.engine import Engine
from fairlead.wire.anthropic_messages.model_list import ListedModel, write_model, write_page

_ENCODER: Final = msgspec.json.Encoder()
MODELS_PREFIX: Final = "/v1/models/"


def models(engine: Engine) -> Handler:
    """GET /v1/models: virtual models first, then every model by name, in the shape of whoever asks."""
    listed = engine.services.model_list
    body = _ENCODER.encode({"object": "list", "data": list(listed)})
    anthropic_list = [_listed(entry) for entry in listed]

    async def handle(request: Request) -> None:
        shown = body
        if _speaks_anthropic(request):
            query = parse_qsl(request.scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
            shown = write_page(anthropic_list, dict(query))
        await request.out.whole(200, request.headers, shown)

    return handle


def model(engine: Engine) -> Handler:
    """GET /v1/models/{id}: any name that a request may ask for. Ids hold a slash, sent as it is or as %2F."""
    by_id = {entry["id"]: entry for entry in engine.services.model_list}
    router = engine.services.router

    async def handle(request: Request) -> None:
        name = unquote(request.scope["path"][len(MODELS_PREFIX) :])
        entry = by_id.get(name)
        if entry is None:
            ((first, *_),) = router.names.resolve(name).ranks
            entry = by_id[router.pool.specs[first].arm.model]
        shown = write_model(_listed(entry)) if _speaks_anthropic(request) else _ENCODER.encode(entry)
        await request.out.whole(200, request.headers, shown)

    return handle


def _speaks_anthropic(request: Request) -> bool:
    """Clients of both formats ask at the same path; only Anthropic's send a version."""
    return any(name == b"anthropic-version" for name, _ in request.scope["headers"])


def _listed(entry: Mapping[str, Any]) -> ListedModel:
    return ListedModel(entry["id"], entry["id"], entry["created"])


def live(_engine: Engine) -> Handler:
    """GET /health/live: the process answers. Depends on nothing else."""

    async def handle(request: Request) -> None:
        await request.out.whole(200, request.headers, b'{"status":"live"}')

    return handle


def ready(engine: Engine) -> Handler:
    """GET /health/ready: whether a request for `auto` would find somebody, and who is missing."""

    async def handle(request: Request) -> None:
        services = engine.services
        pool = services.router.pool
        resting = engine.breakers.down(services.clock())
        down = sorted(each for each in resting if isinstance(each, str))
        limited = [each for each in resting if isinstance(each, Arm)]
        fit = [spec for spec in pool.specs if spec.arm.upstream not in down and spec.arm not in limited]
        reasons = [f"upstream '{name}' is failing and rests" for name in down]
        reasons += sorted(f"{arm.model} at '{arm.upstream}' is over its rate limit and rests" for arm in limited)
        if engine.is_draining:
            reasons.insert(0, "the server is being stopped")
        if not fit:
            reasons.append("no upstream can serve" if pool.specs else "no model is configured: run 'fairlead doctor'")
        elif not pool.in_default.any():
            reasons.append("'auto' has no candidate; models asked for by name are served")
        said: dict[str, Any] = {
            "status": "ready" if fit and not engine.is_draining else "not ready",
            "reasons": reasons,
            "notes": list(services.notes),
            "models": len({spec.arm.model for spec in fit}),
            "upstreams": {name: ("down" if name in down else "up") for name in sorted(services.upstreams)},
            "config_version": services.config_version,
        }
        if services.traffic is not None:
            # A store that takes nothing is a remark: answers still flow.
            kept = services.traffic.state()
            said["store"] = {
                "taking": kept.fault is None,
                "waiting": kept.n_waiting,
                "written": kept.n_written,
                "spooled": kept.n_spooled,
                "recovered": kept.n_recovered,
                "dropped": kept.n_dropped,
            }
        await request.out.whole(200 if said["status"] == "ready" else 503, request.headers, _ENCODER.encode(said))

    return handle


def metrics(engine: Engine) -> Handler:
    """GET /metrics: Prometheus text."""

    async def handle(request: Request) -> None:
        body, content_type = engine.services.render_metrics(engine.state())
        await request.out.text(200, request.headers, body, content_type)

    return handle


def root(_engine: Engine) -> Handler:
    """GET /: who is here; some clients ask before they speak."""
    body = b'{"name":"fairlead","api":"/v1"}'

    async def handle(request: Request) -> None:
        await request.out.whole(200, request.headers, body)

    return handle
