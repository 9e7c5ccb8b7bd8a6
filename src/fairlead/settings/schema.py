"""The schema of a configuration: every key with its type, bounds, default and meaning.

This is what `fairlead config schema` prints for editors and what `settings.parse` validates with. It says nothing of
files, lines or variables.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from fairlead.domain.call import Deadlines
from fairlead.domain.content import FormatName
from fairlead.providers.endpoints import DEFAULT_MAX_CONNECTIONS, Auth
from fairlead.settings.effort import CacheSection, LimitsSection
from fairlead.settings.sections import Dollars, Names, Seconds, Section, Share, Weight


class ServerSection(Section):
    """The address that Fairlead listens on, and the limits at its door."""

    host: str = Field(
        default="127.0.0.1", description="Address to listen on. Anything but loopback needs at least one of `keys`."
    )
    port: int = Field(default=8484, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: Names = Field(
        default=(),
        description="Host headers that are answered besides loopback and `host`; guards against DNS rebinding.",
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
        default=False, description="Take over a changed configuration file by itself, as SIGHUP does."
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
        default=("chat", "feedback"), description="What the key may do: chat, feedback, read (logs and metrics), admin."
    )


class TimeoutSection(Section):
    """How long each phase of a call to this upstream may take."""

    connect_s: Seconds = Field(default=Deadlines().connect_s, description="Seconds to connect, TLS included.")
    first_byte_s: Seconds = Field(
        default=Deadlines().first_byte_s,
        description="Seconds to the first byte of the reply: reasoning models think before they speak.",
    )
    idle_s: Seconds = Field(default=Deadlines().idle_s, description="Seconds between two pieces of the reply.")
    total_s: Seconds | None = Field(default=None, description="Seconds for the whole call; no limit unless set.")


class EndpointPolicySection(Section):
    """What this upstream does with prompts, as far as you know."""

    collects_data: bool | None = Field(default=None, description="Whether prompts may be kept for training.")
    zero_retention: bool | None = Field(default=None, description="Whether nothing is kept after the reply.")
    region: str | None = Field(
        default=None, max_length=50, description="Where prompts are processed, such as eu or us."
    )


class AwsSection(Section):
    """AWS credentials to sign requests with; the environment's (AWS_ACCESS_KEY_ID, …) where they are left out."""

    access_key_id: str | None = Field(default=None, max_length=200, description="Id of the access key.")
    secret_access_key: str | None = Field(
        default=None, max_length=200, description="The access key's secret, as ${VARIABLE}. Never printed."
    )
    session_token: str | None = Field(
        default=None, max_length=8_192, description="Token of temporary credentials, as ${VARIABLE}. Never printed."
    )
    region: str | None = Field(default=None, max_length=40, description="Region to call and to sign for.")


