from collections.abc import Callable
from dataclasses import replace

import pytest

from fairlead import __version__
from fairlead.domain.call import Answer, Call, Deadlines
from fairlead.domain.errors import ConfigError, InvalidOptionError
from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.endpoints import Auth, Endpoint
from fairlead.providers.scripted import Scene, ScriptedTransport
from fairlead.providers.signing import Identity, ToSign, sign
from fairlead.providers.upstream import Upstream, origin_of
from fairlead.wire.quirks import Quirks

CANARY = "sk-canary-0123456789"


def endpoint(
    *,
    base_url: str = "https://api.example/v1",
    auth: Auth = "bearer",
    secret: str | None = CANARY,
    headers: tuple[tuple[str, str], ...] = (),
    deadlines: Deadlines | None = None,
) -> Endpoint:
    return Endpoint(
        name=UpstreamName("x"),
        provider=ProviderName("acme"),
        base_url=base_url,
        auth=auth,
        secret=None if secret is None else Secret(secret),
        headers=headers,
        deadlines=deadlines or Deadlines(),
    )


async def test_a_call_gets_path_credential_and_headers() -> None:
    transport = ScriptedTransport([Scene.of(b"{}")])
    upstream = Upstream(endpoint(), transport)
    answer = await upstream.send(Call("/chat/completions", b'{"a":1}', is_streaming=False, request_id="d-1"))
    assert (upstream.name, upstream.provider) == ("x", "acme")
    assert answer.status == 200 and await answer.read(10) == b"{}"
    (received,) = transport.received
    assert (received.method, received.target, received.body) == ("POST", "/v1/chat/completions", b'{"a":1}')
    assert received.headers == {
        "user-agent": f"fairlead/{__version__}",
        "accept": "application/json",
        "content-type": "application/json",
        "authorization": f"Bearer {CANARY}",
        "x-request-id": "d-1",
    }


async def test_a_stream_is_asked_for_as_events() -> None:
    transport = ScriptedTransport([Scene.of(b"")])
    await Upstream(endpoint(), transport).send(Call("/chat/completions", b"", is_streaming=True))
    assert transport.received[0].headers["accept"] == "text/event-stream"
    assert "x-request-id" not in transport.received[0].headers


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ("bearer", "authorization", f"Bearer {CANARY}"),
        ("api-key", "api-key", CANARY),
        ("x-api-key", "x-api-key", CANARY),
        ("x-goog-api-key", "x-goog-api-key", CANARY),
    ],
)
async def test_each_auth_style_uses_its_own_header_and_no_other(auth: Auth, header: str, value: str) -> None:
    transport = ScriptedTransport([Scene.of(b"")])
    await Upstream(endpoint(auth=auth), transport).send(Call("/x", b"", is_streaming=False))
    credentials = {"authorization", "api-key", "x-api-key", "x-goog-api-key"} & set(transport.received[0].headers)
    assert credentials == {header}
    assert transport.received[0].headers[header] == value


async def test_without_a_secret_or_with_auth_none_no_credential_is_sent() -> None:
    for one in (endpoint(secret=None), endpoint(auth="none")):
        transport = ScriptedTransport([Scene.of(b"")])
        await Upstream(one, transport).send(Call("/x", b"", is_streaming=False))
        assert "authorization" not in transport.received[0].headers


async def test_the_operators_headers_are_sent_and_win_over_the_usual_ones() -> None:
    transport = ScriptedTransport([Scene.of(b"")])
    headers = (("user-agent", "mine"), ("x-team", "blue"))
    await Upstream(endpoint(headers=headers), transport).send(Call("/x", b"", is_streaming=False))
    assert transport.received[0].headers["user-agent"] == "mine"
    assert transport.received[0].headers["x-team"] == "blue"


async def test_a_request_id_that_could_break_out_of_its_line_is_not_sent() -> None:
    transport = ScriptedTransport([Scene.of(b"")])
    await Upstream(endpoint(), transport).send(Call("/x", b"", is_streaming=False, request_id="a\r\nb: c"))
    assert "x-request-id" not in transport.received[0].headers and "b" not in transport.received[0].headers


