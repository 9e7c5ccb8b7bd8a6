"""The kill test: many streams through a real gateway while its upstreams are killed, stalled, limited and restored.

    python -m benchmarks.soak.kill_test [--clients 500] [--waves 6] [--seconds 20] [--seed 1]

Gateway, upstreams (one process each, every format) and clients (this process) speak over loopback. After each wave all
is well again and the gateway must come to rest; then its sockets, tasks and memory are read. The program ends with
status 1 when an answer was silent, hung or garbled, when the ledgers differ, or when something was left behind.
"""

import argparse
import asyncio
import json
import random
import resource
import signal
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from benchmarks.soak.chaos import ROOT, Chaos, Victim
from benchmarks.soak.crowd import VERDICTS, Crowd
from benchmarks.soak.ledger import Reckoning, reckon
from benchmarks.speed.peers import free_port

UPSTREAMS: Final = {
    "chat-a": "openai_chat",
    "chat-b": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic_messages",
    "gemini": "gemini_generate",
    "bedrock": "bedrock_converse",
}
DEADLINE_S: Final = 12.0
PATIENCE_S: Final = 30.0
"""A client's: well above the gateway's own deadline, for the machine may be busy."""
REST_WITHIN_S: Final = 20.0
LEAK_BYTES: Final = 256.0
"""Of memory a request, by the slope over the waves: an exchange left behind would be some ten thousand."""


class Sample(NamedTuple):
    """The gateway at rest."""

    fds: int
    to_clients: int
    to_upstreams: int
    half_closed: int
    """Sockets that the peer has closed and we have not."""
    tasks: int
    running: int
    resident_bytes: int
    n_sent: int
    """Requests until then."""


@dataclass
class Outcome:
    """All that a run has found."""

    crowd: Crowd
    chaos: Chaos
    samples: list[Sample]
    reckoning: Reckoning

    @property
    def slope_bytes(self) -> float:
        """Bytes of memory a request over the waves: the median slope of all pairs.

        What is kept of connections follows the busiest moment and jumps; a leak grows with every wave.
        """
        pairs = list(combinations(self.samples[1:], 2))
        if len(pairs) < 3:
            return 0.0
        return statistics.median((b.resident_bytes - a.resident_bytes) / max(b.n_sent - a.n_sent, 1) for a, b in pairs)

    def faults(self) -> list[str]:
        """What may not be."""
        first, last = self.samples[0], self.samples[-1]
        found = [f"{self.crowd.verdicts[kind]} {kind}" for kind in ("silent", "hung", "garbled")
                 if self.crowd.verdicts[kind]]  # fmt: skip
        found += self.crowd.complaints
        if not self.reckoning.is_even:
            found.append(f"the ledgers differ: {self.reckoning.unrecorded[:3]} {self.reckoning.unread[:3]}")
        if last.to_clients or last.half_closed or last.running or last.tasks > first.tasks:
            found.append(f"left behind: {last}")
        if last.fds > first.fds + last.to_upstreams:
            found.append(f"file descriptors: {first.fds} before, {last.fds} after")
        if self.slope_bytes > LEAK_BYTES:
            found.append(f"memory grows by {self.slope_bytes:.0f} bytes a request")
        return found


def config_text(victims: list[Victim]) -> str:
    """Two models at every upstream, so that each can take the place of each."""
    lines = ["discover: false", "server: {heartbeat_s: 1, drain_s: 5}", "upstreams:"]
    for victim in victims:
        path = "" if victim.format in ("bedrock_converse",) else "/v1"
        lines.append(
            f"""\
  {victim.name}:
    provider: {victim.name}
    base_url: http://127.0.0.1:{victim.port}{path}
    formats: [{victim.format}]
    auth: none
    local: false
    allow_private: true
    timeouts: {{connect_s: 1, first_byte_s: 2, idle_s: 2}}
    models:
      - {{name: large, model: openai/gpt-4o, prices: {{input: 2.5, output: 10}}}}
      - {{name: small, model: openai/gpt-4o-mini, prices: {{input: 0.15, output: 0.6}}}}"""
        )
    lines.append(f"limits: {{deadline_s: {DEADLINE_S:g}}}")
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def serving(config: Path, port: int, ledger: Path) -> AsyncIterator[Process]:
    """Run the gateway; stopped as an operator would."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.soak.gateway", str(config), str(port), str(ledger), stdout=PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        if await asyncio.wait_for(process.stdout.readline(), 60) != b"ready\n":
            raise SystemExit("the gateway did not start")
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()


async def sampled(gateway: Process, port: int, n_sent: int) -> Sample:
    """The gateway once it has come to rest, or as it is when it does not."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + REST_WITHIN_S
    while True:
        sample = await _sample(gateway, port, n_sent)
        if not (sample.running or sample.to_clients) or loop.time() > until_s:
            return sample
        await asyncio.sleep(0.2)


