"""Clients of other formats before an upstream of OpenAI's chat format, as such upstreams answer."""

import json
from typing import Any

from fairlead.providers.scripted import Scene
from tests.peers.asgi_caller import call
from tests.peers.worlds import DONE, World, event, reply_body, stream, world

CHUNKS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "T"}]},
    {"type": "reference", "reference_ids": [1]},
    {"type": "text", "text": "answer"},
]
NO_ID = {"index": 0, "function": {"name": "a", "arguments": "{}"}}


def reply(finish: str = "stop", **message: Any) -> Scene:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return Scene.of(reply_body(choices=[choice]))


def streamed(*deltas: dict[str, Any], finish: str) -> Scene:
    told: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    told.append({"index": 0, "delta": {}, "finish_reason": finish})
    return stream(*(event({"id": "c1", "model": "m", "choices": [choice]}) for choice in told), DONE)


async def messages(the_world: World, **members: Any) -> bytes:
    ask = {"model": "lab/cheap", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    heard = await call(the_world.app, "POST", "/v1/messages", ask | members)
    assert heard.status == 200, heard.body
    return heard.body


async def test_content_in_chunks_reaches_every_client_and_the_lane_leaves_it_alone() -> None:
    w = world({"two": [reply(content=CHUNKS)] * 3 + [streamed({"content": CHUNKS}, finish="stop")]})
    thinking = {"type": "enabled", "budget_tokens": 1_024}
    content = json.loads(await messages(w, max_tokens=4_000, thinking=thinking))["content"]
    assert [(block["type"], block.get("thinking") or block.get("text")) for block in content] == [
        ("thinking", "T"),
        ("text", "answer"),
    ]
    heard = await call(w.app, "POST", "/v1/responses", {"model": "lab/cheap", "input": "x", "store": False})
    assert [item["type"] for item in json.loads(heard.body)["output"]] == ["reasoning", "message"]
    ask = {"model": "lab/cheap", "messages": [{"role": "user", "content": "x"}]}
    lane = await call(w.app, "POST", "/v1/chat/completions", ask)
    assert json.loads(lane.body)["choices"][0]["message"]["content"] == CHUNKS
    assert b'"text_delta","text":"answer"' in await messages(w, stream=True)


async def test_calls_without_ids_have_other_ids_in_every_reply() -> None:
    whole = reply("tool_calls", content=None, tool_calls=[NO_ID])
    w = world({"two": [whole, whole, *[streamed({"tool_calls": [NO_ID]}, finish="tool_calls")] * 2]})
    ids = {json.loads(await messages(w))["content"][0]["id"] for _ in range(2)}
    for _ in range(2):
        data = await messages(w, stream=True)
        starts = [
            json.loads(line[6:]) for line in data.split(b"\n") if line.startswith(b'data: {"type":"content_block_s')
        ]
        ids.add(starts[0]["content_block"]["id"])
    assert len(ids) == 4, ids