async def test_models_are_asked_for_without_a_body() -> None:
    transport = ScriptedTransport([Scene.of(b"")])
    await Upstream(endpoint(base_url="http://127.0.0.1:1"), transport).list_models()
    assert (transport.received[0].method, transport.received[0].target, transport.received[0].body) == (
        "GET",
        "/models",
        b"",
    )


async def test_what_is_left_of_the_requests_time_bounds_the_first_byte() -> None:
    seen: list[Deadlines] = []

    class Watching(ScriptedTransport):
        async def exchange(
            self,
            method: str,
            target: str,
            headers: bytes,
            body: bytes,
            deadlines: Deadlines,
            on_repeat: Callable[[], bool] | None = None,
        ) -> Answer:
            seen.append(deadlines)
            return await super().exchange(method, target, headers, body, deadlines)

    own = Deadlines(connect_s=5, first_byte_s=100, idle_s=50)
    upstream = Upstream(endpoint(deadlines=own), Watching([Scene.of(b"")]))
    for within_s in (None, 1_000, 30, 2, -1):
        await upstream.send(Call("/x", b"", is_streaming=False, within_s=within_s))
    assert [(one.connect_s, one.first_byte_s, one.idle_s) for one in seen] == [
        (5, 100, 50), (5, 100, 50), (5, 30, 50), (2, 2, 50), (0.001, 0.001, 50)
    ]  # fmt: skip


@pytest.mark.parametrize("secret", [f"{CANARY}\r\nx: y", f"{CANARY}\u2028", f"{CANARY}\x00"])
def test_a_credential_that_cannot_be_sent_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Upstream(endpoint(secret=secret), ScriptedTransport([]))
    assert "canary" not in str(caught.value)


def test_an_upstream_shows_no_credential() -> None:
    upstream = Upstream(endpoint(), ScriptedTransport([]))
    assert CANARY not in repr(upstream) + repr(upstream.endpoint)


@pytest.mark.parametrize(
    ("base_url", "scheme", "host", "port"),
    [
        ("https://api.example/v1", "https", "api.example", 443),
        ("http://127.0.0.1:8000/v1", "http", "127.0.0.1", 8000),
        ("HTTP://[::1]/v1", "http", "::1", 80),
    ],
)
def test_the_origin_is_read_off_the_base_url(base_url: str, scheme: str, host: str, port: int) -> None:
    origin = origin_of(endpoint(base_url=base_url))
    assert (origin.name, origin.scheme, origin.host, origin.port) == ("x", scheme, host, port)
    assert origin.allow_private is False


class Noting:
    """A transport that notes the deadlines it is given."""

    def __init__(self) -> None:
        self.deadlines: list[Deadlines] = []
        self._transport = ScriptedTransport([Scene.of(b"{}")])

    async def exchange(
        self,
        method: str,
        target: str,
        headers: bytes,
        body: bytes,
        deadlines: Deadlines,
        on_repeat: Callable[[], bool] | None = None,
    ) -> Answer:
        self.deadlines.append(deadlines)
        return await self._transport.exchange(method, target, headers, body, deadlines)

    def close(self) -> None:
        """Nothing to give back."""


async def test_a_whole_reply_has_a_total_deadline_and_a_stream_has_none() -> None:
    transport = Noting()
    upstream = Upstream(endpoint(), transport, whole_within_s=600.0)
    await upstream.send(Call("/x", b"", is_streaming=False, within_s=599.9))
    await upstream.send(Call("/x", b"", is_streaming=False, within_s=7.0))
    await upstream.send(Call("/x", b"", is_streaming=True, within_s=7.0))
    assert [deadlines.total_s for deadlines in transport.deadlines] == [600.0, 7.0, None]
    assert [deadlines.first_byte_s for deadlines in transport.deadlines] == [120.0, 7.0, 7.0]


