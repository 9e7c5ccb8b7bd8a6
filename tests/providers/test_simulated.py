import base64
import json
import random
import statistics
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.assembly.shipped import catalogue_texts
from fairlead.catalogue.cards import ModelCard
from fairlead.catalogue.parsing import parse_catalogue
from fairlead.domain.call import Call, Deadlines
from fairlead.domain.errors import TruncatedError
from fairlead.providers.scripted import ScriptedAnswer
from fairlead.providers.simulated import MAX_CHOICES, SimulatedTransport
from fairlead.providers.simulated_models import CONDUCTS, EMBEDDING_MODEL, demo_catalogue_text, demo_endpoint
from fairlead.providers.simulated_replies import instance_of, words_of
from fairlead.providers.upstream import Upstream

Json = dict[str, Any]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 3}},
            "required": ["city"],
        },
    },
}


class Lucky(random.Random):
    """A generator that never draws a failure: those are draws below a few percent."""

    def random(self) -> float:
        return 0.1 + 0.9 * super().random()


def lucky(seed: int = 1, pace: float = 0.0) -> SimulatedTransport:
    return SimulatedTransport(Lucky(seed), pace=pace)


async def ask(transport: SimulatedTransport, body: Json | bytes, path: str = "/v1/chat/completions") -> ScriptedAnswer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await transport.exchange("POST", path, b"", data, Deadlines())
    assert isinstance(answer, ScriptedAnswer)
    return answer


async def reply(body: Json, seed: int = 1, path: str = "/v1/chat/completions") -> Json:
    answer = await ask(lucky(seed), body, path)
    found: Json = json.loads(await answer.read(10_000_000))
    assert answer.status == 200, found
    return found


async def events(body: Json, seed: int = 1) -> list[Json]:
    answer = await ask(lucky(seed), {**body, "stream": True})
    assert dict(answer.headers)[b"content-type"].startswith(b"text/event-stream")
    lines = (await answer.read(10_000_000)).decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


def request(model: str = "wren-mini", text: str = "Tell me about tides.", **more: Any) -> Json:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def cards() -> dict[str, ModelCard]:
    catalogue = parse_catalogue(catalogue_texts() | {"demo.toml": demo_catalogue_text()})
    return {card.offers[0].sent_model: card for card in catalogue.cards.values() if card.lab == "simulated"}


async def test_a_reply_says_that_it_is_simulated_and_by_which_model() -> None:
    for model in CONDUCTS:
        found = await reply(request(model))
        assert found["model"] == model and found["object"] == "chat.completion"
        choice = found["choices"][0]
        assert choice["message"]["content"].startswith(f"[simulated by {model}] ")
        assert choice["finish_reason"] == "stop" and choice["logprobs"] is None


async def test_usage_counts_the_words_and_the_hidden_reasoning() -> None:
    found = await reply(request("sage-reason"))
    usage = found["usage"]
    hidden = usage["completion_tokens_details"]["reasoning_tokens"]
    assert hidden > 0
    assert usage["completion_tokens"] == hidden + len(words_of(found["choices"][0]["message"]["content"]))
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_a_longer_prompt_costs_more_tokens() -> None:
    short, long = await reply(request(text="a")), await reply(request(text="a" * 40_000))
    assert long["usage"]["prompt_tokens"] > short["usage"]["prompt_tokens"] + 9_000


async def test_the_same_seed_says_the_same() -> None:
    assert await reply(request(), seed=3) == await reply(request(), seed=3)
    assert await reply(request(), seed=3) != await reply(request(), seed=4)


async def test_a_stream_tells_the_same_as_a_whole_reply() -> None:
    whole = await reply(request(stream=False), seed=5)
    chunks = await events(request(stream_options={"include_usage": True}), seed=5)
    assert (
        "".join(c["choices"][0]["delta"].get("content", "") for c in chunks[:-1])
        == (whole["choices"][0]["message"]["content"])
    )
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"] == whole["usage"]
    assert all(chunk["object"] == "chat.completion.chunk" and chunk["id"] == whole["id"] for chunk in chunks)


async def test_a_stream_without_the_wish_for_usage_has_none() -> None:
    assert all("usage" not in chunk for chunk in await events(request()))


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
async def test_a_token_limit_is_kept_and_told(key: str) -> None:
    found = await reply({**request(), key: 5})
    assert found["usage"]["completion_tokens"] == 5
    assert found["choices"][0]["finish_reason"] == "length"


