"""forecast: what serving a model will be like: seconds to the first token and between tokens, throughput, USD.

Every figure is an interval that held nine of ten measured points where the same kind of guess was tried, with a flag
that says whether the question lies within what was measured. Units: seconds, tokens per second, USD.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Final, NamedTuple

import numpy as np

from fairlead.analysis.architecture import Architecture
from fairlead.analysis.compute import Work
from fairlead.analysis.engines import EngineClass, Engines, FirstToken
from fairlead.analysis.quantisation import Recipe
from fairlead.analysis.step_time import Constants, alone_s, decode_s, prefill_s, token_s
from fairlead.analysis.workload import Floats, Load, Placement, Workload, capacity, free_bytes, load_of
from fairlead.domain.errors import AnalysisError

HOUR_S: Final = 3600.0
_LARGEST_CORRECTION: Final = 20.0
"""A measured row further than this factor from the forecast is of another machine or in another unit."""


class Interval(NamedTuple):
    """A figure with the ends that nine of ten lie between."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True)
class Ask:
    """Everything that a forecast depends on beside the model."""

    place: Placement
    engine: str
    workload: Workload
    utilisation: float = 1.0
    """Of an hour, how much the accelerators are busy with such requests."""
    usd_per_hour: float | None = None
    """Of one accelerator; None: no cost is foretold."""
    measured_token_s: float | None = None
    """What the user measured for exactly this workload: recalibrates."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Marginal cost at the utilisation. Units: USD per million tokens; intervals."""

    output: Interval
    """Everything on the output tokens, their prompts included."""
    input_share: Interval
    """The prompts' share, per million input tokens."""
    output_share: Interval
    """The replies' share, per million output tokens."""
    request_usd: Interval


@dataclass(frozen=True, slots=True)
class Forecast:
    """What serving will be like."""

    first_token_s: Interval
    """Servers differ most in it: take it as a range."""
    token_s: Interval
    request_s: Interval
    output_tokens_per_s: Interval
    requests_per_s: Interval
    running: float
    """Sequences that run at once, of those that are asked for."""
    capacity: float
    """Sequences that memory holds."""
    floor_token_s: float
    """What the data sheets allow at best."""
    cost: Cost | None
    domain: Mapping[str, bool]
    """Question by question: was the like measured?"""
    spread: float
    """Half the interval's width between tokens, as a factor's logarithm."""
    prefill_s_per_token: float
    """Of one more prompt token, alone."""

    @property
    def in_domain(self) -> bool:
        """Whether everything about the question was measured before."""
        return all(self.domain.values())


def forecast(shape: Architecture, work: Work, recipe: Recipe, engines: Engines, ask: Ask) -> Forecast:
    """The forecast of one question.

    Raises: AnalysisError when the engine is unknown, the model does not fit or a value makes no sense.
    """
    _check(ask, engines, work)
    known = engines.of(is_mixture=shape.is_mixture)
    load = load_of(work, recipe, ask.place, ask.workload)
    constants = known.engines[ask.engine]
    print_ = f"{shape.family}:{work.parameters.main}"
    factor = np.array([known.models.get(print_, known.new_model)])
    domain = _domain(known, print_, recipe, ask)
    spread = _spread(known, domain)
    seconds = float(token_s(load, constants, factor)[0])
    if ask.measured_token_s is not None:
        correction = _correction(ask.measured_token_s, seconds)
        factor = factor * correction
        seconds = ask.measured_token_s
        spread = min(spread, known.spread.recalibrated)
    floor = float((load.floor_s() / load.accepted_tokens)[0])
    between = Interval(max(seconds * exp(-spread), floor), max(seconds, floor), max(seconds * exp(spread), floor))
    step = _Step(load, constants, factor)
    beyond = max(0.0, spread - known.spread.known)
    first = _first_token(known.first_token, step, between, ask.workload, beyond)
    request, requests = _requests(load, first, between)
    return Forecast(
        first_token_s=first,
        token_s=between,
        request_s=request,
        output_tokens_per_s=Interval(*(rate * ask.workload.reply_tokens for rate in requests)),
        requests_per_s=requests,
        running=float(load.running[0]),
        capacity=capacity(work, ask.place, ask.workload.prompt_tokens, ask.workload.reply_tokens),
        floor_token_s=floor,
        cost=_cost(requests, _prefill_share(step), ask),
        domain=domain,
        spread=spread,
        prefill_s_per_token=float((prefill_s(load, constants) * factor / np.maximum(load.prefill_tokens, 1.0))[0]),
    )


class _Step(NamedTuple):
    """One question's load with what is known of its engine and model."""

    load: Load
    constants: Constants
    factor: Floats


def _requests(load: Load, first: Interval, between: Interval) -> tuple[Interval, Interval]:
    """Seconds that a request takes, and requests that are served a second."""
    reply, running = float(load.reply_tokens[0]), float(load.running[0])
    request = Interval(*(start + (reply - 1) * each for start, each in zip(first, between, strict=True)))
    waits = [float(load.queued_share[0]) * reply * each for each in between]
    served = [running / max(took - wait, least) for took, wait, least in zip(request, waits, between, strict=True)]
    return request, Interval(served[2], served[1], served[0])