class ServedSection(Section):
    """One model that an upstream serves. Further keys (prices, limits, abilities) override the catalogue's."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True, protected_namespaces=())

    name: str = Field(min_length=1, max_length=300, description="The name that this upstream takes.")
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=300,
        description="The catalogue's name of it (lab/model), when the names differ.",
    )


class HostingSection(Section):
    """Your own GPUs behind this upstream: cost and delay of its models are foretold from them (`fairlead analyse`)."""

    config: str = Field(
        min_length=1, max_length=4_096, description="The model's config.json, or a folder, safetensors or GGUF file."
    )
    gpu: str = Field(min_length=1, max_length=64, description="Kind of GPU, such as h100_sxm.")
    count: int = Field(default=1, ge=1, le=1_024, description="How many of them serve the model together.")
    engine: str = Field(default="vllm", max_length=64, description="vllm, sglang or trtllm.")
    precision: str | None = Field(
        default=None, max_length=64, description="fp8, nvfp4, q4_k_m, …; the config's own unless set."
    )
    usd_per_hour: Dollars | None = Field(
        default=None, description="USD per hour of one GPU; the usual rent unless set."
    )
    utilisation: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        default=0.5, description="Share of an hour that the GPUs are busy; idle hours are paid by the busy ones."
    )
    prompt_tokens: int = Field(default=1_024, ge=1, le=10_000_000, description="Tokens of a usual prompt.")
    reply_tokens: int = Field(default=512, ge=1, le=10_000_000, description="Tokens of a usual reply.")
    concurrency: int = Field(default=16, ge=1, le=100_000, description="Requests at once, usually.")
    measured_ms: Annotated[float, Field(gt=0, le=3_600_000, allow_inf_nan=False)] | None = Field(
        default=None, description="Milliseconds per token that you measured for exactly this; recalibrates."
    )


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


Served = Annotated[
    ServedSection,
    BeforeValidator(_named),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "description": "The name that this upstream takes."},
                {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "description": "The name that this upstream takes."},
                        "model": {
                            "type": "string",
                            "description": "The catalogue's name of it, when the names differ.",
                        },
                    },
                    "required": ["name"],
                    "description": "With prices, limits and abilities, in the words of the top-level `models`.",
                },
            ]
        }
    ),
]


class UpstreamSection(Section):
    """One endpoint that requests may be sent to."""

    provider: str | None = Field(
        default=None,
        max_length=64,
        description="A known provider (openai, groq, …): sets base_url, auth and the key's variable.",
    )
    base_url: str | None = Field(
        default=None,
        max_length=2_000,
        description="Where the format's paths hang (/chat/completions, …), such as http://127.0.0.1:8000/v1.",
    )
    api_key: str | None = Field(
        default=None, max_length=8_192, description="The credential, as ${VARIABLE}. Never printed."
    )
    auth: Auth | None = Field(
        default=None, description="How the credential is sent; bearer unless the provider differs."
    )
    aws: AwsSection | None = Field(default=None, description="Credentials and region to sign with, for `auth: sigv4`.")
    formats: tuple[FormatName, ...] | None = Field(
        default=None,
        description="Wire formats it speaks, the one to translate to first; the provider's, or openai_chat.",
    )
    query: dict[str, str] = Field(
        default_factory=dict, description="Parameters of every request's address, such as api-version."
    )
    headers: dict[str, str] = Field(default_factory=dict, description="Further headers of every request.")
    timeouts: TimeoutSection = Field(
        default_factory=TimeoutSection, description="How long each phase of a call may take."
    )
    proxy: str | None = Field(
        default=None, max_length=2_000, description="http://host:port of a proxy; none unless set here."
    )
    ca_file: str | None = Field(
        default=None, max_length=4_096, description="PEM file of certificate authorities to trust instead."
    )
    max_connections: int = Field(
        default=DEFAULT_MAX_CONNECTIONS, ge=1, le=100_000, description="Most connections at once."
    )
    max_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Most calls under way at once; without it a limit is learned from refusals (429, 503) alone.",
    )
    local: bool | None = Field(
        default=None, description="One's own server, at marginal cost 0. True by itself for loopback addresses."
    )
    allow_private: bool | None = Field(
        default=None, description="May connect to private addresses. True by itself for a loopback base_url."
    )
    data_policy: EndpointPolicySection = Field(
        default_factory=EndpointPolicySection, description="What this upstream does with prompts."
    )
    hosting: HostingSection | None = Field(
        default=None, description="Your own GPUs behind it, from which cost and delay are foretold."
    )
    models: tuple[Served, ...] = Field(
        default=(), description="The models it serves; without it, what the catalogue or the server itself lists."
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
        description="Your own facts by model (lab/model): prices, limits, abilities; they override the catalogue's.",
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
    log: LogSection = Field(default_factory=LogSection, description="What is written to standard error.")


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors. Numbers and booleans may also be written as ${VARIABLE}."""
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
    elif isinstance(node, list):
        for item in node:
            _allow_variables(item)


def _or_variable(member: dict[str, Any]) -> dict[str, Any]:
    if member.get("type") not in ("integer", "number", "boolean"):
        return member
    about: dict[str, Any] = {key: member[key] for key in ("description", "default", "title") if key in member}
    plain = {key: value for key, value in member.items() if key not in about}
    return {"anyOf": [plain, {"type": "string", "pattern": r"^\$\{.+\}$"}], **about}
