"""Masking: which values of an endpoint must not come back, and which are words like any other."""

from dataclasses import replace

from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.endpoints import Endpoint
from fairlead.providers.masking import secrets_of
from fairlead.providers.scripted import ScriptedTransport
from fairlead.providers.signing import Identity
from fairlead.providers.upstream import Upstream

PLAIN = Endpoint(UpstreamName("x"), ProviderName("x"), "https://x.example/v1", secret=Secret("hunter2plainvalue"))


def test_every_value_that_is_sent_is_a_secret_in_every_spelling() -> None:
    endpoint = replace(
        PLAIN,
        headers=(("x-tok", "tok value+1"), ("authorization", "Basic dXNlcjpwYXNz")),
        query=(("sig", "a/b=c&d"),),
        identity=Identity("AKIDEXAMPLE", Secret("signing-secret"), Secret("session-token"), "eu-north-1", "bedrock"),
        proxy="http://user:pass%2Fword@proxy.example:3128",
    )
    found = secrets_of(endpoint)
    wanted = {"hunter2plainvalue", "tok value+1", "tok%20value%2B1", "dXNlcjpwYXNz", "a/b=c&d", "a%2Fb%3Dc%26d"}
    assert {*wanted, "AKIDEXAMPLE", "signing-secret", "session-token", "pass/word"} <= set(found)
    assert not {"eu-north-1", "bedrock"} & set(found)
    assert list(found) == sorted(found, key=len, reverse=True)


def test_short_values_versions_and_stand_ins_are_words_like_any_other() -> None:
    endpoint = replace(
        PLAIN,
        secret=Secret("ollama"),
        headers=(("x-short", "on"), ("anthropic-beta", "some-feature"), ("user-agent", "curl/8.0.1")),
        query=(("api-version", "2024-10-21"), ("preview", "2025-04-01-preview")),
    )
    assert secrets_of(endpoint) == ()


def test_a_secret_within_another_is_hidden_with_it() -> None:
    upstream = Upstream(replace(PLAIN, headers=(("x-tok", "hunter2plainvalue-and-more"),)), ScriptedTransport([]))
    assert upstream.masked("no hunter2plainvalue-and-more, no hunter2plainvalue") == "no ***, no ***"
