"""The Vercel AI SDK and the openai package for Node through the gateway: over their own format and over others."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from fairlead.domain.content import FormatName
from tests.agents.running import AGENTS, run_agent
from tests.clients.world import KEY, SIGNED, Front, front
from tests.matrix.scenes import CALLS, STRUCTURED, TEXT, USAGE

NODE: Final = shutil.which("node")
pytestmark = [
    pytest.mark.agents,
    pytest.mark.skipif(NODE is None or not (AGENTS / "ai").exists(), reason="no Node SDKs: make test-agents"),
]

BACKS: Final = ("openai_chat", "anthropic_messages", "openai_responses")
MADE: Final = [[name, json.loads(arguments)] for _, name, arguments in CALLS]


async def node(program: str, folder: Path, *arguments: str) -> Any:
    """What a program of this folder says; it finds its packages beside it."""
    assert NODE is not None
    (folder / "node_modules").symlink_to(AGENTS)
    shutil.copy(Path(__file__).with_name(program), folder / program)
    ran = await run_agent(Path(NODE), [program, *arguments], folder, {})
    assert ran.code == 0, ran.err
    return json.loads(ran.out.splitlines()[-1])


async def vercel(running: Front, folder: Path, provider: str, back: FormatName, scene: str) -> Any:
    return await node("vercel_ai.mjs", folder, provider, f"{running.url}/v1", KEY, f"lab/{back}", scene)


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("provider", ["openai", "chat", "compatible", "anthropic"])
async def test_the_ai_sdk_loops_over_tools(provider: str, back: FormatName, tmp_path: Path) -> None:
    """With `openai` the steps are told by references to items, since the SDK has its replies kept by default."""
    async with front({"anthropic_messages": SIGNED}, formats=(back,)) as running:
        said = await vercel(running, tmp_path, provider, back, "loop")
        bodies = running.peers[back].bodies
    assert said["whole"]["text"] == TEXT, said
    assert said["streamed"]["text"] == TEXT, said
    assert said["ran"] == said["ran_streamed"] == MADE
    assert said["whole"]["n_steps"] == said["streamed"]["n_steps"] == 2
    assert said["whole"]["input"] == 2 * USAGE[0]
    assert len(bodies) == 4
    assert all(b"result of get_weather" in bodies[place] for place in (1, 3))
    if provider == "openai" and back != "openai_responses":
        assert all(b"get_weather" in bodies[place] and b"item_reference" not in bodies[place] for place in (1, 3))


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("provider", ["openai", "compatible", "anthropic"])
async def test_the_ai_sdk_gets_objects(provider: str, back: FormatName, tmp_path: Path) -> None:
    async with front(formats=(back,)) as running:
        said = await vercel(running, tmp_path, provider, back, "structured")
    assert said["whole"]["value"] == said["streamed"]["value"] == json.loads(STRUCTURED), said


@pytest.mark.parametrize(("scene", "status"), [("4xx", 400), ("429", 429), ("cut:ok:3;scene", None)])
@pytest.mark.parametrize("provider", ["openai", "compatible", "anthropic"])
async def test_the_ai_sdk_raises_on_failures(provider: str, scene: str, status: int | None, tmp_path: Path) -> None:
    async with front(formats=("openai_chat",)) as running:
        said = await vercel(running, tmp_path, provider, "openai_chat", scene)
    assert "error" in said["whole"], said
    assert "error" in said["streamed"], said
    if status is not None:
        assert said["whole"]["status"] == status, said


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("door", ["chat", "responses"])
async def test_openai_for_node_loops_over_tools(door: str, back: FormatName, tmp_path: Path) -> None:
    async with front(formats=(back,)) as running:
        said = await node("openai_node.mjs", tmp_path, door, f"{running.url}/v1", KEY, f"lab/{back}", "loop")
    for how in ("whole", "streamed"):
        assert said[how] == {"text": TEXT, "calls": MADE, "input": USAGE[0]}, said
    assert "auto" in said["models"]


@pytest.mark.parametrize(("scene", "error"), [("4xx", "BadRequestError"), ("429", "RateLimitError")])
@pytest.mark.parametrize("door", ["chat", "responses"])
async def test_openai_for_node_raises_its_own_classes(door: str, scene: str, error: str, tmp_path: Path) -> None:
    async with front(formats=("anthropic_messages",)) as running:
        arguments = (door, f"{running.url}/v1", KEY, "lab/anthropic_messages", scene)
        said = await node("openai_node.mjs", tmp_path, *arguments)
    assert said["whole"]["error"] == error, said


@pytest.mark.parametrize("door", ["chat", "responses"])
async def test_openai_for_node_raises_on_a_cut_stream(door: str, tmp_path: Path) -> None:
    async with front(formats=("anthropic_messages",)) as running:
        arguments = (door, f"{running.url}/v1", KEY, "lab/anthropic_messages", "cut:ok:4;scene")
        said = await node("openai_node.mjs", tmp_path, *arguments)
    assert "error" in said["streamed"], said
