"""Break-even: one's own accelerators, paid by the hour, against prices per token for the same weights.

Units: USD, requests a day. The own bill runs day and night; the other grows with every request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fairlead.analysis.serving import Forecast, Interval
from fairlead.analysis.workload import Workload

DAY_S: Final = 86_400.0
DAY_HOURS: Final = 24.0


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one provider asks for the same weights. Units: USD per million tokens; None is unknown."""

    provider: str
    name: str
    input_usd: float
    output_usd: float
    cached_usd: float | None
    as_of: str
    source: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Self-hosting against one tariff."""

    tariff: Tariff
    request_usd: float
    break_even_per_day: float
    """Requests a day above which one's own accelerators are cheaper, as long as they can serve so many."""
    is_reachable: bool
    """Whether one placement can serve that many a day at the likely speed."""
    is_certain: bool
    """Whether it can at the slow end of the interval; or cannot at the fast end, where it is not reachable."""
    own_usd_at_capacity: Interval
    """What a request costs on one's own accelerators when they are full."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """The whole comparison, cheapest tariff first."""

    own_usd_per_day: float
    capacity_per_day: Interval
    """Requests that one placement serves a day, at the utilisation."""
    comparisons: tuple[Comparison, ...]


def request_usd(tariff: Tariff, asked: Workload) -> float:
    """What a provider asks for one request; tokens in its cache at its price for them, where it has one."""
    cached = asked.prompt_tokens * asked.prefix_hit_share if tariff.cached_usd is not None else 0.0
    fresh = asked.prompt_tokens - cached
    return (
        fresh * tariff.input_usd + cached * (tariff.cached_usd or 0.0) + asked.reply_tokens * tariff.output_usd
    ) / 1e6


def break_even(
    found: Forecast, asked: Workload, tariffs: Iterable[Tariff], *, usd_per_hour: float, count: int, utilisation: float
) -> BreakEven:
    """Own accelerators against every tariff; a free one is left out, since nothing can break even with it."""
    own = usd_per_hour * count * DAY_HOURS
    a_day = Interval(*(rate * DAY_S * utilisation for rate in found.requests_per_s))
    each = Interval(own / a_day.high, own / a_day.likely, own / a_day.low)
    comparisons = []
    for tariff in tariffs:
        price = request_usd(tariff, asked)
        if price <= 0:
            continue
        needed = own / price
        reachable = needed <= a_day.likely
        comparisons.append(
            Comparison(
                tariff=tariff,
                request_usd=price,
                break_even_per_day=needed,
                is_reachable=reachable,
                is_certain=needed <= a_day.low if reachable else needed > a_day.high,
                own_usd_at_capacity=each,
            )
        )
    ordered = sorted(comparisons, key=lambda one: (one.request_usd, one.tariff.provider, one.tariff.name))
    return BreakEven(own, a_day, tuple(ordered))
