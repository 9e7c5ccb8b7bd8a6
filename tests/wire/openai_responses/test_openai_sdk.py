"""The real `openai` client at the Responses door: what our writer says, it understands, and its errors are raised."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import openai
import pytest
from openai.types.responses import Response, ResponseFunctionToolCall, ResponseOutputMessage, ResponseReasoningItem
from pydantic import BaseModel

from fairlead.domain.content import Reasoning, Text, ToolCall, ToolResult
from fairlead.domain.errors import TruncatedError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.usage import Usage
from fairlead.wire.openai_responses import DOOR
from tests.peers.door_server import DoorServer, serving_door

BEGAN: Final = ReplyBegan("chatcmpl-1", "some-model")
STOP: Final = ChoiceFinished("stop")
COUNTED: Final = UsageReported(Usage(10, 3, 2, 7, 4))
LOGPROBS: Final = b'[{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[]}]'
THOUGHT_AND_CALLED: Final[list[Event]] = [
    BEGAN,
    ReasoningDelta("Two cities."),
    ReasoningSigned("SIGNATURE", "anthropic_messages"),
    TextDelta("Looking."),
    ToolCallBegan(0, "toolu_1", "weather"),
    ToolCallBegan(1, "toolu_2", "weather"),
    ArgumentsDelta(0, '{"city":'),
    ArgumentsDelta(1, '{"city":"Ulm"}'),
    ArgumentsDelta(0, '"Bonn"}'),
    ChoiceFinished("tool_calls"),
    COUNTED,
]
WEATHER: Final[Any] = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}


class City(BaseModel):
    """What structured output is asked to be."""

    name: str
    rank: int


@asynccontextmanager
async def front(*events: Event) -> AsyncIterator[tuple[openai.AsyncOpenAI, DoorServer]]:
    async with serving_door(DOOR, lambda _: list(events)) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0, timeout=30) as client:
            yield client, server


async def streamed(client: openai.AsyncOpenAI, **more: Any) -> tuple[list[Any], Response]:
    """Every event as the SDK tells it, and the response that it has put together."""
    async with client.responses.stream(model="auto", input="hello", **more) as stream:
        events = [event async for event in stream]
        return events, await stream.get_final_response()


async def test_a_text_whole_and_streamed() -> None:
    async with front(BEGAN, TextDelta("Hi"), TextDelta(" there."), STOP, COUNTED) as (client, _):
        whole = await client.responses.create(model="auto", input="hello", instructions="Be brief.")
        events, last = await streamed(client, instructions="Be brief.")
    assert whole.output_text == last.output_text == "Hi there."
    assert (whole.id, whole.model, whole.status) == ("resp_chatcmpl-1", "some-model", "completed")
    assert whole.instructions == "Be brief."
    assert whole.usage == last.usage
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens) == (15, 7, 22)
    assert whole.usage.input_tokens_details.cached_tokens == 3
    assert whole.usage.output_tokens_details.reasoning_tokens == 4
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(10))


async def test_thoughts_and_parallel_calls_and_their_results_come_back_to_us_whole() -> None:
    async with front(*THOUGHT_AND_CALLED) as (client, server):
        _, streamed_reply = await streamed(client, tools=[WEATHER])
        reply = await client.responses.create(model="auto", input="hello", tools=[WEATHER])
        kinds = [ResponseReasoningItem, ResponseOutputMessage, ResponseFunctionToolCall, ResponseFunctionToolCall]
        assert [type(item) for item in reply.output] == kinds
        parsed: Any = {"parsed_arguments": True, "content": {"__all__": {"parsed"}}}
        assert [item.model_dump() for item in reply.output] == [
            item.model_dump(exclude=parsed) for item in streamed_reply.output
        ]
        results: list[Any] = [
            {"type": "function_call_output", "call_id": item.call_id, "output": "rain"}
            for item in reply.output
            if item.type == "function_call"
        ]
        history: list[Any] = [item.model_dump(exclude_none=True) for item in reply.output]
        await client.responses.create(model="auto", input=history + results, store=False)
    turns = server.asked[-1].chat().turns
    assert turns[0].parts == (
        Reasoning("Two cities.", "SIGNATURE", "anthropic_messages"),
        Text("Looking."),
        ToolCall("toolu_1", "weather", '{"city":"Bonn"}'),
        ToolCall("toolu_2", "weather", '{"city":"Ulm"}'),
    )
    assert turns[1].parts == (
        ToolResult("toolu_1", (Text("rain"),), name="weather"),
        ToolResult("toolu_2", (Text("rain"),), name="weather"),
    )


async def test_structured_output_is_parsed_whole_and_streamed() -> None:
    async with front(BEGAN, TextDelta('{"name":"Ulm",'), TextDelta('"rank":1}'), STOP) as (client, server):
        whole = await client.responses.parse(model="auto", input="hello", text_format=City)
        _, last = await streamed(client, text_format=City)
    assert whole.output_parsed == last.output_parsed == City(name="Ulm", rank=1)  # type: ignore[attr-defined]
    shape = server.asked[0].chat().output
    assert shape is not None
    assert (shape.kind, shape.name, shape.is_strict) == ("schema", "City", True)
    assert server.asked[0].outline.wants_structured


async def test_a_custom_tools_input_is_streamed() -> None:
    began = ToolCallBegan(0, "c1", "shell", kind="custom")
    end = ChoiceFinished("tool_calls")
    async with front(BEGAN, began, ArgumentsDelta(0, "ls "), ArgumentsDelta(0, "-l"), end) as (client, _):
        events, last = await streamed(client, tools=[{"type": "custom", "name": "shell"}])
    assert [event.delta for event in events if event.type == "response.custom_tool_call_input.delta"] == ["ls ", "-l"]
    call = last.output[0]
    assert call.type == "custom_tool_call"
    assert (call.call_id, call.name, call.input) == ("c1", "shell", "ls -l")


async def test_a_refusal_after_words_is_a_part_of_its_own() -> None:
    parts = (TextDelta("Well. "), TextDelta("I can't", is_refusal=True), TextDelta(" do that.", is_refusal=True))
    async with front(BEGAN, *parts, STOP) as (client, _):
        events, last = await streamed(client)
    assert last.output_text == "Well. "
    message = last.output[0]
    assert message.type == "message"
    assert [part.type for part in message.content] == ["output_text", "refusal"]
    assert [event.refusal for event in events if event.type == "response.refusal.done"] == ["I can't do that."]


async def test_logprobs_stand_in_deltas_and_in_the_whole() -> None:
    async with front(BEGAN, TextDelta("Hi", logprobs=LOGPROBS), STOP) as (client, server):
        events, _ = await streamed(client, include=["message.output_text.logprobs"])
        whole = await client.responses.create(model="auto", input="x", include=["message.output_text.logprobs"])
    delta = next(event for event in events if event.type == "response.output_text.delta")
    assert [each.token for each in delta.logprobs] == ["Hi"]
    message = whole.output[0]
    assert message.type == "message"
    part = message.content[0]
    assert part.type == "output_text"
    assert part.logprobs is not None
    assert part.logprobs[0].logprob == -0.5
    assert server.asked[0].chat().wants_logprobs


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter"), ("pause", None)]
)
async def test_a_reply_that_was_cut_short_is_incomplete(finish: Any, reason: str | None) -> None:
    async with front(BEGAN, TextDelta("Half"), ChoiceFinished(finish)) as (client, _):
        whole = await client.responses.create(model="auto", input="hello")
        stream = await client.responses.create(model="auto", input="hello", stream=True)
        last = [event async for event in stream][-1]
    assert last.type == "response.incomplete"
    for response in (whole, last.response):
        assert response.status == "incomplete"
        assert response.incomplete_details is not None
        assert response.incomplete_details.reason == reason
        message = response.output[0]
        assert message.type == "message"
        assert message.status == "incomplete"


@pytest.mark.parametrize("n_before", [1, 2, 3])
async def test_a_stream_that_failed_raises(n_before: int) -> None:
    failed = ReplyFailed(TruncatedError("The upstream ended the stream before the reply was finished."))
    async with front(*THOUGHT_AND_CALLED[:n_before], failed) as (client, _):
        with pytest.raises(openai.APIError, match="before the reply was finished"):
            await streamed(client)
        with pytest.raises(openai.APIError, match="before the reply was finished"):
            _ = [event async for event in await client.responses.create(model="auto", input="x", stream=True)]


async def test_what_another_provider_holds_is_refused_with_its_mend() -> None:
    async with front(BEGAN, STOP) as (client, _):
        with pytest.raises(openai.BadRequestError, match=r"send the earlier items in 'input', with store=false") as one:
            await client.responses.create(model="auto", input="hello", previous_response_id="resp_1")
        with pytest.raises(openai.BadRequestError, match=r"'background' is not served") as two:
            await client.responses.create(model="auto", input="hello", background=True)
    assert (one.value.param, two.value.param) == ("previous_response_id", "background")
