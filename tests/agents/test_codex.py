"""The real Codex CLI at the Responses door: it acts on what our writer wrote, and sends it back whole."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from fairlead.domain.content import FormatName, Reasoning, Text, ToolCall, ToolResult
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
from fairlead.wire.format import AskedRequest
from fairlead.wire.openai_responses import DOOR
from tests.agents.running import BIN, Ran, run_agent
from tests.agents.shell_loop import SAID, one_tool
from tests.clients.world import KEY, front
from tests.peers.door_server import serving_door

CODEX: Final = BIN / "codex"
pytestmark = [
    pytest.mark.agents,
    pytest.mark.skipif(not CODEX.exists(), reason="no Codex CLI: make test-agents"),
]

CONFIG: Final = """\
model = "{model}"
model_provider = "fairlead"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.fairlead]
name = "fairlead"
base_url = "http://127.0.0.1:{port}/v1"
env_key = "FAIRLEAD_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""
USAGE: Final = UsageReported(Usage(input_tokens=900, cached_read_tokens=100, output_tokens=40, reasoning_tokens=8))


async def codex(port: int, folder: Path, prompt: str, model: str = "auto", key: str = "fl-any") -> Ran:
    """One turn of the agent with whoever listens at this port as its provider."""
    home = folder / "codex"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG.format(port=port, model=model), encoding="utf-8")
    arguments = ["exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt]
    return await run_agent(CODEX, arguments, folder, {"CODEX_HOME": str(home), "FAIRLEAD_KEY": key})


def items(ran: Ran) -> list[dict[str, Any]]:
    said = [json.loads(line) for line in ran.out.splitlines()]
    return [event["item"] for event in said if event["type"] == "item.completed"]


def calls(name: str, arguments: dict[str, Any]) -> list[Event]:
    text = json.dumps(arguments)
    return [
        ReplyBegan("msg_1", "some-model"),
        ReasoningDelta("I should look "),
        ReasoningDelta("first."),
        ReasoningSigned("SIGNATURE==", "anthropic_messages"),
        TextDelta("Looking."),
        ToolCallBegan(0, "toolu_01", name),
        ArgumentsDelta(0, text[:7]),
        ArgumentsDelta(0, text[7:]),
        ChoiceFinished("tool_calls"),
        USAGE,
    ]


def says(text: str) -> list[Event]:
    return [ReplyBegan("msg_2", "some-model"), TextDelta(text), ChoiceFinished("stop"), USAGE]


async def test_codex_runs_a_tool_and_sends_call_result_and_signed_thoughts_back(tmp_path: Path) -> None:
    def answer(asked: AskedRequest) -> list[Event]:
        if asked.outline.in_tool_loop:
            return says("It is forty-two.")
        return calls("exec_command", {"cmd": "echo fairlead-$((6*7))"})

    async with serving_door(DOOR, answer) as server:
        ran = await codex(server.port, tmp_path, "What is six times seven? Use the shell.")
    assert ran.code == 0, ran
    assert [item["text"] for item in items(ran) if item["type"] == "agent_message"][-1] == "It is forty-two."
    first, second = server.asked
    assert first.session is not None
    assert first.session == second.session
    turns = second.chat().turns
    reply, result = turns[-2], turns[-1]
    assert reply.parts == (
        Reasoning("I should look first.", "SIGNATURE==", "anthropic_messages"),
        Text("Looking."),
        ToolCall("toolu_01", "exec_command", '{"cmd": "echo fairlead-$((6*7))"}'),
    )
    told = result.parts[0]
    assert isinstance(told, ToolResult)
    assert (told.call_id, told.name) == ("toolu_01", "exec_command")
    assert "fairlead-42" in "".join(part.text for part in told.parts if isinstance(part, Text))


async def test_codex_acts_on_a_call_of_a_tool_in_a_namespace(tmp_path: Path) -> None:
    def answer(asked: AskedRequest) -> list[Event]:
        if asked.outline.in_tool_loop:
            return says("No such agent.")
        assert "multi_agent_v1__close_agent" in {tool.name for tool in asked.chat().tools}
        return calls("multi_agent_v1__close_agent", {"target": "nobody"})

    async with serving_door(DOOR, answer) as server:
        ran = await codex(server.port, tmp_path, "Close the agent called nobody.")
    assert ran.code == 0, ran
    result = server.asked[-1].chat().turns[-1].parts[0]
    assert isinstance(result, ToolResult)
    assert result.name == "multi_agent_v1__close_agent"
    said = "".join(part.text for part in result.parts if isinstance(part, Text))
    assert "nobody" in said
    assert "unsupported call" not in said, "Codex knew the tool and ran it"


@pytest.mark.parametrize("n_before", [0, 2])
async def test_codex_reports_a_stream_that_failed_as_failed(tmp_path: Path, n_before: int) -> None:
    failed = ReplyFailed(TruncatedError("The upstream ended the stream before the reply was finished."))

    async with serving_door(DOOR, lambda _: [*says("Half an")[:n_before], failed]) as server:
        ran = await codex(server.port, tmp_path, "Say something.")
    assert ran.code != 0
    assert "turn.failed" in ran.out
    assert "ended the stream before the reply was finished" in ran.out


@pytest.mark.parametrize("back", ["openai_responses", "openai_chat", "anthropic_messages"])
async def test_codex_through_the_gateway_runs_a_tool_and_answers(back: FormatName, tmp_path: Path) -> None:
    script, scene_of = one_tool(back, "exec_command", {"cmd": "echo fairlead-$((6*7))"})
    async with front({back: script}, formats=(back,), scene_of=scene_of) as running:
        ran = await codex(running.port, tmp_path, "What is six times seven? Use the shell.", f"lab/{back}", KEY)
        assert ran.code == 0, ran
        assert [item["text"] for item in items(ran) if item["type"] == "agent_message"][-1] == SAID
        assert b"fairlead-42" in running.peers[back].bodies[-1], "the result came back to the model"
        assert {attempt.outcome for attempt in running.world.moments.attempts} == {"ok"}


KNOWS_CUSTOM_TOOLS: Final = "gpt-5.5"
"""Codex offers custom tools to models that it knows by name, and 0.171.0 knows this one."""
PATCH: Final = "*** Begin Patch\n*** Add File: made.txt\n+forty-two\n*** End Patch\n"


@pytest.mark.parametrize("back", ["openai_chat", "anthropic_messages"])
async def test_codex_applies_a_patch_that_a_model_without_custom_tools_wrote(back: FormatName, tmp_path: Path) -> None:
    """apply_patch is a custom tool: a function with one text for the model, and free text again for Codex."""
    script, scene_of = one_tool(back, "apply_patch", {"input": PATCH})
    async with front({back: script}, formats=(back,), scene_of=scene_of, model=KNOWS_CUSTOM_TOOLS) as running:
        ran = await codex(running.port, tmp_path, "Make a file.", KNOWS_CUSTOM_TOOLS, KEY)
        assert ran.code == 0, ran
    assert (tmp_path / "made.txt").read_text(encoding="utf-8") == "forty-two\n"
