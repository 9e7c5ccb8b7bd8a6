"""Coding agents as programs that a test runs: installed by `make test-agents`, kept from every address but loopback."""

import asyncio
import os
from pathlib import Path
from typing import Final, NamedTuple

AGENTS: Final = Path(__file__).parents[2] / ".venv" / "agents" / "node_modules"
BIN: Final = AGENTS / ".bin"
PATIENCE_S: Final = 120.0
_NOWHERE: Final = "http://127.0.0.1:9"
"""Where a proxy would have to be for an agent to reach anything beyond this machine: nobody listens there."""


class Ran(NamedTuple):
    """What became of a program."""

    code: int
    out: str
    err: str


async def run_agent(program: Path, arguments: list[str], folder: Path, env: dict[str, str]) -> Ran:
    """Run an agent in a folder to its end; past PATIENCE_S it is killed and the test fails."""
    offline = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    bare = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=bare | offline | env,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ran(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