def _check(ask: Ask, engines: Engines, work: Work) -> None:
    if ask.engine not in engines.names:
        raise AnalysisError(f"engine: {ask.engine[:40]!r} was not measured. Known are {', '.join(engines.names)}.")
    if not 0 < ask.utilisation <= 1:
        raise AnalysisError(f"utilisation: {ask.utilisation!r} is outside 0 to 1; it is above 0.")
    if ask.usd_per_hour is not None and not 0 < ask.usd_per_hour < 1e6:
        raise AnalysisError(f"usd_per_hour: {ask.usd_per_hour!r} is no price of an hour.")
    if not 1 <= ask.place.count <= 1024:
        raise AnalysisError(f"count: {ask.place.count!r} is outside 1 to 1024.")
    asked = ask.workload
    if free_bytes(work, ask.place) <= 0 or capacity(work, ask.place, asked.prompt_tokens, asked.reply_tokens) < 1:
        raise AnalysisError(
            f"gpu: {work.weight_bytes / 1e9:.1f} GB of weights and a sequence of "
            f"{asked.prompt_tokens + asked.reply_tokens} tokens do not fit on {ask.place.count} x "
            f"{ask.place.accelerator.title}; take more, or a smaller precision."
        )


def _correction(measured: float, seconds: float) -> float:
    if not 0 < measured < HOUR_S or not 1 / _LARGEST_CORRECTION < measured / seconds < _LARGEST_CORRECTION:
        raise AnalysisError(
            f"measured: {measured!r} s a token is {measured / seconds:.3g} times the forecast {seconds:.4g} s; "
            "give seconds between tokens of one reply, measured with exactly this workload."
        )
    return measured / seconds


def _domain(known: EngineClass, print_: str, recipe: Recipe, ask: Ask) -> dict[str, bool]:
    seen, asked = known.domain, ask.workload
    name = "int4" if recipe.name.startswith("int4") else recipe.compute
    return {
        "gpu": ask.place.accelerator.key in seen.gpus,
        "model": print_ in known.models,
        "precision": name in seen.precisions and not recipe.name.startswith(("q", "iq", "tq")),
        "count": ask.place.count <= seen.most_gpus,
        "concurrency": asked.concurrency <= seen.most_concurrency,
        "prompt_tokens": seen.prompt_tokens[0] <= asked.prompt_tokens <= seen.prompt_tokens[1],
        "reply_tokens": seen.reply_tokens[0] <= asked.reply_tokens <= seen.reply_tokens[1],
        "prefix_cache": asked.prefix_hit_share == 0,
        "speculation": asked.draft_tokens == 0,
    }


def _spread(known: EngineClass, domain: Mapping[str, bool]) -> float:
    """The widest that applies: what was measured alike, a new model, or beyond."""
    if all(domain.values()):
        return known.spread.known
    if all(fits for name, fits in domain.items() if name != "model"):
        return known.spread.new_model
    return known.spread.outside


def _first_token(
    ranges: tuple[FirstToken, ...], step: _Step, between: Interval, asked: Workload, beyond: float
) -> Interval:
    """A lone prompt's time, times what so many requests at once have made of it, and the wait for memory.

    `beyond`: by how much, in logarithms, the range is wider than one of what was measured alike.
    """
    load = step.load
    alone = float(alone_s(load, step.constants, step.factor)[0])
    at = next((one for one in ranges if asked.concurrency <= one.concurrency), ranges[-1])
    waits = [float(load.queued_share[0]) * asked.reply_tokens * each for each in between]
    if asked.concurrency == 1:
        # Nobody to wait for: the range is that of the step itself.
        scale = between.high / between.likely
        return Interval(alone / scale, alone, alone * scale)
    low, high = alone * at.low * exp(-beyond), alone * at.high * exp(beyond)
    return Interval(low + waits[0], alone * at.middle + waits[1], high + waits[2])


def _prefill_share(step: _Step) -> float:
    """Of a server's time, how much goes to prompts."""
    load, constants = step.load, step.constants
    prompts = float((load.running / load.reply_tokens * load.accepted_tokens * prefill_s(load, constants))[0])
    return prompts / (prompts + float(decode_s(load, constants)[0]))


def _cost(requests: Interval, prompts: float, ask: Ask) -> Cost | None:
    if ask.usd_per_hour is None:
        return None
    second = ask.place.count * ask.usd_per_hour / HOUR_S / ask.utilisation
    each = Interval(second / requests.high, second / requests.likely, second / requests.low)
    asked = ask.workload
    return Cost(
        output=Interval(*(usd / asked.reply_tokens * 1e6 for usd in each)),
        input_share=Interval(*(usd * prompts / asked.prompt_tokens * 1e6 for usd in each)),
        output_share=Interval(*(usd * (1 - prompts) / asked.reply_tokens * 1e6 for usd in each)),
        request_usd=each,
    )
