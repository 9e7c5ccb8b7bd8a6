"""Experiment metrics: an EngineState's breakers, shadows and exploration as gauges and counters."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from fairlead.domain.engine_state import EngineState, Fitness, ShadowState

_FITNESS: Final[tuple[Fitness, ...]] = ("closed", "open", "probing")


def breakers(state: EngineState) -> Iterator[GaugeMetricFamily]:
    """One line for each state of each upstream's breaker, 1 where it is in it."""
    family = GaugeMetricFamily(
        "fairlead_breaker_state", "1 for the state that a breaker is in", labels=("upstream", "state")
    )
    for each in state.upstreams:
        for fitness in _FITNESS:
            family.add_metric((each.upstream, fitness), float(each.fitness == fitness))
    yield family


def experiments(state: EngineState) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
    """What exploration and shadows cost today, and what waits; nothing where they are off."""
    if state.exploration_usd_today is not None:
        text = "Expected US dollars that exploration has cost today (UTC)"
        yield GaugeMetricFamily("fairlead_exploration_usd_today", text, value=state.exploration_usd_today)
    if state.shadows is not None:
        yield from _shadows(state.shadows)


def _shadows(state: ShadowState) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
    for name, text, value in (
        ("fairlead_shadow_queue", "Requests that wait to be asked again of another model", state.n_waiting),
        ("fairlead_shadow_running", "Shadows under way", state.n_running),
        ("fairlead_shadow_usd_today", "US dollars of today (UTC) for shadows, known or expected", state.usd_today),
    ):
        yield GaugeMetricFamily(name, text, value=value)
    drops = CounterMetricFamily("fairlead_shadow_drops", "Drawn requests that were not asked again", labels=("why",))
    for why, n in state.dropped:
        drops.add_metric((why,), n)
    yield drops
