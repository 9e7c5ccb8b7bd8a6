"""A real inference server as an upstream: what llama.cpp says itself is what comes through the gateway.

The server has one slot, a model of random weights that this test writes, and answers greedily: the same request gives
the same text, whoever sends it.
"""

import http.client
import importlib.util
import json
import re
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from tests.inference.running import MODEL, Running, gateway, inference_server
from tests.inference.tiny_model import EOS, N_CONTEXT, write_tiny_model

pytestmark = [
    pytest.mark.inference,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="no inference server: make test-inference"
    ),
]

NAME: Final = f"llama/{MODEL}"
"""What the gateway calls the model: a name that the catalogue doesn't know stands under its upstream's."""
HELLO: Final[list[ChatCompletionMessageParam]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Grüße! What is the capital of Australia? 🦘"},
]
FRESH: Final = {"cache_prompt": False}
"""Otherwise the second of two equal requests reports cached tokens."""
LONG: Final = 20_000
"""Tokens that take the server many seconds: far more than it writes while a client leaves."""


class House(NamedTuple):
    """A server, and a gateway before it."""

    server: Running
    door: Running


def client_of(running: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for the tests that leave no trace in it; those that break something build their own."""
    folder = tmp_path_factory.mktemp("house")
    write_tiny_model(folder / "tiny.gguf")
    with inference_server(folder / "tiny.gguf") as server, gateway(server, folder) as door:
        yield House(server, door)


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[openai.OpenAI]:
    with client_of(house.door) as ours:
        yield ours


@pytest.fixture(scope="module")
def direct(house: House) -> Iterator[openai.OpenAI]:
    with client_of(house.server) as theirs:
        yield theirs


def written_by(server: Running) -> int:
    """How many tokens the server has written in its life, those of replies that nobody waited for included."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=60) as page:
        found = re.search(r"^llamacpp:tokens_predicted_total (\d+)", page.read().decode(), re.MULTILINE)
    assert found
    return int(found[1])


def is_writing(server: Running) -> bool:
    """Whether the server's slot is taken and the first tokens of its reply are written."""
    with urllib.request.urlopen(f"{server.url}/slots", timeout=60) as page:
        (slot,) = json.load(page)
    return bool(slot["is_processing"] and slot["next_token"][0]["n_decoded"] > 1)


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def finishes_of(chunks: list[ChatCompletionChunk]) -> list[str]:
    return [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]


def what_counts(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply without what differs from one call to the next."""
    return {name: value for name, value in reply.items() if name not in ("id", "created", "timings")}


def test_the_gateway_learns_the_model_by_asking_the_server(house: House, client: openai.OpenAI) -> None:
    assert f"llama (local, marginal cost 0): {MODEL}" in house.door.said
    ids = [model.id for model in client.models.list()]
    assert ids == ["auto", "auto:balanced", "auto:quality", "auto:cost", "auto:speed", NAME]


@pytest.mark.parametrize("model", ["auto", "auto:speed", MODEL, NAME])
def test_a_reply_is_the_servers_own_by_whatever_name(model: str, client: openai.OpenAI, direct: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"messages": HELLO, "max_tokens": 60, "temperature": 0, "seed": 7, "extra_body": FRESH}
    ours = client.chat.completions.with_raw_response.create(model=model, **asked)
    theirs = direct.chat.completions.with_raw_response.create(model=MODEL, **asked)
    assert what_counts(json.loads(ours.text)) == what_counts(json.loads(theirs.text))
    reply = ours.parse()
    assert reply.model == MODEL
    assert reply.choices[0].finish_reason == "length"
    assert len(reply.choices[0].message.content or "") == 60
    assert reply.usage is not None and reply.usage.completion_tokens == 60
    assert ours.headers["x-fairlead-model"] == NAME
    assert ours.headers["x-fairlead-provider"] == "local"
    assert float(ours.headers["x-fairlead-cost-usd"]) == 0


@pytest.mark.parametrize("model", ["auto", MODEL])
def test_a_stream_is_the_servers_own_chunk_by_chunk(model: str, client: openai.OpenAI, direct: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"messages": HELLO, "max_tokens": 60, "temperature": 0, "seed": 7, "extra_body": FRESH}
    with client.chat.completions.create(model=model, stream=True, **asked) as stream:
        ours = list(stream)
    with direct.chat.completions.create(model=MODEL, stream=True, **asked) as stream:
        theirs = list(stream)
    whole = direct.chat.completions.create(model=MODEL, **asked)
    assert [what_counts(chunk.model_dump()) for chunk in ours] == [what_counts(chunk.model_dump()) for chunk in theirs]
    assert text_of(ours) == whole.choices[0].message.content
    assert len(ours) > 50
    assert finishes_of(ours) == ["length"]


def test_a_stream_shows_usage_only_to_who_asked_for_it(client: openai.OpenAI, direct: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"messages": HELLO, "max_tokens": 9, "temperature": 0, "extra_body": FRESH}
    with client.chat.completions.create(
        model="auto", stream=True, stream_options={"include_usage": True}, **asked
    ) as stream:
        shown = list(stream)
    with client.chat.completions.create(model="auto", stream=True, **asked) as stream:
        hidden = list(stream)
    with client.chat.completions.create(
        model="auto", stream=True, stream_options={"include_usage": False}, **asked
    ) as stream:
        refused = list(stream)
    whole = direct.chat.completions.create(model=MODEL, **asked)
    assert whole.usage is not None and whole.usage.completion_tokens == 9
    assert [chunk.usage for chunk in shown if chunk.usage] == [whole.usage]
    assert shown[-1].choices == []
    for chunks in (hidden, refused):
        assert all(chunk.usage is None and chunk.choices for chunk in chunks)
        assert text_of(chunks) == text_of(shown) == whole.choices[0].message.content


@pytest.mark.parametrize("is_streaming", [False, True])
def test_a_reply_that_ends_of_its_own_accord_stops(is_streaming: bool, client: openai.OpenAI) -> None:
    ending = {str(EOS): 100}
    if is_streaming:
        with client.chat.completions.create(
            model="auto", messages=HELLO, max_tokens=50, logit_bias=ending, stream=True
        ) as stream:
            chunks = list(stream)
        assert (finishes_of(chunks), text_of(chunks)) == (["stop"], "")
    else:
        reply = client.chat.completions.create(model="auto", messages=HELLO, max_tokens=50, logit_bias=ending)
        assert (reply.choices[0].finish_reason, reply.choices[0].message.content) == ("stop", "")
        assert reply.usage is not None and reply.usage.completion_tokens == 1


def test_a_stop_string_cuts_the_reply(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "auto", "messages": HELLO, "max_tokens": 60, "temperature": 0}
    text = client.chat.completions.create(**asked).choices[0].message.content or ""
    cut = client.chat.completions.create(stop=[text[20:24]], **asked).choices[0]
    assert cut.finish_reason == "stop"
    assert cut.message.content == text[: text.index(text[20:24])]


def test_parameters_that_only_the_server_knows_reach_it(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="auto", messages=HELLO, max_tokens=50, extra_body={"grammar": 'root ::= "yes, \\u2713"'}
    )
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("yes, \u2713", "stop")
    unending = client.chat.completions.create(
        model="auto", messages=HELLO, max_tokens=50, logit_bias={str(EOS): 100}, extra_body={"ignore_eos": True}
    )
    assert unending.choices[0].finish_reason == "length"


def test_log_probabilities_come_through(client: openai.OpenAI, direct: openai.OpenAI) -> None:
    asked: dict[str, Any] = {
        "messages": HELLO, "max_tokens": 5, "temperature": 0, "logprobs": True, "top_logprobs": 3, "extra_body": FRESH,
    }  # fmt: skip
    ours = client.chat.completions.create(model="auto", **asked).choices[0]
    assert ours == direct.chat.completions.create(model=MODEL, **asked).choices[0]
    assert ours.logprobs is not None and ours.logprobs.content is not None
    assert [len(token.top_logprobs) for token in ours.logprobs.content] == [3] * 5


@pytest.mark.parametrize("is_streaming", [False, True])
def test_a_schema_holds_even_a_model_of_random_weights(is_streaming: bool, client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {
        "model": "auto",
        "messages": HELLO,
        "max_tokens": 500,
        "temperature": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "city",
                "strict": True,
                "schema": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string", "minLength": 3, "maxLength": 12},
                        "people": {"type": "integer", "minimum": 1, "maximum": 99},
                        "coast": {"enum": ["east", "west"]},
                    },
                    "required": ["city", "people", "coast"],
                    "additionalProperties": False,
                },
            },
        },
    }
    if is_streaming:
        with client.chat.completions.create(stream=True, **asked) as stream:
            text = text_of(list(stream))
    else:
        text = client.chat.completions.create(**asked).choices[0].message.content or ""
    city = json.loads(text)
    assert sorted(city) == ["city", "coast", "people"]
    assert 3 <= len(city["city"]) <= 12 and 1 <= city["people"] <= 99 and city["coast"] in ("east", "west")


@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_embeddings_are_the_servers_own(encoding: Any, client: openai.OpenAI, direct: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "input": ["a kangaroo", "Grüße"], "encoding_format": encoding}
    ours = client.embeddings.with_raw_response.create(**asked)
    assert json.loads(ours.text) == json.loads(direct.embeddings.with_raw_response.create(**asked).text)
    first, second = ours.parse().data
    assert (first.index, second.index) == (0, 1)
    assert first.embedding != second.embedding


def test_the_servers_complaint_about_a_request_comes_through(client: openai.OpenAI, direct: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"messages": HELLO, "extra_body": {"temperature": "hot"}}
    with pytest.raises(openai.BadRequestError) as theirs:
        direct.chat.completions.create(model=MODEL, **asked)
    with pytest.raises(openai.BadRequestError) as ours:
        client.chat.completions.create(model="auto", **asked)
    assert "temperature" in str(ours.value)
    assert ours.value.body["message"] == theirs.value.body["message"]  # type: ignore[index]


def test_a_prompt_beyond_the_context_is_refused_in_the_servers_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "word " * N_CONTEXT}])
    assert "context" in str(caught.value)


def test_more_requests_than_a_connection_lives_for_are_all_answered(client: openai.OpenAI) -> None:
    # The server closes each connection after its hundredth request.
    asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, "max_tokens": 2, "temperature": 0}
    texts = {client.chat.completions.create(**asked).choices[0].message.content for _ in range(250)}
    assert len(texts) == 1


def test_clients_who_come_together_each_get_their_own_reply(client: openai.OpenAI) -> None:
    def reply(number: int) -> str:
        grammar = {"grammar": f'root ::= "{number:03}, " [a-z]{{40}}'}
        asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, "max_tokens": 60, "extra_body": grammar}
        if number % 2:
            return client.chat.completions.create(**asked).choices[0].message.content or ""
        with client.chat.completions.create(stream=True, **asked) as stream:
            return text_of(list(stream))

    with ThreadPoolExecutor(16) as threads:
        replies = list(threads.map(reply, range(64)))
    assert [text[:5] for text in replies] == [f"{number:03}, " for number in range(64)]
    assert {len(text) for text in replies} == {45}


def test_a_client_that_leaves_a_stream_frees_the_slot(house: House, client: openai.OpenAI) -> None:
    before = written_by(house.server)
    with client.chat.completions.create(model="auto", messages=HELLO, max_tokens=LONG, stream=True) as stream:
        for _ in range(5):
            next(stream)
    # The only slot: this waits until the one before has given it up.
    assert client.chat.completions.create(model="auto", messages=HELLO, max_tokens=3).choices
    assert 3 < written_by(house.server) - before < LONG


def test_a_client_that_leaves_without_a_stream_frees_the_slot(house: House, client: openai.OpenAI) -> None:
    before = written_by(house.server)
    body = json.dumps({"model": "auto", "messages": HELLO, "max_tokens": LONG})
    caller = http.client.HTTPConnection("127.0.0.1", house.door.port, timeout=60)
    caller.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    # Each look is a request that the server answers between two tokens.
    assert any(is_writing(house.server) for _ in range(50_000))
    caller.close()
    assert client.chat.completions.create(model="auto", messages=HELLO, max_tokens=3).choices
    assert 3 < written_by(house.server) - before < LONG


def test_a_server_that_is_killed_is_a_clear_error_until_it_is_back(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "tiny.gguf")
    asked: dict[str, Any] = {"model": "auto", "messages": HELLO, "max_tokens": 5, "temperature": 0}
    with (
        inference_server(tmp_path / "tiny.gguf") as server,
        gateway(server, tmp_path) as door,
        client_of(door) as client,
    ):
        text = client.chat.completions.create(**asked).choices[0].message.content
        server.kill()
        for is_streaming in (False, True):
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(stream=is_streaming, **asked)
            assert caught.value.status_code in (502, 503)
            assert caught.value.type == "upstream_error"
            assert caught.value.code
        with inference_server(tmp_path / "tiny.gguf", port=server.port):
            assert (
                client.with_options(max_retries=8).chat.completions.create(**asked).choices[0].message.content == text
            )


def test_a_server_that_is_killed_in_mid_stream_ends_it_with_an_error(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "tiny.gguf")
    with (
        inference_server(tmp_path / "tiny.gguf") as server,
        gateway(server, tmp_path) as door,
        client_of(door) as client,
    ):
        seen: list[ChatCompletionChunk] = []
        with (
            client.chat.completions.create(model="auto", messages=HELLO, max_tokens=LONG, stream=True) as stream,
            pytest.raises(openai.APIError) as caught,
        ):
            for chunk in stream:
                if not seen:
                    server.kill()
                seen.append(chunk)
        assert caught.value.code in ("upstream_truncated", "upstream_unreachable")
        assert finishes_of(seen) == []
