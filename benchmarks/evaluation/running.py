"""What measurements and tests of a run share: an upstream that counts, and a small suite of sums."""

import json
import random
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

PRICES = "model,input_usd_per_mtok,output_usd_per_mtok\n"


class Upstream(NamedTuple):
    """A counting upstream that listens."""

    url: str

    def counts(self) -> dict[str, int]:
        """What it has charged."""
        with urllib.request.urlopen(f"{self.url}/counts", timeout=10) as reply:
            found: dict[str, int] = json.load(reply)
        return found


@contextmanager
def counting_upstream(*options: str, prefix: Sequence[str] = ()) -> Iterator[Upstream]:
    """A counting upstream of one's own; `prefix` stands before its command (taskset)."""
    command = [*prefix, sys.executable, "-m", "benchmarks.evaluation.counting_upstream", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Upstream(process.stdout.readline().strip())
        finally:
            process.kill()


def write_world(folder: Path, upstream: Upstream, n: int, models: Sequence[str], seed: int = 0) -> list[str]:
    """Suite, configuration and prices in a folder; the arguments of `fairlead` that evaluate the models there."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for place in range(n):
        one, other = draw.randint(1, 999), draw.randint(1, 999)
        rows.append({"id": f"s{place}", "prompt": f"What is {one} + {other}?", "reference": str(one + other)})
    suite = "".join(json.dumps({**row, "scorer": "numeric"}) + "\n" for row in rows)
    (folder / "sums.jsonl").write_text(suite, encoding="utf-8")
    listed = ", ".join(models)
    config = f"upstreams:\n  adder:\n    base_url: {upstream.url}/v1\n    models: [{listed}]\n"
    (folder / "fairlead.yaml").write_text(config, encoding="utf-8")
    prices = PRICES + "".join(f"{model},1.0,2.0\n" for model in models)
    (folder / "prices.csv").write_text(prices, encoding="utf-8")
    return [
        sys.executable, "-m", "fairlead", "evaluate", str(folder / "sums.jsonl"), "--models", ",".join(models),
        "--budget", "100", "--yes", "--quiet", "--config", str(folder / "fairlead.yaml"),
        "--prices", str(folder / "prices.csv"), "--output", str(folder / "run"), "--json",
    ]  # fmt: skip
