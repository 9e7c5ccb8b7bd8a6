"""LangChain through the gateway: langchain-openai at the chat and Responses doors, langchain-anthropic at its own."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from fairlead.domain.content import FormatName
from tests.agents.running import run_agent
from tests.clients.world import KEY, SIGNED, Front, front
from tests.matrix.scenes import CALLS, SIGNATURE, STRUCTURED, TEXT, THOUGHTS, USAGE

pytestmark = [
    pytest.mark.agents,
    pytest.mark.skipif(importlib.util.find_spec("langchain_openai") is None, reason="no LangChain: make test-agents"),
]

PROGRAM: Final = Path(__file__).with_name("langchain_turn.py")
BACKS: Final = ("openai_chat", "anthropic_messages")
DOORS: Final = ("chat", "responses", "messages")
MADE: Final = [[name, json.loads(arguments)] for _, name, arguments in CALLS]


async def langchain(running: Front, folder: Path, *arguments: str, thinks: bool = False) -> Any:
    door, model, scene = arguments
    told = [str(PROGRAM), door, running.url, KEY, model, scene, "thinks" if thinks else "plain"]
    ran = await run_agent(Path(sys.executable), told, folder, {"LANGSMITH_TRACING": "false"})
    assert ran.code == 0, ran.err
    return json.loads(ran.out.splitlines()[-1])


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("door", DOORS)
async def test_langchain_loops_over_tools(door: str, back: FormatName, tmp_path: Path) -> None:
    async with front(formats=(back,)) as running:
        said = await langchain(running, tmp_path, door, f"lab/{back}", "loop")
        assert all(b"result of get_time" in running.peers[back].bodies[place] for place in (1, 3))
    for how in ("whole", "streamed"):
        assert (said[how]["text"], said[how]["calls"]) == (TEXT, MADE), said
    # Of a stream langchain-anthropic reads the end alone, where this upstream does not repeat the input's tokens.
    for how in ("whole",) if door == "messages" else ("whole", "streamed"):
        assert said[how]["input"] == USAGE[0], said


@pytest.mark.parametrize("door", DOORS)
async def test_langchain_gets_objects(door: str, tmp_path: Path) -> None:
    async with front(formats=("gemini_generate",)) as running:
        said = await langchain(running, tmp_path, door, "lab/gemini_generate", "structured")
    assert said["whole"] == {"value": json.loads(STRUCTURED)}, said


async def test_langchain_sends_signed_thoughts_back(tmp_path: Path) -> None:
    async with front({"anthropic_messages": SIGNED}, formats=("anthropic_messages",)) as running:
        said = await langchain(running, tmp_path, "messages", "lab/anthropic_messages", "loop", thinks=True)
        assert said["streamed"]["text"] == TEXT, said
        for place in (1, 3):
            thoughts = running.sent("anthropic_messages")[place]["messages"][1]["content"][0]
            assert (thoughts["thinking"], thoughts["signature"]) == ("".join(THOUGHTS), SIGNATURE)


@pytest.mark.parametrize(
    ("scene", "error"),
    [("429", "RateLimitError"), ("cut:ok:3;scene", "APIError")],
)
@pytest.mark.parametrize("door", DOORS)
async def test_langchain_raises_on_failures(door: str, scene: str, error: str, tmp_path: Path) -> None:
    async with front(formats=("gemini_generate",)) as running:
        said = await langchain(running, tmp_path, door, "lab/gemini_generate", scene)
    assert error in said["whole"].get("error", ()), said
    assert "APIError" in said["streamed"].get("error", ()), said
