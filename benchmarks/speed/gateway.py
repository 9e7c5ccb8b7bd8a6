"""What the gateway costs: routed requests against the direct line and a bare pass-through, all in one run.

    python -m benchmarks.speed.gateway [--rounds 3] [--seconds 2] [--only bare,direct] [--json FILE]

The gateway sits on one core; the load generator and a compiled mock upstream with no delay on another (peer.c). Arms
take turns within each round, figures are medians over the rounds. Bodies differ from request to request. CPU is the
process tree's own time divided by the replies; the direct line has none to count. Added latencies are taken with one
caller. At 64 callers streams keep the peer's core busy (22 writes each) before the gateway's: compare their CPU.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.speed import peers, processes
from benchmarks.speed.bodies import chat_bodies, write_records

PATH = "/v1/chat/completions"
SIZES = {"1 KB": 1024, "100 KB": 100 * 1024}
CONCURRENCIES = (64, 1)
N_CHUNKS = 20
PACKAGES = ("fairlead", "uvicorn", "uvloop", "httptools", "msgspec", "numpy", "pydantic")
ROOT = Path(__file__).resolve().parents[2]

CONFIG = """\
# Two models of the catalogue at two upstreams, both of them the mock: enough for a real decision.
discover: false
upstreams:
  mock-a:
    provider: bench-a
    base_url: http://127.0.0.1:{port}/v1
    local: false
    allow_private: true
    models: [{{name: mock-large, model: openai/gpt-4o, prices: {{input: 2.5, output: 10}}}}]
  mock-b:
    provider: bench-b
    base_url: http://127.0.0.1:{port}/v1
    local: false
    allow_private: true
    models: [{{name: mock-small, model: openai/gpt-4o-mini, prices: {{input: 0.15, output: 0.6}}}}]
"""
NO_STORE = "store: {enabled: false}\n"
"""What keeping rows costs on top is measured by `make bench-store`."""


class Arm(NamedTuple):
    """One way to the mock. `pid` is None for the direct line."""

    name: str
    port: int
    pid: int | None
    ready_s: float | None


class Case(NamedTuple):
    """One kind of work."""

    kind: str
    size: str
    concurrency: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.size}, c={self.concurrency}"


def fairlead_command() -> str:
    return str(Path(sys.executable).with_name("fairlead"))


def start_arms(stack: ExitStack, names: list[str], mock_port: int, folder: Path) -> list[Arm]:
    """The wanted arms, running, in the order of the table."""
    arms = []
    if "fairlead" in names:
        config = folder / "fairlead.yaml"
        config.write_text(CONFIG.format(port=mock_port) + NO_STORE)
        port = peers.free_port()
        command = [fairlead_command(), "serve", "--config", str(config), "--port", str(port)]
        url = f"http://127.0.0.1:{port}/health/ready"
        arms.append(Arm("fairlead", port, *_served(stack, command, url, folder / "fairlead.log")))
    if "bare" in names:
        port = peers.free_port()
        command = [sys.executable, "-m", "benchmarks.speed.bare", str(port), str(mock_port)]
        arms.append(Arm("bare", port, *_served(stack, command, f"http://127.0.0.1:{port}/", folder / "bare.log")))
    if "direct" in names:
        arms.append(Arm("direct", mock_port, None, None))
    return arms


def _served(stack: ExitStack, command: list[str], url: str, log: Path) -> tuple[int, float]:
    return stack.enter_context(processes.served(command, url, cwd=ROOT, log=log))


def write_bodies(folder: Path, model: str) -> dict[tuple[str, str], Path]:
    """Body files by kind and size."""
    files = {}
    for kind in ("JSON", "stream"):
        for size, size_bytes in SIZES.items():
            file = folder / f"{kind}-{size_bytes}-{model}.bodies"
            n = 2000 if size_bytes < 10_000 else 200
            write_records(file, chat_bodies(n=n, size_bytes=size_bytes, model=model, is_streaming=kind == "stream"))
            files[kind, size] = file
    return files


def run_case(peer: Path, arm: Arm, case: Case, bodies: Path, seconds: float) -> dict[str, float]:
    """One run; the figures of the load generator and the gateway's CPU."""
    before = processes.cpu_s(arm.pid) if arm.pid else 0.0
    figures = peers.load(peer, arm.port, PATH, connections=case.concurrency, seconds=seconds, bodies=bodies)
    if arm.pid:
        # The warm-up's replies are in the CPU too: the rate is the same, so its time tells how many they were.
        replies = figures["rps"] * (figures["seconds"] + min(seconds * 0.1, 0.5))
        figures["cpu_us"] = (processes.cpu_s(arm.pid) - before) / max(replies, 1) * 1e6
        figures["resident_mb"] = processes.resident_mb(arm.pid)
    return figures


