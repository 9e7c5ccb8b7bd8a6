"""The composition root: the only place that knows every concrete class. It decides nothing.

Settings, environment and what discovery found come in; a Services for the gateway comes out, with what to say about it.
"""

import math
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from fairlead.assembly.arms import Listing, build_arms
from fairlead.assembly.experiments import with_experiments
from fairlead.assembly.hosted_arms import with_hosting
from fairlead.assembly.in_force import catalogue_in_force
from fairlead.assembly.listings import list_models
from fairlead.assembly.shipped import prompt_model
from fairlead.assembly.unmet_names import unmet_names
from fairlead.catalogue.catalogue import Catalogue
from fairlead.dashboard.desk import Desk
from fairlead.domain.engine_state import EngineState
from fairlead.domain.names import UpstreamName
from fairlead.evaluation.native_code import native_code
from fairlead.evaluation.router_file import load_router
from fairlead.gateway.access import Access
from fairlead.gateway.gathering import Gathering, each
from fairlead.gateway.ports import HedgeLimits, Limits, Services
from fairlead.gateway.replay_cache import CacheLimits
from fairlead.gateway.shared_rests import SharedRests
from fairlead.observability.logs import RequestLog
from fairlead.observability.metrics import Metrics
from fairlead.observability.traces import Traces
from fairlead.providers.discovery import Probe, discover, probe_over_http
from fairlead.providers.endpoints import Endpoint
from fairlead.providers.known_providers import known_providers
from fairlead.providers.simulated import SimulatedTransport
from fairlead.providers.simulated_models import DEMO_FILE, demo_catalogue_text, demo_endpoint
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of
from fairlead.routing.learned_predictor import LearnedPredictor
from fairlead.routing.pool import Pool, build_pool
from fairlead.routing.predictors.benchmark_ability import BenchmarkPredictor
from fairlead.routing.predictors.predictor import Predictor
from fairlead.routing.router import Router
from fairlead.routing.trained_router import TrainedRouter
from fairlead.settings.settings import Settings
from fairlead.store.traffic import Traffic


@dataclass(frozen=True)
class Assembly:
    """Everything of one configuration, put together."""

    settings: Settings
    catalogue: Catalogue
    router: Router
    services: Services
    endpoints: tuple[Endpoint, ...]
    warnings: tuple[str, ...]
    is_demo: bool
    metrics: Metrics
    gathering: Gathering
    """Tells what happened to whoever can wait a moment."""
    traffic: Traffic | None = None
    """What keeps its traffic; None keeps nothing."""
    trained: TrainedRouter | None = None
    """The operator's own router; None without one."""
    desk: Desk | None = None
    """What its dashboard keeps between calls; None where there is none."""
    traces: Traces | None = None
    """What traces its requests; None traces nothing."""

    @property
    def pool(self) -> Pool:
        """What can be chosen."""
        return self.router.pool


async def assemble(
    settings: Settings,
    env: Mapping[str, str],
    *,
    is_demo: bool = False,
    is_hypothetical: bool = False,
    n_workers: int = 1,
    shared_rests: SharedRests | None = None,
    before: "Assembly | None" = None,
    probe: Probe = probe_over_http,
) -> Assembly:
    """Put the house together.

    `before` is the assembly that this one takes the place of: its counters go on.
    `is_demo` serves the simulated models alone; `is_hypothetical` pretends that every known provider can be reached: to
    ask what would be chosen, not to serve.
    Raises: ConfigError, ArtifactError.
    """
    warnings = list(settings.warnings)
    if is_demo:
        listings = [Listing(demo_endpoint(), is_by_hand=True)]
    elif is_hypothetical:
        listings = [Listing(endpoint, is_by_hand=False) for endpoint in every_provider()]
    else:
        found = await discover(env, probe, own_port=settings.server.port) if settings.discover else None
        listings = await list_models(settings, found, probe, warnings)
    texts = {DEMO_FILE: demo_catalogue_text()} if is_demo else {}
    catalogue = catalogue_in_force(settings, datetime.now(UTC).date(), texts)
    predictor = predictor_of(catalogue, settings)
    router = router_of(settings, catalogue, listings, predictor)
    endpoints = tuple(listing.endpoint for listing in listings)
    metrics = before.metrics if before is not None else Metrics(is_multiprocess=n_workers > 1)
    gathering = _gathering(metrics, RequestLog(logs_all=settings.log.requests))
    services = Services(
        router=router,
        upstreams={endpoint.name: _upstream(endpoint, settings.limits.deadline_s) for endpoint in endpoints},
        access=Access(settings.keys),
        limits=_limits(settings, endpoints, n_workers),
        observers=(gathering,),
        clock=time.perf_counter,
        unix_s=time.time,
        new_id=_id_maker(),
        draw=random.SystemRandom().random,
        model_list=_model_list(router),
        render_metrics=partial(_page, gathering, metrics),
        config_version=settings.version,
        allowed_hosts=_allowed_hosts(settings),
        allowed_origins=frozenset(settings.server.allowed_origins),
        notes=("all models are simulated (--demo)",) if is_demo else (),
        keeps_sessions=settings.keeps_sessions,
        cache=_cache(settings),
        shared_rests=shared_rests,
        n_workers=n_workers,
        opinion_weights=settings.store.feedback_weights,
        shadow_observers=(gathering,),
    )
    services = with_experiments(services, settings, warnings)
    own = predictor.router if isinstance(predictor, LearnedPredictor) else None
    said = (*warnings, *unmet_names(settings, catalogue, router))
    return Assembly(settings, catalogue, router, services, endpoints, said, is_demo, metrics, gathering, trained=own)