async def test_a_limit_can_be_spent_on_thinking_alone() -> None:
    found = await reply(request("sage-reason", max_completion_tokens=3))
    assert found["choices"][0]["message"]["content"] == ""
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3


async def test_a_stop_sequence_ends_the_text_before_it() -> None:
    text = (await reply(request(stop=["mini]"])))["choices"][0]["message"]["content"]
    assert text == "[simulated by wren-"
    assert (await reply(request(stop="simulated")))["choices"][0]["message"]["content"] == "["


async def test_several_choices_are_numbered() -> None:
    found = await reply(request(n=3))
    assert [choice["index"] for choice in found["choices"]] == [0, 1, 2]
    chunks = await events(request(n=2))
    assert {chunk["choices"][0]["index"] for chunk in chunks} == {0, 1}


async def test_the_first_tool_is_called_with_arguments_of_its_schema() -> None:
    found = await reply(request(tools=[TOOL]))
    choice = found["choices"][0]
    assert choice["finish_reason"] == "tool_calls" and choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert call["type"] == "function" and call["function"]["name"] == "weather"
    arguments = json.loads(call["function"]["arguments"])
    assert isinstance(arguments["city"], str) and 1 <= arguments["days"] <= 3


async def test_a_streamed_tool_call_adds_up_to_the_whole_one() -> None:
    whole = (await reply(request(tools=[TOOL]), seed=2))["choices"][0]["message"]["tool_calls"][0]
    parts = [
        part
        for chunk in await events(request(tools=[TOOL]), seed=2)
        for part in chunk["choices"][0]["delta"].get("tool_calls", [])
    ]
    assert (parts[0]["id"], parts[0]["function"]["name"]) == (whole["id"], "weather")
    assert "".join(part["function"]["arguments"] for part in parts) == whole["function"]["arguments"]
    assert {part["index"] for part in parts} == {0}


async def test_tool_choice_is_honoured_and_a_tools_answer_ends_the_loop() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    named = {"type": "function", "function": {"name": "other"}}
    found = await reply(request(tools=[TOOL, other], tool_choice=named))
    assert found["choices"][0]["message"]["tool_calls"][0]["function"] == {"name": "other", "arguments": "{}"}
    silent = await reply(request(tools=[TOOL], tool_choice="none"))
    assert silent["choices"][0]["message"]["content"]
    looped = request(tools=[TOOL])
    looped["messages"].append({"role": "tool", "tool_call_id": "x", "content": "sunny"})
    assert (await reply(looped))["choices"][0]["finish_reason"] == "stop"


async def test_structured_output_fits_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 12},
            "kind": {"enum": ["a", "b"]},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
            "maybe": {"type": ["null", "boolean"]},
            "one": {"anyOf": [{"const": 7}, {"type": "string"}]},
        },
        "$defs": {"tag": {"type": "object", "properties": {"id": {"type": "integer"}}}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    found = json.loads((await reply(request(response_format=wanted)))["choices"][0]["message"]["content"])
    assert list(found) == ["name", "kind", "score", "tags", "maybe", "one"]
    assert len(found["name"]) >= 12 and found["kind"] == "a" and 0 <= found["score"] <= 1
    assert len(found["tags"]) == 2 and all(isinstance(tag["id"], int) for tag in found["tags"])
    assert isinstance(found["maybe"], bool) and found["one"] == 7


async def test_a_json_object_is_one_and_says_that_it_is_simulated() -> None:
    content = (await reply(request(response_format={"type": "json_object"})))["choices"][0]["message"]["content"]
    assert json.loads(content)["simulated"] is True


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}, "x": {"type": "string"}}, "required": ["x"]}
    assert instance_of(schema, random.Random(1))["x"] == "simulated"
    endless = {"type": "array", "items": {"$ref": "#"}}
    assert isinstance(instance_of(endless, random.Random(1)), list)


