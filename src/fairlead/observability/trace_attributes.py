"""Attributes of spans: moments in the words of OpenTelemetry's GenAI conventions, and ours where those have none.

Of https://github.com/open-telemetry/semantic-conventions-genai, v0.1.0 (development), read 2026-11-30. No prompt, no
reply and no credential; names that upstreams or clients send are cut.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fairlead.domain.moments import Attempted, Replied
from fairlead.domain.names import ProviderName
from fairlead.domain.usage import Usage

Attribute = str | bool | int | float
MAX_NAME_CHARS: Final = 200
WELL: Final = frozenset(("ok", "cancelled"))
"""Outcomes that are no error: a client that leaves, and an attempt that another has outrun."""
_PROVIDERS: Final[Mapping[str, str]] = {
    "google": "gcp.gemini",
    "google-openai": "gcp.gemini",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "azure": "azure.ai.openai",
    "azure-classic": "azure.ai.openai",
    "amazon-bedrock": "aws.bedrock",
}
"""Our slugs whose well-known names are others; the rest are the same, or have none."""
_PATHS: Final[Mapping[str, str]] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "embeddings": "/v1/embeddings",
}


class Address(NamedTuple):
    """Where an upstream stands."""

    host: str
    port: int


def route_of(door: str) -> str:
    """The path of a door."""
    return _PATHS.get(door, f"/{door}")


def operation_of(door: str) -> str:
    """`gen_ai.operation.name` of what comes through a door."""
    return "embeddings" if door == "embeddings" else "chat"


def provider_of(provider: ProviderName) -> str:
    """`gen_ai.provider.name`."""
    return _PROVIDERS.get(provider, provider)


def of_attempt(moment: Attempted, door: str, address: Address | None, *, is_streaming: bool) -> dict[str, Attribute]:
    """Of a client span: one call to one upstream."""
    arm = moment.arm
    found: dict[str, Attribute | None] = {
        "gen_ai.operation.name": operation_of(door),
        "gen_ai.provider.name": provider_of(arm.provider),
        "gen_ai.request.model": arm.sent_model,
        "gen_ai.request.stream": True if is_streaming else None,
        "gen_ai.response.model": moment.served[:MAX_NAME_CHARS] if moment.served else None,
        "gen_ai.response.time_to_first_chunk": moment.first_byte_s if is_streaming else None,
        "server.address": address.host if address is not None else None,
        "server.port": address.port if address is not None else None,
        "error.type": _error_of(moment),
        "fairlead.model": arm.model,
        "fairlead.upstream": arm.upstream,
        "fairlead.attempt": moment.number,
        "fairlead.outcome": moment.outcome,
        "fairlead.hedge": True if moment.is_hedge else None,
        "fairlead.losses": ", ".join(moment.losses)[:MAX_NAME_CHARS] or None,
        "fairlead.cost_usd": moment.cost.dollars if moment.cost is not None else None,
    }
    return _known(found) | _of_usage(moment.usage)


def of_reply(moment: Replied) -> dict[str, Attribute]:
    """Of a server span: one request, door to door."""
    return _known(
        {
            "http.request.method": "POST",
            "http.route": route_of(moment.door),
            "http.response.status_code": moment.status,
            "error.type": None if moment.outcome in WELL else moment.error_code or moment.outcome,
            "gen_ai.operation.name": operation_of(moment.door),
            "gen_ai.request.model": moment.asked[:MAX_NAME_CHARS] or None,
            "gen_ai.conversation.id": moment.session,
            "fairlead.decision_id": moment.decision_id,
            "fairlead.policy": moment.policy or None,
            "fairlead.reason": moment.reason,
            "fairlead.outcome": moment.outcome,
            "fairlead.tenant": moment.tenant,
            "fairlead.model": moment.arm.model if moment.arm is not None else None,
            "fairlead.upstream": moment.arm.upstream if moment.arm is not None else None,
            "fairlead.attempts": moment.n_attempts,
            "fairlead.cached": True if moment.is_cached else None,
            "fairlead.cost_usd": moment.cost.dollars if moment.cost is not None else None,
            "fairlead.overhead_s": moment.overhead_s,
        }
    )


def _of_usage(usage: Usage | None) -> dict[str, Attribute]:
    """The convention counts cached tokens as input tokens too, and reasoning as output; classes of 0 are left out."""
    if usage is None:
        return {}
    read, write = usage.cached_read_tokens, usage.cache_write_tokens
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens + read + write,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        **({"gen_ai.usage.cache_read.input_tokens": read} if read else {}),
        **({"gen_ai.usage.cache_write.input_tokens": write} if write else {}),
        **({"gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens} if usage.reasoning_tokens else {}),
        **({"fairlead.usage_estimated": True} if usage.is_estimated else {}),
    }


def _error_of(moment: Attempted) -> str | None:
    if moment.outcome in WELL:
        return None
    status = moment.upstream_status
    return str(status) if status is not None and status >= 400 else moment.outcome


def _known(found: Mapping[str, Attribute | None]) -> dict[str, Attribute]:
    return {name: value for name, value in found.items() if value is not None}
