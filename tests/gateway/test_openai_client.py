"""The real `openai` client against the real server: answers, broken endings, errors, two upstream processes."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from fairlead.domain.names import TenantName, UpstreamName
from fairlead.gateway.access import AccessKey, digest
from fairlead.gateway.ports import Limits
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of
from tests.peers.live_gateway import serving_gateway
from tests.peers.openai_server import BROKEN, Call, Script, answer_well, break_off, chunk, serving_openai
from tests.peers.worlds import CHEAP, EMBED, STRONG, World, endpoint, world
from tests.routing.small_pool import Known

ROOT = Path(__file__).parents[2]
KEY = "fl-real-client"
ASK: Any = [{"role": "user", "content": "hello"}]


@asynccontextmanager
async def front(
    script: Script = answer_well, *, arms: tuple[Known, ...] = (STRONG, EMBED), limits: Limits | None = None
) -> AsyncIterator[tuple[openai.AsyncOpenAI, World]]:
    """An openai client to a gateway with keys before one upstream."""
    async with serving_openai(script) as server, AsyncExitStack() as stack:
        where = endpoint("one", f"http://127.0.0.1:{server.port}/v1")
        upstream = Upstream(where, HttpTransport(origin_of(where)))
        stack.callback(upstream.close)
        keys = [AccessKey("me", digest(KEY), TenantName("t"), frozenset(["chat"]))]
        w = world(arms=arms, keys=keys, limits=limits, upstreams={UpstreamName("one"): upstream})
        port = await stack.enter_async_context(serving_gateway(w.app))
        client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, max_retries=0, timeout=30)
        stack.push_async_callback(client.close)
        yield client, w


async def test_an_answer_streamed_and_not() -> None:
    async with front() as (client, _):
        reply = await client.chat.completions.create(model="auto", messages=ASK)
        assert reply.choices[0].message.content == "hello"
        assert reply.usage is not None
        text, finishes, usages = "", [], []
        async for piece in await client.chat.completions.create(model="auto", messages=ASK, stream=True):
            usages.append(piece.usage)
            text += piece.choices[0].delta.content or ""
            finishes.append(piece.choices[0].finish_reason)
        assert (text.strip(), finishes[-1], set(usages)) == ("hello", "stop", {None})
        pieces = [
            piece
            async for piece in await client.chat.completions.create(
                model="auto", messages=ASK, stream=True, stream_options={"include_usage": True}
            )
        ]
        assert pieces[-1].usage is not None
        assert pieces[-1].usage.total_tokens == 15


async def test_the_synchronous_client_too() -> None:
    async with front() as (client, _):

        def ask() -> tuple[str | None, str]:
            with openai.OpenAI(base_url=client.base_url, api_key=KEY, max_retries=0, timeout=30) as plain:
                reply = plain.chat.completions.create(model="lab/strong", messages=ASK)
                stream = plain.chat.completions.create(model="lab/strong", messages=ASK, stream=True)
                said = "".join(piece.choices[0].delta.content or "" for piece in stream)
                return reply.choices[0].message.content, said.strip()

        assert await asyncio.to_thread(ask) == ("hello", "hello")


async def test_tools_and_schemas_go_through() -> None:
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    schema: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}}
    able = STRONG.with_(abilities={"tools": True, "structured_output": True})
    async with front(arms=(able,)) as (client, _):
        reply = await client.chat.completions.create(model="auto", messages=ASK, tools=[tool], tool_choice="auto")
        (called,) = reply.choices[0].message.tool_calls or []
        assert called.type == "function"
        assert called.function.name == "weather"
        assert reply.choices[0].finish_reason == "tool_calls"
        reply = await client.chat.completions.create(model="auto", messages=ASK, response_format=schema)
        assert reply.choices[0].message.content == '{"answer": 4}'


async def test_embeddings_in_the_clients_own_base64_and_in_floats() -> None:
    async def embed(call: Call) -> None:
        is_packed = call.body.get("encoding_format") == "base64"
        vector: Any = "AACAPwAAAEA=" if is_packed else [1.0, 2.0]
        data = [{"object": "embedding", "index": 0, "embedding": vector}]
        await call.json(
            {"object": "list", "data": data, "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        )

    async with front(embed) as (client, _):
        assert (await client.embeddings.create(model="lab/embed", input="x")).data[0].embedding == [1.0, 2.0]
        floats = await client.embeddings.create(model="lab/embed", input="x", encoding_format="float")
        assert floats.data[0].embedding == [1.0, 2.0]


async def test_the_list_of_models_and_the_headers_of_a_reply() -> None:
    async with front() as (client, _):
        names = [model.id async for model in client.models.list()]
        assert {"auto", "lab/strong"} <= set(names)
        assert (await client.models.retrieve("lab/strong")).id == "lab/strong"
        raw = await client.chat.completions.with_raw_response.create(model="auto", messages=ASK)
        assert raw.headers["x-fairlead-model"] == "lab/strong"
        assert raw.headers["x-fairlead-provider"] == "alpha"
        assert raw.headers["x-fairlead-decision-id"] == raw.request_id
        assert float(raw.headers["x-fairlead-cost-usd"]) > 0
        assert float(raw.headers["x-fairlead-overhead-ms"]) >= 0


async def test_wishes_by_extra_body() -> None:
    async with front() as (client, _):
        wish = {"fairlead": {"weights": {"quality": 1}}, "provider": {"only": ["alpha"]}}
        reply = await client.chat.completions.create(model="auto", messages=ASK, extra_body=wish)
        assert reply.choices[0].finish_reason == "stop"
        with pytest.raises(openai.BadRequestError, match=r"fairlead\.speling"):
            await client.chat.completions.create(model="auto", messages=ASK, extra_body={"fairlead": {"speling": 1}})


async def test_errors_become_the_clients_own_classes() -> None:
    async def refuse(call: Call) -> None:
        await call.json({"error": {"message": "no", "type": "x", "code": "y"}}, call.body["user"])

    async with front(refuse, limits=Limits(max_attempts=1)) as (client, w):
        for status, error in (
            ("400 Bad", openai.BadRequestError),
            ("422 Odd", openai.UnprocessableEntityError),
            ("429 Slow", openai.RateLimitError),
            ("500 Oh", openai.InternalServerError),
            ("503 Busy", openai.InternalServerError),
            ("401 Who", openai.InternalServerError),
        ):
            with pytest.raises(error) as raised:
                await client.chat.completions.create(model="auto", messages=ASK, user=status)
            assert isinstance(raised.value, openai.APIStatusError)
            assert raised.value.request_id is not None
            for spec in w.engine.services.router.pool.specs:
                w.engine.breakers.succeeded(spec.arm)
        with pytest.raises(openai.NotFoundError, match="Nearest: lab/strong"):
            await client.chat.completions.create(model="lab/stong", messages=ASK)
        stranger = client.with_options(api_key="fl-stranger")
        with pytest.raises(openai.AuthenticationError):
            await stranger.chat.completions.create(model="auto", messages=ASK)


async def test_a_client_that_repeats_by_itself_is_told_not_to() -> None:
    n_calls = 0

    async def refuse(call: Call) -> None:
        nonlocal n_calls
        n_calls += 1
        await call.json({"error": {"message": "no"}}, "503 Busy", "retry-after: 30")

    async with front(refuse) as (client, _):
        with pytest.raises(openai.InternalServerError):
            await client.with_options(max_retries=5).chat.completions.create(model="auto", messages=ASK)
    assert n_calls == 1


@pytest.mark.parametrize("how", BROKEN)
async def test_no_broken_ending_is_taken_for_an_answer(how: str) -> None:
    has_begun = asyncio.Event()

    async def script(call: Call) -> None:
        await break_off(call, how, has_begun)

    async with front(script) as (client, w):
        text, finishes = "", []
        with pytest.raises(openai.APIError, match=r"(?i)stream|upstream"):
            async for piece in await client.chat.completions.create(model="auto", messages=ASK, stream=True):
                has_begun.set()
                text += piece.choices[0].delta.content or ""
                finishes.append(piece.choices[0].finish_reason)
        assert text in ("ab ", "ab ab ab "), "the last pieces may go with the ending that they came with"
        assert set(finishes) == {None}
        assert w.moments.replies[0].outcome == "truncated"


STREAM = b"".join([chunk("m", "Hel"), chunk("m", "lo"), chunk("m", None, "stop"), b"data: [DONE]\n\n"])


@pytest.mark.parametrize("at", range(0, len(STREAM), 29))
async def test_a_stream_cut_at_any_byte_of_a_real_socket_raises_or_is_whole(at: int) -> None:
    async def script(call: Call) -> None:
        await call.begin_events()
        if at:
            await call.piece(STREAM[:at])
        call.writer.close()

    async with front(script, limits=Limits(max_attempts=1)) as (client, _):
        text, finishes = "", []
        try:
            async for piece in await client.chat.completions.create(model="auto", messages=ASK, stream=True):
                text += piece.choices[0].delta.content or ""
                finishes.append(piece.choices[0].finish_reason)
        except openai.APIError:
            assert at < len(STREAM) - 1
        else:
            assert (text, finishes[-1]) == ("Hello", "stop")
        assert "stop" not in finishes or at > STREAM.index(b'"stop"')


def prompts(n: int) -> list[str]:
    """Real questions of different sources, evenly."""
    import pyarrow.parquet as parquet

    folder = Path(os.environ["FAIRLEAD_DATA"]) / "outcomes"
    files = sorted(folder.glob("*.queries.parquet"))
    share = -(-n // len(files))
    found: list[str] = []
    for file in files:
        found += parquet.read_table(file, columns=["query"]).column("query").to_pylist()[:share]
    return found[:n]


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("FAIRLEAD_DATA"), reason="FAIRLEAD_DATA is not set")
async def test_two_hundred_real_prompts_over_two_upstream_processes_are_all_answered() -> None:
    asked = prompts(200)
    assert len(asked) == 200
    async with AsyncExitStack() as stack:
        upstreams = {}
        for name in ("one", "two"):
            process = subprocess.Popen(  # noqa: ASYNC220 - started once, before anything is timed
                [sys.executable, "-m", "tests.peers.openai_server", name], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            assert process.stdout is not None
            stack.callback(process.stdout.close)
            port = int(await asyncio.to_thread(process.stdout.readline))
            where = endpoint(name, f"http://127.0.0.1:{port}/v1")
            upstreams[UpstreamName(name)] = Upstream(where, HttpTransport(origin_of(where)))
            stack.callback(upstreams[UpstreamName(name)].close)
        w = world(arms=(STRONG, CHEAP), upstreams=dict(upstreams))
        port = await stack.enter_async_context(serving_gateway(w.app))
        client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0, timeout=30)
        stack.push_async_callback(client.close)
        gate = asyncio.Semaphore(16)

        async def ask(number: int, prompt: str) -> str:
            model = ("auto", "auto:quality", "auto:cost", "auto:speed")[number % 4]
            messages: Any = [{"role": "user", "content": prompt}]
            async with gate:
                if number % 2:
                    reply = await client.chat.completions.create(model=model, messages=messages)
                    return (reply.choices[0].message.content or "").strip()
                stream = await client.chat.completions.create(model=model, messages=messages, stream=True)
                return "".join([piece.choices[0].delta.content or "" async for piece in stream]).strip()

        answers = Counter(await asyncio.gather(*[ask(number, prompt) for number, prompt in enumerate(asked)]))
    assert set(answers) == {"answered by one", "answered by two"}
    assert sum(answers.values()) == 200
    assert all(moment.outcome == "ok" for moment in w.moments.replies)