def _gathering(metrics: Metrics, log: RequestLog) -> Gathering:
    gathering = Gathering(time.time)
    for listener in (each(metrics), each(metrics.traffic, metrics.traffic), each(log, log)):
        gathering.listens(listener)
    return gathering


def _page(gathering: Gathering, metrics: Metrics, state: EngineState) -> tuple[bytes, str]:
    gathering.tell()
    return metrics.page(state)


def router_of(settings: Settings, catalogue: Catalogue, listings: Sequence[Listing], predictor: Predictor) -> Router:
    """The router over everything that these listings offer."""
    pool = build_pool(with_hosting(build_arms(catalogue, listings), settings.hosting), predictor)
    return Router(pool, settings.presets, settings.default_preset, native_code().library)


def _limits(settings: Settings, endpoints: Sequence[Endpoint], n_workers: int) -> Limits:
    limits, hedge = settings.limits, settings.limits.hedge
    return Limits(
        max_body_bytes=settings.server.max_body_bytes,
        max_reply_bytes=limits.max_reply_bytes,
        max_stream_bytes=limits.max_stream_bytes,
        deadline_s=limits.deadline_s,
        max_attempts=limits.max_attempts,
        retry_budget_share=limits.retry_budget_share,
        queue_s=limits.queue_s,
        max_queue=limits.max_queue,
        heartbeat_s=settings.server.heartbeat_s,
        hedge=HedgeLimits(hedge.after_s, hedge.after_quantile, hedge.max_share) if hedge is not None else None,
        max_concurrency={
            endpoint.name: math.ceil(endpoint.max_concurrency / n_workers)
            for endpoint in endpoints
            if endpoint.max_concurrency is not None
        },
    )


def _cache(settings: Settings) -> CacheLimits | None:
    cache = settings.cache
    return CacheLimits(cache.ttl_s, cache.max_bytes, cache.sampled) if cache is not None else None


def predictor_of(catalogue: Catalogue, settings: Settings) -> Predictor:
    """What foretells quality: the operator's trained router where it knows the model, else what came with fairlead.

    Raises: ArtifactError for a router file that cannot be used.
    """
    model = prompt_model()
    cards = tuple(catalogue.cards.values())
    shipped = BenchmarkPredictor(
        model.reader, catalogue.benchmarks, cards, model.measured, library=native_code().library
    )
    if settings.router_file is None:
        return shipped
    return LearnedPredictor(load_router(Path(settings.router_file)), shipped, card_finder(catalogue))


def card_finder(catalogue: Catalogue) -> Callable[[str], str | None]:
    """A model as outcomes spell it -> the id of its card, exact names only."""

    def find(name: str) -> str | None:
        card = catalogue.resolve(name)
        return None if card is None else card.model

    return find


def close(assembly: Assembly) -> None:
    """Give every connection back."""
    for upstream in assembly.services.upstreams.values():
        if isinstance(upstream, Upstream):
            upstream.close()


def every_provider() -> list[Endpoint]:
    """Each known provider with an address of its own, without a key."""
    return [
        Endpoint(name=UpstreamName(slug), provider=slug, base_url=known.base_url, auth="none")
        for slug, known in known_providers().items()
        if known.base_url is not None
    ]


def _upstream(endpoint: Endpoint, deadline_s: float) -> Upstream:
    if endpoint.is_simulated:
        return Upstream(endpoint, SimulatedTransport(random.Random(0)), whole_within_s=deadline_s)
    return Upstream(endpoint, HttpTransport(origin_of(endpoint)), whole_within_s=deadline_s, unix_s=time.time)


def _id_maker() -> Callable[[], str]:
    """Ids that are unique without asking anybody: a random beginning for this process, then a count."""
    prefix = secrets.token_hex(6)
    numbers = count(1)
    return lambda: f"fl-{prefix}-{next(numbers):x}"


def _allowed_hosts(settings: Settings) -> frozenset[str]:
    """The Host names to answer to. With keys, and none named, any may lead here: the key is the guard then."""
    server = settings.server
    named = {name.lower() for name in server.allowed_hosts}
    if settings.keys and not named:
        return frozenset()
    own = f"[{server.host}]" if ":" in server.host else server.host
    return frozenset(named | {"localhost", "127.0.0.1", "[::1]", own.lower()})


def _model_list(router: Router) -> list[dict[str, Any]]:
    """GET /v1/models: virtual models, then each model once, in OpenAI's shape."""
    entries: dict[str, dict[str, Any]] = {
        name: {"id": name, "object": "model", "created": 0, "owned_by": "fairlead"} for name in router.names.virtual
    }
    for spec in router.pool.specs:
        card = spec.card
        created = 0 if card.release is None else (card.release.value - date(1970, 1, 1)).days * 86_400
        entries.setdefault(card.model, {"id": card.model, "object": "model", "created": created, "owned_by": card.lab})
    return list(entries.values())
