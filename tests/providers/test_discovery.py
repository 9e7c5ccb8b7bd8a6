import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.call import Deadlines
from fairlead.domain.errors import GarbledError, SilentError, UnreachableError
from fairlead.domain.names import ProviderName, SentModel, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.discovery import (
    LOCAL_SERVERS,
    MAX_MODELS,
    MODELS_CAP_BYTES,
    OWN_PORT,
    LocalServer,
    discover,
    probe_over_http,
    read_models,
    with_models,
)
from fairlead.providers.endpoints import Endpoint, ServedModel

CANARY = "sk-canary-0123456789"


def listing(*names: str) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]}).encode()


async def nothing_there(endpoint: Endpoint) -> bytes:
    raise UnreachableError("refused", upstream=endpoint.name)


def answering(body: bytes) -> Callable[[Endpoint], Awaitable[bytes]]:
    async def probe(endpoint: Endpoint) -> bytes:
        return body

    return probe


async def test_a_key_in_the_environment_becomes_an_endpoint() -> None:
    found = await discover({"OPENAI_API_KEY": CANARY, "UNRELATED": "x"}, nothing_there)
    (endpoint,) = found.endpoints
    assert (endpoint.name, endpoint.provider, endpoint.base_url) == ("openai", "openai", "https://api.openai.com/v1")
    assert endpoint.secret == Secret(CANARY) and not endpoint.is_local
    assert [finding.found for finding in found.keys if finding.found] == ["OPENAI_API_KEY"]


async def test_what_was_looked_for_is_reported_without_values() -> None:
    found = await discover({"OPENAI_API_KEY": CANARY}, nothing_there)
    variables = {finding.provider: finding.variables for finding in found.keys}
    assert variables[ProviderName("azure")] == ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")
    assert {server.state for server in found.servers} == {"nothing"}
    assert CANARY not in repr(found)


async def test_a_key_that_cannot_be_used_is_reported_with_its_reason() -> None:
    env = {"AZURE_OPENAI_API_KEY": CANARY, "GROQ_API_KEY": f"{CANARY} {CANARY}"}
    found = await discover(env, nothing_there)
    problems = {finding.provider: finding.problem for finding in found.keys if finding.problem}
    assert problems == {
        "azure": "AZURE_OPENAI_ENDPOINT is not set: it holds the address of your resource",
        "groq": "GROQ_API_KEY holds a character that no key has",
    }
    assert found.endpoints == ()


async def test_a_second_address_of_a_company_sells_its_offers() -> None:
    found = await discover({"ZAI_API_KEY": CANARY}, nothing_there)
    assert [(endpoint.name, endpoint.provider) for endpoint in found.endpoints] == [("zai", "zhipuai")]


async def test_a_local_server_becomes_a_local_endpoint_with_its_models() -> None:
    async def probe(endpoint: Endpoint) -> bytes:
        if ":11434/" not in endpoint.base_url:
            raise UnreachableError("refused")
        return listing("llama3.2:latest", "nomic-embed-text:latest")

    found = await discover({}, probe)
    (endpoint,) = found.endpoints
    assert (endpoint.name, endpoint.provider, endpoint.base_url) == ("ollama", "local", "http://127.0.0.1:11434/v1")
    assert endpoint.is_local and endpoint.allow_private and endpoint.auth == "none"
    assert endpoint.deadlines == Deadlines()
    assert endpoint.models == (
        ServedModel(SentModel("llama3.2:latest")),
        ServedModel(SentModel("nomic-embed-text:latest"), is_chat=False),
    )
    assert [(one.title, one.n_models) for one in found.servers if one.state == "found"] == [("Ollama", 2)]


async def test_ports_are_asked_all_at_once_and_given_up_soon() -> None:
    asked: list[str] = []
    everybody = asyncio.Event()

    async def probe(endpoint: Endpoint) -> bytes:
        asked.append(endpoint.base_url)
        if len(asked) == len(LOCAL_SERVERS):
            everybody.set()
        await everybody.wait()  # only all together get on
        return listing("m")

    found = await discover({}, probe)
    assert len(found.endpoints) == len(LOCAL_SERVERS)


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def probe(endpoint: Endpoint) -> bytes:
        await asyncio.Event().wait()
        return b""

    found = await discover({}, probe, servers=LOCAL_SERVERS[:1])
    assert [server.state for server in found.servers] == ["nothing"]


