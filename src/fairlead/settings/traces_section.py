"""The `traces` section of a configuration: where spans go."""

from typing import Annotated

from pydantic import Field

from fairlead.settings.sections import Section


class TracesSection(Section):
    """OpenTelemetry spans of requests and of calls to upstreams, without a word of theirs. Needs the extra `otel`."""

    endpoint: str = Field(
        min_length=1,
        max_length=2_000,
        pattern=r"^https?://",
        description="Where the collector takes OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces.",
    )
    headers: dict[str, str] = Field(
        default_factory=dict, repr=False, description="Further headers for the collector, such as its key."
    )
    share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=1.0, description="Share of the traces that begin here; those of clients say themselves."
    )
    service_name: str = Field(default="fairlead", min_length=1, max_length=200, description="The name of this service.")
    to_upstreams: bool = Field(
        default=True, description="Tell upstreams of the trace (`traceparent`, `tracestate`): ids only."
    )
