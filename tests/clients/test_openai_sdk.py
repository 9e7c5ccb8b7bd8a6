"""The real `openai` package as a client at the chat and Responses doors, over an upstream of every format."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from fairlead.domain.content import FormatName
from tests.clients.world import BACK_NAMES, KEY, OTHER_KEY, SIGNED, Front, front
from tests.matrix.scenes import CALLS, SIGNATURE, STRUCTURED, TEXT, THOUGHTS, USAGE

PARAMETERS: Any = {"type": "object", "properties": {"city": {"type": "string"}, "zone": {"type": "string"}}}
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for _, name, _ in CALLS]
TOOLS: Any = [{"type": "function", "name": name, "parameters": PARAMETERS, "strict": False} for _, name, _ in CALLS]
MADE = [(name, json.loads(arguments)) for _, name, arguments in CALLS]


class Answer(BaseModel):
    answer: int
    why: str


@asynccontextmanager
async def client_of(running: Front, key: str = KEY) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key=key, max_retries=0, timeout=30) as client:
        yield client


def ask(scene: str) -> Any:
    return [{"role": "user", "content": f"Hello. scene:{scene}:ok:0;"}]


@pytest.mark.parametrize("back", BACK_NAMES)
async def test_chat_says_streams_and_keeps_to_a_schema(back: FormatName) -> None:
    async with front(formats=(back,)) as running, client_of(running) as client:
        model = f"lab/{back}"
        reply = await client.chat.completions.create(model=model, messages=ask("ok"))
        assert reply.choices[0].message.content == TEXT
        assert reply.usage is not None
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == USAGE
        async with client.chat.completions.stream(model=model, messages=ask("ok")) as stream:
            final = await stream.get_final_completion()
        assert (final.choices[0].message.content, final.choices[0].finish_reason) == (TEXT, "stop")
        parsed = await client.chat.completions.parse(model=model, messages=ask("structured"), response_format=Answer)
        assert parsed.choices[0].message.parsed == Answer(**json.loads(STRUCTURED))
        async with client.chat.completions.stream(
            model=model, messages=ask("structured"), response_format=Answer
        ) as stream:
            shaped = await stream.get_final_completion()
        assert shaped.choices[0].message.parsed == Answer(**json.loads(STRUCTURED))


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("back", BACK_NAMES)
async def test_chat_calls_tools_and_goes_on_with_their_results(back: FormatName, is_streaming: bool) -> None:
    async with front(formats=(back,)) as running, client_of(running) as client:
        messages = ask("loop")

        async def turn() -> Any:
            asked: Any = {"model": f"lab/{back}", "messages": messages, "tools": CHAT_TOOLS}
            if not is_streaming:
                return (await client.chat.completions.create(**asked)).choices[0].message
            async with client.chat.completions.stream(**asked) as stream:
                return (await stream.get_final_completion()).choices[0].message

        message = await turn()
        calls = message.tool_calls
        assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == MADE
        messages.append(message.model_dump(exclude_none=True))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": f"r-{call.id}"} for call in calls]
        assert (await turn()).content == TEXT
        sent = running.peers[back].bodies[1]
        assert all(f"r-{call.id}".encode() in sent for call in calls)


@pytest.mark.parametrize("back", BACK_NAMES)
async def test_responses_say_stream_and_keep_to_a_schema(back: FormatName) -> None:
    async with front(formats=(back,)) as running, client_of(running) as client:
        model = f"lab/{back}"
        reply = await client.responses.create(model=model, input=ask("ok"))
        assert (reply.output_text, reply.status) == (TEXT, "completed")
        assert reply.usage is not None
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == USAGE
        async with client.responses.stream(model=model, input=ask("ok")) as stream:
            said = "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])
            final = await stream.get_final_response()
        assert said == final.output_text == TEXT
        parsed = await client.responses.parse(model=model, input=ask("structured"), text_format=Answer)
        assert parsed.output_parsed == Answer(**json.loads(STRUCTURED))


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("how", ["whole", "previous", "references"])
@pytest.mark.parametrize("back", [name for name in BACK_NAMES if name != "openai_responses"])
async def test_responses_call_tools_and_go_on_in_each_of_the_three_ways(
    back: FormatName, how: str, is_streaming: bool
) -> None:
    """The items themselves, the reply's id, or the id of each item: translated, the conversation is the same."""
    async with front(formats=(back,)) as running, client_of(running) as client:
        asked: Any = {"model": f"lab/{back}", "tools": TOOLS}

        async def turn(**more: Any) -> Any:
            if not is_streaming:
                return await client.responses.create(**asked, **more)
            async with client.responses.stream(**asked, **more) as stream:
                return await stream.get_final_response()

        first = await turn(input=ask("loop"))
        calls = [item for item in first.output if item.type == "function_call"]
        assert [(call.name, json.loads(call.arguments)) for call in calls] == MADE
        results = [{"type": "function_call_output", "call_id": c.call_id, "output": f"r-{c.call_id}"} for c in calls]
        if how == "whole":
            again = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
            second = await turn(input=[*ask("loop"), *again, *results])
        elif how == "previous":
            second = await turn(input=results, previous_response_id=first.id)
            assert second.previous_response_id == first.id
        else:
            again = [{"type": "item_reference", "id": item.id} for item in first.output]
            second = await turn(input=[*ask("loop"), *again, *results])
        assert second.output_text == TEXT
        sent = running.peers[back].bodies[1]
        assert all(f"r-{call.call_id}".encode() in sent and call.name.encode() in sent for call in calls)
        third = await turn(input="And now?", previous_response_id=second.id)
        assert third.output_text == TEXT
        assert b"scene:loop" in running.peers[back].bodies[2]
        assert b"And now?" in running.peers[back].bodies[2]


