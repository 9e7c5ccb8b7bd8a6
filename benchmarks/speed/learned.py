"""What a trained router costs: training time and memory by the number of outcomes, loading, and one decision.

    OMP_NUM_THREADS=2 python -m benchmarks.speed.learned [--outcomes 100000,1000000] [--json PATH]

Outcomes are made up from a seed: texts of words drawn from twenty topics, ten models with a strength per topic. Each
training runs in a process of its own, whose greatest memory is reported.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from fairlead.assembly.shipped import query_encoder
from fairlead.evaluation.router_file import Router
from fairlead.learning.outcomes import Outcomes, Queries
from fairlead.learning.training import train

N_ARMS: Final = 10
N_TOPICS: Final = 20
WORDS_A_TEXT: Final = 40
N_DECISIONS: Final = 400


def made_up(n_outcomes: int, n_arms: int, seed: int = 0) -> Outcomes:
    """Outcomes of n_arms models on as many queries as that makes."""
    draw = np.random.default_rng(seed)
    n = n_outcomes // n_arms
    syllables = np.array([a + b for a in "bdfgklmnprstvz" for b in "aeiou"])
    words = np.array(["".join(syllables[draw.integers(0, len(syllables), 3)]) for _ in range(4_000)])
    topic = draw.integers(0, N_TOPICS, n)
    picks = draw.integers(0, 200, (n, WORDS_A_TEXT)) + 200 * (topic % N_TOPICS)[:, None] % 4_000
    texts = tuple(" ".join(words[row % 4_000]) for row in picks)
    skill = draw.normal(0.5, 1.0, n_arms) + draw.normal(0.0, 1.0, (N_TOPICS, n_arms))
    chance = 1.0 / (1.0 + np.exp(-skill[topic]))
    score = (draw.random((n, n_arms)) < chance).astype(np.float64)
    tokens = np.rint(np.exp(draw.normal(5.0, 0.5, (n, n_arms))))
    cost = tokens * np.geomspace(1e-7, 1e-5, n_arms)
    queries = Queries(tuple(map(str, range(n))), texts, ("",) * n)
    return Outcomes(queries, tuple(f"model-{k}" for k in range(n_arms)), score, cost_usd=cost, output_tokens=tokens)


def train_once(n_outcomes: int) -> dict[str, Any]:
    """Seconds and peak memory of one training, in this process."""
    outcomes = made_up(n_outcomes, N_ARMS)
    start = time.perf_counter()
    train(outcomes, query_encoder())
    seconds = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"n_outcomes": n_outcomes, "seconds": seconds, "peak_mb": peak_mb}


def decide_times() -> dict[str, Any]:
    """Loading and deciding with 20 models."""
    trained = train(made_up(40_000, 20), query_encoder()).router
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "router.fl"
        Router(trained).save(path)
        size_mb = path.stat().st_size / 1e6
        start = time.perf_counter()
        router = Router.load(path)
        load_s = time.perf_counter() - start
    text = "Find the derivative of the function and explain each step of it. " * 2_000
    found: dict[str, Any] = {"file_mb": size_mb, "load_s": load_s}
    for n_chars in (1_024, 102_400):
        times = []
        for turn in range(N_DECISIONS):
            prompt = text[turn : turn + n_chars]
            start = time.perf_counter()
            router.decide(prompt, "cost_weight=0.3")
            times.append((time.perf_counter() - start) * 1e6)
        found[f"decide_{n_chars // 1024}kb_us"] = median(times)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outcomes", default="10000,100000,1000000")
    parser.add_argument("--train-once", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.train_once:
        print(json.dumps(train_once(arguments.train_once)))
        return
    rows = []
    for n_outcomes in arguments.outcomes.split(","):
        command = [sys.executable, "-m", "benchmarks.speed.learned", "--train-once", n_outcomes]
        rows.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        row = rows[-1]
        print(f"train on {row['n_outcomes']:>9,} outcomes: {row['seconds']:6.1f} s, {row['peak_mb']:,.0f} MB at most")
    found = decide_times()
    print(
        f"router of 20 models: {found['file_mb']:.1f} MB, loaded in {found['load_s']:.3f} s; decide "
        f"{found['decide_1kb_us']:.0f} µs at 1 KB, {found['decide_100kb_us']:.0f} µs at 100 KB"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps({"training": rows, "decide": found}, indent=1))


if __name__ == "__main__":
    main()
