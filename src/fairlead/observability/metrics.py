"""Metrics: moments -> counters and histograms -> Prometheus text.

Children are looked up once and kept: prometheus-client's `labels` costs more than the increment itself, and an
increment takes a lock. So moments are added up in plain numbers first (`Tallies`), and go to the library when somebody
reads. All label values come from the configuration, so their number is bounded.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from fairlead.domain.engine_state import EngineState
from fairlead.domain.moments import Attempted, Replied
from fairlead.domain.store_state import StoreState
from fairlead.observability.state_metrics import StateCollector
from fairlead.observability.tallies import Bins, Tallies
from fairlead.observability.traffic_metrics import TrafficMetrics

_FAST_S: Final = (0.00005, 0.0001, 0.00015, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05)
_SLOW_S: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)
_UNKNOWN: Final = "none"
_SHARED_WITHIN_S: Final = 0.5


class Metrics:
    """An observer that counts."""

    def __init__(self, *, is_multiprocess: bool = False) -> None:
        """`is_multiprocess`: several workers count together, through prometheus-client's shared files."""
        registry = CollectorRegistry()
        self._page = CollectorRegistry() if is_multiprocess else registry
        if is_multiprocess:
            MultiProcessCollector(self._page)  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=registry)
        self._tallies = tallies = Tallies(_SHARED_WITHIN_S if is_multiprocess else None)
        count, measure = partial(Counter, registry=registry), partial(Histogram, registry=registry)
        self._requests = count("fairlead_requests", "Requests answered", ("door", "policy", "outcome"))
        self._decisions = count(
            "fairlead_decisions", "Requests by the model that served", ("policy", "model", "upstream")
        )
        self._attempts = count("fairlead_attempts", "Calls to upstreams by their end", ("upstream", "outcome"))
        self._tokens = count("fairlead_tokens", "Tokens used, by billing class", ("model", "class"))
        self._cost = count("fairlead_cost_usd", "US dollars spent, where prices are known", ("model",))
        self._unpriced = count("fairlead_unpriced_replies", "Replies whose cost is unknown", ("model",))
        self._sessions = count(
            "fairlead_sessions", "Decisions within a known conversation, by what it did", ("effect",)
        )
        self._hedges = count("fairlead_hedges", "Attempts begun beside a slow one, by their end", ("outcome",))
        self._cached = count("fairlead_cached_replies", "Replies from the replay cache", ("door",))
        self._decide = tallies.bins(measure("fairlead_decide_seconds", "Time to decide", buckets=_FAST_S), _FAST_S)
        self._overhead = tallies.bins(
            measure("fairlead_overhead_seconds", "Our own share of the time to answer", buckets=_FAST_S), _FAST_S
        )
        self._total = measure("fairlead_request_seconds", "Request to last byte", ("door",), buckets=_SLOW_S)
        self._first_byte = measure(
            "fairlead_upstream_first_byte_seconds", "Call to first content, by upstream", ("upstream",), buckets=_SLOW_S
        )
        self._state = StateCollector()
        self._page.register(self._state)
        self.traffic = TrafficMetrics(registry, self._page, tallies)
        """An observer beside this one, with what few requests need or few dashboards show."""
        self._request_children: dict[tuple[str, str, str], Counter] = {}
        self._decision_children: dict[tuple[str, str, str], Counter] = {}
        self._attempt_children: dict[tuple[str, str], Counter] = {}
        self._model_children: dict[str, tuple[Counter, ...]] = {}
        self._total_children: dict[str, Bins] = {}
        self._first_byte_children: dict[str, Bins] = {}

    def attempted(self, moment: Attempted) -> None:
        """Count one attempt."""
        counts = self._tallies.counts
        if moment.is_hedge:
            counts[self._hedges.labels(moment.outcome)] += 1
        upstream = moment.arm.upstream
        key = (upstream, moment.outcome)
        attempts = self._attempt_children.get(key)
        if attempts is None:
            attempts = self._attempt_children[key] = self._attempts.labels(*key)
        counts[attempts] += 1
        if moment.first_byte_s is not None:
            first_byte = self._first_byte_children.get(upstream)
            if first_byte is None:
                first_byte = self._first_byte_children[upstream] = self._tallies.bins(
                    self._first_byte.labels(upstream), _SLOW_S
                )
            first_byte.observe(moment.first_byte_s)
        if moment.usage is not None or moment.outcome == "ok":
            self._count_usage(moment)
        self._tallies.touch()

    def replied(self, moment: Replied) -> None:
        """Count one request."""
        counts = self._tallies.counts
        key = (moment.door, moment.policy or _UNKNOWN, moment.outcome)
        requests = self._request_children.get(key)
        if requests is None:
            requests = self._request_children[key] = self._requests.labels(*key)
        counts[requests] += 1
        if moment.kept is not None:
            counts[self._sessions.labels(moment.kept)] += 1
        if moment.is_cached:
            counts[self._cached.labels(moment.door)] += 1
        arm = moment.arm
        if arm is not None:
            served = (moment.policy or _UNKNOWN, arm.model, arm.upstream)
            decisions = self._decision_children.get(served)
            if decisions is None:
                decisions = self._decision_children[served] = self._decisions.labels(*served)
            counts[decisions] += 1
        if moment.decide_s is not None:
            self._decide.observe(moment.decide_s)
        self._overhead.observe(moment.overhead_s)
        total = self._total_children.get(moment.door)
        if total is None:
            total = self._total_children[moment.door] = self._tallies.bins(self._total.labels(moment.door), _SLOW_S)
        total.observe(moment.total_s)
        self._tallies.touch()

    @property
    def store_state(self) -> Callable[[], StoreState] | None:
        """How the keeping of traffic goes, for the page; None where nothing is kept."""
        return self._state.store_state

    @store_state.setter
    def store_state(self, state: Callable[[], StoreState]) -> None:
        self._state.store_state = state

    def page(self, state: EngineState | None = None) -> tuple[bytes, str]:
        """The text for GET /metrics, and its content type; with several workers `state` is the answering one's."""
        self._state.state = state
        self._tallies.hand_over()
        return generate_latest(self._page), CONTENT_TYPE_LATEST

    def _count_usage(self, moment: Attempted) -> None:
        counts, model = self._tallies.counts, moment.arm.model
        children = self._model_children.get(model)
        if children is None:
            classes = ("input", "cached_read", "cache_write", "output", "reasoning")
            children = self._model_children[model] = (
                *(self._tokens.labels(model, name) for name in classes),
                self._cost.labels(model),
                self._unpriced.labels(model),
            )
        if moment.usage is not None:
            for child, n_tokens in zip(children, moment.usage[:5], strict=False):
                if n_tokens:
                    counts[child] += n_tokens
        if moment.cost is None:
            counts[children[6]] += 1
        elif moment.cost.nano:
            counts[children[5]] += moment.cost.dollars
