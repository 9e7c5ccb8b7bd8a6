"""llama.cpp behind the Messages and Responses doors: translated to its chat format, and in its own of each."""

import importlib.util
import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import anthropic
import openai
import pytest

from tests.inference.running import MODEL, Running, gateway, inference_server
from tests.inference.tiny_model import write_tiny_model

pytestmark = [
    pytest.mark.inference,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="no inference server: make test-inference"
    ),
]

ASK: Final[Any] = [{"role": "user", "content": "Grüße! What is the capital of Australia?"}]
GREEDY: Final[dict[str, Any]] = {"temperature": 0}
LONG: Final = 20_000
"""Tokens that take the server many seconds: far more than it writes while a client leaves."""


class House(NamedTuple):
    """A server with one slot, a gateway that translates to its chat format, and one that uses all it speaks."""

    server: Running
    translating: Running
    native: Running

    def door(self, how: str) -> Running:
        return self.translating if how == "translated" else self.native


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    write_tiny_model(folder / "tiny.gguf")
    formats = ("openai_chat", "anthropic_messages", "openai_responses")
    with (
        inference_server(folder / "tiny.gguf") as server,
        gateway(server, folder) as translating,
        gateway(server, folder, *formats) as native,
    ):
        yield House(server, translating, native)


def openai_client(running: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0, timeout=120)


def anthropic_client(running: Running) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=running.url, api_key="unused", max_retries=0, timeout=120)


def written_by(server: Running) -> int:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=60) as page:
        found = re.search(r"^llamacpp:tokens_predicted_total (\d+)", page.read().decode(), re.MULTILINE)
    assert found
    return int(found[1])


def chat_text(house: House, n_tokens: int) -> str:
    """What the server says to the same question in its chat format, asked directly."""
    with openai_client(house.server) as client:
        reply = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=n_tokens, **GREEDY)
        return reply.choices[0].message.content or ""


@pytest.mark.parametrize("how", ["translated", "native"])
def test_a_message_is_what_the_server_says(how: str, house: House) -> None:
    with anthropic_client(house.door(how)) as client:
        asked: dict[str, Any] = {"model": "auto", "max_tokens": 30, "messages": ASK, "extra_body": GREEDY}
        whole = client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            said = "".join(stream.text_stream)
            final = stream.get_final_message()
        counted = client.messages.count_tokens(model="auto", messages=ASK)
    (block,) = whole.content
    assert block.type == "text"
    assert block.text == said == chat_text(house, 30)
    assert whole.stop_reason == final.stop_reason == "max_tokens"
    assert whole.usage.output_tokens == final.usage.output_tokens == 30
    assert counted.input_tokens > 0


@pytest.mark.parametrize("how", ["translated", "native"])
def test_a_response_is_what_the_server_says_and_a_second_turn_goes_on_from_it(how: str, house: House) -> None:
    """llama.cpp stores no replies, natively neither: what was said is kept by the gateway."""
    with openai_client(house.door(how)) as client:
        asked: dict[str, Any] = {"model": "auto", "max_output_tokens": 30, **GREEDY}
        whole = client.responses.create(input=ASK, **asked)
        said = ""
        for event in client.responses.create(input=ASK, stream=True, **asked):
            if event.type == "response.output_text.delta":
                said += event.delta
        second = client.responses.create(input="And of Austria?", previous_response_id=whole.id, **asked)
        third = client.responses.create(
            input=[
                *ASK,
                {"type": "item_reference", "id": whole.output[0].id or ""},
                {"role": "user", "content": "And of Austria?"},
            ],
            **asked,
        )
    assert whole.output_text == said == chat_text(house, 30)
    assert whole.usage is not None
    assert second.usage is not None
    assert second.usage.input_tokens > whole.usage.input_tokens
    assert second.output_text == third.output_text


@pytest.mark.parametrize("how", ["translated", "native"])
@pytest.mark.parametrize("door", ["messages", "responses"])
def test_a_client_that_leaves_a_stream_frees_the_slot(door: str, how: str, house: House) -> None:
    before = written_by(house.server)
    running = house.door(how)
    if door == "messages":
        with (
            anthropic_client(running) as client,
            client.messages.create(model="auto", max_tokens=LONG, messages=ASK, stream=True) as stream,
        ):
            for _ in range(5):
                next(stream)
    else:
        with (
            openai_client(running) as other,
            other.responses.create(model="auto", max_output_tokens=LONG, input=ASK, stream=True) as events,
        ):
            for _ in range(8):
                next(events)
    # The only slot: this waits until the one before has given it up.
    assert chat_text(house, 3)
    assert 3 < written_by(house.server) - before < LONG


@pytest.mark.parametrize("how", ["translated", "native"])
def test_the_servers_complaint_comes_through_in_the_doors_words(how: str, house: House) -> None:
    long: Any = [{"role": "user", "content": "x" * 200_000}]
    with anthropic_client(house.door(how)) as client, pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(model="auto", max_tokens=5, messages=long)
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["type"] == "error"
    with openai_client(house.door(how)) as other, pytest.raises(openai.BadRequestError) as refused:
        other.responses.create(model="auto", max_output_tokens=5, input=json.dumps(long))
    assert refused.value.type
