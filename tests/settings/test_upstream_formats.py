"""Formats, signatures and addresses of an upstream, as the configuration and the environment state them."""

import pytest

from fairlead.domain.errors import ConfigError
from fairlead.domain.secrets import Secret
from fairlead.providers.endpoints import Endpoint
from fairlead.providers.signing import Identity
from fairlead.settings.settings import parse

CANARY = "wJalrXUtnFEMI/canary"
AWS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": CANARY, "AWS_REGION": "eu-west-1"}


def endpoint(text: str, **env: str) -> Endpoint:
    (found,) = parse(text, env).endpoints
    return found


def fault(text: str, **env: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, env)
    assert "canary" not in caught.value.message
    return caught.value.message


def test_a_known_provider_brings_its_formats_headers_and_quirks() -> None:
    anthropic = endpoint("upstreams: {anthropic: }", ANTHROPIC_API_KEY="k")
    assert (anthropic.formats, anthropic.auth) == (("anthropic_messages",), "x-api-key")
    assert anthropic.headers == (("anthropic-version", "2023-06-01"),)
    assert endpoint("upstreams: {openai: }", OPENAI_API_KEY="k").formats == ("openai_chat", "openai_responses")
    assert endpoint("upstreams: {mistral: }", MISTRAL_API_KEY="k").quirks.rename[0] == ("seed", "random_seed")


def test_formats_may_be_stated_and_are_openais_chat_otherwise() -> None:
    own = "upstreams: {x: {base_url: 'https://a.example/v1'%s}}"
    assert endpoint(own % "").formats == ("openai_chat",)
    stated = endpoint(own % ", formats: [openai_responses, openai_chat]")
    assert stated.formats == ("openai_responses", "openai_chat")
    assert "upstreams.x.formats: an upstream that speaks no format" in fault(own % ", formats: []")
    assert "upstreams.x.formats: one format stands here twice" in fault(own % ", formats: [openai_chat, openai_chat]")
    assert "must be 'openai_chat', 'openai_responses'" in fault(own % ", formats: [soap]")


def test_the_operators_headers_and_parameters_go_over_the_providers() -> None:
    text = "upstreams: {anthropic: {headers: {Anthropic-Version: '2030-01-01', x-a: b}}}"
    assert endpoint(text, ANTHROPIC_API_KEY="k").headers == (("anthropic-version", "2030-01-01"), ("x-a", "b"))
    env = {"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com", "AZURE_OPENAI_API_KEY": "k"}
    classic = endpoint("upstreams: {a: {provider: azure-classic, query: {api-version: 2025-01-01-preview}}}", **env)
    assert classic.query == (("api-version", "2025-01-01-preview"),)
    assert classic.base_url == "https://me.openai.azure.com/openai" and classic.provider == "azure"
    assert dict(classic.paths)["/chat/completions"] == "/deployments/{model}/chat/completions"
    assert "one line of plain ASCII" in fault("upstreams: {a: {provider: azure-classic, query: {x: é}}}", **env)


def test_bedrock_takes_its_own_key_or_signs_with_aws_credentials() -> None:
    text = "upstreams: {amazon-bedrock: }"
    keyed = endpoint(text, AWS_BEARER_TOKEN_BEDROCK="k", **AWS)
    assert (keyed.auth, keyed.secret, keyed.identity) == ("bearer", Secret("k"), None)
    signed = endpoint(text, **AWS, AWS_SESSION_TOKEN="t")
    assert signed.auth == "sigv4" and signed.secret is None
    assert signed.identity == Identity("AKID", Secret(CANARY), Secret("t"), "eu-west-1", "bedrock")
    assert signed.base_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert signed.formats == ("bedrock_converse",)
    assert CANARY not in repr(signed)


def test_credentials_and_region_may_stand_in_the_configuration() -> None:
    text = "upstreams: {amazon-bedrock: {aws: {access_key_id: A, secret_access_key: '${S}', region: us-east-1}}}"
    signed = endpoint(text, S=CANARY, **{**AWS, "AWS_BEARER_TOKEN_BEDROCK": "k"})
    assert signed.identity == Identity("A", Secret(CANARY), None, "us-east-1", "bedrock")
    assert signed.base_url == "https://bedrock-runtime.us-east-1.amazonaws.com"


def test_a_secret_in_the_file_itself_is_warned_of_and_never_part_of_the_version() -> None:
    text = "upstreams: {amazon-bedrock: {aws: {access_key_id: A, secret_access_key: %s, region: us-east-1}}}"
    one, other = (parse(text % f"{CANARY}{end}", {}) for end in "xy")
    assert len(one.warnings) == 1 and "a secret stands in the file itself" in one.warnings[0]
    assert "canary" not in one.warnings[0] and one.version == other.version
    assert parse(text % "'${S}'", {"S": CANARY}).warnings == ()


def test_what_is_missing_to_sign_is_said_with_its_mend() -> None:
    text = "upstreams: {amazon-bedrock: }"
    assert "no region: set AWS_REGION" in fault(text, AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY=CANARY)
    assert "no credentials to sign with: set AWS_ACCESS_KEY_ID" in fault(text, AWS_REGION="eu-west-1")
    half = "upstreams: {amazon-bedrock: {aws: {access_key_id: A}}}"
    assert "give both access_key_id and secret_access_key" in fault(half, AWS_REGION="eu-west-1")
    assert "no region" in fault("upstreams: {amazon-bedrock: {aws: {region: 'x/../y'}}}", **AWS)
    assert "a character that none have" in fault(text, **{**AWS, "AWS_SECRET_ACCESS_KEY": f"{CANARY}\u00e9"})


def test_credentials_that_would_not_be_used_are_refused() -> None:
    text = "upstreams: {openai: {aws: {region: eu-west-1}}}"
    assert "upstreams.openai.aws: these credentials would not be used" in fault(text, OPENAI_API_KEY="k")
    text = "upstreams: {amazon-bedrock: {auth: sigv4, api_key: '${K}'}}"
    assert "`auth: sigv4` sends no key" in fault(text, K="k", **AWS)


def test_the_environments_credentials_go_to_the_providers_own_address_only() -> None:
    text = "upstreams: {b: {provider: amazon-bedrock, base_url: 'https://vpce.example'%s}}"
    assert "no credentials to sign with: write aws:" in fault(text % "", **AWS)
    stated = ", aws: {access_key_id: '${AWS_ACCESS_KEY_ID}', secret_access_key: '${AWS_SECRET_ACCESS_KEY}'}"
    assert endpoint(text % stated, **AWS).identity is not None
