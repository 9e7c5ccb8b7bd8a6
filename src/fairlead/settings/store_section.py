"""The `store` section of a configuration: what is kept of the traffic, where, and for how long."""

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from fairlead.settings.sections import Names, Section, Weight

RedactionName = Literal["key", "private key", "email", "iban", "card", "phone"]
REDACTIONS: Final[tuple[RedactionName, ...]] = get_args(RedactionName)


class StoreSection(Section):
    """What is kept of the traffic: decisions, attempts and replies as rows; prompts and replies only if you say so."""

    enabled: bool = Field(default=True, description="false keeps nothing but the counters of /metrics.")
    path: str | None = Field(
        default=None,
        min_length=1,
        max_length=4_096,
        description="SQLite file; without it fairlead/traffic.db below $XDG_DATA_HOME or ~/.local/share.",
    )
    url: str | None = Field(
        default=None,
        max_length=8_192,
        description="postgresql://… in place of a file, for several servers. Needs `pip install 'fairlead[postgres]'`.",
    )
    bodies: Literal["off", "redacted", "full"] = Field(
        default="off",
        description="Whether prompts and replies are kept too, and whether `redact` goes over them first.",
    )
    redact: tuple[RedactionName, ...] = Field(
        default=REDACTIONS, description="What is taken out of kept texts, by its form."
    )
    redact_patterns: Names = Field(default=(), description="Your own regular expressions of what is taken out too.")
    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=90, description="Days that rows are kept; null keeps them for ever."
    )
    bodies_retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=30, description="Days that prompts and replies are kept."
    )
    spool_bytes: int = Field(
        default=256_000_000,
        ge=0,
        le=100_000_000_000,
        description="Most bytes of rows that wait in a file beside the store while it takes none; more are dropped.",
    )
    writer: Literal["auto", "thread", "process"] = Field(
        default="auto",
        description="Who writes rows: a thread of the server, or a process beside it (some 50 MB), which leaves the "
        "server's core to requests; auto takes a process where each worker has two cores.",
    )
    feedback_weights: dict[str, Weight] = Field(
        default_factory=dict,
        description="How much the feedback of a tenant counts beside that of others; 1 unless set.",
    )
