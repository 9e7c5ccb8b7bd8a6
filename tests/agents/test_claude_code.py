"""The real Claude Code through the gateway: it runs the tool that a model calls, whatever format that speaks."""

import json
from pathlib import Path
from typing import Final

import pytest

from fairlead.domain.content import FormatName
from tests.agents.running import AGENTS, Ran, run_agent
from tests.agents.shell_loop import SAID, one_tool
from tests.clients.world import KEY, Front, front

CLAUDE: Final = AGENTS / "@anthropic-ai" / "claude-code-linux-x64" / "claude"
"""The program itself: what stands in `.bin` is put in its place by a script that is not run here."""
pytestmark = [
    pytest.mark.agents,
    pytest.mark.skipif(not CLAUDE.exists(), reason="no Claude Code for this platform: make test-agents"),
]


async def claude(running: Front, model: str, folder: Path) -> Ran:
    """One turn with the gateway in the place of Anthropic."""
    env = {
        "ANTHROPIC_BASE_URL": running.url,
        "ANTHROPIC_AUTH_TOKEN": KEY,
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_SMALL_FAST_MODEL": model,
        "CLAUDE_CONFIG_DIR": str(folder / "claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    arguments = ["-p", "What is six times seven? Use the shell.", "--output-format", "json", "--allowedTools", "Bash"]
    return await run_agent(CLAUDE, arguments, folder, env)


@pytest.mark.parametrize("back", ["anthropic_messages", "openai_chat"])
async def test_claude_code_runs_a_tool_and_answers(back: FormatName, tmp_path: Path) -> None:
    script, scene_of = one_tool(back, "Bash", {"command": "echo fairlead-$((6*7))", "description": "Multiply"})
    async with front({back: script}, formats=(back,), scene_of=scene_of) as running:
        ran = await claude(running, f"lab/{back}", tmp_path)
        assert ran.code == 0, ran
        assert json.loads(ran.out)["result"] == SAID
        assert any(b"fairlead-42" in body for body in running.peers[back].bodies), "the result came back to the model"
        attempts = running.world.moments.attempts
    assert attempts
    assert {attempt.outcome for attempt in attempts} == {"ok"}