async def test_images_are_taken_by_the_model_that_sees_and_by_no_other() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    for model, conduct in CONDUCTS.items():
        body = {"model": model, "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, part]}]}
        answer = await ask(lucky(), body)
        assert answer.status == (200 if conduct.has_vision else 400)


async def test_conduct_and_card_agree_on_abilities() -> None:
    found = cards()
    assert set(found) == set(CONDUCTS)
    for name, conduct in CONDUCTS.items():
        card = found[name]
        assert card.abilities["vision"].value is conduct.has_vision
        assert card.abilities["tools"].value is conduct.has_tools
        assert card.abilities["reasoning"].value is (conduct.reasoning_tokens > 0)
        prices = card.offers[0].prices.value
        assert prices.input_per_mtok and prices.output_per_mtok
        assert {figure.source for figure in card.figures} == {"simulated (made up for the demo)"}
        assert card.open_weights is not None and len(card.figures) >= 9


def test_no_simulated_model_is_best_at_everything() -> None:
    found = cards()
    best = {
        benchmark: max(found, key=lambda name: {f.benchmark: f.score for f in found[name].figures}[benchmark])
        for benchmark in {figure.benchmark for card in found.values() for figure in card.figures}
    }
    assert len(set(best.values())) >= 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b'{"model": ["x"], "messages": []}', 404),
        (b'{"model": "gpt-4o", "messages": [{"role": "user"}]}', 404),
        (b'{"model": "wren-mini", "messages": []}', 400),
        (b'{"model": "wren-mini", "messages": ["x"]}', 400),
        (b'{"model": "wren-mini", "messages": [{"role": "user", "content": "x"}], "n": 0}', 400),
        (b'{"model": "wren-mini", "messages": [{"role": "user", "content": "x"}], "n": 9}', 400),
        (b'{"model": "wren-mini", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0}', 400),
        (b'{"model": "wren-nano", "messages": [{"role": "user", "content": "x"}], "tools": [{}]}', 400),
    ],
)
async def test_a_bad_request_is_refused_in_the_formats_own_shape(body: bytes, status: int) -> None:
    answer = await ask(lucky(), body)
    error = json.loads(await answer.read(100_000))["error"]
    assert answer.status == status
    assert set(error) == {"message", "type", "param", "code"}
    assert MAX_CHOICES == 8


async def test_failures_come_at_about_the_stated_rates() -> None:
    transport = SimulatedTransport(random.Random(7), pace=0)
    counts = {200: 0, 429: 0, 500: 0, "cut": 0}
    n_requests = 4_000
    for _ in range(n_requests):
        answer = await ask(transport, request("swift-turbo", text="yes or no?", stream=True))
        try:
            await answer.read(10_000_000)
        except TruncatedError:
            counts["cut"] += 1
            continue
        counts[answer.status] += 1
        if answer.status == 429:
            assert int(dict(answer.headers)[b"retry-after"]) >= 1
    conduct = CONDUCTS[next(name for name in CONDUCTS if name == "swift-turbo")]
    assert counts[429] == pytest.approx(conduct.rate_limit_share * n_requests, rel=0.3)
    assert counts[500] == pytest.approx(conduct.fault_share * n_requests, rel=0.5)
    assert counts["cut"] == pytest.approx(conduct.cut_share * n_requests, rel=0.5)


async def test_a_cut_stream_has_no_finish_and_no_done() -> None:
    transport = SimulatedTransport(random.Random(7), pace=0)
    for _ in range(5_000):
        answer = await ask(transport, request("swift-turbo", text="yes or no?", stream=True))
        if answer.scene.ending == "cut":
            break
    body = b""
    with pytest.raises(TruncatedError):
        while piece := await answer.next_chunk():
            body += piece
    assert body and b"[DONE]" not in body and b'"finish_reason":"stop"' not in body


async def test_lengths_follow_the_prompt_and_the_model() -> None:
    async def median(model: str, text: str) -> float:
        transport = SimulatedTransport(random.Random(3), pace=0)
        lengths: list[int] = []
        while len(lengths) < 60:
            answer = await ask(transport, request(model, text=text))
            if answer.status == 200:
                lengths.append(json.loads(await answer.read(10_000_000))["usage"]["completion_tokens"])
        return float(statistics.median(lengths))

    word = await median("wren-mini", "Answer with one word: capital of France?")
    essay = await median("wren-mini", "Write an essay about tides.")
    wordy = await median("forge-code", "Write an essay about tides.")
    assert word < 30 < 200 < essay < wordy


async def test_delays_follow_the_model_and_the_pace() -> None:
    async def waited_s(model: str, pace: float, *, stream: bool) -> float:
        slept: list[float] = []

        async def sleep(delay_s: float) -> None:
            slept.append(delay_s)

        transport = SimulatedTransport(Lucky(2), pace=pace, sleep=sleep)
        await (await ask(transport, request(model, stream=stream))).read(10_000_000)
        return sum(slept)

    for stream in (False, True):
        slow, fast = await waited_s("atlas-large", 1, stream=stream), await waited_s("swift-turbo", 1, stream=stream)
        assert 1 < slow < 20 and 0.1 < fast < 2 and slow > 3 * fast
        assert await waited_s("atlas-large", 0, stream=stream) == 0
        assert await waited_s("atlas-large", 0.5, stream=stream) == pytest.approx(slow / 2)