async def test_signed_thoughts_come_back_to_their_maker_by_the_id_of_the_reply() -> None:
    async with front({"anthropic_messages": SIGNED}, formats=("anthropic_messages",)) as running:
        async with client_of(running) as client:
            asked: Any = {"model": "auto", "tools": TOOLS, "reasoning": {"effort": "low", "summary": "auto"}}
            first = await client.responses.create(**asked, input=ask("loop"))
            thoughts, *calls = first.output
            assert thoughts.type == "reasoning"
            assert thoughts.summary[0].text == "".join(THOUGHTS)
            results: Any = [
                {"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
                for call in calls
                if call.type == "function_call"
            ]
            await client.responses.create(**asked, input=results, previous_response_id=first.id)
        reply = running.sent("anthropic_messages")[1]["messages"][1]
        assert reply["content"][0] == {"type": "thinking", "thinking": "".join(THOUGHTS), "signature": SIGNATURE}


async def test_an_id_that_nobody_keeps_is_refused_in_openais_words() -> None:
    async with front(formats=("anthropic_messages",)) as running, client_of(running) as client:
        for name in ("resp_fl-0123456789ab-7", "resp_68af"):
            with pytest.raises(openai.BadRequestError, match="store=false") as raised:
                await client.responses.create(model="auto", input="x", previous_response_id=name)
            assert raised.value.code == "previous_response_not_found"
            assert raised.value.param == "previous_response_id"
        reference: Any = [{"type": "item_reference", "id": "msg_fl-0123456789ab-7_0"}]
        with pytest.raises(openai.BadRequestError, match="store=false") as raised:
            await client.responses.create(model="auto", input=reference)
        assert raised.value.code == "item_not_found"
        mine = await client.responses.create(model="auto", input=ask("ok"))
        async with client_of(running, OTHER_KEY) as other:
            with pytest.raises(openai.BadRequestError):
                await other.responses.create(model="auto", input="x", previous_response_id=mine.id)
        unkept = await client.responses.create(model="auto", input=ask("ok"), store=False)
        with pytest.raises(openai.BadRequestError):
            await client.responses.create(model="auto", input="x", previous_response_id=unkept.id)
        assert running.world.engine.replies.n_bytes > 0


@pytest.mark.parametrize("is_streaming", [False, True])
async def test_an_upstreams_own_ids_go_back_to_it_alone(is_streaming: bool) -> None:
    async with front(formats=("anthropic_messages", "openai_responses")) as running, client_of(running) as client:

        async def turn(**more: Any) -> Any:
            if not is_streaming:
                return await client.responses.create(**more)
            async with client.responses.stream(**more) as stream:
                return await stream.get_final_response()

        first = await turn(model="lab/openai_responses", input=ask("ok"))
        assert first.id == "resp_1"
        for _ in range(3):
            again: Any = [*ask("ok"), {"type": "item_reference", "id": first.output[0].id}]
            await turn(model="auto", input=again)
            await turn(model="auto", input=ask("ok"), previous_response_id=first.id)
        assert len(running.sent("openai_responses")) == 7
        assert running.sent("openai_responses")[-1]["previous_response_id"] == "resp_1"
        with pytest.raises(openai.BadRequestError, match="kept by the upstream 'openai_responses'") as raised:
            await turn(model="lab/anthropic_messages", input=ask("ok"), previous_response_id=first.id)
        assert raised.value.code == "previous_response_not_found"


async def test_what_only_a_provider_can_serve_goes_to_those_who_speak_its_format() -> None:
    async with front(formats=("anthropic_messages", "openai_responses", "openai_chat")) as running:
        async with client_of(running) as client:
            for more in ({"prompt": {"id": "pmpt_1"}}, {"conversation": "conv_1"}, {"previous_response_id": "resp_x"}):
                asked: Any = {"model": "auto", "input": ask("ok"), **more}
                assert (await client.responses.create(**asked)).output_text == TEXT
        assert len(running.sent("openai_responses")) == 3


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("back", ["openai_chat", "anthropic_messages", "gemini_generate", "bedrock_converse"])
async def test_a_custom_tool_is_called_as_one(back: FormatName, is_streaming: bool) -> None:
    tools: Any = [{"type": "custom", "name": CALLS[0][1], "description": "Free text."}]
    async with front(formats=(back,)) as running, client_of(running) as client:
        asked: Any = {"model": f"lab/{back}", "tools": tools}

        async def turn(**more: Any) -> Any:
            if not is_streaming:
                return await client.responses.create(**asked, **more)
            async with client.responses.stream(**asked, **more) as stream:
                return await stream.get_final_response()

        first = await turn(input=ask("loop"))
        call = first.output[0]
        assert (call.type, call.name) == ("custom_tool_call", CALLS[0][1])
        assert json.loads(call.input) == json.loads(CALLS[0][2]), "arguments of another shape are the text"
        result = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "done"}
        other = first.output[1]
        left = {"type": "function_call_output", "call_id": other.call_id, "output": "done"}
        second = await turn(input=[result, left], previous_response_id=first.id)
        assert second.output_text == TEXT
        declared = running.peers[back].bodies[0]
        assert b'"custom"' not in declared
        assert b'"input"' in declared


ERRORS = (("4xx", openai.BadRequestError), ("429", openai.RateLimitError), ("5xx", openai.InternalServerError))


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("back", BACK_NAMES)
@pytest.mark.parametrize("door", ["chat", "responses"])
async def test_failures_become_the_clients_own_classes(door: str, back: FormatName, is_streaming: bool) -> None:
    async with front(formats=(back,)) as running, client_of(running) as client:

        async def turn(scene: str) -> list[str]:
            asked: Any = {"model": f"lab/{back}", "stream": is_streaming}
            if door == "chat":
                said: Any = await client.chat.completions.create(**asked, messages=ask(scene))
                return [p.choices[0].finish_reason async for p in said if p.choices] if is_streaming else []
            said = await client.responses.create(**asked, input=ask(scene))
            return [event.type async for event in said] if is_streaming else []

        for scene, error in ERRORS:
            with pytest.raises(error) as raised:
                await turn(scene)
            assert raised.value.request_id is not None
            for spec in running.world.engine.services.router.pool.specs:
                running.world.engine.breakers.succeeded(spec.arm)
        ends: list[str] = []
        with pytest.raises(openai.APIError, match=r"(?i)stream|upstream|reply"):
            ends = await turn("cut:ok:3;scene")
        assert not ends