def measure(peer: Path, arms: list[Arm], files: Mapping[tuple[str, str], Path], options: argparse.Namespace) -> Any:
    """Median figures by case and arm."""
    cases = [Case(kind, size, c) for c in CONCURRENCIES for kind in ("JSON", "stream") for size in SIZES]
    seen: dict[Case, dict[str, list[dict[str, float]]]] = {case: {arm.name: [] for arm in arms} for case in cases}
    for at in range(options.rounds):
        for case in cases:
            for arm in arms[at % len(arms) :] + arms[: at % len(arms)]:
                run = run_case(peer, arm, case, files[case.kind, case.size], options.seconds)
                seen[case][arm.name].append(run)
                if run["bad"] or run["errors"]:
                    print(f"! {case}: {arm.name}: {run['bad']} bad, {run['errors']} errors", file=sys.stderr)
    return {
        case: {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in of.items()}
        for case, of in seen.items()
    }


def print_table(figures: Mapping[Case, Mapping[str, Mapping[str, float]]]) -> None:
    print(f"\n{'':26}{'arm':10}{'replies/s':>10}{'÷direct':>9}{'÷bare':>7}{'CPU µs':>8}", end="")
    print(f"{'p50 µs':>8}{'p99 µs':>8}{'1st p50':>9}{'1st p99':>9}{'RSS MB':>8}{'bad':>5}")
    for case, of in figures.items():
        for name, f in of.items():
            print(f"{case!s:26}{name:10}{f['rps']:10,.0f}", end="")
            for other, width in (("direct", 9), ("bare", 7)):
                print(f"{f['rps'] / of[other]['rps']:{width}.3f}" if other in of else " " * width, end="")
            print(f"{f['cpu_us']:8.1f}" if "cpu_us" in f else " " * 8, end="")
            print(f"{f['total_p50_us']:8.0f}{f['total_p99_us']:8.0f}{f['first_byte_p50_us']:9.0f}", end="")
            print(f"{f['first_byte_p99_us']:9.0f}", end="")
            print(f"{f['resident_mb']:8.0f}" if "resident_mb" in f else " " * 8, end="")
            print(f"{f['bad'] + f['errors']:5.0f}")


def added_latencies(figures: Mapping[Case, Mapping[str, Mapping[str, float]]]) -> dict[str, float]:
    """Medians above the direct line's, one caller: all of a JSON reply, the first byte of a stream."""
    added = {}
    for case, of in figures.items():
        if case.concurrency != 1 or "direct" not in of:
            continue
        key = "total_p50_us" if case.kind == "JSON" else "first_byte_p50_us"
        for name, f in of.items():
            if name != "direct":
                what = "whole reply" if case.kind == "JSON" else "first byte of a stream"
                added[f"{name}: {what}, {case.size}"] = f[key] - of["direct"][key]
    return added


def start_times(arms: list[Arm]) -> dict[str, float | None]:
    """Seconds until things are there; None when the command is not."""
    interpreter = processes.seconds_of([sys.executable, "-c", "pass"])
    imported = processes.seconds_of([sys.executable, "-c", "import fairlead"])
    added = None if interpreter is None or imported is None else imported - interpreter
    times: dict[str, float | None] = {f"{arm.name} ready": arm.ready_s for arm in arms if arm.pid}
    if Path(fairlead_command()).exists():
        times["fairlead --help"] = processes.seconds_of([fairlead_command(), "--help"])
    return times | {"import fairlead (above an empty interpreter)": added}


def machine() -> dict[str, str]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    facts = {"cpu": cpu, "cores": str(len(peers.cores())), "python": platform.python_version()}
    return facts | {"system": platform.platform()} | {name: version(name) for name in PACKAGES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run; there are 8 cases an arm and round")
    parser.add_argument("--only", default="fairlead,bare,direct", help="which arms, separated by commas")
    parser.add_argument("--model", default="auto", help="the model that the requests ask for")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peer = peers.build(folder)
        mock_port = stack.enter_context(peers.mock_upstream(peer, n_chunks=N_CHUNKS))
        arms = start_arms(stack, options.only.split(","), mock_port, folder)
        figures = measure(peer, arms, write_bodies(folder, options.model), options)
        times = start_times(arms)
    facts, added = machine(), added_latencies(figures)
    print(", ".join(f"{name} {fact}" for name, fact in facts.items()))
    print_table(figures)
    print("\nAdded above the direct line, one caller, medians, µs")
    for name, figure in added.items():
        print(f"  {name:44}{figure:8.0f}")
    print("\nSeconds")
    for name, seconds in times.items():
        print(f"  {name:44}{'n/a' if seconds is None else f'{seconds:8.3f}':>8}")
    if options.json:
        whole = {"machine": facts, "cases": {str(case): of for case, of in figures.items()}}
        options.json.write_text(json.dumps(whole | {"added_us": added, "start_s": times}, indent=2) + "\n")


if __name__ == "__main__":
    main()
