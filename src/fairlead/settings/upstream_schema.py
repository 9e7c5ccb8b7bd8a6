"""The schema of one upstream: where it is, how it is spoken to, what it serves and what it costs to run."""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from fairlead.domain.call import Deadlines
from fairlead.domain.content import FormatName
from fairlead.providers.endpoints import DEFAULT_MAX_CONNECTIONS, Auth
from fairlead.settings.sections import Dollars, Seconds, Section


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
