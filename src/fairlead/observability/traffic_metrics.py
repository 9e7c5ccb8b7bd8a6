"""TrafficMetrics: why models were chosen, how their foretold quality stands to opinions, what caches and shadows did.

Sums that fade keep the last so many, by count and not by time: nothing is to be done while nothing comes in.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fairlead.domain.moments import Attempted, Judged, Replied, Shadowed
from fairlead.observability.tallies import Tallies

REPLIES_KEPT: Final = 1_000
"""How many replies of a model the share of cached reads speaks of, about: some minutes of a busy server."""
OPINIONS_KEPT: Final = 100
"""How many opinions the calibration gap speaks of, about: its standard error is then below 0.05."""


class FadingMean:
    """A weighed mean in which each newcomer makes what came before count a little less."""

    __slots__ = ("_kept", "total", "weight")

    def __init__(self, n_kept: int) -> None:
        self._kept = 1.0 - 1.0 / n_kept
        self.total = 0.0
        self.weight = 0.0

    def add(self, value: float, weight: float) -> None:
        """One more."""
        self.total = self.total * self._kept + value * weight
        self.weight = self.weight * self._kept + weight

    @property
    def mean(self) -> float | None:
        """None while nothing counts."""
        return self.total / self.weight if self.weight > 0 else None


class TrafficMetrics(Collector):
    """An observer of replies, shadows and opinions. Its means are those of the worker that answers."""

    def __init__(self, registry: CollectorRegistry, page: CollectorRegistry, tallies: Tallies) -> None:
        """Counters go to `registry`, which several workers may share, by `tallies`; means are shown on `page`."""
        self._tallies = tallies
        self._reasons = Counter(
            "fairlead_decision_reasons", "Decisions by what decided", ("reason",), registry=registry
        )
        self._shadows = Counter(
            "fairlead_shadows", "Requests asked again of another model, by their end", ("model", "outcome"),
            registry=registry,
        )  # fmt: skip
        self._shadow_usd = Counter(
            "fairlead_shadow_cost_usd", "US dollars spent on shadows, where known", ("model",), registry=registry
        )
        self._opinions = Counter("fairlead_scores", "Scores that came in by feedback", ("model",), registry=registry)
        self._spans = Counter("fairlead_spans", "Spans of traces by what became of them", ("fate",), registry=registry)
        self._reason_children: dict[str, Counter] = {}
        self._cached: dict[str, FadingMean] = {}
        self._gaps: dict[str, FadingMean] = {}
        page.register(self)

    def attempted(self, moment: Attempted) -> None:
        """See moments.Observer: nothing of it is counted here."""

    def replied(self, moment: Replied) -> None:
        """See moments.Observer."""
        reason = moment.reason
        if reason is not None:
            child = self._reason_children.get(reason)
            if child is None:
                child = self._reason_children[reason] = self._reasons.labels(reason)
            self._tallies.counts[child] += 1
            self._tallies.touch()
        usage, arm = moment.usage, moment.arm
        if usage is not None and arm is not None:
            read = usage.cached_read_tokens
            n_input = usage.input_tokens + read + usage.cache_write_tokens
            if n_input:
                share = self._cached.get(arm.model)
                if share is None:
                    share = self._cached[arm.model] = FadingMean(REPLIES_KEPT)
                share.add(read / n_input, n_input)

    def shadowed(self, moment: Shadowed) -> None:
        """See moments.ShadowObserver."""
        self._shadows.labels(moment.arm.model, moment.outcome).inc()
        if moment.cost is not None:
            self._shadow_usd.labels(moment.arm.model).inc(moment.cost.dollars)

    def judged(self, moment: Judged) -> None:
        """See moments.OpinionObserver."""
        self._opinions.labels(moment.model).inc()
        if moment.foretold is not None and moment.weight > 0:
            gap = self._gaps.setdefault(moment.model, FadingMean(OPINIONS_KEPT))
            gap.add(moment.foretold - moment.score, moment.weight)

    def sent_spans(self, fate: str, n: int) -> None:
        """So many spans were `exported`, or `failed` to be; from any thread."""
        self._spans.labels(fate).inc(n)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The means, for prometheus-client."""
        labels = ("model",)
        gap = GaugeMetricFamily(
            "fairlead_calibration_gap", "Foretold quality less the scores of feedback, recent mean", labels=labels
        )
        share = GaugeMetricFamily(
            "fairlead_cached_read_share", "Input tokens read from providers' caches, recent share", labels=labels
        )
        for family, means in ((gap, self._gaps), (share, self._cached)):
            for model, mean in list(means.items()):
                if mean.mean is not None:
                    family.add_metric((model,), mean.mean)
            yield family
