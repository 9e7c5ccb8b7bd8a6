"""What reading a prompt and forecasting cost: microseconds, median over calls.

    python benchmarks/speed/features.py [--json]

Needs no data: prompts are drawn from our own seed prompts. Times are per call on one thread; the first row of each size
is the text part alone, `forecast` is everything that a decision asks of the predictor.
"""

import argparse
import json
import timeit
from collections.abc import Callable
from importlib import resources
from statistics import median
from time import perf_counter_ns
from typing import Any, Final

from fairlead.catalogue.parsing import parse_catalogue
from fairlead.domain.outline import Outline
from fairlead.evaluation.outcome_data import outline_of
from fairlead.evaluation.seed_prompts import read_seed_prompts
from fairlead.routing.artifact import load
from fairlead.routing.features.surface import surface_of
from fairlead.routing.features.text_hashing import encode_text, hash_ngrams
from fairlead.routing.predictors.benchmark_ability import BenchmarkPredictor

SIZES_CHARS: Final = (100, 1_024, 10_000, 100_000)
N_PROMPTS: Final = 25
N_ROUNDS: Final = 60


def prompts_of(n_chars: int) -> list[Outline]:
    """Prompts of a size, of ordinary words, each another."""
    words = " ".join(seed.text for seed in read_seed_prompts() if seed.text.isascii()) * (1 + n_chars // 20_000)
    return [outline_of(words[start * 137 : start * 137 + n_chars]) for start in range(N_PROMPTS)]


def us_per_call(call: Callable[[Outline], object], outlines: list[Outline]) -> float:
    """Median over single calls, prompt after prompt, so that no call finds its own traces in the cache."""
    times = []
    for _ in range(N_ROUNDS):
        for outline in outlines:
            start = perf_counter_ns()
            call(outline)
            times.append(perf_counter_ns() - start)
    return round(median(times) / 1e3, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    artefact = resources.files("fairlead.routing").joinpath("data", "prompt_model.bin").read_bytes()
    folder = resources.files("fairlead.catalogue").joinpath("data")
    catalogue = parse_catalogue(
        {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}
    )
    cards = tuple(catalogue.cards.values())
    reader = load(artefact)
    found: dict[str, Any] = {
        "load_ms": round(min(timeit.repeat(lambda: load(artefact), number=1, repeat=5)) * 1e3, 1),
        "benchmark_scale_ms": round(
            min(timeit.repeat(lambda: BenchmarkPredictor(reader, catalogue.benchmarks, cards), number=1, repeat=5))
            * 1e3,
            1,
        ),
    }
    predictor = BenchmarkPredictor(reader, catalogue.benchmarks, cards)
    found["bind_all_ms"] = round(min(timeit.repeat(lambda: predictor.bind(cards), number=1, repeat=5)) * 1e3, 1)
    found["n_cards"] = len(cards)
    small, large = predictor.bind(cards[:20]), predictor.bind(cards[:300])
    for size in SIZES_CHARS:
        outlines = prompts_of(size)
        found[f"{size}_chars_us"] = {
            "hash": us_per_call(lambda outline: hash_ngrams(encode_text(outline.turn_text)), outlines),
            "surface": us_per_call(
                lambda outline: surface_of(encode_text(outline.turn_text), outline.turn_chars), outlines
            ),
            "read": us_per_call(reader.read, outlines),
            "forecast_20_models": us_per_call(small.forecast, outlines),
            "forecast_300_models": us_per_call(large.forecast, outlines),
        }
    wide = [Outline(turn_text="語" * 1_840, turn_chars=100_000)] * 5
    found["widest_prompt_us"] = {"forecast_20_models": us_per_call(small.forecast, wide)}
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:22s} {value}")


if __name__ == "__main__":
    main()
