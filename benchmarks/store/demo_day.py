"""A day of demo traffic replayed under a cheaper policy, beside the same day really run under it.

    python -m benchmarks.store.demo_day [--n 6000] [--seed 7] [--json FILE]

The simulated models of `fairlead serve --demo` behind the whole gateway, in process, on a clock of its own that goes
through one day: a simulated delay moves it, and nobody waits. Whether a model's reply to a prompt is good is drawn
beforehand, from what the router foretells moved by an error of each model that the router knows nothing of: so the
truth is known, and the forecasts are wrong. Day one runs under `balanced` with exploration and is logged into a real
store, every whole reply with its feedback. Then `fairlead replay` says what another policy would have cost and gained,
and the day is run again under it.
"""

import argparse
import asyncio
import json
import math
import os
import random
import statistics
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.speed.bodies import prompt
from benchmarks.speed.gateway import fairlead_command
from fairlead.assembly.services import Assembly, assemble
from fairlead.assembly.traffic import keeping
from fairlead.domain.names import AskedModel, TenantName
from fairlead.gateway.gathering import Gathering, each
from fairlead.gateway.swap import SwappableApp
from fairlead.gateway.work import DOORS, work_of
from fairlead.learning.off_policy import METHODS
from fairlead.providers.simulated import SimulatedTransport
from fairlead.providers.simulated_models import demo_endpoint
from fairlead.providers.upstream import Upstream
from fairlead.settings.settings import parse
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Window

FIRST_S = 1_790_000_000.0
DAY_S = 86_400.0
SHIFT_LOGITS = 0.5
"""Standard deviation of what each model is better or worse than the router believes."""
EXPLORE = "explore: {share: 0.1, max_cost_ratio: 20, max_extra_usd: 1, max_usd_per_day: 1000}\n"
CHAT = "/v1/chat/completions"
POLICIES = {
    "thriftier": (
        "preferences: {default: thriftier}\n"
        "presets:\n  thriftier: {weights: {quality: 0.53, cost: 0.41, speed: 0.06}}\n"
    ),
    "cost": "preferences: {default: cost}\n",
}
"""What is replayed: one near what is in force, of which the log can tell, and one far from it, of which it cannot."""


class Clock:
    """The day's own time. Simulated delays move the clock, not the day: requests are evenly spread over it."""

    def __init__(self) -> None:
        self.day_s = 0.0
        self._slept_s = 0.0

    def unix_s(self) -> float:
        return FIRST_S + self.day_s

    def clock(self) -> float:
        return self.day_s + self._slept_s

    async def sleep(self, seconds: float) -> None:
        self._slept_s += max(seconds, 0.0)


class Outcomes(NamedTuple):
    """The prompts of a day, and which model answers which of them well."""

    bodies: list[bytes]
    is_good: list[dict[str, bool]]


class Mean(NamedTuple):
    """A mean, and the half of its interval of 95 %."""

    value: float
    half: float


class Ran(NamedTuple):
    """One day as it came out."""

    n: int
    reward: Mean
    """Over the whole replies."""
    usd_per_1k: Mean
    served: dict[str, float]
    """Model -> share."""


def outcomes_of(assembly: Assembly, n: int, seed: int) -> Outcomes:
    """Drawn beforehand: the same for every policy."""
    source = random.Random(seed)
    models = [str(spec.arm.model) for spec in assembly.pool.specs]
    shift = {model: source.gauss(0.0, SHIFT_LOGITS) for model in models}
    bodies, is_good = [], []
    for _ in range(n):
        text = prompt(source, source.randint(40, 600))
        body = json.dumps(
            {"model": "auto", "max_tokens": 600, "messages": [{"role": "user", "content": text}]}
        ).encode()
        outline = work_of(DOORS[CHAT], body, [], TenantName("t"), 0.0).request.outline
        quality = assembly.router.decide(AskedModel("auto"), outline).expected.quality
        bodies.append(body)
        is_good.append({
            model: source.random() < 1.0 / (1.0 + math.exp(-(_logit(float(q)) + shift[model])))
            for model, q in zip(models, quality, strict=True)
        })  # fmt: skip
    return Outcomes(bodies, is_good)


def _logit(share: float) -> float:
    kept = min(max(share, 0.02), 0.98)
    return math.log(kept / (1.0 - kept))


async def demo(config: str, clock: Clock, seed: int) -> Assembly:
    """The demo's assembly on this clock, without a pause between tokens, its dice seeded."""
    assembly = await assemble(parse(config, {}), {}, is_demo=True)
    services, endpoint = assembly.services, demo_endpoint()
    upstream = Upstream(endpoint, SimulatedTransport(random.Random(seed), sleep=clock.sleep), whole_within_s=60.0)
    exploring = services.exploring
    if exploring is not None:
        exploring = replace(exploring, draw=random.Random(seed + 1).random)
    gathering = Gathering(clock.unix_s)
    gathering.listens(each(assembly.metrics))
    services = replace(
        services,
        observers=(gathering,),
        upstreams={endpoint.name: upstream},
        clock=clock.clock,
        unix_s=clock.unix_s,
        draw=random.Random(seed).random,
        exploring=exploring,
    )
    return replace(assembly, services=services, gathering=gathering)


async def ask(app: Any, path: str, body: bytes) -> dict[str, str]:
    """One request from beginning to end; the reply's headers and `:status`."""
    told: dict[str, str] = {}
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await asyncio.get_running_loop().create_future()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told.update({name.decode(): value.decode() for name, value in message["headers"]})
            told[":status"] = str(message["status"])

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "headers": headers}
    await app(scope, receive, send)
    return told


