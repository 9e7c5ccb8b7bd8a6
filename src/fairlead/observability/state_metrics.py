"""State metrics: an EngineState as gauges; what stands now rather than what has been counted."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from fairlead.domain.engine_state import EngineState
from fairlead.domain.store_state import StoreState
from fairlead.observability.experiment_metrics import breakers, experiments

Family = GaugeMetricFamily | CounterMetricFamily


class StateCollector(Collector):
    """Yields the gauges of the state that it was last given; nothing before that."""

    def __init__(self) -> None:
        self.state: EngineState | None = None
        self.store_state: Callable[[], StoreState] | None = None

    def collect(self) -> Iterator[Family]:
        """The families, for prometheus-client."""
        if self.store_state is not None:
            yield from _store(self.store_state())
        state = self.state
        if state is None:
            return
        yield from _upstreams(state)
        yield from breakers(state)
        yield from experiments(state)
        yield from _arms(state)
        for name, text, value in (
            ("fairlead_running_requests", "Requests being answered", float(state.n_running)),
            ("fairlead_retry_budget", "Extra attempts that the retry budget has left", state.retry_tokens),
            ("fairlead_known_sessions", "Conversations remembered", float(state.n_sessions)),
            ("fairlead_cache_bytes", "Bytes in the replay cache", float(state.cache_bytes)),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        looks = CounterMetricFamily("fairlead_cache_looks", "Looks into the replay cache", labels=("result",))
        looks.add_metric(("hit",), state.cache_hits)
        looks.add_metric(("miss",), state.cache_misses)
        yield looks


def _store(state: StoreState) -> Iterator[Family]:
    yield GaugeMetricFamily("fairlead_store_queue", "Moments before the store's writer", value=state.n_waiting)
    yield GaugeMetricFamily("fairlead_store_spool_bytes", "Bytes that wait for the store", value=state.spool_bytes)
    yield GaugeMetricFamily("fairlead_store_up", "1 while the store takes rows", value=float(state.fault is None))
    rows = CounterMetricFamily("fairlead_store_rows", "Rows of traffic by what became of them", labels=("fate",))
    for fate, n in (
        ("written", state.n_written),
        ("spooled", state.n_spooled),
        ("recovered", state.n_recovered),
        ("dropped", state.n_dropped),
    ):
        rows.add_metric((fate,), n)
    yield rows


def _upstreams(state: EngineState) -> Iterator[Family]:
    labels = ("upstream",)
    down = GaugeMetricFamily("fairlead_upstream_down", "1 while an upstream is failing and rests", labels=labels)
    running = GaugeMetricFamily("fairlead_upstream_running", "Calls under way", labels=labels)
    waiting = GaugeMetricFamily("fairlead_upstream_waiting", "Requests in the queue before it", labels=labels)
    limit = GaugeMetricFamily("fairlead_upstream_limit", "Calls at once, where there is a limit", labels=labels)
    for each in state.upstreams:
        name = (each.upstream,)
        down.add_metric(name, float(each.is_down))
        running.add_metric(name, each.running)
        waiting.add_metric(name, each.waiting)
        if each.limit is not None:
            limit.add_metric(name, each.limit)
    yield from (down, running, waiting, limit)


def _arms(state: EngineState) -> Iterator[Family]:
    labels = ("model", "upstream")
    resting = GaugeMetricFamily("fairlead_arm_resting", "1 while an arm is over its rate limit", labels=labels)
    failures = GaugeMetricFamily("fairlead_arm_failure_share", "Share of recent attempts that failed", labels=labels)
    ttft = GaugeMetricFamily(
        "fairlead_arm_first_content_seconds", "Recent time to the first content", labels=(*labels, "quantile")
    )
    speed = GaugeMetricFamily("fairlead_arm_seconds_per_token", "Recent median", labels=labels)
    for each in state.arms:
        name = (each.model, each.upstream)
        resting.add_metric(name, float(each.is_resting))
        failures.add_metric(name, each.failure_share)
        if each.ttft_s is not None:
            ttft.add_metric((*name, "0.5"), each.ttft_s)
        if each.ttft_p95_s is not None:
            ttft.add_metric((*name, "0.95"), each.ttft_p95_s)
        if each.s_per_token is not None:
            speed.add_metric(name, each.s_per_token)
    yield from (resting, failures, ttft, speed)
