"""Number 4, first half: prompts per second of the runner, on one core, against an upstream that takes 50 ms.

    python -m benchmarks.evaluation.throughput [--prompts 3000]

The whole command is timed within the record: from the first call's line to the last reply's, by the journal's own
latencies and the wall clock around `evaluate`. The runner is bound to one core, the upstream to another.
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from pathlib import Path

from benchmarks.evaluation.running import counting_upstream, write_world
from fairlead.catalogue.cards import Prices
from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.evaluation.evaluation_run import Means, evaluate
from fairlead.evaluation.running.asking import ask_through
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.questions import Model
from fairlead.evaluation.running.runner import Runner
from fairlead.evaluation.scorers.patterns import Matcher
from fairlead.evaluation.scorers.registry import Scorers
from fairlead.evaluation.suites.reading import read_suite
from fairlead.providers.endpoints import Endpoint


async def measured(folder: Path, url: str) -> dict[str, float]:
    """One run; prompts a second while asking, and for the whole of it."""
    endpoint = Endpoint(UpstreamName("adder"), ProviderName("local"), f"{url}/v1", auth="none", allow_private=True)
    ask = ask_through([endpoint], time.perf_counter, 60.0, time.time)
    plan = Plan(
        read_suite(folder / "sums.jsonl"), (Model("m", "adder", "e", "skill-90", Prices(1.0, None, None, 2.0)),), 10**12
    )
    phases: dict[str, float] = {}

    def noted(phase: str) -> None:
        phases[phase] = time.perf_counter()

    runners: list[Runner] = []
    journal = Journal.open(folder / "journal.jsonl")
    began_s, cpu_s = time.perf_counter(), time.process_time()
    means = Means(
        ask=ask, scorers=Scorers(Matcher(), None), clock=time.perf_counter, sleep=asyncio.sleep,
        draw=random.Random(0).random, today="", concurrency=64, started=runners.append,
        said=noted,
    )  # fmt: skip
    await evaluate(plan, journal, means)
    whole_s = time.perf_counter() - began_s
    journal.close()
    ask.close()
    n, asking_s = runners[0].tally.n_new, phases["scoring"] - phases["asking"]
    return {
        "n": n, "per_s": n / asking_s, "per_s_whole": n / whole_s,
        "cpu_ms_each": 1e3 * (time.process_time() - cpu_s) / n,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=3_000)
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    prefix = ("taskset", "-c", str(cores[-1])) if len(cores) > 1 else ()
    with counting_upstream("--delay-ms", "50", prefix=prefix) as upstream, tempfile.TemporaryDirectory() as name:
        os.sched_setaffinity(0, {cores[0]})
        write_world(Path(name), upstream, given.prompts, ["skill-90"])
        print(json.dumps(asyncio.run(measured(Path(name), upstream.url)) | upstream.counts()))


if __name__ == "__main__":
    main()
