"""Fuzz every target for some minutes, guided by coverage (atheris, `make fuzz`): the command line of tests/fuzz.

    python -m tests.fuzz.run [--minutes 1] [--only NAME,NAME] [--corpus DIR]

One process a target, one after another. Half of the mutations know the structure (mutation.py), half are libFuzzer's.
What is found lies in tests/fuzz/found/NAME, as the bytes that do it; the test suite runs them from then on.
"""

import argparse
import importlib
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

MAX_BYTES: Final = 8192
RSS_LIMIT_MB: Final = 1024
ONE_RUN_S: Final = 10
"""A single input that takes longer is a finding: a hang."""


def fuzz(name: str, folder: Path, seconds: int) -> None:
    """Fuzz one target in this process; never returns."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["fairlead"]):
        targets = importlib.import_module("tests.fuzz.targets")
    target = targets.TARGETS[name]
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for at, seed in enumerate(target.seeds()):
        (corpus / f"seed-{at}").write_bytes(seed)
    words = folder / f"{name}.words"
    listed = _words(target.seeds())
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in listed))
    found = importlib.import_module("tests.fuzz.seeds").FOUND / name
    found.mkdir(parents=True, exist_ok=True)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        source = random.Random(seed)
        if source.random() < 0.5:
            return bytes(atheris.Mutate(data, max_size))
        return bytes(target.mutate(bytes(data), source)[:max_size])

    options: dict[str, object] = {
        "max_total_time": seconds,
        "max_len": MAX_BYTES,
        "rss_limit_mb": RSS_LIMIT_MB,
        "timeout": ONE_RUN_S,
        "seed": 1,
        "artifact_prefix": f"{found}/",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    if listed:  # an empty list is an error to libFuzzer
        options["dict"] = words
    arguments = [name, *(f"-{key}={value}" for key, value in options.items()), str(corpus)]
    atheris.Setup(arguments, target.run, custom_mutator=mutate)
    atheris.Fuzz()


def _words(seeds: list[bytes]) -> list[bytes]:
    """The words of the format: what stands in quotes in the seeds, and is short."""
    return sorted({word for seed in seeds for word in re.findall(rb'"[a-z_A-Z.]{2,30}"', seed)})[:400]


def _escaped(word: bytes) -> str:
    return "".join(rf"\x{byte:02x}" for byte in word)


def run(name: str, folder: Path, seconds: int) -> tuple[int, str]:
    """Fuzz one target in a process of its own: how many inputs, and what was found ("" for nothing)."""
    command = [sys.executable, "-m", "tests.fuzz.run", "--target", name, "--corpus", str(folder)]
    done = subprocess.run([*command, "--seconds", str(seconds)], capture_output=True, text=True, check=False)
    return outcome(done.returncode, done.stdout + done.stderr)


def outcome(status: int, said: str) -> tuple[int, str]:
    """How many inputs, and what was found: of what one process said. One that ran no input at all has not fuzzed."""
    runs = re.search(r"stat::number_of_executed_units: *(\d+)", said)
    n_runs = int(runs[1]) if runs else 0
    if status == 0 and not n_runs:
        return 0, f"it ran no input\n{said[-3000:]}"
    return n_runs, "" if status == 0 else said[-3000:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="of each target")
    parser.add_argument("--only", default="", help="names of targets, separated by commas")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what was learned; a new one unless given")
    parser.add_argument("--target", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=60, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.target:
        fuzz(options.target, options.corpus, options.seconds)
        return
    names = options.only.split(",") if options.only else list(importlib.import_module("tests.fuzz.targets").TARGETS)
    n_found = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.corpus or Path(temporary)
        for name in names:
            began_s = time.perf_counter()
            n_runs, found = run(name, folder, max(int(options.minutes * 60), 1))
            n_corpus = len(list((folder / name).glob("*")))
            verdict = "FOUND" if found else "nothing found"
            took_s = time.perf_counter() - began_s
            print(f"{name:28}{took_s:7.0f} s{n_runs:10} inputs{n_corpus:7} kept  {verdict}", flush=True)
            if found:
                n_found += 1
                print(found, flush=True)
    raise SystemExit(1 if n_found else 0)


if __name__ == "__main__":
    main()
