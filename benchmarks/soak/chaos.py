"""Chaos: the upstreams of the kill test, killed, reset, stalled, limited and restored at random times."""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FAULTS: Final = ("kill", "reset", "stall", "limit", "fail", "cut")


@dataclass
class Victim:
    """One upstream process, at a port that stays the same over its lives."""

    name: str
    format: str
    port: int
    count_file: Path
    process: Process | None = None
    n_lives: int = 0

    async def start(self, seed: int) -> None:
        """Bring it up."""
        self.n_lives += 1
        arguments = [self.format, str(self.port), str(self.count_file), str(seed + self.n_lives)]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.soak.upstream", *arguments, stdin=PIPE, stdout=PIPE, cwd=ROOT
        )
        assert self.process.stdout is not None
        await self.process.stdout.readline()

    async def kill(self) -> None:
        """SIGKILL: its connections are closed by the kernel, whatever they were in the middle of."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            await process.wait()

    def mood(self, mood: str) -> None:
        """See upstream.Mood."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.write(f"{mood}\n".encode())


@dataclass
class Chaos:
    """What happens to the victims."""

    victims: list[Victim]
    random: random.Random
    every_s: float
    """Mean time between two faults."""
    happened: Counter[str] = field(default_factory=Counter)

    async def rage(self, until_s: float) -> None:
        """Break and mend until that time of the loop; then everything is well again."""
        loop = asyncio.get_running_loop()
        mending: set[asyncio.Task[None]] = set()
        while (left_s := until_s - loop.time()) > 0:
            await asyncio.sleep(min(self.random.expovariate(1.0 / self.every_s), left_s))
            free = [victim for victim in self.victims if victim.name not in {task.get_name() for task in mending}]
            if not free:
                continue
            victim, fault = self.random.choice(free), self.random.choice(FAULTS)
            self.happened[fault] += 1
            lasts_s = self.random.uniform(0.2, 4.0)
            task = loop.create_task(self._hurt(victim, fault, lasts_s), name=victim.name)
            mending.add(task)
            task.add_done_callback(mending.discard)
        if mending:
            await asyncio.gather(*mending)

    async def _hurt(self, victim: Victim, fault: str, lasts_s: float) -> None:
        if fault == "kill":
            await victim.kill()
            await asyncio.sleep(lasts_s)
            await victim.start(self.random.randrange(1 << 30))
        else:
            victim.mood(fault)
            await asyncio.sleep(lasts_s)
            victim.mood("well")
