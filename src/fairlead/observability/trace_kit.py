"""TraceKit: what spans are made with and how they are sent. The only file that touches OpenTelemetry (extra `otel`)."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from fairlead.domain.errors import ConfigError
from fairlead.domain.secrets import Secret

_LOG: Final = logging.getLogger("fairlead.traces")
MAX_QUEUED: Final = 8_192
"""Spans that wait for the collector; more are dropped. About 16 MB."""
SEND_EVERY_S: Final = 2.0
SEND_WITHIN_S: Final = 10.0
"""For one sending, its retries included."""
LAST_SENDING_S: Final = 3.0
"""At the end of a server: a collector that is away must not hold it."""
MAX_ATTRIBUTE_CHARS: Final = 512

Load = Callable[[str], Any]


@dataclass(frozen=True)
class TraceKit:
    """What traces are made with."""

    tracer: Any
    extract: Callable[[Mapping[str, str]], Any]
    """W3C headers -> context; a malformed one gives an empty context."""
    inject: Callable[[dict[str, str], Any], None]
    within: Callable[[Any, Any], Any]
    """The context below this span."""
    nowhere: Any
    """The context of nobody's trace."""
    server_kind: Any
    client_kind: Any
    failed: Any
    """The status of an error."""
    close: Callable[[], None]


class Exporter:
    """OpenTelemetry's exporter, and what became of the spans: told to the log when it changes, counted always."""

    def __init__(self, exporter: Any, good: Any, count: Callable[[str, int], None]) -> None:
        self._exporter = exporter
        self._good = good
        self._count = count
        self._is_failing = False

    def export(self, spans: Any) -> Any:
        """Send these; on the thread of the batches."""
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - the sender's thread must go on, and its words may quote the endpoint
            _LOG.debug("the exporter has raised %s", type(error).__name__)
            result = None
        is_good = result is self._good
        self._count("exported" if is_good else "failed", len(spans))
        if is_good == self._is_failing:
            self._is_failing = not is_good
            _LOG.warning(
                "traces reach the collector again" if is_good else "no traces reach the collector: they are lost"
            )
        return result

    def shutdown(self) -> None:
        """Stop."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here: what waits does so before it."""
        return True


def open_kit(
    endpoint: str,
    headers: Mapping[str, Secret],
    *,
    share: float,
    service: str,
    version: str,
    count: Callable[[str, int], None],
    load: Load = import_module,
) -> TraceKit:
    """A kit that sends to this collector. Raises: ConfigError where the extra is not installed."""
    try:
        api, sdk = load("opentelemetry.trace"), load("opentelemetry.sdk.trace")
        export, sampling = load("opentelemetry.sdk.trace.export"), load("opentelemetry.sdk.trace.sampling")
        resources, context = load("opentelemetry.sdk.resources"), load("opentelemetry.context")
        otlp = load("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        w3c = load("opentelemetry.trace.propagation.tracecontext")
    except ImportError:
        raise ConfigError("'traces' needs one more package: pip install 'fairlead[otel]'") from None
    _silence()
    exporter = otlp.OTLPSpanExporter(
        endpoint=endpoint,
        headers={name: value.reveal() for name, value in headers.items()},
        timeout=SEND_WITHIN_S,
    )
    provider = sdk.TracerProvider(
        sampler=sampling.ParentBased(sampling.TraceIdRatioBased(share)),
        resource=resources.Resource.create({"service.name": service, "service.version": version}),
        span_limits=sdk.SpanLimits(max_span_attribute_length=MAX_ATTRIBUTE_CHARS),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        export.BatchSpanProcessor(
            Exporter(exporter, export.SpanExportResult.SUCCESS, count),
            max_queue_size=MAX_QUEUED,
            schedule_delay_millis=SEND_EVERY_S * 1e3,
            export_timeout_millis=SEND_WITHIN_S * 1e3,
        )
    )
    nowhere, propagator = context.Context(), w3c.TraceContextTextMapPropagator()
    return TraceKit(
        tracer=provider.get_tracer("fairlead", version),
        extract=lambda carrier: propagator.extract(carrier, context=nowhere),
        inject=lambda carrier, around: propagator.inject(carrier, context=around),
        within=lambda span, around: api.set_span_in_context(span, around),
        nowhere=nowhere,
        server_kind=api.SpanKind.SERVER,
        client_kind=api.SpanKind.CLIENT,
        failed=api.Status(api.StatusCode.ERROR),
        close=lambda: _shut(provider),
    )


def _silence() -> None:
    """OpenTelemetry's own words may quote the endpoint and the collector's answers: ours say what matters."""
    theirs = logging.getLogger("opentelemetry")
    if not theirs.handlers:
        theirs.addHandler(logging.NullHandler())
    theirs.propagate = False


def _shut(provider: Any) -> None:
    thread = threading.Thread(target=provider.shutdown, name="fairlead-traces-end", daemon=True)
    thread.start()
    thread.join(LAST_SENDING_S)
