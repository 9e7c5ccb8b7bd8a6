"""Traces of a configuration: the collector that they go to, and the gateway that they are made of."""

import logging
from dataclasses import replace
from importlib import import_module
from typing import Final

from fairlead import __version__
from fairlead.assembly.services import Assembly
from fairlead.domain.secrets import Secret
from fairlead.observability.trace_attributes import Address
from fairlead.observability.trace_kit import Load, open_kit
from fairlead.observability.traces import Traces
from fairlead.providers.upstream import origin_of

_LOG: Final = logging.getLogger("fairlead.traces")


def traced(assembly: Assembly, before: Assembly | None = None, load: Load = import_module) -> Assembly:
    """This assembly with its requests traced; the traces of the one before go on, whatever the new one says of them.

    Raises: ConfigError where the extra is not installed.
    """
    section = assembly.settings.traces
    traces = before.traces if before is not None else None
    if before is not None and section != before.settings.traces:
        _LOG.warning("changes under 'traces' take effect at the next start")
    if before is None and section is not None:
        kit = open_kit(
            section.endpoint,
            {name.lower(): Secret(value) for name, value in section.headers.items()},
            share=section.share,
            service=section.service_name,
            version=__version__,
            count=assembly.metrics.traffic.sent_spans,
            load=load,
        )
        traces = Traces(kit, {}, assembly.services.unix_s, passes_on=section.to_upstreams)
    if traces is None:
        return assembly
    origins = [origin_of(endpoint) for endpoint in assembly.endpoints if not endpoint.is_simulated]
    # Not set on the ones before: the new configuration may yet be refused, and requests run on under the old one.
    traces = traces.towards({origin.name: Address(origin.host, origin.port) for origin in origins})
    services = assembly.services
    services = replace(services, tracing=traces, observers=(*services.observers, traces))
    return replace(assembly, services=services, traces=traces)