async def run_day(config: str, folder: Path, outcomes: Outcomes, seed: int) -> None:
    """The whole day through the gateway into the store of this configuration, with feedback on every whole reply."""
    clock = Clock()
    assembly = keeping(await demo(config, clock, seed), {"XDG_DATA_HOME": str(folder)})
    app, said = SwappableApp(assembly.services), []
    for at, body in enumerate(outcomes.bodies):
        clock.day_s = DAY_S * at / len(outcomes.bodies)
        told = await ask(app, CHAT, body)
        if told[":status"] == "200":
            score = float(outcomes.is_good[at][told["x-fairlead-model"]])
            said.append(json.dumps({"decision_id": told["x-fairlead-decision-id"], "score": score}).encode())
    assert assembly.traffic is not None
    while assembly.traffic.state().n_waiting:
        clock.day_s += 0.02  # a turn is settled when a later one is taken
        await asyncio.sleep(0.02)
    for some in range(0, len(said), 64):
        kept = await asyncio.gather(*(ask(app, "/v1/feedback", body) for body in said[some : some + 64]))
        assert {told[":status"] for told in kept} == {"200"}, kept
    assembly.traffic.close()


def ran(folder: Path) -> Ran:
    """What the rows of a day say, counted here."""
    store = SqlStore(lambda: SqliteDatabase(folder / "fairlead" / "demo-traffic.db"))
    day = Window(FIRST_S - 1, FIRST_S + DAY_S + 1)
    scores = [opinion.score for opinion in store.opinions(day) if opinion.score is not None]
    rows = [row for row, _ in store.scan(day)]
    store.close()
    usd = [row.cost_usd * 1e3 for row in rows if row.cost_usd is not None]
    served: dict[str, float] = {}
    for row in rows:
        if row.model is not None:
            served[row.model] = served.get(row.model, 0.0) + 1 / len(rows)
    return Ran(len(rows), _mean(scores), _mean(usd), served)


def _mean(values: list[float]) -> Mean:
    return Mean(statistics.mean(values), 1.96 * statistics.stdev(values) / math.sqrt(len(values)))


def replayed(log: Path, policy: Path) -> dict[str, Any]:
    """What `fairlead replay` says, by the command itself."""
    command = [fairlead_command(), "replay", "--demo", "--since", "0", "--policy", str(policy), "--json"]
    shown = subprocess.run(command, env={**os.environ, "XDG_DATA_HOME": str(log)}, stdout=subprocess.PIPE, check=True)
    said: dict[str, Any] = json.loads(shown.stdout)
    return said


def table(name: str, found: dict[str, Any], log: Ran, truth: Ran) -> dict[str, Any]:
    """The estimates beside the truth, printed."""
    print(f"\n{name}: verdict {found['verdict']}, {'cheaper' if found['is_cheaper'] else 'not shown to be cheaper'}")
    for reason in found["reasons"]:
        print(f"  {reason}")
    told: dict[str, Any] = {}
    for what, title, scale, old, new in (
        ("reward", "reward", 1.0, log.reward, truth.reward),
        ("cost_usd", "USD per 1,000 decisions", 1e3, log.usd_per_1k, truth.usd_per_1k),
    ):
        of = found[what]
        print(f"{title:26}{'mean':>9}{'95 %':>22}")
        print(f"{'  the log, as it was':26}{old.value:9.4f}{_interval(old.value - old.half, old.value + old.half)}")
        for method in METHODS:
            value, low, high = (
                None if of[method]["value"][key] is None else of[method]["value"][key] * scale
                for key in ("value", "low", "high")
            )
            if value is None or low is None or high is None:
                continue
            # The day that was run is a sample too: the two intervals together.
            agrees = abs(value - new.value) <= math.hypot((high - low) / 2, new.half)
            told[f"{what}/{method}"] = {"value": value, "low": low, "high": high, "truth": new.value, "agrees": agrees}
            print(f"  {method:24}{value:9.4f}{_interval(low, high)}{'' if agrees else '   misses the truth'}")
        print(f"{'  the day really run':26}{new.value:9.4f}{_interval(new.value - new.half, new.value + new.half)}")
        unsupported = of["unsupported_share"]
        print(f"  worth {of['effective_n']:.0f} decisions of the policy, {unsupported:.1%} without support", flush=True)
    return told


def _interval(low: float, high: float) -> str:
    return f"{f'({low:.4f}, {high:.4f})':>22}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=6_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assembly = asyncio.run(demo("", Clock(), options.seed))
        outcomes = outcomes_of(assembly, options.n, options.seed)
        asyncio.run(run_day(EXPLORE, folder / "log", outcomes, options.seed))
        log = ran(folder / "log")
        print(f"the log: {log.n:,} decisions, {shares(log)}")
        told = {}
        for policy, config in POLICIES.items():
            file = folder / f"{policy}.yaml"
            file.write_text(config)
            found = replayed(folder / "log", file)
            asyncio.run(run_day(config, folder / policy, outcomes, options.seed + 100))
            truth = ran(folder / policy)
            told[policy] = {"verdict": found["verdict"], **table(policy, found, log, truth)}
            print(f"  really served: {shares(truth)}")
    if options.json:
        options.json.write_text(json.dumps(told, indent=2) + "\n")


def shares(day: Ran) -> str:
    """Who served how much."""
    most = sorted(day.served.items(), key=lambda item: -item[1])
    return ", ".join(f"{model.partition('/')[2]} {share:.0%}" for model, share in most if share >= 0.005)


if __name__ == "__main__":
    main()