@pytest.mark.parametrize("error", [SilentError("late"), OSError("broken"), UnreachableError("refused")])
async def test_a_probe_that_fails_finds_nothing(error: Exception) -> None:
    async def probe(endpoint: Endpoint) -> bytes:
        raise error

    assert (await discover({}, probe)).endpoints == ()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>", "its list of models is not JSON"),
        (b"[]", "it does not list models as OpenAI does"),
        (b'{"data": 3}', "it does not list models as OpenAI does"),
        (b"{}", "it does not list models as OpenAI does"),
        (b'{"data": null}', "it runs, but has no model yet"),
        (b'{"data": []}', "it runs, but has no model yet"),
        (
            b'{"data": [{"id": "auto", "owned_by": "fairlead"}]}',
            "it is a Fairlead itself: calling it would go in circles",
        ),
        (b"[" * 100_000, "its list of models is not JSON"),
    ],
)
async def test_another_program_on_the_port_is_reported_and_not_used(body: bytes, problem: str) -> None:
    found = await discover({}, answering(body), servers=LOCAL_SERVERS[:1])
    assert found.endpoints == ()
    assert [(server.state, server.problem) for server in found.servers] == [("unusable", problem)]


@pytest.mark.parametrize("value", ["1", "true", "yes"])
async def test_looking_at_ports_can_be_switched_off(value: str) -> None:
    found = await discover({"FAIRLEAD_NO_DISCOVERY": value, "OPENAI_API_KEY": CANARY}, answering(listing("m")))
    assert found.servers == ()
    assert [endpoint.name for endpoint in found.endpoints] == ["openai"]


@pytest.mark.parametrize("value", ["", "0"])
async def test_and_switched_on_again(value: str) -> None:
    found = await discover({"FAIRLEAD_NO_DISCOVERY": value}, answering(listing("m")))
    assert len(found.servers) == len(LOCAL_SERVERS)


async def test_our_own_port_is_never_asked() -> None:
    assert OWN_PORT not in {server.port for server in LOCAL_SERVERS}
    found = await discover({}, answering(listing("m")), own_port=8000)
    assert "vLLM" not in {server.title for server in found.servers}


def test_names_that_are_no_names_are_left_out() -> None:
    body = json.dumps(
        {"data": [{"id": "ok"}, {"id": ""}, {"id": 3}, {}, "x", {"id": "a\nb"}, {"id": "y" * 400}, {"id": "ok"}]}
    )
    assert read_models(body.encode()) == (ServedModel(SentModel("ok")),)


def test_a_list_without_end_is_cut() -> None:
    assert len(read_models(listing(*(f"m{n}" for n in range(5_000))))) == MAX_MODELS


@pytest.mark.parametrize(
    ("name", "is_chat"),
    [("llama3", True), ("bge-m3", False), ("BAAI/bge-large", False), ("whisper-1", False), ("jina-reranker", False),
     ("text-embedding-3-small", False), ("gemma3:4b", True), ("all-minilm", False), ("bagel", True)],
)  # fmt: skip
def test_models_that_only_embed_are_told_by_their_names(name: str, is_chat: bool) -> None:
    assert [served.is_chat for served in read_models(listing(name))] == [is_chat]


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps({"data": x}).encode())
)
def test_any_answer_gives_models_or_a_garbled_error(body: bytes) -> None:
    with contextlib.suppress(GarbledError):
        assert all(served.sent_model for served in read_models(body))


async def test_an_endpoint_with_models_is_not_asked() -> None:
    endpoint = Endpoint(
        name=UpstreamName("x"),
        provider=ProviderName("x"),
        base_url="http://127.0.0.1:1/v1",
        models=(ServedModel(SentModel("a")),),
    )
    assert await with_models(endpoint, nothing_there, limit_s=1) is endpoint


async def serve_once(reply: bytes, server_name: str = "llama-cpp") -> tuple[asyncio.Server, LocalServer, list[bytes]]:
    heads: list[bytes] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    return server, LocalServer(server_name, "Test", server.sockets[0].getsockname()[1]), heads


async def test_a_real_server_on_loopback_is_found() -> None:
    body = listing("tiny")
    reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    server, local, heads = await serve_once(reply)
    async with server:
        found = await discover({"OPENAI_API_KEY": CANARY}, probe_over_http, servers=(local,))
    assert [endpoint.models for endpoint in found.endpoints if endpoint.is_local] == [(ServedModel(SentModel("tiny")),)]
    assert heads[0].startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert CANARY.encode() not in heads[0]


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (MODELS_CAP_BYTES + 1, b" " * (MODELS_CAP_BYTES + 1)),
    ],
    ids=["404", "ssh", "redirect", "too long"],
)
async def test_a_real_server_of_another_kind_is_not_used(reply: bytes) -> None:
    server, local, _ = await serve_once(reply)
    async with server:
        found = await discover({}, probe_over_http, servers=(local,))
    assert found.endpoints == ()
    assert found.servers[0].state in ("unusable", "nothing")


async def test_a_closed_port_is_nothing() -> None:
    server, local, _ = await serve_once(b"")
    server.close()
    await server.wait_closed()
    found = await discover({}, probe_over_http, servers=(local,))
    assert [one.state for one in found.servers] == ["nothing"]
