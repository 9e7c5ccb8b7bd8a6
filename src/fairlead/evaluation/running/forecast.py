"""Forecast: what a run will take, before it begins: calls, tokens and money, each with a 90 % interval and a ceiling.

Tokens are not known before they are counted. Input is taken from bytes, output from what the same model has answered
in this record, and without that from a prior that is wide on purpose. The ceiling is what the cap reserves by.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from fairlead.catalogue.prices import nano_rates
from fairlead.evaluation.running.questions import Model, Question
from fairlead.evaluation.running.records import Reply

Z_90: Final = 1.6448536269514722
BYTES_PER_TOKEN: Final = 4.0
"""English prose in current vocabularies; code and other scripts have fewer bytes a token."""
BYTES_SPREAD: Final = 0.25
"""One standard deviation of the logarithm of that, over kinds of text: a guess."""
PRIOR_TOKENS: Final[Mapping[str, float]] = {
    "choice": 150, "numeric": 250, "exact": 60, "regex": 150, "json_schema": 150, "calls": 60,
    "code": 300, "judge": 400,
}  # fmt: skip
"""Median length of a reply by scorer, before anything is known of the model: a rule of thumb."""
PRIOR_SPREAD: Final = 0.8
"""Of its logarithm between models: terse ones and reasoning ones differ by an order of magnitude."""
LEAST_REPLIES: Final = 10
JUDGE_TOKENS: Final = 200.0


@dataclass(frozen=True, slots=True)
class Range:
    """Expected, and a 90 % interval around it."""

    low: float
    mid: float
    high: float

    def plus(self, other: "Range") -> "Range":
        """Both together; their errors are taken as shared, which never makes the interval too narrow."""
        return Range(self.low + other.low, self.mid + other.mid, self.high + other.high)


NOTHING: Final = Range(0.0, 0.0, 0.0)


@dataclass(slots=True)
class Part:
    """What one model is asked for."""

    model: Model
    n_calls: int = 0
    n_bytes: int = 0
    most_nano: int = 0
    output: float = 0.0
    """Sum of the prior medians, in tokens."""
    input_tokens: Range = NOTHING
    output_tokens: Range = NOTHING
    cost_usd: Range = NOTHING


@dataclass(frozen=True, slots=True)
class Forecast:
    """A run before it begins. Units: tokens, USD."""

    parts: tuple[Part, ...]
    n_calls: int
    input_tokens: Range
    output_tokens: Range
    cost_usd: Range
    most_usd: float
    """What the calls can cost at the very most."""
    n_judge_calls: int = 0
    judge_usd: Range = field(default=NOTHING)


def forecast(questions: Iterable[Question], known: Iterable[Reply], max_tokens: int) -> Forecast:
    """The forecast of these questions, by what is known of the models from earlier replies."""
    parts: dict[str, Part] = {}
    for question in questions:
        part = parts.get(question.model.name) or parts.setdefault(question.model.name, Part(question.model))
        part.n_calls += 1
        part.n_bytes += question.n_body_bytes
        part.most_nano += question.most_nano
        part.output += min(PRIOR_TOKENS.get(question.item.scorer.name, 200.0), max_tokens)
    seen: dict[str, list[Reply]] = {}
    for reply in known:
        if reply.kind == "answer" and reply.usage is not None:
            seen.setdefault(reply.model, []).append(reply)
    for name, part in parts.items():
        _fill(part, seen.get(name, []), max_tokens)
    every = tuple(parts.values())
    return Forecast(
        parts=every,
        n_calls=sum(part.n_calls for part in every),
        input_tokens=_sum(part.input_tokens for part in every),
        output_tokens=_sum(part.output_tokens for part in every),
        cost_usd=_sum(part.cost_usd for part in every),
        most_usd=sum(part.most_nano for part in every) / 1e9,
    )


def _sum(ranges: Iterable[Range]) -> Range:
    total = NOTHING
    for each in ranges:
        total = total.plus(each)
    return total


def _fill(part: Part, known: list[Reply], max_tokens: int) -> None:
    spread = math.exp(Z_90 * BYTES_SPREAD)
    tokens = part.n_bytes / BYTES_PER_TOKEN
    part.input_tokens = Range(tokens / spread, tokens, tokens * spread)
    ceiling = float(max_tokens * part.n_calls)
    if len(known) >= LEAST_REPLIES:
        lengths = [reply.usage[3] for reply in known if reply.usage is not None]
        mean = sum(lengths) / len(lengths)
        variance = sum((each - mean) ** 2 for each in lengths) / (len(lengths) - 1)
        # Of the sum of n_calls further replies: their own scatter, and that of the mean that they are foretold by.
        error = Z_90 * math.sqrt(variance * part.n_calls * (1 + part.n_calls / len(lengths)))
        total = mean * part.n_calls
        low, high = max(0.0, total - error), total + error
    else:
        # The mean of a lognormal lies above its median.
        total = part.output * math.exp(PRIOR_SPREAD**2 / 2)
        low, high = part.output * math.exp(-Z_90 * PRIOR_SPREAD), part.output * math.exp(Z_90 * PRIOR_SPREAD)
    part.output_tokens = Range(min(low, ceiling), min(total, ceiling), min(high, ceiling))
    rates = nano_rates(part.model.prices)
    fresh, out = rates.fresh, rates.output
    cost = [
        (i * (fresh or 0) + o * (out or 0)) / 1e15
        for i, o in (
            (part.input_tokens.low, part.output_tokens.low),
            (part.input_tokens.mid, part.output_tokens.mid),
            (part.input_tokens.high, part.output_tokens.high),
        )
    ]
    part.cost_usd = Range(cost[0], cost[1], min(cost[2], part.most_nano / 1e9))


def forecast_json(found: Forecast) -> dict[str, Any]:
    """The forecast with keys that stay."""
    return {
        "n_calls": found.n_calls,
        "input_tokens": asdict(found.input_tokens),
        "output_tokens": asdict(found.output_tokens),
        "cost_usd": asdict(found.cost_usd),
        "most_usd": found.most_usd,
        "n_judge_calls": found.n_judge_calls,
        "judge_usd": asdict(found.judge_usd),
        "models": [
            {
                "model": part.model.name,
                "n_calls": part.n_calls,
                "input_tokens": asdict(part.input_tokens),
                "output_tokens": asdict(part.output_tokens),
                "cost_usd": asdict(part.cost_usd),
                "most_usd": part.most_nano / 1e9,
            }
            for part in found.parts
        ],
    }