async def test_embeddings_come_as_floats_and_as_base64() -> None:
    body = {"model": EMBEDDING_MODEL, "input": ["a", "b"], "dimensions": 8}
    floats = await reply(body, path="/v1/embeddings")
    packed = await reply({**body, "encoding_format": "base64"}, path="/v1/embeddings")
    assert floats["usage"]["prompt_tokens"] >= 2
    for plain, coded in zip(floats["data"], packed["data"], strict=True):
        vector = struct.unpack("<8f", base64.b64decode(coded["embedding"]))
        assert vector == pytest.approx(plain["embedding"], abs=1e-6)
        assert sum(value * value for value in vector) == pytest.approx(1)
    assert floats["data"][0]["embedding"] != floats["data"][1]["embedding"]


@pytest.mark.parametrize(("given_input", "n_vectors"), [("a", 1), ([1, 2, 3], 1), ([[1], [2]], 2), (["a"], 1)])
async def test_every_shape_of_input_is_embedded(given_input: object, n_vectors: int) -> None:
    found = await reply({"model": EMBEDDING_MODEL, "input": given_input}, path="/v1/embeddings")
    assert [len(one["embedding"]) for one in found["data"]] == [256] * n_vectors


@pytest.mark.parametrize("body", [{}, {"input": []}, {"input": {}}, {"input": "a", "dimensions": 0}])
async def test_a_bad_embeddings_request_is_refused(body: Json) -> None:
    assert (await ask(lucky(), {"model": EMBEDDING_MODEL, **body}, "/v1/embeddings")).status == 400


@pytest.mark.parametrize(
    ("path", "model", "words"),
    [
        ("/v1/embeddings", "wren-mini", f"wren-mini does not embed, it chats: use {EMBEDDING_MODEL}"),
        ("/v1/chat/completions", EMBEDDING_MODEL, f"{EMBEDDING_MODEL} does not chat, it embeds"),
    ],
)
async def test_a_model_of_the_other_purpose_is_refused_as_such(path: str, model: str, words: str) -> None:
    answer = await ask(lucky(), {"model": model, "input": "a", "messages": []}, path)
    assert answer.status == 400
    assert json.loads(await answer.read(10_000))["error"]["message"] == f"[simulated] {words}"


async def test_models_are_listed_as_simulated_through_an_upstream() -> None:
    upstream = Upstream(demo_endpoint(), lucky())
    listed = json.loads(await (await upstream.list_models()).read(100_000))["data"]
    assert [one["id"] for one in listed] == [served.sent_model for served in demo_endpoint().models]
    assert {one["owned_by"] for one in listed} == {"simulated"}


async def test_the_demo_endpoint_is_marked_and_serves_through_an_upstream() -> None:
    endpoint = demo_endpoint()
    assert endpoint.is_simulated and not endpoint.is_local and endpoint.provider == "simulated"
    assert [served.sent_model for served in endpoint.models if not served.is_chat] == [EMBEDDING_MODEL]
    body = json.dumps(request()).encode()
    answer = await Upstream(endpoint, lucky()).send(Call("/chat/completions", body, is_streaming=False))
    assert b"[simulated by wren-mini]" in await answer.read(100_000)


async def test_an_unknown_path_is_a_404() -> None:
    assert (await ask(lucky(), {}, "/v1/images")).status == 404


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["messages", "tools", "tool_choice", "response_format", "stop", "n", "max_tokens", "stream", "stream_options",
          "input", "dimensions", "encoding_format"]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6), st.sampled_from(["chat/completions", "embeddings"])
)
async def test_any_request_is_answered_and_nothing_breaks(fields: Json, path: str) -> None:
    body = {"model": "iris-vision" if path.startswith("chat") else EMBEDDING_MODEL, **fields}
    answer = await ask(lucky(), body, f"/v1/{path}")
    assert answer.status in (200, 400)
    assert await answer.read(50_000_000)


@given(VALUES)
def test_any_schema_gives_a_json_value(schema: object) -> None:
    msgspec.json.encode(instance_of(schema, random.Random(1)))