async def test_a_path_that_lies_elsewhere_is_found_there_with_its_query() -> None:
    transport = ScriptedTransport([Scene.of(b"")])
    classic = replace(
        endpoint(base_url="https://me.example/openai"),
        paths=(("/chat/completions", "/deployments/{model}/chat/completions"),),
        query=(("api-version", "2024-10-21"), ("a b", "c&d")),
    )
    upstream = Upstream(classic, transport)
    await upstream.send(Call("/chat/completions", b"", is_streaming=False, sent_model="gpt 4/../x?y"))
    await upstream.send(Call("/other?alt=sse", b"", is_streaming=False))
    await upstream.list_models()
    assert [received.target for received in transport.received] == [
        "/openai/deployments/gpt%204%2F..%2Fx%3Fy/chat/completions?api-version=2024-10-21&a%20b=c%26d",
        "/openai/other?alt=sse&api-version=2024-10-21&a%20b=c%26d",
        "/openai/models?api-version=2024-10-21&a%20b=c%26d",
    ]


async def test_a_path_with_a_models_name_wants_one() -> None:
    classic = replace(endpoint(), paths=(("/x", "/deployments/{model}/x"),))
    with pytest.raises(InvalidOptionError):
        await Upstream(classic, ScriptedTransport([])).send(Call("/x", b"", is_streaming=False))


async def test_the_clients_headers_go_on_but_never_over_the_endpoints_own() -> None:
    transport = ScriptedTransport([Scene.of(b"")])
    upstream = Upstream(endpoint(auth="x-api-key", headers=(("anthropic-version", "2023-06-01"),)), transport)
    given = (
        (b"anthropic-beta", b"a"),
        (b"anthropic-version", b"1999-01-01"),
        (b"x-api-key", b"theirs"),
        (b"x-bad", b"a\r\nb: c"),
        (b"host", b"evil.example"),
    )
    await upstream.send(Call("/messages", b"", is_streaming=True, headers=given))
    headers = transport.received[0].headers
    assert headers["anthropic-beta"] == "a" and headers["anthropic-version"] == "2023-06-01"
    assert headers["x-api-key"] == CANARY and not {"x-bad", "b", "host"} & set(headers)


def signing() -> Endpoint:
    identity = Identity("AKID", Secret(CANARY), Secret("token"), "eu-west-1", "bedrock")
    found = endpoint(base_url="https://bedrock-runtime.eu-west-1.amazonaws.com", auth="sigv4", secret=None)
    return replace(found, formats=("bedrock_converse",), identity=identity)


async def test_a_call_is_signed_with_its_own_body_path_and_time() -> None:
    transport = ScriptedTransport([Scene.of(b"")])
    upstream = Upstream(signing(), transport, unix_s=lambda: 1_700_000_000.0)
    path = "/model/a%3A0/converse-stream"
    await upstream.send(Call(path, b"{}", is_streaming=True))
    (received,) = transport.received
    assert received.target == path and received.headers["accept"] == "application/vnd.amazon.eventstream"
    host = b"bedrock-runtime.eu-west-1.amazonaws.com"
    request = ToSign("POST", path, ((b"host", host), (b"content-type", b"application/json")), b"{}")
    identity = upstream.endpoint.identity
    assert identity is not None
    for name, value in sign(request, identity, 1_700_000_000.0):
        assert received.headers[name.decode()] == value.decode()
    assert CANARY not in str(received.headers) and CANARY not in repr(upstream.endpoint)


def test_an_endpoint_that_signs_must_be_told_the_time() -> None:
    with pytest.raises(ConfigError, match="the time"):
        Upstream(signing(), ScriptedTransport([]))


def test_formats_and_quirks_are_the_endpoints() -> None:
    quirk = Quirks(omit=("stream_options",))
    upstream = Upstream(replace(endpoint(), formats=("anthropic_messages",), quirks=quirk), ScriptedTransport([]))
    assert upstream.formats == ("anthropic_messages",) and upstream.quirks is quirk
