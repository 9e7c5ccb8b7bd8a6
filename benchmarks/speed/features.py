"""What reading a prompt and forecasting cost: microseconds, median over calls.

    python benchmarks/speed/features.py [--json]

Needs no data: prompts are drawn from our own seed prompts. Times are per call on one thread; the first row of each size
is the text part alone, `forecast` is everything that a decision asks of the predictor.
"""

import argparse
import json
import timeit
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any, Final

from fairlead.assembly.shipped import prompt_model, query_encoder, shipped_catalogue, static_table
from fairlead.domain.outline import Outline
from fairlead.evaluation.outcome_data import outline_of
from fairlead.evaluation.seed_prompts import read_seed_prompts
from fairlead.routing.features.plain_request import plain_outline
from fairlead.routing.features.query_features import distinct
from fairlead.routing.features.shape import shape_of
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


def best_ms(call: Callable[[], object]) -> float:
    """The quickest of five calls."""
    return round(min(timeit.repeat(call, number=1, repeat=5)) * 1e3, 1)


def load_table() -> object:
    """The table of word pieces, read anew."""
    static_table.cache_clear()
    return static_table()


def load_model() -> object:
    """The text model, on a table that is there."""
    prompt_model.cache_clear()
    return prompt_model()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table, encoder, (reader, measured) = static_table(), query_encoder(), prompt_model()
    catalogue = shipped_catalogue()
    cards = tuple(catalogue.cards.values())
    found: dict[str, Any] = {
        "load_table_ms": best_ms(load_table),
        "load_ms": best_ms(load_model),
        "benchmark_scale_ms": best_ms(lambda: BenchmarkPredictor(reader, catalogue.benchmarks, cards, measured)),
    }
    predictor = BenchmarkPredictor(reader, catalogue.benchmarks, cards, measured)
    found["bind_all_ms"] = best_ms(lambda: predictor.bind(cards))
    found["n_cards"] = len(cards)
    small, large = predictor.bind(cards[:20]), predictor.bind(cards[:300])
    for size in SIZES_CHARS:
        outlines = prompts_of(size)
        found[f"{size}_chars_us"] = {
            "hash": us_per_call(lambda outline: hash_ngrams(encode_text(outline.turn_text)), outlines),
            "distinct": us_per_call(lambda outline: distinct(hash_ngrams(encode_text(outline.turn_text))), outlines),
            "shape": us_per_call(lambda o: shape_of(encode_text(o.turn_text), o.turn_chars), outlines),
            "embed": us_per_call(lambda outline: table.embed(outline.turn_text), outlines),
            "plain": us_per_call(plain_outline, outlines),
            "encode": us_per_call(encoder.encode, outlines),
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
