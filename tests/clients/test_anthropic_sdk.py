"""The real `anthropic` package as a client at the Messages door, over an upstream of every format."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from fairlead.domain.content import FormatName
from tests.clients.world import BACK_NAMES, KEY, SIGNED, Front, front
from tests.matrix.scenes import CALLS, SIGNATURE, STRUCTURED, TEXT, THOUGHTS, USAGE

PARAMETERS: Any = {"type": "object", "properties": {"city": {"type": "string"}, "zone": {"type": "string"}}}
TOOLS: Any = [{"name": name, "description": "A tool.", "input_schema": PARAMETERS} for _, name, _ in CALLS]
MADE = [(name, json.loads(arguments)) for _, name, arguments in CALLS]


class Answer(BaseModel):
    answer: int
    why: str


@asynccontextmanager
async def client_of(running: Front) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=running.url, api_key=KEY, max_retries=0, timeout=30) as client:
        yield client


def ask(scene: str) -> Any:
    return [{"role": "user", "content": f"Hello. scene:{scene}:ok:0;"}]


async def told(client: anthropic.AsyncAnthropic, *, is_streaming: bool, **asked: Any) -> Any:
    if not is_streaming:
        return await client.messages.create(max_tokens=2048, **asked)
    async with client.messages.stream(max_tokens=2048, **asked) as stream:
        return await stream.get_final_message()


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("back", BACK_NAMES)
async def test_it_says_and_keeps_to_a_schema(back: FormatName, is_streaming: bool) -> None:
    async with front(formats=(back,)) as running, client_of(running) as client:
        message = await told(client, is_streaming=is_streaming, model=f"lab/{back}", messages=ask("ok"))
        assert [block.text for block in message.content] == [TEXT]
        assert message.stop_reason == "end_turn"
        assert (message.usage.input_tokens, message.usage.output_tokens) == USAGE
        shaped: Any = await client.messages.parse(
            max_tokens=2048, model=f"lab/{back}", messages=ask("structured"), output_format=Answer
        )
        assert shaped.parsed_output == Answer(**json.loads(STRUCTURED))


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("back", BACK_NAMES)
async def test_it_calls_tools_and_goes_on_with_their_results(back: FormatName, is_streaming: bool) -> None:
    async with front(formats=(back,)) as running, client_of(running) as client:
        asked: Any = {"is_streaming": is_streaming, "model": f"lab/{back}", "tools": TOOLS}
        first = await told(client, messages=ask("loop"), **asked)
        assert [(call.name, call.input) for call in first.content] == MADE
        assert first.stop_reason == "tool_use"
        results = [{"type": "tool_result", "tool_use_id": c.id, "content": f"r-{c.id}"} for c in first.content]
        again = [*ask("loop"), {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
        second = await told(client, messages=again, **asked)
        assert second.content[0].text == TEXT
        assert all(f"r-{call.id}".encode() in running.peers[back].bodies[1] for call in first.content)


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("back", ["anthropic_messages", "bedrock_converse"])
async def test_signed_thoughts_make_the_round_trip_in_a_tool_loop(back: FormatName, is_streaming: bool) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    async with front({"anthropic_messages": SIGNED}, formats=(back,)) as running, client_of(running) as client:
        scene = "loop" if back == "anthropic_messages" else "reasoning"
        asked: Any = {"is_streaming": is_streaming, "model": "auto", "tools": TOOLS, "thinking": thinking}
        first = await told(client, messages=ask(scene), **asked)
        thoughts, *calls = first.content
        assert thoughts.thinking == "".join(THOUGHTS)
        results: list[Any] = [
            {"type": "tool_result", "tool_use_id": call.id, "content": "sun"}
            for call in calls
            if call.type == "tool_use"
        ]
        more = results or [{"type": "text", "text": "Go on."}]
        again = [*ask(scene), {"role": "assistant", "content": first.content}, {"role": "user", "content": more}]
        await told(client, messages=again, **asked)
        sent = running.peers[back].bodies[1]
    assert SIGNATURE.encode() in sent
    assert THOUGHTS[0].encode() in sent


@pytest.mark.parametrize("back", ["openai_chat", "anthropic_messages"])
async def test_models_are_listed_and_tokens_counted(back: FormatName) -> None:
    async with front(formats=(back,)) as running, client_of(running) as client:
        listed = [model.id async for model in client.models.list()]
        assert {"auto", f"lab/{back}"} <= set(listed)
        assert [model.id async for model in client.models.list(limit=2)] == listed
        before = [model.id async for model in client.models.list(limit=2, before_id=listed[4])]
        assert before == [*listed[2:4], *listed[:2]], "page by page to the left"
        wrongs: list[dict[str, Any]] = [{"limit": 0}, {"limit": 1_001}, {"after_id": "nobody"}]
        for wrong in wrongs:
            with pytest.raises(anthropic.BadRequestError, match=next(iter(wrong))):
                await client.models.list(**wrong)
        assert (await client.models.retrieve(f"lab/{back}")).type == "model"
        counted = await client.messages.count_tokens(model=f"lab/{back}", messages=ask("ok"))
        assert counted.input_tokens > 0


ERRORS = (("4xx", anthropic.BadRequestError), ("429", anthropic.RateLimitError), ("5xx", anthropic.InternalServerError))


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("back", BACK_NAMES)
async def test_failures_become_the_clients_own_classes(back: FormatName, is_streaming: bool) -> None:
    async with front(formats=(back,)) as running, client_of(running) as client:
        asked: Any = {"is_streaming": is_streaming, "model": f"lab/{back}"}
        for scene, error in ERRORS:
            with pytest.raises(error) as raised:
                await told(client, messages=ask(scene), **asked)
            assert raised.value.request_id is not None
            body: Any = raised.value.body
            assert body["request_id"] == raised.value.request_id
            for spec in running.world.engine.services.router.pool.specs:
                running.world.engine.breakers.succeeded(spec.arm)
        with pytest.raises(anthropic.APIError, match=r"(?i)stream|upstream|reply"):
            await told(client, messages=ask("cut:ok:3;scene"), **asked)
        with pytest.raises(anthropic.NotFoundError, match="Nearest"):
            await told(client, is_streaming=is_streaming, model=f"lab/{back}x", messages=ask("ok"))
        with pytest.raises(anthropic.AuthenticationError):
            await told(client.with_options(api_key="fl-stranger"), messages=ask("ok"), **asked)
