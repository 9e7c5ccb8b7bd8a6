"""Cards and benchmarks for tests, made in one line."""

from datetime import date

from fairlead.catalogue.cards import Benchmark, Fact, Figure, ModelCard, Offer, Prices
from fairlead.domain.names import ModelId, ProviderName, SentModel

DAY = date(2026, 1, 1)

BENCHMARKS = {
    benchmark.key: benchmark
    for benchmark in (
        Benchmark("mmlu", "MMLU", "its authors", {"knowledge": 1.0}, 14_042, 0.25),
        Benchmark("maths_test", "Maths", "its authors", {"maths": 1.0}, 500, 0.0),
        Benchmark("code_test", "Code", "its authors", {"code": 0.8, "agentic": 0.2}, 300, 0.0),
        Benchmark("chat_test", "Chat", "its authors", {"writing": 1.0}, 500, 0.0),
    )
}


def card(
    model: str = "lab/model",
    scores: dict[str, float] | None = None,
    price: float | None = 1.0,
    reasoning: bool = False,
    lab: str = "lab",
    provider: str = "host",
    size: int | None = None,
) -> ModelCard:
    """A card with the given figures, each with a standard error of .02."""
    return ModelCard(
        model=ModelId(model),
        title=model,
        lab=lab,
        family=None,
        release=Fact(date(2025, 7, 1), "test", DAY),
        open_weights=None,
        context_tokens=None,
        max_output_tokens=None,
        abilities={"reasoning": Fact(reasoning, "test", DAY)},
        parameters_total=None if size is None else Fact(size, "test", DAY),
        figures=tuple(Figure(key, score, 0.02, "test", DAY) for key, score in (scores or {}).items()),
        offers=()
        if price is None
        else (Offer(ProviderName(provider), SentModel(model), Fact(Prices(price, None, None, price), "test", DAY)),),
    )