async def _sample(gateway: Process, port: int, n_sent: int) -> Sample:
    assert gateway.stdout is not None
    gateway.send_signal(signal.SIGUSR1)
    told = json.loads(await asyncio.wait_for(gateway.stdout.readline(), 30))
    process = psutil.Process(gateway.pid)
    sockets = [s for s in process.net_connections("tcp") if s.status != psutil.CONN_LISTEN]
    inward = [s for s in sockets if s.laddr.port == port]
    return Sample(
        fds=process.num_fds(),
        to_clients=len(inward),
        to_upstreams=len(sockets) - len(inward),
        half_closed=sum(s.status == psutil.CONN_CLOSE_WAIT for s in sockets),
        tasks=told["tasks"],
        running=told["running"],
        resident_bytes=process.memory_info().rss,
        n_sent=n_sent,
    )


async def run(
    folder: Path, *, n_clients: int, waves: int, wave_s: float, seed: int, names: tuple[str, ...] = tuple(UPSTREAMS)
) -> Outcome:
    """The whole test, in that folder."""
    loop = asyncio.get_running_loop()
    victims = [Victim(name, UPSTREAMS[name], free_port(), folder / f"{name}.count") for name in names]
    config, ledger, port = folder / "fairlead.yaml", folder / "ledger.jsonl", free_port()
    config.write_text(config_text(victims))
    chaos = Chaos(victims, random.Random(seed), every_s=wave_s / 10)
    crowd = Crowd(port, PATIENCE_S)
    try:
        await asyncio.gather(*(victim.start(seed) for victim in victims))
        async with serving(config, port, ledger) as gateway:
            samples = [await sampled(gateway, port, 0)]
            for wave in range(waves):
                until_s = loop.time() + wave_s
                await asyncio.gather(chaos.rage(until_s), crowd.run(n_clients, until_s, f"{seed}/{wave}"))
                samples.append(await sampled(gateway, port, crowd.n_sent))
                print(f"wave {wave + 1}: {crowd.n_sent} requests, {samples[-1]}", file=sys.stderr)
    finally:
        await asyncio.gather(*(victim.kill() for victim in victims))
    return Outcome(crowd, chaos, samples, reckon(ledger, {victim.name: victim.count_file for victim in victims}))


def print_table(outcome: Outcome) -> None:
    """What came out."""
    crowd, reckoning = outcome.crowd, outcome.reckoning
    print("faults: " + ", ".join(f"{name} {n}" for name, n in sorted(outcome.chaos.happened.items())))
    print(f"requests {crowd.n_sent}: " + ", ".join(f"{kind} {crowd.verdicts[kind]}" for kind in VERDICTS))
    print("statuses: " + ", ".join(f"{status} {n}" for status, n in sorted(crowd.statuses.items())))
    print(
        f"attempts {reckoning.n_attempts} = read by upstreams {reckoning.n_counted}"
        f" + never arrived {reckoning.n_never_arrived}"
        f"; unrecorded {len(reckoning.unrecorded)}, unread {len(reckoning.unread)}"
    )
    print("outcomes of attempts: " + ", ".join(f"{name} {n}" for name, n in sorted(reckoning.outcomes.items())))
    print(f"attempts a request: {reckoning.n_attempts / max(reckoning.n_replies, 1):.3f}")
    print(f"{'at rest':12}{'requests':>9}{'fds':>6}{'clients':>9}{'upstreams':>11}{'tasks':>7}{'RSS MB':>8}")
    for at, s in enumerate(outcome.samples):
        name = f"wave {at}" if at else "before"
        print(f"{name:12}{s.n_sent:9}{s.fds:6}{s.to_clients:9}{s.to_upstreams:11}{s.tasks:7}", end="")
        print(f"{s.resident_bytes / 1e6:8.1f}")
    print(f"memory: {outcome.slope_bytes:+.0f} bytes a request (median slope of all pairs of waves)")
    print("\n".join(outcome.faults()) or "no fault")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--waves", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each wave")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8192), hard), hard))
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(
            run(Path(folder), n_clients=options.clients, waves=options.waves, wave_s=options.seconds, seed=options.seed)
        )
    print_table(outcome)
    raise SystemExit(1 if outcome.faults() else 0)


if __name__ == "__main__":
    main()
