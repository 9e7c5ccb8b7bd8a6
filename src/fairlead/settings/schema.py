"""The schema of a configuration: every key with its type, bounds, default and meaning.

This is what `fairlead config schema` prints for editors and what `settings.parse` validates with. It says nothing of
files, lines or variables.
"""

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from fairlead.settings.dashboard_section import DashboardSection
from fairlead.settings.effort import CacheSection, LimitsSection
from fairlead.settings.experiments import ExploreSection, ShadowSection
from fairlead.settings.sections import Dollars, Names, Seconds, Section, Share, Weight
from fairlead.settings.store_section import StoreSection
from fairlead.settings.traces_section import TracesSection
from fairlead.settings.upstream_schema import UpstreamSection


class ServerSection(Section):
    """The address that Fairlead listens on, and the limits at its door."""

    host: str = Field(
        default="127.0.0.1", description="Address to listen on. Anything but loopback needs at least one of `keys`."
    )
    port: int = Field(default=8484, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: Names = Field(
        default=(),
        description="Host headers that are answered besides loopback and `host`; guards against DNS rebinding. "
        "While there are `keys` and this is not set, any is answered: the key is the guard then.",
    )
    allowed_origins: Names = Field(
        default=(), description="Origins of web pages that may call (CORS), such as https://chat.example."
    )
    max_body_bytes: int = Field(
        default=32_000_000, ge=1_024, le=2_000_000_000, description="Largest request body; more is a 413."
    )
    max_head_bytes: int = Field(
        default=65_536, ge=1_024, le=16_777_216, description="Largest request head; more is a 431."
    )
    max_headers: int = Field(default=100, ge=8, le=10_000, description="Most headers of a request; more is a 431.")
    head_s: Seconds = Field(default=10.0, description="Seconds within which a request's head must be complete.")
    body_idle_s: Seconds = Field(default=30.0, description="Seconds that a request's body may pause.")
    keep_alive_s: Seconds = Field(default=75.0, description="Seconds that an idle client connection is kept.")
    write_s: Seconds = Field(default=60.0, description="Seconds that a client may take to accept a piece of its reply.")
    drain_s: Seconds = Field(
        default=20.0, description="Seconds that running requests get to end at shutdown; then they end with an error."
    )
    heartbeat_s: Seconds = Field(
        default=15.0, description="Seconds of silence after which a waiting client of a stream gets a sign of life."
    )
    watch_config: bool = Field(
        default=False, description="Take over a changed configuration or router file by itself, as SIGHUP does."
    )


class KeySection(Section):
    """An access key of this server: who holds it and what it may do."""

    name: str = Field(min_length=1, max_length=100, description="Name of the holder; shown in logs.")
    sha256: str | None = Field(
        default=None, description="SHA-256 of the key in hex, as printed by `fairlead keys new NAME`."
    )
    hash: str | None = Field(default=None, description="The same as sha256; `sha256:HEX` is understood.")
    tenant: str = Field(
        default="default", min_length=1, max_length=100, description="Whose traffic and data this key's requests are."
    )
    may: tuple[Literal["chat", "feedback", "read", "admin"], ...] = Field(
        default=("chat", "feedback"),
        description="What the key may do: chat, feedback, read (metrics, its tenant's pages), admin (all pages).",
    )


class WeightsSection(Section):
    """How much quality, cost and speed count; only their proportions matter."""

    quality: Weight = Field(default=0.0, description="Weight of predicted quality.")
    cost: Weight = Field(default=0.0, description="Weight of a low cost.")
    speed: Weight = Field(default=0.0, description="Weight of a short wait.")


class WishLimitsSection(Section):
    """What no choice under this preset may exceed."""

    max_cost_usd: Dollars | None = Field(default=None, description="Most USD that one request may be expected to cost.")
    max_latency_s: Seconds | None = Field(
        default=None, description="Most seconds that a reply may be expected to take."
    )
    min_quality: Share | None = Field(default=None, description="Least predicted quality, from 0 to 1.")


class WishPolicySection(Section):
    """Which data policies a choice under this preset accepts."""

    data_collection: Literal["allow", "deny"] | None = Field(
        default=None, description="deny: only upstreams that keep no prompts."
    )
    zdr: bool = Field(default=False, description="Only upstreams with zero data retention.")
    regions: Names = Field(default=(), description="Only upstreams in one of these regions.")


class ProvidersSection(Section):
    """Which providers a choice under this preset may use."""

    only: Names = Field(default=(), description="Only these providers.")
    ignore: Names = Field(default=(), description="None of these providers.")


class PresetSection(Section):
    """A named preference: clients ask for it as `auto:NAME`."""

    weights: WeightsSection | None = Field(
        default=None, description="How much quality, cost and speed count; balanced if left out."
    )
    limits: WishLimitsSection = Field(default_factory=WishLimitsSection, description="What no choice may exceed.")
    candidates: Names = Field(
        default=(), description="Models to choose from: names or patterns such as openai/*. All unless set."
    )
    exclude: Names = Field(default=(), description="Models never to choose: names or patterns.")
    providers: ProvidersSection = Field(default_factory=ProvidersSection, description="Providers that may be used.")
    data_policy: WishPolicySection = Field(default_factory=WishPolicySection, description="Data policies to accept.")


class PreferencesSection(Section):
    """What `auto` means."""

    default: str = Field(
        default="balanced", description="The preset behind `auto`: quality, balanced, cost, speed or one of yours."
    )
    weights: WeightsSection | None = Field(
        default=None, description="Weights of `auto` in place of those of its preset."
    )
    session_affinity: Literal["auto", "off"] = Field(
        default="auto",
        description="auto: a running conversation keeps its model while its warm cache is worth more than a switch.",
    )


class LogSection(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is written."
    )
    format: Literal["json", "text"] = Field(default="text", description="One JSON object a line, or text for people.")
    requests: bool = Field(
        default=False, description="Also a line for every request that went well; one costs about as much as deciding."
    )


class Config(Section):
    """Fairlead's configuration file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, protected_namespaces=(), title="fairlead.yaml"
    )

    server: ServerSection = Field(default_factory=ServerSection, description="The address to listen on and its limits.")
    keys: tuple[KeySection, ...] = Field(
        default=(), description="Access keys of this server. Without any, only loopback is served."
    )
    upstreams: dict[str, UpstreamSection] = Field(
        default_factory=dict, description="Endpoints by a name of your choice."
    )
    discover: bool | None = Field(
        default=None,
        description="Also use API keys of the environment and local servers. True unless `upstreams` are given.",
    )
    models: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description=(
            "Your own facts by model (lab/model): limits, abilities, and prices by provider in USD per million tokens "
            "(input, cached_read, cache_write, cache_write_1h, output; with _above for requests of more than "
            "above_tokens input tokens). They override the catalogue's."
        ),
    )
    router: str | None = Field(
        default=None,
        description="A router file of `fairlead train`: what it learned goes before published figures.",
    )
    presets: dict[str, PresetSection] = Field(default_factory=dict, description="Named preferences behind auto:NAME.")
    preferences: PreferencesSection = Field(default_factory=PreferencesSection, description="What `auto` means.")
    limits: LimitsSection = Field(default_factory=LimitsSection, description="How much effort one request may cause.")
    cache: CacheSection | None = Field(
        default=None, description="Exact answers kept for the same question of the same tenant; off unless given."
    )
    explore: ExploreSection | None = Field(
        default=None, description="Now and then another model than the best one; off unless given (`explore: {}`)."
    )
    shadow: ShadowSection | None = Field(
        default=None, description="A second model that is asked the same off the hot path; off unless given."
    )
    store: StoreSection = Field(default_factory=StoreSection, description="What is kept of the traffic.")
    dashboard: DashboardSection = Field(default_factory=DashboardSection, description="Pages for people at /ui.")
    traces: TracesSection | None = Field(
        default=None, description="OpenTelemetry spans for a collector; off unless given."
    )
    log: LogSection = Field(default_factory=LogSection, description="What is written to standard error.")


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors. Numbers and booleans may also be ${VARIABLE}, or stand in quotes."""
    found = Config.model_json_schema()
    _allow_variables(found)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return found


def _allow_variables(node: Any) -> None:
    if isinstance(node, dict):
        for key, value in list(node.items()):
            if key in ("properties", "$defs"):
                for name, member in value.items():
                    value[name] = _or_variable(member)
                    _allow_variables(value[name])
            else:
                _allow_variables(value)
                if key == "additionalProperties" and isinstance(value, dict):
                    node[key] = _or_variable(value)
    elif isinstance(node, list):
        for item in node:
            _allow_variables(item)


def _or_variable(member: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {key: member[key] for key in ("description", "default", "title") if key in member}
    plain = {key: value for key, value in member.items() if key not in about}
    kinds = plain.pop("anyOf", [plain])
    patterns = [_AS_TEXT[kind["type"]] for kind in kinds if kind.get("type") in _AS_TEXT]
    if not patterns:
        return member
    return {"anyOf": [*kinds, *({"type": "string", "pattern": pattern} for pattern in patterns)], **about}


def _of_any_case(words: tuple[str, ...]) -> str:
    return "|".join("".join(f"[{letter}{letter.upper()}]" for letter in word) for word in words)


_VARIABLE: Final = r"\$\{.+\}"
_AS_TEXT: Final = {
    "integer": rf"^({_VARIABLE}|[+-]?[0-9]+)$",
    "number": rf"^({_VARIABLE}|[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)$",
    "boolean": rf"^({_VARIABLE}|[01]|{_of_any_case(('true', 'false', 'yes', 'no', 'on', 'off', 't', 'f', 'y', 'n'))})$",
}
"""Which texts are read as such a value too: what comes of a variable is a text."""
