"""A chat client before upstreams of several formats: its thoughts go to their maker, its losses are said or refused."""

import json
from dataclasses import replace
from typing import Any

from fairlead.catalogue.cards import Ability
from fairlead.domain.content import FormatName
from fairlead.domain.names import UpstreamName
from fairlead.gateway.ports import Limits
from fairlead.providers.scripted import Scene, ScriptedTransport
from fairlead.providers.upstream import Upstream
from tests.peers.asgi_caller import Heard, call
from tests.peers.worlds import World, endpoint, whole, world
from tests.routing.small_pool import Known

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "T", "signature": "REALSIG"},
        {"type": "tool_use", "id": "t1", "name": "a", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5},
}
FORMATS: dict[str, FormatName] = {"chat": "openai_chat", "claude": "anthropic_messages"}
TOOL = {"type": "function", "function": {"name": "a"}}
ASK = {"role": "user", "content": "x"}
ABILITIES: dict[Ability, bool] = {"tools": True, "audio": True}
CHAT = Known("lab/chat", "chat", "alpha", quality=0.9, abilities=ABILITIES)
CLAUDE = Known("lab/claude", "claude", "beta", quality=0.5, abilities=ABILITIES)


def two_formats() -> tuple[World, dict[str, ScriptedTransport]]:
    """A better model behind a chat upstream, a lesser one behind one of Anthropic's."""
    scenes = {"chat": whole(), "claude": Scene.of(json.dumps(MESSAGE).encode())}
    transports = {name: ScriptedTransport([scene]) for name, scene in scenes.items()}
    upstreams = {
        UpstreamName(name): Upstream(replace(endpoint(name), formats=(FORMATS[name],)), transport)
        for name, transport in transports.items()
    }
    return world(arms=(CHAT, CLAUDE), upstreams=upstreams, limits=Limits(max_attempts=1)), transports


async def said(w: World, model: str, *messages: dict[str, Any], **members: Any) -> Heard:
    body = {"model": model, "messages": list(messages), "tools": [TOOL], **members}
    return await call(w.app, "POST", "/v1/chat/completions", body)


async def test_signed_thoughts_stay_with_their_maker_and_are_told_to_nobody_else() -> None:
    w, transports = two_formats()
    message = (await said(w, "lab/claude", ASK)).json()["choices"][0]["message"]
    assert message["reasoning_details"][0]["signature"] == "REALSIG"
    loop = (ASK, message, {"role": "tool", "tool_call_id": "t1", "content": "r"})
    assert (await said(w, "auto", *loop)).status == 200
    assert not transports["chat"].received
    thought, call_ = json.loads(transports["claude"].received[-1].body)["messages"][1]["content"]
    assert thought == {"type": "thinking", "thinking": "T", "signature": "REALSIG"}
    assert call_["id"] == "t1"
    routed = await call(w.app, "POST", "/v1/route", {"model": "auto", "messages": loop, "tools": [TOOL]})
    assert [(each["model"], each["code"]) for each in routed.json()["ineligible"]] == [
        ("lab/chat", "foreign_signature")
    ]
    assert (await said(w, "lab/chat", *loop)).status == 200
    sent = transports["chat"].received[-1].body
    assert b"REALSIG" not in sent
    assert b"reasoning" not in sent
    assert [each["role"] for each in json.loads(sent)["messages"]] == ["user", "assistant", "tool"]


async def test_a_tool_that_no_other_provider_runs_is_refused_where_nothing_may_be_lost() -> None:
    w, transports = two_formats()
    tools = [TOOL, {"type": "web_search"}]
    heard = await said(w, "lab/claude", ASK, tools=tools)
    assert (heard.status, heard.header("x-fairlead-losses")) == (200, "tools[web_search]")
    heard = await said(w, "lab/claude", ASK, tools=tools, provider={"require_parameters": True})
    assert heard.status == 400
    assert "tools[web_search]" in heard.error["message"]
    assert len(transports["claude"].received) == 1


async def test_a_question_of_which_nothing_can_be_sent_goes_to_who_takes_it_or_to_nobody() -> None:
    w, transports = two_formats()
    sound = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}
    heard = await said(w, "lab/claude", sound)
    assert (heard.status, heard.error["param"]) == (400, "messages")
    heard = await said(w, "", sound, models=["lab/claude", "lab/chat"])
    assert heard.status == 200
    assert (len(transports["claude"].received), len(transports["chat"].received)) == (0, 1)
